"""Programs that may use the REST API: a name and a random token, kept as SHA-256."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Any

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from addin_host.domain.access import Caller, Permission, Role, scope_of
from addin_host.domain.accounts import name_problems, scope_problems
from addin_host.domain.errors import Invalid, Problem, Reason, Refused
from addin_host.flows import accounts, audit, throttle
from addin_host.flows.audit import Subject
from addin_host.flows.pkce import digest, new_secret
from addin_host.flows.throttle import Counted
from addin_host.store.db import Database
from addin_host.store.models import ApiUserRow

UNAUTHENTICATED = "Send the name and the token of an API user."
_USED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class ApiUserDraft:
    """What people enter of an API user. Without `expires_at` the token is good until it is revoked."""

    name: str
    role: Role = Role.VIEWER
    integrations: tuple[int, ...] = ()
    enabled: bool = True
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ApiUser:
    """An API user as administrators see it."""

    id: int
    draft: ApiUserDraft
    created_at: datetime
    created_by: str
    used_at: datetime | None

    def state(self, now: datetime) -> tuple[str, str]:
        """Return the kind (good, bad, neutral) and the word for whether the token works."""
        if not self.draft.enabled:
            return "neutral", "Disabled"
        is_over = self.draft.expires_at is not None and self.draft.expires_at <= now
        return ("bad", "Expired") if is_over else ("good", "Works")


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
    raise Refused(Reason.UNAUTHENTICATED, UNAUTHENTICATED)


def authenticate(session: Session, given: Credentials, *, network: str, now: datetime) -> Caller | None:
    """Return the program that a token belongs to, or None: unknown, of another name, disabled or expired."""
    row = session.scalar(select(ApiUserRow).where(ApiUserRow.token_hash == token_hash(given.token)))
    named = row is not None and (
        given.name is None or compare_digest(row.name.lower().encode(), given.name.lower().encode())
    )
    if row is None or not named or not row.enabled or (row.expires_at is not None and row.expires_at <= now):
        return None
    role = Role(row.role)
    return Caller("api", row.id, row.name, role, scope_of(role, row.integrations), network)


def note_use(database: Database, caller: Caller, *, now: datetime) -> None:
    """Note that the credentials were used, at most once a minute."""
    due = select(ApiUserRow).where(
        ApiUserRow.id == caller.id, or_(ApiUserRow.used_at.is_(None), ApiUserRow.used_at <= now - _USED_EVERY)
    )
    with database.read() as session:
        is_due = session.scalar(due) is not None
    if is_due:
        with database.write() as session:
            session.execute(update(ApiUserRow).where(ApiUserRow.id == caller.id).values(used_at=now))


def counted(given: Credentials, *, network: str, neighbourhood: str) -> Counted:
    """Return what a failure with these credentials counts against."""
    own = throttle.api_user_key(given.name) if given.name else ""
    return Counted(own, f"api-net:{neighbourhood}", network)


def overview(session: Session) -> list[ApiUser]:
    """List all API users by name."""
    return [_value(row) for row in session.scalars(select(ApiUserRow).order_by(func.lower(ApiUserRow.name)))]


def get(session: Session, api_user_id: int) -> ApiUser:
    """Return one API user. Raises Refused."""
    return _value(_row(session, api_user_id))


def create(session: Session, draft: ApiUserDraft, *, caller: Caller, now: datetime) -> tuple[int, str]:
    """Make an API user and return its id and its token, which is shown once. Raises Invalid or Refused."""
    caller.require(Permission.MANAGE_ACCOUNTS)
    _check(session, draft, None, now)
    token = new_secret()
    row = ApiUserRow(token_hash=token_hash(token), created_at=now, created_by=caller.name)
    _write(row, draft)
    session.add(row)
    session.flush()
    audit.record(session, caller, "create", _subject(row), now=now, after=_shown(draft))
    return row.id, token


def change(session: Session, api_user_id: int, draft: ApiUserDraft, *, caller: Caller, now: datetime) -> None:
    """Change what an API user may do, and until when. Raises Invalid or Refused."""
    caller.require(Permission.MANAGE_ACCOUNTS)
    row = _row(session, api_user_id)
    before = _draft(row)
    _check(session, draft, row, now)
    _write(row, draft)
    audit.record(session, caller, "change", _subject(row), now=now, before=_shown(before), after=_shown(draft))


def replace_token(session: Session, api_user_id: int, *, caller: Caller, now: datetime) -> str:
    """Return a new token; the old one is worth nothing any more."""
    caller.require(Permission.MANAGE_ACCOUNTS)
    row, token = _row(session, api_user_id), new_secret()
    row.token_hash = token_hash(token)
    audit.record(session, caller, "replace token", _subject(row), now=now)
    return token


def delete(session: Session, api_user_id: int, *, caller: Caller, now: datetime) -> str:
    """Revoke an API user for good, and return its name."""
    caller.require(Permission.MANAGE_ACCOUNTS)
    row = _row(session, api_user_id)
    about, before = _subject(row), _shown(_draft(row))
    session.delete(row)
    audit.record(session, caller, "delete", about, now=now, before=before)
    return about.name


def _row(session: Session, api_user_id: int) -> ApiUserRow:
    row = session.get(ApiUserRow, api_user_id, with_for_update=True)
    if row is None:
        raise Refused(Reason.UNKNOWN, "There is no such API user.")
    return row


def _check(session: Session, draft: ApiUserDraft, row: ApiUserRow | None, now: datetime) -> None:
    problems = [*name_problems(draft.name), *scope_problems(draft.role, draft.integrations)]
    same = find(session, draft.name)
    if same is not None and same is not row:
        problems.append(Problem("name", "Name", "another API user has this name. Choose a different one."))
    was = row.expires_at if row is not None else None
    if draft.expires_at is not None and draft.expires_at <= now and draft.expires_at != was:
        problems.append(Problem("expires_at", "Valid until", "is over already. Enter a day to come, or nothing."))
    problems += accounts.unknown_integrations(session, draft.integrations)
    if problems:
        raise Invalid(problems)


def _write(row: ApiUserRow, draft: ApiUserDraft) -> None:
    row.name, row.role, row.integrations = draft.name, draft.role.value, list(draft.integrations)
    row.enabled, row.expires_at = draft.enabled, draft.expires_at


def _draft(row: ApiUserRow) -> ApiUserDraft:
    return ApiUserDraft(row.name, Role(row.role), tuple(sorted(row.integrations)), row.enabled, row.expires_at)


def _shown(draft: ApiUserDraft) -> dict[str, Any]:
    return {
        "name": draft.name,
        "role": draft.role.value,
        "integrations": list(draft.integrations),
        "enabled": draft.enabled,
        "expires_at": draft.expires_at.isoformat() if draft.expires_at else None,
    }


def _subject(row: ApiUserRow) -> Subject:
    return Subject("api user", row.id, row.name)


def _value(row: ApiUserRow) -> ApiUser:
    return ApiUser(row.id, _draft(row), row.created_at, row.created_by, row.used_at)


def token_hash(token: str) -> str:
    """Return what is stored of a token."""
    return digest(token)


def find(session: Session, name: str) -> ApiUserRow | None:
    """Return the API user of this name, whatever the case of its letters."""
    return session.scalar(select(ApiUserRow).where(func.lower(ApiUserRow.name) == name.lower()))
