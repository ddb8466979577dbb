"""Brute force made slow: failed attempts are counted per account and per network (design/security.md S3, S5).

The first failures are free; after them each attempt waits twice as long as the one before, up to a quarter of an hour.
Nobody is locked out for good, and what comes while it must wait is not evaluated. An attempt is counted before it is
evaluated and taken back when it succeeds, so that many at once are no way around.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from math import ceil

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from addin_host.domain.access import BY_ITSELF
from addin_host.domain.errors import Reason, Refused
from addin_host.flows import audit
from addin_host.flows.audit import Subject
from addin_host.store.db import Database
from addin_host.store.models import FailureRow

FREE = 5
LONGEST = timedelta(seconds=900)
FORGOTTEN_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Counted:
    """What an attempt counts against: `own` is a key of whoever is claimed to try, `network` one of where they are.

    `name` is shown in the audit log; leave it blank unless somebody is known to have that name.
    """

    own: str
    network: str
    address: str = ""
    name: str = ""

    @property
    def keys(self) -> list[str]:
        """The keys that are in use, in the order in which rows are locked."""
        return sorted(filter(None, (self.own, self.network)))


def account_key(name: str) -> str:
    """Return the key of the account with this name; one for password, one-time codes and confirmations."""
    return f"account:{_short(name)}"


def api_user_key(name: str) -> str:
    """Return the key of the API user with this name."""
    return f"api:{_short(name)}"


def _short(name: str) -> str:
    return sha256(name.strip().lower().encode()).hexdigest()


@contextmanager
def attempt(database: Database, counted: Counted, *, now: datetime, settles: bool = True) -> Iterator[None]:
    """Count an attempt while the body evaluates it. The body raises Refused(UNAUTHENTICATED) when it fails.

    Raises Refused(RATE_LIMITED), without running the body, while a delay runs. With `settles` a success forgets the
    failures of `own`; without, as when a one-time code is still to come, it only takes this attempt back.
    """
    with database.read() as session:  # a flood that must wait anyway takes no lock
        require_open(session, counted, now=now)
    with database.write() as session:
        _reserve(session, counted, now)
    try:
        yield
    except Refused as refusal:
        if refusal.reason is Reason.UNAUTHENTICATED:
            _note_if_delayed(database, counted, now)
        else:
            _take_back(database, counted.keys)
        raise
    except BaseException:
        _take_back(database, counted.keys)
        raise
    _take_back(database, [counted.network] if settles else counted.keys)
    if settles:
        forgive(database, counted.own)


def require_open(session: Session, counted: Counted, *, now: datetime) -> None:
    """Raise Refused(RATE_LIMITED) while a delay runs; for callers that count afterwards with `failed`."""
    _refuse_delayed(session.scalars(select(FailureRow).where(FailureRow.key.in_(counted.keys))).all(), now)


def failed(database: Database, counted: Counted, *, now: datetime) -> None:
    """Count a failure that was evaluated without `attempt`."""
    with database.write() as session:
        for key in counted.keys:
            _count(_row(session, key, now), now)
    _note_if_delayed(database, counted, now)


def forgive(database: Database, key: str) -> None:
    """Forget the failures of a key, and end its delay."""
    with database.write() as session:
        session.execute(delete(FailureRow).where(FailureRow.key == key))


def _reserve(session: Session, counted: Counted, now: datetime) -> None:
    session.execute(delete(FailureRow).where(FailureRow.last_at < now - FORGOTTEN_AFTER))
    rows = [_row(session, key, now) for key in counted.keys]
    _refuse_delayed(rows, now)
    for row in rows:
        _count(row, now)


def _refuse_delayed(rows: Sequence[FailureRow], now: datetime) -> None:
    until = max((row.blocked_until for row in rows if row.blocked_until is not None), default=now)
    if until <= now:
        return
    seconds = ceil((until - now).total_seconds())
    wait = f"{seconds} seconds" if seconds < 120 else f"{ceil(seconds / 60)} minutes"
    raise Refused(
        Reason.RATE_LIMITED,
        f"Too many attempts failed. Try again in {wait if seconds != 1 else '1 second'}.",
        retry_after=seconds,
    )


def _count(row: FailureRow, now: datetime) -> None:
    row.number, row.last_at = row.number + 1, now
    row.blocked_until = now + _delay(row.number) if row.number >= FREE else None


def _row(session: Session, key: str, now: datetime) -> FailureRow:
    """Return the locked row of a key. It is there before it is looked at, so that two first attempts see each other."""
    row = session.get(FailureRow, key, with_for_update=True)
    if row is not None:
        return row
    row = FailureRow(key=key, number=0, last_at=now)
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        return session.get_one(FailureRow, key, with_for_update=True)
    return row


def _delay(number: int) -> timedelta:
    return min(timedelta(seconds=2 ** min(number - FREE, 20)), LONGEST)


def _take_back(database: Database, keys: Sequence[str]) -> None:
    with database.write() as session:
        for key in keys:
            row = session.get(FailureRow, key, with_for_update=True)
            if row is not None:
                row.number, row.blocked_until = max(row.number - 1, 0), None


def _note_if_delayed(database: Database, counted: Counted, now: datetime) -> None:
    """Note the beginning of a delay in the audit log: single failures are not worth an entry each."""
    with database.write() as session:
        rows = session.scalars(select(FailureRow).where(FailureRow.key.in_(counted.keys), FailureRow.number == FREE))
        for row in rows.all():
            what, name = (
                ("network", row.key.partition(":")[2]) if row.key == counted.network else ("name", counted.name)
            )
            audit.record(
                session,
                replace(BY_ITSELF, network=counted.address),
                "delay",
                Subject("sign-in", "", name or "a name that nobody has"),
                now=now,
                after={"because of": f"{FREE} failed attempts by {what}"},
            )
