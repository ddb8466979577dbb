"""Reading a signed token: its form, its signature and its claims (design/security.md sections 3 and 4).

Nothing in a token chooses the algorithm or the place of the key. Every fault says what is wrong for the log, without
any of the token's content.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.api_jws import PyJWS
from jwt.exceptions import PyJWTError

ALGORITHM = "RS256"
MAX_TOKEN = 32 * 1024
MAX_DEPTH = 32
LEEWAY_SECONDS = 120
MIN_KEY_BITS = 2048
MAX_KEY_BITS = 16384
# They name keys, or change how the token is read; the providers of this house send none of them.
REFUSED_HEADERS = frozenset({"b64", "crit", "jku", "jwk", "x5u", "x5c", "zip"})

_JWS = PyJWS(algorithms=[ALGORITHM])


class TokenFault(Exception):
    """A token does not hold. The text is for the log; people are told only that sign-in did not succeed."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A provider's public key. `issuer` is the only issuer it may sign for, when the provider says so."""

    public: RSAPublicKey
    issuer: str = ""


def strict_json(data: bytes | str) -> dict[str, Any]:
    """Return a JSON object in which no name stands twice, every number is finite and nothing is nested deeply.

    Raises ValueError otherwise.
    """
    try:
        value = json.loads(data, object_pairs_hook=_without_twins, parse_constant=_no_constant, parse_float=_finite)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004 - callers treat every unusable document alike
    _check_depth(value)
    return value


def _check_depth(value: dict[str, Any]) -> None:
    level: list[Any] = [value]
    for _depth in range(MAX_DEPTH):
        parts = (part.values() if isinstance(part, dict) else part for part in level)
        level = [child for part in parts for child in part if isinstance(child, dict | list)]
        if not level:
            return
    raise ValueError("nested too deeply")


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) != len(pairs):
        raise ValueError("a name stands twice")
    return names


def _no_constant(_name: str) -> NoReturn:
    raise ValueError("not a finite number")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no_constant(text)


def unproven_claims(token: object) -> dict[str, Any]:
    """Return the content of a token whose signature nobody has looked at. Raises TokenFault.

    It tells of which kind the token says it is, and among what is configured, where its key is. It proves nothing.
    """
    return _decoded(_in_form(token).split(".")[1], "the content cannot be read")


def verified_claims(
    token: object, find_key: Callable[[str], SigningKey | None], *, key_header: str, types: Collection[str]
) -> tuple[dict[str, Any], SigningKey]:
    """Return the claims of a token whose signature holds, and the key that made it. Raises TokenFault.

    `key_header` is the header that names the key (kid, or x5t where certificates are published); `types` are the
    values of `typ` that may stand there, in lower case.
    """
    text = _in_form(token)
    key = find_key(str(checked_header(text, key_header=key_header, types=types)[key_header]))
    if key is None:
        raise TokenFault("unknown key")
    try:
        return strict_json(_JWS.decode(text, key.public, algorithms=[ALGORITHM])), key
    except (PyJWTError, ValueError) as error:
        raise TokenFault("the signature does not hold, or the content is not a JSON object") from error


def checked_header(token: object, *, key_header: str, types: Collection[str]) -> Mapping[str, Any]:
    """Return the header of a token that names a key, our algorithm and one of the types. Raises TokenFault."""
    header = _decoded(_in_form(token).split(".", 1)[0], "the header cannot be read")
    if header.get("alg") != ALGORITHM or str(header.get("typ", "JWT")).lower() not in types:
        raise TokenFault("another algorithm or type")
    if REFUSED_HEADERS & header.keys():
        raise TokenFault("a header that is not accepted")
    key_id = header.get(key_header)
    if not isinstance(key_id, str) or not 0 < len(key_id) <= 256:
        raise TokenFault("no key named")
    return header


def _in_form(token: object) -> str:
    if not isinstance(token, str) or not token.isascii() or len(token) > MAX_TOKEN or token.count(".") != 2:
        raise TokenFault("not a signed token")
    return token


def _decoded(part: str, otherwise: str) -> dict[str, Any]:
    try:
        return strict_json(base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error) as error:
        raise TokenFault(otherwise) from error


def check_times(claims: Mapping[str, Any], now: float) -> None:
    """Refuse a token that has expired, is not valid yet, or comes from the future. `now` is in Unix seconds."""
    for name in ("exp", "nbf", "iat"):
        value = claims.get(name)
        if value is None and name != "exp":
            continue
        if type(value) is not int:
            raise TokenFault(f"{name} is missing or not a whole number")
        if name == "exp" and value <= now - LEEWAY_SECONDS:
            raise TokenFault("expired")
        if name != "exp" and value > now + LEEWAY_SECONDS:
            raise TokenFault("not valid yet")


def check_audience(claims: Mapping[str, Any], accepted: Collection[str]) -> None:
    """Require `aud` to be one of the accepted strings. A list is refused even when it holds one of them."""
    audience = claims.get("aud")
    if not isinstance(audience, str) or not audience or audience not in accepted:
        raise TokenFault("another audience")


def check_issuer(claims: Mapping[str, Any], expected: str) -> None:
    """Require `iss` to be exactly the expected issuer."""
    if not expected or claims.get("iss") != expected:
        raise TokenFault("another issuer")


def check_id_token(claims: Mapping[str, Any], *, client_id: str, nonce: str) -> None:
    """Require an ID token of our own code exchange: our audience, our nonce, `iat`, and `azp` ours when it is there."""
    check_audience(claims, (client_id,))
    sent = claims.get("nonce")
    if not nonce or not isinstance(sent, str) or not hmac.compare_digest(sent.encode(), nonce.encode()):
        raise TokenFault("another nonce")
    if claims.get("azp", client_id) != client_id:
        raise TokenFault("issued to another client")
    if "iat" not in claims:
        raise TokenFault("iat is missing")
