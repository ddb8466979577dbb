"""What the scheduling service has given up: seen by administrators, tried again, or let go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from addin_host.domain.access import Caller, Permission
from addin_host.domain.errors import Reason, Refused
from addin_host.flows import alarms, audit
from addin_host.flows.audit import Subject
from addin_host.flows.scheduling.listing import reached
from addin_host.store.models import InboxRow, IntegrationRow, OutboxRow

SIZE = 50
_POISON = "queue_poison"


class Queue(StrEnum):
    """Where something waits; the value is part of addresses."""

    INBOX = "inbox"
    OUTBOX = "outbox"


_ROWS: dict[Queue, Any] = {Queue.INBOX: InboxRow, Queue.OUTBOX: OutboxRow}
_WORDS = {
    (Queue.INBOX, "request"): "Invitation",
    (Queue.INBOX, "cancellation"): "Cancellation",
    (Queue.OUTBOX, "reply"): "Answer to the organizer",
    (Queue.OUTBOX, "room"): "Room on the conference platform",
    (Queue.OUTBOX, "room_end"): "Removal of a room from the conference platform",
    (Queue.OUTBOX, "rewrite"): "Joining instructions in the organizer's appointment",
}
_ORIGINS = {
    "calendar": "Meeting found in the calendar",
    "absence": "Meeting missing from the calendar",
    "refresh": "Meeting to look at again",
}


@dataclass(frozen=True, slots=True)
class Item:
    """Something that was read or is to be sent. `state` is pending, dead, done or cancelled."""

    queue: Queue
    id: int
    integration_id: int
    integration: str
    words: str
    state: str
    tries: int
    error_code: str
    error: str
    correlation_id: str
    since: datetime
    due_at: datetime
    gave_up_at: datetime | None

    @property
    def standing(self) -> tuple[str, str]:
        """Return how its state looks, and the words for it."""
        return ("bad", "Given up") if self.state == "dead" else ("warning", "Waiting")


@dataclass(frozen=True, slots=True)
class Stuck:
    """The newest that was given up of both queues, and how much there is in all."""

    items: Sequence[Item]
    total: int


def given_up(session: Session, *, caller: Caller) -> Stuck:
    """Return what was given up within the caller's reach."""
    items: list[Item] = []
    total = 0
    for queue, row in _ROWS.items():
        where = [row.state == "dead", *reached(row.integration_id, caller)]
        total += session.scalar(select(func.count()).select_from(row).where(*where)) or 0
        items += read(session, queue, where, size=SIZE)
    items.sort(key=lambda item: item.gave_up_at or item.since, reverse=True)
    return Stuck(items[:SIZE], total)


def count(session: Session, *, caller: Caller) -> int:
    """Return how much was given up within the caller's reach."""
    return sum(
        session.scalar(
            select(func.count()).select_from(row).where(row.state == "dead", *reached(row.integration_id, caller))
        )
        or 0
        for row in _ROWS.values()
    )


def read(session: Session, queue: Queue, where: Sequence[Any], *, size: int) -> list[Item]:
    """Return the newest rows of a queue that fulfil some conditions."""
    row = _ROWS[queue]
    query = (
        select(row, IntegrationRow.name)
        .outerjoin(IntegrationRow, IntegrationRow.id == row.integration_id)
        .where(*where)
        .order_by(row.id.desc())
        .limit(size)
    )
    return [_value(queue, found, name or "") for found, name in session.execute(query)]


def _value(queue: Queue, row: Any, integration: str) -> Item:
    origin = _ORIGINS.get(row.origin, "") if queue is Queue.INBOX else ""
    return Item(
        queue=queue,
        id=row.id,
        integration_id=row.integration_id,
        integration=integration,
        words=origin or _WORDS.get((queue, row.kind), "Message"),
        state=row.state,
        tries=row.tries,
        error_code=row.error_code,
        error=row.error,
        correlation_id=row.correlation_id,
        since=row.created_at,
        due_at=row.due_at,
        gave_up_at=row.finished_at,
    )


def try_again(session: Session, queue: Queue, item_id: int, *, caller: Caller, now: datetime) -> str:
    """Put something that was given up back into its queue, with all its tries; return its words. Raises Refused."""
    row = _dead(session, queue, item_id, caller)
    before = {"state": row.state, "tries": row.tries}
    row.state, row.tries, row.due_at = "pending", 0, now
    row.lease_until = row.finished_at = None
    return _changed(session, queue, row, "try again", before, caller=caller, now=now)


def let_go(session: Session, queue: Queue, item_id: int, *, caller: Caller, now: datetime) -> str:
    """Close something that was given up for good; return its words. Raises Refused."""
    row = _dead(session, queue, item_id, caller)
    before = {"state": row.state, "tries": row.tries}
    row.state, row.finished_at = "cancelled", now
    if queue is Queue.OUTBOX:
        row.payload = {}
    return _changed(session, queue, row, "let go", before, caller=caller, now=now)


def _dead(session: Session, queue: Queue, item_id: int, caller: Caller) -> Any:
    caller.require(Permission.CHANGE_CONFERENCES)
    row = session.get(_ROWS[queue], item_id, with_for_update=True)
    if row is None or not caller.reaches(row.integration_id):
        raise Refused(Reason.UNKNOWN, "There is no such item.")
    if row.state != "dead":
        raise Refused(Reason.CONFLICT, "Somebody has dealt with this meanwhile.")
    return row


def _changed(
    session: Session, queue: Queue, row: Any, action: str, before: dict[str, Any], *, caller: Caller, now: datetime
) -> str:
    session.flush()
    if not any(_dead_left(session, one, row.integration_id) for one in _ROWS.values()):
        alarms.clear(session, _POISON, integration_id=row.integration_id, now=now)
    words = _value(queue, row, "").words
    subject = Subject(f"{queue} item", row.id, words, row.integration_id)
    after = {"state": row.state, "tries": row.tries, "operation": row.correlation_id}
    audit.record(session, caller, action, subject, now=now, before=before, after=after)
    return words


def _dead_left(session: Session, row: Any, integration_id: int) -> bool:
    where = (row.integration_id == integration_id, row.state == "dead")
    return session.scalar(select(row.id).where(*where).limit(1)) is not None
