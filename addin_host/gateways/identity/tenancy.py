"""Whose people an authority of Microsoft Entra names: tenants share its signing keys, so tid and iss decide."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from addin_host.domain.errors import Misconfigured
from addin_host.domain.integration import Integration
from addin_host.gateways.identity.authority import Authority, Source
from addin_host.gateways.identity.tokens import TokenFault, check_issuer

SHARED_TENANTS = frozenset({"common", "organizations"})
PERSONAL_ACCOUNTS = "9188040d-6c67-4c5b-b112-36a304b66dad"

_GUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Tenancy:
    """The tenant that stands in an authority's addresses, and which ones are `allowed` where it is a shared one."""

    source: Source
    tenant: str
    allowed: frozenset[str]

    @classmethod
    def of(cls, integration: Integration, source: Source, tenant: str) -> Tenancy:
        """Read the integration. Raises Misconfigured."""
        allowed = frozenset(map(str.lower, integration.lines("allowed_tenants")))
        if tenant in SHARED_TENANTS and not allowed:
            raise Misconfigured(f'The {source.setting} names "{tenant}". Enter the allowed tenants.')
        return cls(source, tenant, allowed)

    def issuer(self, tenant: str) -> str:
        """Return the issuer of a tenant's tokens."""
        return f"{self.source.peer.origin}/{tenant}/v2.0"

    def tenants(self, authority: Authority) -> frozenset[str]:
        """Return the tenants whose people may sign in, after checking that the authority is the expected one."""
        is_shared = self.tenant in SHARED_TENANTS
        named = authority.issuer.removeprefix(f"{self.source.peer.origin}/").removesuffix("/v2.0")
        # A tenant may be written as one of its domains, or as "consumers"; then discovery tells its id.
        expected = "{tenantid}" if is_shared else self.tenant if _is_guid(self.tenant) else named
        if authority.issuer != self.issuer(expected) or not (is_shared or _is_guid(named)):
            raise Misconfigured(
                f"The sign-in service names another issuer than expected. Check the {self.source.setting}."
            )
        tenants = self.allowed if is_shared else frozenset({named})
        return tenants - (frozenset({PERSONAL_ACCOUNTS}) - self.allowed)

    def ids(self, claims: Mapping[str, Any]) -> tuple[str, str]:
        """Return tenant and person of a token that names both and that this tenant issued. Raises TokenFault."""
        tenant, person = claims.get("tid"), claims.get("oid")
        if not _is_guid(tenant) or not _is_guid(person):
            raise TokenFault("tid or oid is missing")
        check_issuer(claims, self.issuer(str(tenant)))
        return str(tenant), str(person)


def _is_guid(value: object) -> bool:
    return isinstance(value, str) and _GUID.fullmatch(value) is not None
