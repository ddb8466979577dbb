"""Programs that may use the REST API: a name and a random token, kept as SHA-256."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from addin_host.domain.access import Caller, Role, scope_of
from addin_host.domain.errors import Reason, Refused
from addin_host.store.models import ApiUserRow

_UNAUTHENTICATED = "Send the name and the token of an API user."


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request presents: a token, and with Basic also a name."""

    token: str
    name: str | None = None


def credentials_of(header: str) -> Credentials:
    """Read an Authorization header: Basic, Bearer or Token. Raises Refused."""
    scheme, _, rest = header.strip().partition(" ")
    scheme, rest = scheme.lower(), rest.strip()
    if scheme in ("bearer", "token") and rest:
        return Credentials(rest)
    if scheme == "basic":
        try:
            name, separator, token = base64.b64decode(rest, validate=True).decode("utf-8").partition(":")
        except (binascii.Error, UnicodeDecodeError):
            separator = ""
        if separator and token:
            return Credentials(token, name)
    raise Refused(Reason.UNAUTHENTICATED, _UNAUTHENTICATED)


def authenticate(session: Session, given: Credentials, *, network: str, now: datetime) -> Caller:
    """Return the program that a token belongs to. Raises Refused, in the same words whatever is wrong."""
    row = session.scalar(select(ApiUserRow).where(ApiUserRow.token_hash == token_hash(given.token)))
    named = row is not None and (
        given.name is None or compare_digest(row.name.lower().encode(), given.name.lower().encode())
    )
    if row is None or not named or not row.enabled or (row.expires_at is not None and row.expires_at <= now):
        raise Refused(Reason.UNAUTHENTICATED, _UNAUTHENTICATED)
    role = Role(row.role)
    return Caller("api", row.id, row.name, role, scope_of(role, row.integrations), network)


def token_hash(token: str) -> str:
    """Return what is stored of a token."""
    return sha256(token.encode()).hexdigest()


def find(session: Session, name: str) -> ApiUserRow | None:
    """Return the API user of this name, whatever the case of its letters."""
    return session.scalar(select(ApiUserRow).where(func.lower(ApiUserRow.name) == name.lower()))
