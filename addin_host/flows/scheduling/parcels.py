"""What was claimed from the outbox, and how it is marked afterwards: only by who still holds the claim."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import uniform
from typing import Any

from sqlalchemy import ColumnElement, and_, select, tuple_, update
from sqlalchemy.orm import Session

from addin_host.domain.alarms import Level
from addin_host.domain.errors import HostError, Upstream
from addin_host.flows import alarms
from addin_host.flows.scheduling import history, late_instructions, room_rows, room_writes
from addin_host.flows.scheduling.claiming import LASTS, MAX_TRIES, POISON, waiting_seconds
from addin_host.flows.scheduling.context import Scheduling
from addin_host.flows.scheduling.history import Step
from addin_host.store.models import MeetingRow, OutboxRow, ScheduledAliasRow

__all__ = ["LASTS", "PLATFORM", "Lease", "Outcome", "Parcel", "begin", "held", "kept", "mark", "renew"]

PLATFORM = 0  # the lane of what is written to the conference platform; ids of integrations begin at 1
_LONGEST_WAIT = 900.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parcel:
    """A row of the outbox that this thread sends; `fence` is the number of the claim."""

    id: int
    fence: int
    kind: str
    key: str
    integration_id: int
    meeting_id: int | None
    payload: Mapping[str, Any]
    payload_hash: str
    tries: int
    attempts: int
    attempted_at: datetime | None
    correlation_id: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a parcel.

    `state` is done, cancelled, or pending (it stays, to be tried again from `due_at` on, or at once). `is_failure`
    counts a try; `is_hopeless` makes it the last one. `is_open`: a call began, and nobody knows how it ended. `action`
    is what the history says; blank: nothing. `trouble` concerns the whole lane, which waits.
    """

    parcel: Parcel
    state: str = "done"
    action: str = ""
    error_code: str = ""
    message: str = ""
    due_at: datetime | None = None
    is_failure: bool = False
    is_hopeless: bool = False
    is_open: bool = False
    trouble: HostError | None = None


def put_off(parcel: Parcel, now: datetime, trouble: HostError) -> datetime:
    """Return when to try again what failed through no fault of its own: as it is told, else later the older it is."""
    retry_after = trouble.retry_after if isinstance(trouble, Upstream) else None
    age = max(1.0, (now - parcel.created_at).total_seconds())
    waits = uniform(0.5, 1) * min(_LONGEST_WAIT, age) if retry_after is None else max(retry_after, 0)  # noqa: S311
    return now + timedelta(seconds=waits)


def held(parcels: Iterable[Parcel]) -> ColumnElement[bool]:
    """Return the condition that rows are still held by these claims."""
    claims = [(one.id, one.fence) for one in parcels]
    # The ids once more: SQLite goes through all rows for pairs.
    ids = [number for number, _fence in claims]
    return and_(OutboxRow.id.in_(ids), tuple_(OutboxRow.id, OutboxRow.fence).in_(claims), OutboxRow.state == "pending")


def _set(session: Session, parcels: Sequence[Parcel], **values: Any) -> set[int]:
    """Change rows that are still held, and return their ids."""
    if not parcels:
        return set()
    statement = update(OutboxRow).where(held(parcels)).values(**values).returning(OutboxRow.id)
    return set(session.scalars(statement, execution_options={"synchronize_session": False}))


def begin(session: Session, parcels: Sequence[Parcel], now: datetime) -> list[Parcel]:
    """Note that calls begin whose end may never be known; return those that are still ours."""
    ours = _set(session, parcels, attempted_at=now, attempts=OutboxRow.attempts + 1)
    return [parcel for parcel in parcels if parcel.id in ours]


def mark(session: Session, outcomes: Sequence[Outcome], now: datetime) -> None:
    """Write down what became of parcels; what somebody else has taken over meanwhile is left to him."""
    done = [one for one in outcomes if one.state == "done" and not one.error_code]
    values: dict[str, Any] = {"error_code": "", "error": "", "lease_until": None, "finished_at": now}
    ours = _set(session, [one.parcel for one in done], state="done", payload={}, attempts=0, **values)
    over = [one for one in done if one.parcel.id in ours]
    for outcome in outcomes:
        if outcome not in done:
            values = _marked(session, outcome, now)
            if _set(session, [outcome.parcel], **values):
                ours.add(outcome.parcel.id)
                over += [outcome] if "state" in values else []
    _let_go(session, over, now)
    _note(session, [one for one in outcomes if one.parcel.id in ours], now)


def _marked(session: Session, outcome: Outcome, now: datetime) -> dict[str, Any]:
    parcel = outcome.parcel
    values: dict[str, Any] = {
        "lease_until": None,
        "error_code": outcome.error_code[:50],
        "error": outcome.message[:1000],
    }
    if not outcome.is_open and parcel.kind not in room_rows.KINDS:
        values |= {"attempts": parcel.attempts, "attempted_at": parcel.attempted_at if parcel.attempts else None}
    if outcome.state != "pending":
        return values | {"state": outcome.state, "payload": {}, "finished_at": now}
    if outcome.due_at is not None:
        values["due_at"] = outcome.due_at
    if outcome.is_failure:
        tries = parcel.tries + 1
        values |= {"tries": tries, "due_at": now + timedelta(seconds=1 + waiting_seconds(tries))}
        if outcome.is_hopeless or tries >= MAX_TRIES:
            values |= {"state": "dead", "finished_at": now}
            _alarm(session, parcel, now)
    return values


