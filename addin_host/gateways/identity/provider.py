"""What the two providers have in common: how tokens are read for them, and how an address becomes a person's."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from addin_host.domain.errors import Misconfigured, Reason, Refused
from addin_host.domain.integration import Integration
from addin_host.domain.ports import Person
from addin_host.gateways.http import Route
from addin_host.gateways.identity.authority import Authorities, Authority, Source
from addin_host.gateways.identity.tokens import TokenFault, check_times, verified_claims

MAX_ADDRESS = 254
MAX_NAME = 255
MAX_SUBJECT = 255

_ADDRESS = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")


@dataclass(frozen=True, slots=True)
class Named:
    """Whom a token names, and when it ends, in Unix seconds."""

    person: Person
    expires: int


class Provider(Protocol):
    """One kind of provider, set up for one integration."""

    @property
    def source(self) -> Source:
        """Where it publishes its keys."""
        ...

    @property
    def scope(self) -> str:
        """What is asked for."""
        ...

    @property
    def client_authentication(self) -> str:
        """How the client proves itself at the token endpoint, in OAuth's words."""
        ...

    @property
    def parameters(self) -> Mapping[str, str]:
        """What it wants besides OAuth's own parameters, in both requests."""
        ...

    def check_issuers(self, authority: Authority, response_issuer: str | None) -> None:
        """Check, before the code is used, that the authority is the expected one, and so is the `iss` of the response.

        `response_issuer` is RFC 9207's parameter, when one was sent. Raises Misconfigured or TokenFault.
        """
        ...

    def person(self, tokens: Mapping[str, Any], reader: TokenReader, *, nonce: str) -> Person:
        """Return whom the tokens name. Raises TokenFault, Refused, Upstream or Misconfigured."""
        ...


@dataclass(frozen=True, slots=True)
class TokenReader:
    """Reads tokens of one provider: signature and times are checked here, everything else by the provider."""

    authorities: Authorities
    source: Source
    route: Route
    now: Callable[[], datetime]

    @property
    def authority(self) -> Authority:
        """The provider as it describes itself at present."""
        return self.authorities.current(self.source, self.route)

    def claims(self, token: object, *, types: Collection[str]) -> Mapping[str, Any]:
        """Return the claims of a token that is signed by the provider and valid now. Raises TokenFault."""
        claims, key = verified_claims(
            token,
            lambda key_id: self.authorities.key(self.source, self.route, key_id),
            key_header=self.authority.key_header,
            types=types,
        )
        check_times(claims, self.now().timestamp())
        # Entra publishes keys of several tenants in one document and says for which issuer each may sign.
        if key.issuer and key.issuer.replace("{tenantid}", str(claims.get("tid"))) != claims.get("iss"):
            raise TokenFault("signed by another issuer's key")
        return claims


def subject_from(claims: Mapping[str, Any], name: str) -> str:
    """Return the claim that identifies the person, as it is. Raises TokenFault when it is not a printable text."""
    value = claims.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_SUBJECT or not value.isprintable():
        raise TokenFault(f"{name} is missing or not usable")
    return value


def address_from(names: Collection[str], *claims: Mapping[str, Any]) -> str:
    """Return the e-mail address in the first named claim that is there, in lower case.

    ASCII only: lower-casing other letters can turn one address into another's. Raises Misconfigured when the provider
    sends none of the claims, Refused when this person's claim is not an address.
    """
    values = [part[name] for name in names for part in claims if part.get(name)]
    if not values:
        raise Misconfigured(f"The sign-in service sends no claim {' or '.join(names)}. Change the address claim.")
    address = as_address(values[0])
    if not address:
        raise Refused(Reason.FORBIDDEN, "Sign-in did not succeed: your account has no usable e-mail address.")
    return address


def as_address(value: object) -> str:
    """Return a claim as an e-mail address in lower case, or "" when it is none."""
    address = value.lower() if isinstance(value, str) and value.isascii() and len(value) <= MAX_ADDRESS else ""
    return address if _ADDRESS.fullmatch(address) else ""


def address_claim(integration: Integration) -> str:
    """Return the claim that Entra's tokens name the address in."""
    return "preferred_username" if integration["user_claim"] == "auto" else str(integration["user_claim"])


def name_from(address: str, *claims: Mapping[str, Any]) -> str:
    """Return the display name, or the address where the provider sends none."""
    names = (" ".join(part["name"].split()) for part in claims if isinstance(part.get("name"), str))
    return next((name for name in names if name and len(name) <= MAX_NAME and name.isprintable()), address)
