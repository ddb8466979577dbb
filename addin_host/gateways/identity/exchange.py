"""Identity tokens of Exchange Server, ExIdTok.V1 (design/outlook.md 4.2, security.md X1-X10).

`amurl` in a token names the document that its key is published in, and is the sender's word until the signature holds.
It has to equal one of the addresses that the administrator entered, and that one is fetched.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from addin_host.domain.addresses import AddressPolicy, parse_url
from addin_host.domain.errors import Misconfigured
from addin_host.domain.identity_kinds import metadata_urls
from addin_host.domain.integration import Integration
from addin_host.domain.ports import Person
from addin_host.gateways.federation import certificate_key
from addin_host.gateways.http import Outbound, Route
from addin_host.gateways.identity.authority import (
    MAX_KEYS,
    Authorities,
    Authority,
    Source,
    is_strong,
    read_document,
    unusable,
)
from addin_host.gateways.identity.provider import Named, subject_from
from addin_host.gateways.identity.tokens import (
    SigningKey,
    TokenFault,
    check_audience,
    checked_header,
    strict_json,
    verified_claims,
)

VERSION = "ExIdTok.V1"
LEEWAY_SECONDS = 300
LONGEST_SECONDS = 24 * 3600

_TYPES: Collection[str] = frozenset({"jwt"})
_BEFORE_PATH = re.compile(r"https://[^/?]*", re.IGNORECASE)
_ISSUER = re.compile(r"00000002-0000-0ff1-ce00-000000000000@[A-Za-z0-9*._-]{1,253}")
_SECONDS = re.compile(r"[0-9]{1,12}")


def named_by(
    token: str, unproven: Mapping[str, Any], integration: Integration, route: Route, keys: Authorities, *, now: float
) -> Named:
    """Return whom the token names; `unproven` is its content as it says. Raises TokenFault or Upstream."""
    if checked_header(token, key_header="x5t", types=_TYPES).get("typ") != "JWT":
        raise TokenFault("typ is missing")
    source = _source_of(_context(unproven), integration, route.policy)
    claims, _key = verified_claims(token, lambda name: keys.key(source, route, name), key_header="x5t", types=_TYPES)
    expires = _checked_end(claims, now)
    check_audience(claims, (integration.pane_url,))
    _check_issuer(claims)
    # X10: what one integration's Exchange calls a person is nobody at another.
    issuer = f"{integration.uuid.replace('-', '')}@{source.discovery.removeprefix('https://')}"
    return Named(Person("EXCHANGE", issuer, subject_from(_context(claims), "msexchuid"), "", ""), expires)


def _context(claims: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return `appctx`, an object or the text of one."""
    context = claims.get("appctx")
    if isinstance(context, str):
        try:
            context = strict_json(context)
        except ValueError as error:
            raise TokenFault("appctx cannot be read") from error
    if not isinstance(context, dict) or context.get("version") != VERSION:
        raise TokenFault("another version")
    subject_from(context, "msexchuid")
    return context


def _source_of(context: Mapping[str, Any], integration: Integration, policy: AddressPolicy) -> Source:
    """Return the configured document that the token names, before anybody is asked for it."""
    named = context.get("amurl")
    if not isinstance(named, str) or not named.startswith("https://"):
        raise TokenFault("amurl is missing or no https address")
    configured = [source for url in metadata_urls(integration) if (source := _source(url, policy))]
    asked = _source(named, policy)
    if asked is None or asked not in configured:
        raise TokenFault("amurl is not a configured metadata document")
    return configured[configured.index(asked)]


def _source(url: str, policy: AddressPolicy) -> Source | None:
    """Return a document's address in its one spelling, or None for one that may not be called."""
    with suppress(Misconfigured):
        peer = parse_url(url, policy)
        return Source(peer, peer.origin + _BEFORE_PATH.sub("", url, count=1), setting="metadata domain")
    return None


def read_metadata(outbound: Outbound, source: Source, route: Route) -> Authority:
    """Read the metadata document of an Exchange server: its signing certificates by thumbprint. Raises Upstream."""
    document = read_document(outbound.get(source.discovery, route), source)
    entries = document.get("keys")
    if not isinstance(entries, list) or len(entries) > MAX_KEYS:
        raise unusable(source)
    found = (_signing_key(entry) for entry in entries if isinstance(entry, dict))
    return Authority("", "", dict(pair for pair in found if pair is not None), key_header="x5t")


def _signing_key(entry: Mapping[str, Any]) -> tuple[str, SigningKey] | None:
    """Return thumbprint and key. The thumbprint is ours: an entry that gives another one is left out."""
    name, value = entry.get("keyinfo"), entry.get("keyvalue")
    if entry.get("usage") != "signing" or not isinstance(name, dict) or not isinstance(value, dict):
        return None
    if value.get("type") != "x509Certificate" or not isinstance(value.get("value"), str):
        return None
    try:
        thumbprint, key = certificate_key(value["value"])
    except (ValueError, UnsupportedAlgorithm):
        return None
    if thumbprint != name.get("x5t") or not isinstance(key, RSAPublicKey) or not is_strong(key):
        return None
    return thumbprint, SigningKey(key)


def _checked_end(claims: Mapping[str, Any], now: float) -> int:
    """Return when the token ends. Raises TokenFault unless it is valid now, and made for no longer than a day."""
    starts, ends = (_seconds(claims.get(name)) for name in ("nbf", "exp"))
    if starts > now + LEEWAY_SECONDS or ends <= now - LEEWAY_SECONDS:
        raise TokenFault("expired, or not valid yet")
    if not 0 < ends - starts <= LONGEST_SECONDS:
        raise TokenFault("valid for longer than Exchange makes tokens")
    return ends


def _seconds(value: object) -> int:
    """Return a time that is written as a whole number, or as the text of one, as Exchange does."""
    text = str(value) if type(value) is int else value
    if not isinstance(text, str) or not _SECONDS.fullmatch(text):
        raise TokenFault("nbf or exp is missing or not a whole number")
    return int(text)


def _check_issuer(claims: Mapping[str, Any]) -> None:
    issuer = claims.get("iss")
    if not isinstance(issuer, str) or not _ISSUER.fullmatch(issuer):
        raise TokenFault("another issuer")
    if claims.get("isbrowserhostedapp") != "true":
        raise TokenFault("not made for an add-in")
