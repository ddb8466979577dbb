"""Sessions of administrators in a browser (design/security.md S2). The cookie's value is kept as a hash only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from addin_host.domain.access import Caller, Role, scope_of
from addin_host.flows.pkce import new_secret
from addin_host.store.models import AccountRow, AdminSessionRow

FULL = "full"
SECOND_FACTOR = "second_factor"
_SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long a session lasts: without a request, and at most."""

    idle: timedelta = timedelta(minutes=30)
    total: timedelta = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Current:
    """The session of a request. `stale`: `touch` is due; `confirmed_at`: the person proved who they are."""

    id: int
    caller: Caller
    stage: str
    confirmed_at: datetime
    stale: bool


def open_session(
    session: Session,
    account: AccountRow,
    *,
    network: str,
    browser: str,
    now: datetime,
    stage: str = FULL,
    lifetime: Lifetime | None = None,
) -> str:
    """Open a session with a new id and return the value of its cookie."""
    cookie = new_secret()
    session.add(
        AdminSessionRow(
            cookie_hash=_hash(cookie),
            account_id=account.id,
            stage=stage,
            network=network[:64],
            browser=browser[:250],
            created_at=now,
            seen_at=now,
            confirmed_at=now,
            expires_at=now + (lifetime or Lifetime()).total,
        )
    )
    session.flush()
    return cookie


def current(
    session: Session, cookie: str, *, network: str, now: datetime, lifetime: Lifetime | None = None
) -> Current | None:
    """Return the session that a cookie opens, or None: unknown, over, idle too long, or the account is off."""
    if not cookie:
        return None
    found = session.execute(
        select(AdminSessionRow, AccountRow)
        .join(AccountRow, AccountRow.id == AdminSessionRow.account_id)
        .where(AdminSessionRow.cookie_hash == _hash(cookie))
    ).first()
    if found is None:
        return None
    row, account = found
    if row.expires_at <= now or row.seen_at + (lifetime or Lifetime()).idle <= now or not account.enabled:
        return None
    return Current(
        row.id, caller_of(account, network), row.stage, row.confirmed_at, stale=row.seen_at + _SEEN_EVERY <= now
    )


def touch(session: Session, session_id: int, *, now: datetime) -> None:
    """Note that the session was used."""
    row = session.get(AdminSessionRow, session_id)
    if row is not None:
        row.seen_at = now


def close(session: Session, cookie: str) -> None:
    """End the session of a cookie."""
    session.execute(delete(AdminSessionRow).where(AdminSessionRow.cookie_hash == _hash(cookie)))


def caller_of(account: AccountRow, network: str) -> Caller:
    """Return what an account may do, as a value."""
    role = Role(account.role)
    return Caller("account", account.id, account.name, role, scope_of(role, account.integrations), network)


def _hash(cookie: str) -> str:
    return sha256(cookie.encode()).hexdigest()
