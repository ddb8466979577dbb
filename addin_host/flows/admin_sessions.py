"""Sessions of administrators in a browser (design/security.md S2). The cookie's value is kept as a hash only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from addin_host.domain.access import Caller, Role, scope_of
from addin_host.domain.errors import Reason, Refused
from addin_host.flows.pkce import digest, new_secret
from addin_host.store.models import AccountRow, AdminSessionRow

FULL = "full"
SECOND_FACTOR = "second_factor"
SECOND_FACTOR_WITHIN = timedelta(minutes=10)
_SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long a session lasts: without a request, and at most."""

    idle: timedelta = timedelta(minutes=30)
    total: timedelta = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Visit:
    """Where a request comes from, and when: the address, the browser's own description, and the instant."""

    network: str
    browser: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Listed:
    """An open session as its owner, or a platform administrator, sees it."""

    id: int
    network: str
    browser: str
    created_at: datetime
    seen_at: datetime
    is_complete: bool


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
    """Open a session with a new id and return the value of its cookie. One that waits for a code waits ten minutes."""
    cookie, total = new_secret(), (lifetime or Lifetime()).total
    session.execute(delete(AdminSessionRow).where(AdminSessionRow.expires_at <= now))
    session.add(
        AdminSessionRow(
            cookie_hash=digest(cookie),
            account_id=account.id,
            stage=stage,
            network=network[:64],
            browser=browser[:250],
            created_at=now,
            seen_at=now,
            confirmed_at=now,
            expires_at=now + (total if stage == FULL else SECOND_FACTOR_WITHIN),
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
        .where(AdminSessionRow.cookie_hash == digest(cookie))
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
    # One statement: the session may end at this moment.
    session.execute(update(AdminSessionRow).where(AdminSessionRow.id == session_id).values(seen_at=now))


def complete(session: Session, session_id: int, *, now: datetime, lifetime: Lifetime) -> str:
    """Let a session in that waited for its code: under a new id, and as long as one lasts. Returns the new cookie."""
    cookie = new_secret()
    values = {"stage": FULL, "expires_at": now + lifetime.total, "confirmed_at": now, "seen_at": now}
    _renamed(session, session_id, cookie, values)
    return cookie


def confirm(session: Session, session_id: int, *, now: datetime) -> str:
    """Note that the person has just proved who they are. The session gets a new id; returns the new cookie."""
    cookie = new_secret()
    _renamed(session, session_id, cookie, {"confirmed_at": now, "seen_at": now})
    return cookie


def _renamed(session: Session, session_id: int, cookie: str, values: dict[str, Any]) -> None:
    session.execute(
        update(AdminSessionRow).where(AdminSessionRow.id == session_id).values(cookie_hash=digest(cookie), **values)
    )


def close(session: Session, cookie: str) -> None:
    """End the session of a cookie."""
    session.execute(delete(AdminSessionRow).where(AdminSessionRow.cookie_hash == digest(cookie)))


def of_account(session: Session, account_id: int, *, now: datetime, lifetime: Lifetime) -> list[Listed]:
    """List the open sessions of an account, the one used last first."""
    rows = session.scalars(
        select(AdminSessionRow)
        .where(
            AdminSessionRow.account_id == account_id,
            AdminSessionRow.expires_at > now,
            AdminSessionRow.seen_at > now - lifetime.idle,
        )
        .order_by(AdminSessionRow.seen_at.desc(), AdminSessionRow.id.desc())
    )
    return [
        Listed(row.id, row.network, row.browser, row.created_at, row.seen_at, is_complete=row.stage == FULL)
        for row in rows
    ]


def end(session: Session, account_id: int, session_id: int) -> None:
    """End one session of an account. Raises Refused when the account has no such session."""
    row = session.get(AdminSessionRow, session_id)
    if row is None or row.account_id != account_id:
        raise Refused(Reason.UNKNOWN, "There is no such session. It may have ended meanwhile.")
    session.delete(row)


def end_all(session: Session, account_id: int, *, but: int | None = None) -> None:
    """End the sessions of an account, all of them or all but one."""
    ended = delete(AdminSessionRow).where(AdminSessionRow.account_id == account_id)
    session.execute(ended if but is None else ended.where(AdminSessionRow.id != but))


def caller_of(account: AccountRow, network: str) -> Caller:
    """Return what an account may do, as a value."""
    role = Role(account.role)
    return Caller("account", account.id, account.name, role, scope_of(role, account.integrations), network)
