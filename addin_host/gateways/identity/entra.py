"""Microsoft Entra: the ID token of our own code exchange names the person (design/outlook.md 4.6, row Azure)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from addin_host.domain.addresses import AddressPolicy, parse_url
from addin_host.domain.errors import Misconfigured, Reason, Refused
from addin_host.domain.integration import Integration
from addin_host.domain.ports import Person
from addin_host.gateways.identity.authority import Authority, Source
from addin_host.gateways.identity.provider import TokenReader, address_from, name_from
from addin_host.gateways.identity.tokens import TokenFault, check_id_token, check_issuer

SHARED_TENANTS = frozenset({"common", "organizations"})
PERSONAL_ACCOUNTS = "9188040d-6c67-4c5b-b112-36a304b66dad"

_AUTHORIZATION = re.compile(r"/(?P<tenant>[A-Za-z0-9.-]+)/oauth2/v2\.0/authorize")
_GUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Entra:
    """One integration's registration at Entra. `allowed` are the tenants of a shared authority."""

    source: Source
    client_id: str
    tenant: str
    allowed: frozenset[str]
    claim: str
    scope: str = "openid profile email"
    client_authentication: str = "client_secret_post"
    parameters: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, integration: Integration, policy: AddressPolicy) -> Entra:
        """Read the integration. Raises Misconfigured."""
        uri = str(integration["personal_vmr_oauth_auth_endpoint"])
        peer, found = parse_url(uri, policy), _AUTHORIZATION.fullmatch(urlsplit(uri).path)
        if found is None:
            raise Misconfigured("The authorization URI does not end with /TENANT/oauth2/v2.0/authorize.")
        tenant, allowed = found["tenant"].lower(), frozenset(map(str.lower, integration.lines("allowed_tenants")))
        if tenant in SHARED_TENANTS and not allowed:
            raise Misconfigured(f'The authorization URI names "{tenant}". Enter the allowed tenants.')
        return cls(
            source=Source(peer, f"{peer.origin}/{tenant}/v2.0/.well-known/openid-configuration"),
            client_id=str(integration["personal_vmr_oauth_client_id"] or ""),
            tenant=tenant,
            allowed=allowed,
            claim="preferred_username" if integration["user_claim"] == "auto" else str(integration["user_claim"]),
        )

    def check_issuers(self, authority: Authority, response_issuer: str | None) -> None:
        """Check the authority, and that the response comes from a tenant that may sign in."""
        accepted = {self._issuer(tenant) for tenant in self._tenants(authority)}
        if response_issuer is not None and response_issuer not in accepted:
            raise TokenFault("the response names another issuer")

    def person(self, tokens: Mapping[str, Any], reader: TokenReader, *, nonce: str) -> Person:
        """Return whom the ID token names; its subject is tenant and object id."""
        claims = reader.claims(tokens.get("id_token"), types={"jwt"})
        check_id_token(claims, client_id=self.client_id, nonce=nonce)
        tenant, person = claims.get("tid"), claims.get("oid")
        if not _is_guid(tenant) or not _is_guid(person):
            raise TokenFault("tid or oid is missing")
        check_issuer(claims, self._issuer(str(tenant)))
        if tenant not in self._tenants(reader.authority):
            raise Refused(
                Reason.FORBIDDEN, "Sign-in did not succeed: your organization is not allowed here. Use another account."
            )
        address = address_from((self.claim,), claims)
        return Person("AZURE", self._issuer(str(tenant)), f"{tenant}.{person}", address, name_from(address, claims))

    def _issuer(self, tenant: str) -> str:
        return f"{self.source.peer.origin}/{tenant}/v2.0"

    def _tenants(self, authority: Authority) -> frozenset[str]:
        """Return the tenants whose people may sign in, after checking that the authority is the expected one."""
        is_shared = self.tenant in SHARED_TENANTS
        named = authority.issuer.removeprefix(f"{self.source.peer.origin}/").removesuffix("/v2.0")
        # A tenant may be written as one of its domains, or as "consumers"; then discovery tells its id.
        expected = "{tenantid}" if is_shared else self.tenant if _is_guid(self.tenant) else named
        if authority.issuer != self._issuer(expected) or not (is_shared or _is_guid(named)):
            raise Misconfigured("The sign-in service names another issuer than expected. Check the authorization URI.")
        tenants = self.allowed if is_shared else frozenset({named})
        return tenants - (frozenset({PERSONAL_ACCOUNTS}) - self.allowed)


def _is_guid(value: object) -> bool:
    return isinstance(value, str) and _GUID.fullmatch(value) is not None
