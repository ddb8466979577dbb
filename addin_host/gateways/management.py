"""The conference platform over its management API."""

from __future__ import annotations

from addin_host.domain.addresses import AddressPolicy
from addin_host.domain.errors import Misconfigured
from addin_host.domain.rooms import Platform, PlatformAddress
from addin_host.gateways.http import Outbound


class ManagementPlatforms:
    """Opens platforms."""

    def __init__(self, outbound: Outbound, *, policy: AddressPolicy) -> None:
        self._outbound, self._policy = outbound, policy

    def open(self, address: PlatformAddress) -> Platform:
        """Return the platform; nothing is called yet. Raises Misconfigured."""
        del address
        raise Misconfigured("not built yet")