def _alarm(session: Session, parcel: Parcel, now: datetime) -> None:
    alarms.raise_(
        session,
        POISON,
        integration_id=parcel.integration_id or None,
        level=Level.ERROR,
        details=f"Something could not be sent ({parcel.kind}). Its correlation id is {parcel.correlation_id}.",
        next_step="Look it up in the operations, mend the cause, and let it be tried again or set it aside.",
        now=now,
    )


def _let_go(session: Session, over: Sequence[Outcome], now: datetime) -> None:
    """See to what waits for rows that are over, and to what comes next for rooms."""
    for outcome in over:
        if outcome.error_code == room_writes.CONFLICT:
            room_writes.give_up(session, outcome.parcel.id, outcome.parcel.meeting_id, now=now)
        elif outcome.error_code and outcome.parcel.kind == "rewrite":
            late_instructions.fall_back(session, outcome.parcel.id, str(outcome.parcel.payload.get("html", "")))
    room_rows.release(session, [one.parcel.id for one in over])
    rooms = [one.parcel for one in over if one.parcel.kind in room_rows.KINDS and one.state == "done"]
    if rooms:
        _forget(session, [parcel.id for parcel in rooms if parcel.kind == room_rows.END])
        room_writes.follow_up(session, [room_rows.tag_of(parcel.key) for parcel in rooms], now=now)


def _forget(session: Session, outbox_ids: Sequence[int]) -> None:
    gone = update(OutboxRow).where(OutboxRow.id.in_(outbox_ids)).values(attempted_at=None, payload_hash="")
    session.execute(gone, execution_options={"synchronize_session": False})


def _note(session: Session, outcomes: Sequence[Outcome], now: datetime) -> None:
    noted = [outcome for outcome in outcomes if outcome.action]
    about = _meetings(session, {outcome.parcel.meeting_id for outcome in noted})
    history.notes(session, [_step(outcome, about) for outcome in noted], now=now)


def _step(outcome: Outcome, about: Mapping[int | None, Mapping[str, Any]]) -> Step:
    parcel = outcome.parcel
    known = about.get(parcel.meeting_id) or {"organizer": str(parcel.payload.get("organizer_address", ""))}
    return Step(
        parcel.correlation_id,
        "room" if parcel.kind in room_rows.KINDS else parcel.kind,
        outcome.action,
        success=not outcome.error_code,
        integration_id=parcel.integration_id,
        meeting_id=parcel.meeting_id,
        error_code=outcome.error_code[:50],
        error_description=outcome.message,
        **known,
    )


def _meetings(session: Session, ids: set[int | None]) -> dict[int | None, Mapping[str, Any]]:
    query = (
        select(MeetingRow.id, MeetingRow.uid, MeetingRow.organizer, MeetingRow.conference_id, ScheduledAliasRow.uuid)
        .outerjoin(ScheduledAliasRow, ScheduledAliasRow.id == MeetingRow.alias_id)
        .where(MeetingRow.id.in_(ids - {None}))
    )
    return {
        number: {"meeting_uid": uid, "organizer": organizer, "resource_id": conference_id, "tag_uuid": tag or ""}
        for number, uid, organizer, conference_id, tag in session.execute(query)
    }


def renew(own: Scheduling, parcels: Iterable[Parcel]) -> None:
    """Prolong the leases of what is still being sent. Rows that are being marked at this moment are passed over."""
    with own.database.write() as session:
        mine = select(OutboxRow.id).where(held(parcels)).with_for_update(skip_locked=True)
        ids = session.scalars(mine).all()
        values = {"lease_until": own.database.time(session) + LASTS}
        statement = update(OutboxRow).where(OutboxRow.id.in_(ids)).values(**values)
        session.execute(statement, execution_options={"synchronize_session": False})


class Lease:
    """Tells whether a claim still holds, in a process that may have been stopped for a while."""

    def __init__(self) -> None:
        self._since = time.monotonic()

    def begun(self, at: float) -> None:
        """Note that the lease was prolonged after this instant."""
        self._since = at

    def holds(self) -> bool:
        """Whether nobody else can have taken over what is held."""
        return time.monotonic() - self._since < LASTS.total_seconds() * 0.8


@contextmanager
def kept(own: Scheduling, parcels: Sequence[Parcel]) -> Iterator[Lease]:
    """Prolong the lease of what was just claimed for as long as this lasts."""
    lease, is_over = Lease(), threading.Event()

    def keep() -> None:
        while not is_over.wait(LASTS.total_seconds() / 3):
            started = time.monotonic()
            try:
                renew(own, parcels)
            except HostError as problem:
                _log.warning("a lease of the outbox cannot be prolonged: %s", problem.message)
            else:
                lease.begun(started)

    keeper = threading.Thread(target=keep, name="outbox-lease", daemon=True)
    keeper.start()
    try:
        yield lease
    finally:
        is_over.set()
        keeper.join()
