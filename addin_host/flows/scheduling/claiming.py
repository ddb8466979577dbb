"""Claiming what is to be looked at, so that no two threads or processes work at the same item.

A claim is a short lease, by the database's clock, which its holder renews while it works (service.py): what a killed
process held is free again within seconds. Every claim raises the row's fence, and `finish` asks for it, so whoever was
paused for longer than the lease commits nothing. `due_at` goes by the clock of the processes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import uniform
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, tuple_, update
from sqlalchemy.orm import Session

from addin_host.domain.alarms import Level
from addin_host.domain.errors import HostError
from addin_host.flows import alarms
from addin_host.flows.scheduling.context import Scheduling
from addin_host.flows.scheduling.queueing import enqueue
from addin_host.store.models import InboxRow, IntegrationRow, MailboxRow

__all__ = ["Claimed", "LostLease", "claim", "enqueue", "fail", "finish", "release", "renew", "waiting"]

LASTS = timedelta(seconds=3)
SOON = (timedelta(hours=-3), timedelta(hours=24))
MAX_TRIES = 5
POISON = "queue_poison"
_LONGEST_WAIT = 900.0


class LostLease(HostError):
    """Somebody else works at it by now. The transaction that this passes through commits nothing."""

    def __init__(self) -> None:
        super().__init__("Another worker has taken this over.")


@dataclass(frozen=True, slots=True)
class Claimed:
    """An item that this thread works at; `fence` is the number of the claim. `tries` have failed before."""

    id: int
    fence: int
    integration_id: int
    origin: str
    item_id: str
    kind: str
    uid: str
    tries: int
    correlation_id: str
    received_at: datetime
    starts_at: datetime | None


_COLUMNS = tuple(getattr(InboxRow, name) for name in Claimed.__dataclass_fields__)


def waiting_seconds(failures: int, retry_after: int | None = None) -> float:
    """Return for how long to wait after so many failures in a row: what the server says, else up to 2 to their power.

    The whole of it is drawn (full jitter), so that those who failed together do not come back together.
    """
    if retry_after is not None:
        return float(max(retry_after, 0))
    return uniform(0, min(_LONGEST_WAIT, 2.0 ** min(failures, 16)))  # noqa: S311 - nobody is kept out by it


def claim(own: Scheduling, integration_id: int | None, limit: int) -> list[Claimed]:
    """Claim up to `limit` items of one integration, or of any: those of meetings that start soon before all others.

    All of one answer are equally urgent. Mailboxes that wait, or that another installation reads, are left alone, and
    so is what was read for an integration that is off by now.
    """
    with own.database.write() as session:
        time, now = own.database.time(session), own.now()
        free = _free(time, now, integration_id)
        for which, order in _urgency(now):
            query = select(InboxRow.id).where(free, which).order_by(*order).limit(limit)
            ids = session.scalars(query.with_for_update(skip_locked=True)).all()
            if ids:
                return _take(session, ids, time)
    return []


def _free(time: datetime, now: datetime, integration_id: int | None) -> ColumnElement[bool]:
    conditions = [
        InboxRow.state == "pending",
        InboxRow.due_at <= now,
        has_run_out(InboxRow.lease_until, time),
        InboxRow.integration_id.not_in(
            select(MailboxRow.integration_id).where(or_(MailboxRow.is_passive, MailboxRow.waits_until > now))
        ),
        InboxRow.integration_id.not_in(select(IntegrationRow.id).where(~is_served())),
    ]
    if integration_id is not None:
        conditions.append(InboxRow.integration_id == integration_id)
    return and_(*conditions)


def is_served() -> ColumnElement[bool]:
    """Return the condition that the mailbox of an integration is read: it is on, and has single-use VMRs."""
    record = IntegrationRow.record
    return and_(record["enabled"].as_boolean().is_(True), record["enable_dynamic_vmrs"].as_boolean().is_(True))


def has_run_out(lease_until: Any, time: datetime) -> ColumnElement[bool]:
    """Whether there is no lease any more. One that lasts far too long is of before the clock was set back."""
    return or_(lease_until.is_(None), lease_until <= time, lease_until > time + 10 * LASTS)


def _urgency(now: datetime) -> Iterator[tuple[ColumnElement[bool], Sequence[Any]]]:
    """Yield what comes first, and in which order.

    A series has the start of its first occurrence, so what began long ago may have an occurrence in ten minutes, as may
    what has no start: the newest of them first.
    """
    since, until = now + SOON[0], now + SOON[1]
    by_start = (InboxRow.starts_at, InboxRow.id)
    yield InboxRow.starts_at.between(since, until), by_start
    yield or_(InboxRow.starts_at.is_(None), InboxRow.starts_at < since), (InboxRow.id.desc(),)
    yield InboxRow.starts_at > until, by_start


def _take(session: Session, ids: Sequence[int], time: datetime) -> list[Claimed]:
    taken = (
        update(InboxRow)
        .where(InboxRow.id.in_(ids))
        .values(fence=InboxRow.fence + 1, lease_until=time + LASTS)
        .returning(*_COLUMNS)
    )
    found = {row.id: Claimed(*row) for row in session.execute(taken, execution_options={"synchronize_session": False})}
    return [found[number] for number in ids]


def waiting(own: Scheduling) -> dict[int, int]:
    """Return how many items could be claimed, by integration."""
    with own.database.read() as session:
        free = _free(own.database.time(session), own.now(), None)
        query = select(InboxRow.integration_id, func.count()).where(free).group_by(InboxRow.integration_id)
        return dict(session.execute(query).all())


def renew(own: Scheduling, claimed: Sequence[Claimed]) -> None:
    """Prolong the leases of what is still worked at. Rows that are being finished at this moment are passed over."""
    with own.database.write() as session:
        mine = select(InboxRow.id).where(_still(claimed)).with_for_update(skip_locked=True)
        ids = session.scalars(mine).all()
        _set(session, InboxRow.id.in_(ids), lease_until=own.database.time(session) + LASTS)


def finish(session: Session, claimed: Sequence[Claimed], state: str = "done", *, now: datetime | None = None) -> None:
    """Mark items as finished, in the transaction of what was done about them. Raises LostLease.

    `now` is what people read as the time of it; without it the database's.
    """
    for part in _parts(claimed):
        values = {"state": state, "finished_at": now or func.now(), "lease_until": None, "error_code": "", "error": ""}
        _require(_set(session, _still(part), **values) == len(part))


def fail(
    session: Session, own: Scheduling, claimed: Claimed, error_code: str, message: str, *, poison: bool = False
) -> bool:
    """Count a failed try of one item. Returns whether it was the last one: then it is dead, and there is an alarm.

    `poison`: trying again is useless. Otherwise the item waits longer each time. Raises LostLease.
    """
    now, tries = own.now(), claimed.tries + 1
    is_dead = poison or tries >= MAX_TRIES
    values: dict[str, Any] = {
        "tries": tries,
        "lease_until": None,
        "error_code": error_code[:50],
        "error": message[:1000],
    }
    if is_dead:
        values |= {"state": "dead", "finished_at": now}
        _alarm(session, claimed, now)
    else:
        values |= {"due_at": now + timedelta(seconds=1 + waiting_seconds(tries))}
    _require(_set(session, _still([claimed]), **values) == 1)
    return is_dead


def _alarm(session: Session, claimed: Claimed, now: datetime) -> None:
    alarms.raise_(
        session,
        POISON,
        integration_id=claimed.integration_id,
        level=Level.ERROR,
        details=f"An item of the mailbox could not be processed. Its correlation id is {claimed.correlation_id}.",
        next_step="Look it up in the operations, mend the cause, and let it be tried again or set it aside.",
        now=now,
    )


def release(own: Scheduling, claimed: Sequence[Claimed], due_at: datetime) -> None:
    """Give items back, to be looked at again from `due_at` on; no try is counted. Lost ones are somebody else's."""
    with own.database.write() as session:
        for part in _parts(claimed):
            _set(session, _still(part), lease_until=None, due_at=due_at)


def _still(claimed: Sequence[Claimed]) -> ColumnElement[bool]:
    held = [(one.id, one.fence) for one in claimed]
    return and_(tuple_(InboxRow.id, InboxRow.fence).in_(held), InboxRow.state == "pending")


def _set(session: Session, which: ColumnElement[bool], **values: Any) -> int:
    statement = update(InboxRow).where(which).values(**values)
    done: Any = session.execute(statement, execution_options={"synchronize_session": False})
    return int(done.rowcount)


def _require(holds: bool) -> None:
    if not holds:
        raise LostLease


def _parts(claimed: Sequence[Claimed]) -> Iterator[Sequence[Claimed]]:
    for start in range(0, len(claimed), 200):
        yield claimed[start : start + 200]
