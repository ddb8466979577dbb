"""What time alone brings: occurrences that come within sight, and rooms whose last window has closed."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, exists, select, update
from sqlalchemy.orm import Session

from addin_host.domain.errors import Refused
from addin_host.domain.integration import Integration
from addin_host.domain.recurrence import is_zone_guessed
from addin_host.domain.series_record import from_record
from addin_host.domain.situation import OVER, State
from addin_host.flows.scheduling import deciding, facts, history, occurrences, queueing, room_writes, rooms, series_rows
from addin_host.flows.scheduling.applying import quarantine
from addin_host.flows.scheduling.context import AHEAD, BACK, Scheduling
from addin_host.flows.scheduling.facts import Facts
from addin_host.flows.scheduling.history import Step
from addin_host.flows.scheduling.occurrences import Plan
from addin_host.flows.scheduling.tables import MEETING, OCCURRENCE, SERIES, AnyRow
from addin_host.flows.scheduling.working import Window

_BATCH = 100
_SLACK = timedelta(days=1)  # the horizon of a series is moved once a day, not every minute


def extend(own: Scheduling) -> int:
    """Give series rows for the occurrences that came within sight; return how many series. Commits batch by batch."""
    number, last = 0, 0
    while ids := _due(own, last):
        last = ids[-1]
        with own.database.write() as session:
            rows = _locked(session, ids)
            late = own.now() + AHEAD - _SLACK
            due = [
                row for row in rows if row.state == State.SCHEDULED and row.horizon_until and row.horizon_until < late
            ]
            _extend(session, own, due)
            _close(session, own, _locked(session, [row.id for row in due]))  # one may have ended unseen
            number += len(due)
    return number


def _due(own: Scheduling, after: int) -> Sequence[int]:
    late = MEETING.c.horizon_until < own.now() + AHEAD - _SLACK
    query = select(MEETING.c.id).where(late, MEETING.c.state == State.SCHEDULED.value, MEETING.c.id > after)
    with own.database.read() as session:
        return session.scalars(query.order_by(MEETING.c.id).limit(_BATCH)).all()


def _locked(session: Session, ids: Sequence[int]) -> Sequence[AnyRow]:
    """Return the rows of meetings as they are once nobody else decides about them."""
    names = session.execute(select(MEETING.c.integration_id, MEETING.c.uid).where(MEETING.c.id.in_(ids))).all()
    for integration_id in sorted({row.integration_id for row in names}):
        facts.lock(session, integration_id, [row.uid for row in names if row.integration_id == integration_id])
    return session.execute(select(MEETING).where(MEETING.c.id.in_(ids)).order_by(MEETING.c.id)).all()


def _extend(session: Session, own: Scheduling, rows: Sequence[AnyRow]) -> None:
    now, known = own.now(), facts.of_rows(session, rows)
    recurring = _recurring(session, [row.id for row in rows])
    plans: list[Plan] = []
    for row in rows:
        integration = _integration(own, row.integration_id)
        if integration is None or not row.series or row.conference_id is None:
            session.execute(update(MEETING).where(MEETING.c.id == row.id).values(horizon_until=None))
            continue
        windows, until = deciding.of_series(from_record(row.series), integration, now)
        plans.append(_plan(row, known[row.id], recurring.get(row.id), windows))
        session.execute(update(MEETING).where(MEETING.c.id == row.id).values(horizon_until=until))
        if is_zone_guessed(from_record(row.series)):
            _ask(session, row, now)
        index = series_rows.index_at(from_record(row.series), now)
        session.execute(update(SERIES).where(SERIES.c.meeting_id == row.id).values(current_index=index))
    occurrences.put(session, plans, now=now)
    room_writes.plan(session, [plan.conference_id for plan in plans], now=now)


def _ask(session: Session, row: AnyRow, now: datetime) -> None:
    """Have the mailbox say when the occurrences are that just came within sight."""
    key = f"horizon:{row.uid}:{now.isoformat()}"
    queueing.enqueue(
        session, row.integration_id, origin="refresh", item_id=row.item_id, uid=row.uid, due_at=now, key=key
    )


def _recurring(session: Session, meeting_ids: Sequence[int]) -> dict[int, int]:
    query = select(SERIES.c.meeting_id, SERIES.c.id).where(SERIES.c.meeting_id.in_(meeting_ids))
    return dict(session.execute(query).all())


def _integration(own: Scheduling, integration_id: int) -> Integration | None:
    try:
        return own.catalogue.get(str(integration_id))
    except Refused:
        return None  # it was deleted; what was materialised stays


def _plan(row: AnyRow, known: Facts, recurring_id: int | None, windows: Mapping[str, Window]) -> Plan:
    subjects = {window.subject for key, window in known.windows.items()}
    return Plan(
        meeting_id=row.id,
        conference_id=row.conference_id,
        integration_id=row.integration_id,
        uid=row.uid,
        item_id=row.item_id,
        subject=subjects.pop() if len(subjects) == 1 else row.subject,
        windows=windows,
        before=known.windows,
        alias_id=row.alias_id,
        recurring_id=recurring_id,
    )


def close(own: Scheduling) -> int:
    """Delete the rooms whose last window is over; return how many. Commits batch by batch.

    Occurrences of series that ended more than a day ago are forgotten as well.
    """
    number, last = 0, 0
    while ids := _over(own, last):
        last = ids[-1]
        with own.database.write() as session:
            number += _close(session, own, _locked(session, ids))
    _forget(own)
    return number


def _over(own: Scheduling, after: int) -> Sequence[int]:
    now = own.now()
    closed = select(OCCURRENCE.c.meeting_id).where(OCCURRENCE.c.closes_at < now, OCCURRENCE.c.meeting_id > after)
    with own.database.read() as session:
        query = closed.where(~_is_to_come(now), ~_is_endless()).distinct().order_by(OCCURRENCE.c.meeting_id)
        return session.scalars(query.limit(_BATCH)).all()


def _is_to_come(now: datetime) -> ColumnElement[bool]:
    other = OCCURRENCE.alias()
    return exists().where(other.c.meeting_id == OCCURRENCE.c.meeting_id, other.c.closes_at >= now)


def _is_endless() -> ColumnElement[bool]:
    """Whether a series has occurrences behind the horizon."""
    return exists().where(MEETING.c.id == OCCURRENCE.c.meeting_id, MEETING.c.horizon_until.is_not(None))


def _close(session: Session, own: Scheduling, rows: Sequence[AnyRow]) -> int:
    now = own.now()
    open_ = set(
        session.scalars(
            select(OCCURRENCE.c.meeting_id).where(
                OCCURRENCE.c.meeting_id.in_([row.id for row in rows]), OCCURRENCE.c.closes_at >= now
            )
        )
    )
    over = [row for row in rows if row.id not in open_ and row.horizon_until is None and row.conference_id is not None]
    if not over:
        return 0
    rooms.remove(session, rooms.tags_of(session, [row.conference_id for row in over]), now=now)
    values = {"conference_id": None, "reason": OVER, "updated_at": now}
    session.execute(update(MEETING).where(MEETING.c.id.in_([row.id for row in over])).values(values))
    quarantine(session, [row.alias_id for row in over if row.alias_id], now=now)
    history.notes(session, [_step(row) for row in over], now=now)
    return len(over)


def _step(row: AnyRow) -> Step:
    return Step(
        correlation_id=str(uuid.uuid4()),
        step="room",
        action="room_removed",
        success=True,
        integration_id=row.integration_id,
        meeting_id=row.id,
        meeting_uid=row.uid,
        organizer=row.organizer,
        resource_id=row.conference_id,
        error_description="Its last window is over.",
    )


def _forget(own: Scheduling) -> None:
    ended = OCCURRENCE.c.closes_at < own.now() - BACK
    with own.database.read() as session:
        if session.scalar(select(OCCURRENCE.c.id).where(ended).limit(1)) is None:
            return
    with own.database.write() as session:
        session.execute(delete(OCCURRENCE).where(ended, OCCURRENCE.c.recurring_conference_id.is_not(None)))
