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
from addin_host.gateways.identity.provider import TokenReader, address_claim, address_from, name_from
from addin_host.gateways.identity.tenancy import Tenancy
from addin_host.gateways.identity.tokens import TokenFault, check_id_token

_AUTHORIZATION = re.compile(r"/(?P<tenant>[A-Za-z0-9.-]+)/oauth2/v2\.0/authorize")


@dataclass(frozen=True, slots=True)
class Entra:
    """One integration's registration at Entra."""

    tenancy: Tenancy
    client_id: str
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
        tenant = found["tenant"].lower()
        source = Source(peer, f"{peer.origin}/{tenant}/v2.0/.well-known/openid-configuration")
        return cls(
            tenancy=Tenancy.of(integration, source, tenant),
            client_id=str(integration["personal_vmr_oauth_client_id"] or ""),
            claim=address_claim(integration),
        )

    @property
    def source(self) -> Source:
        """Where it publishes its keys."""
        return self.tenancy.source

    def check_issuers(self, authority: Authority, response_issuer: str | None) -> None:
        """Check the authority, and that the response comes from a tenant that may sign in."""
        accepted = set(map(self.tenancy.issuer, self.tenancy.tenants(authority)))
        if response_issuer is not None and response_issuer not in accepted:
            raise TokenFault("the response names another issuer")

    def person(self, tokens: Mapping[str, Any], reader: TokenReader, *, nonce: str) -> Person:
        """Return whom the ID token names; its subject is tenant and object id."""
        claims = reader.claims(tokens.get("id_token"), types={"jwt"})
        check_id_token(claims, client_id=self.client_id, nonce=nonce)
        tenant, person = self.tenancy.ids(claims)
        if tenant not in self.tenancy.tenants(reader.authority):
            raise Refused(
                Reason.FORBIDDEN, "Sign-in did not succeed: your organization is not allowed here. Use another account."
            )
        address = address_from((self.claim,), claims)
        return Person("AZURE", str(claims["iss"]), f"{tenant}.{person}", address, name_from(address, claims))
