"""AD FS: the access token for the resource is required, an ID token is used when issued (outlook.md 4.5, 4.6)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from addin_host.domain.addresses import AddressPolicy, parse_url
from addin_host.domain.errors import Misconfigured
from addin_host.domain.integration import Integration
from addin_host.domain.ports import Person
from addin_host.gateways import federation
from addin_host.gateways.identity.authority import Authority, Source
from addin_host.gateways.identity.provider import TokenReader, address_from, name_from, subject_from
from addin_host.gateways.identity.tokens import TokenFault, check_audience, check_id_token, check_issuer

_AUTHORIZATION = re.compile(r"(?P<base>/[A-Za-z0-9._/-]*)/oauth2/authorize/?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Adfs:
    """One integration's registration at AD FS: a public client that asks for a resource."""

    source: Source
    issuer: str
    client_id: str
    resource: str
    claims: tuple[str, ...]
    scope: str = "openid"
    client_authentication: str = "none"

    @property
    def parameters(self) -> Mapping[str, str]:
        """What AD FS wants besides OAuth's own parameters."""
        return {"resource": self.resource}

    @classmethod
    def of(cls, integration: Integration, policy: AddressPolicy) -> Adfs:
        """Read the integration. Raises Misconfigured."""
        uri = str(integration["personal_vmr_oauth_auth_endpoint"])
        peer, found = parse_url(uri, policy), _AUTHORIZATION.fullmatch(urlsplit(uri).path)
        resource = str(integration["personal_vmr_adfs_relying_party_trust_identifier"] or "")
        if found is None:
            raise Misconfigured("The authorization URI does not end with /adfs/oauth2/authorize.")
        if not resource:
            raise Misconfigured("The AD FS resource identifier is missing. Enter it as AD FS knows it.")
        issuer, claim = peer.origin + found["base"], str(integration["user_claim"])
        return cls(
            source=Source(peer, f"{issuer}/.well-known/openid-configuration", peer.origin + federation.PATH),
            issuer=issuer,
            client_id=str(integration["personal_vmr_oauth_client_id"] or ""),
            resource=resource,
            claims=("upn", "email") if claim == "auto" else (claim,),
        )

    def check_issuers(self, authority: Authority, response_issuer: str | None) -> None:
        """Check that the farm is the expected one; 2012 R2 publishes no issuer of ID tokens, and issues none."""
        if authority.issuer and authority.issuer.lower() != self.issuer.lower():
            raise Misconfigured("AD FS names another issuer than expected. Check the authorization URI.")
        if response_issuer is not None and response_issuer != authority.issuer:
            raise TokenFault("the response names another issuer")

    def person(self, tokens: Mapping[str, Any], reader: TokenReader, *, nonce: str) -> Person:
        """Return whom the tokens name: the ID token where one is issued, but never against the access token."""
        access = self._access_claims(tokens.get("access_token"), reader)
        if tokens.get("id_token") is None:
            return self._named(access, subject_from(access, "upn").lower(), access)
        own = reader.claims(tokens["id_token"], types={"jwt"})
        check_issuer(own, reader.authority.issuer)
        check_id_token(own, client_id=self.client_id, nonce=nonce)
        if len({str(claims["upn"]).lower() for claims in (own, access) if "upn" in claims}) > 1:
            raise TokenFault("the two tokens name two people")
        return self._named(own, subject_from(own, "sub"), own, access)

    def _access_claims(self, token: object, reader: TokenReader) -> Mapping[str, Any]:
        claims = reader.claims(token, types={"jwt", "at+jwt"})
        check_issuer(claims, reader.authority.access_token_issuer)
        check_audience(claims, (self.resource, f"microsoft:identityserver:{self.resource}"))
        if "nonce" in claims or claims.get("appid", self.client_id) != self.client_id:
            raise TokenFault("an ID token in the place of an access token, or one for another client")
        return claims

    def _named(self, owner: Mapping[str, Any], subject: str, *claims: Mapping[str, Any]) -> Person:
        address = address_from(self.claims, *claims)
        return Person("ADFS", str(owner["iss"]), subject, address, name_from(address, *claims))
