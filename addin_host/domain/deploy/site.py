"""The reverse proxy's configuration for one integration, made from the file that is shipped."""

from __future__ import annotations

from addin_host.domain.errors import Misconfigured

_EXAMPLE = "addin.example.com"


def reverse_proxy_site(shipped: str, fqdn: str) -> str:
    """Return the shipped site file for this host name. Raises Misconfigured when the file has no place for one."""
    if _EXAMPLE not in shipped:
        raise Misconfigured(f"The shipped nginx file no longer names {_EXAMPLE}, so no host name can be put into it.")
    return shipped.replace(_EXAMPLE, fqdn)
