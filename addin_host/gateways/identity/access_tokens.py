"""Access tokens of Entra for our API, which Outlook fetches: by nested app authentication, or by Office's own sign-on.

Design/outlook.md 4.3 and 4.6, security.md N1-N5. The two kinds differ in the audience, and in who may ask for a token.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from addin_host.domain.addresses import AddressPolicy, parse_url
from addin_host.domain.errors import Misconfigured
from addin_host.domain.identity_kinds import IdentityKind, accepted_kinds
from addin_host.domain.integration import Integration
from addin_host.domain.ports import Person
from addin_host.gateways.identity.authority import Source
from addin_host.gateways.identity.provider import Named, TokenReader, address_claim, as_address, name_from
from addin_host.gateways.identity.tenancy import Tenancy
from addin_host.gateways.identity.tokens import TokenFault, check_audience

# Microsoft Learn, "Register an Office Add-in that uses single sign-on (SSO) with the Microsoft identity platform", the
# step "Add a client application" (2026): the first id stands for all of Office's endpoints, the others for each.
OFFICE_CLIENTS = frozenset(
    {
        "ea5a67f6-b6f3-4338-b240-c655ddc3cc8e",  # all Office application endpoints
        "d3590ed6-52b3-4102-aeff-aad2292ab01c",  # Microsoft Office
        "93d53678-613d-4013-afc1-62e9e444a0a5",  # Office on the web
        "bc59ab01-8403-45c6-8796-ac3ef710b3e3",  # Outlook on the web
    }
)
VERSION = "2.0"
LONGEST_SECONDS = 30 * 3600  # Entra's longest are those of continuous access evaluation: 28 hours

_METADATA = re.compile(r"/(?P<tenant>[A-Za-z0-9.-]+)/v2\.0/\.well-known/openid-configuration")


@dataclass(frozen=True, slots=True)
class Api:
    """Our API as tokens of one kind are made out to it: its names, and the clients that may ask for them."""

    path: str
    audiences: frozenset[str]
    clients: frozenset[str]

    def may_be_meant(self, claims: Mapping[str, Any]) -> bool:
        """Whether a token says that it is for this API; nothing is proven."""
        audience, client = claims.get("aud"), claims.get("azp")
        texts = isinstance(audience, str) and isinstance(client, str)
        return texts and audience in self.audiences and client in self.clients


def apis_of(integration: Integration) -> Sequence[Api]:
    """Return the API as the kinds that the integration accepts name it."""
    found, accepted = [], accepted_kinds(integration)
    client, api = (
        str(integration[name] or "").lower() for name in ("addin_application_id", "addin_naa_web_api_application_id")
    )
    if IdentityKind.NAA in accepted and client and api:
        found.append(Api("NAA", frozenset({api, f"api://{api}"}), frozenset({client})))
    if IdentityKind.SSO in accepted and client:
        names = {client, f"api://{client}", f"api://{integration.fqdn}/{client}"}
        found.append(Api("SSO", frozenset(names), OFFICE_CLIENTS))
    return found


def tenancy_of(integration: Integration, policy: AddressPolicy) -> Tenancy:
    """Return the authority of these tokens. Raises Misconfigured."""
    url = str(integration["addin_oidc_metadata_url"] or "")
    peer, found = parse_url(url, policy), _METADATA.fullmatch(urlsplit(url).path)
    if found is None:
        raise Misconfigured(
            "The add-in auth OIDC metadata URL does not end with /TENANT/v2.0/.well-known/openid-configuration."
        )
    source = Source(peer, url, setting="add-in auth OIDC metadata URL")
    return Tenancy.of(integration, source, found["tenant"].lower())


def named_by(token: str, api: Api, integration: Integration, tenancy: Tenancy, reader: TokenReader) -> Named:
    """Return whom the token names. Raises TokenFault, Upstream or Misconfigured."""
    tenants = tenancy.tenants(reader.authority)
    claims = reader.claims(token, types={"jwt", "at+jwt"})
    _check_lifetime(claims)
    check_audience(claims, api.audiences)
    _check_use(claims, api, str(integration["api_scope"]))
    tenant, person = tenancy.ids(claims)
    if tenant not in tenants:
        raise TokenFault("another tenant")
    email = as_address(claims.get(address_claim(integration)))
    return Named(
        Person(api.path, str(claims["iss"]), f"{tenant}.{person}", email, name_from(email, claims)), claims["exp"]
    )


def _check_lifetime(claims: Mapping[str, Any]) -> None:
    """Require a token that does not live for ever; that its times are whole numbers and hold now has been checked."""
    starts = claims.get("nbf")
    if starts is None or not 0 < claims["exp"] - starts <= LONGEST_SECONDS:
        raise TokenFault("valid for longer than Entra makes tokens")


def _check_use(claims: Mapping[str, Any], api: Api, scope: str) -> None:
    """Require an access token (never an ID token) that a person's client asked for, with our scope."""
    if claims.get("ver") != VERSION:
        raise TokenFault("another version")
    if claims.get("azp") not in api.clients:
        raise TokenFault("issued to another client")
    if claims.get("idtyp", "user") != "user" or "nonce" in claims:
        raise TokenFault("a token of a program, or an ID token")
    granted = claims.get("scp")
    if not scope or not isinstance(granted, str) or scope not in granted.split(" "):
        raise TokenFault("without our scope")
