"""Comparing the calendar of a mailbox with the meetings that are known: heals whatever notices were lost.

What the calendar has in a newer version goes into the queue, and so does a meeting that is not listed any more. Whether
it is really gone is found out by reading it once more (processing.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.orm import Session

from addin_host.domain.mailbox import CalendarEntry, Mailbox
from addin_host.flows.scheduling import leasing, queueing
from addin_host.flows.scheduling.context import AHEAD, BACK, Scheduling
from addin_host.flows.scheduling.leasing import Lease, MailboxState
from addin_host.store.models import MeetingRow, ScheduledConferenceRow

EVERY, FULLY_EVERY = timedelta(minutes=15), timedelta(hours=24)
FULL_AHEAD = timedelta(days=730)
_CLOCKS_DIFFER = timedelta(minutes=15)
_AGAIN_AFTER = timedelta(hours=6)
_PAGE = 500
_Row = Row[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Sweep:
    """Between which instants the calendar is listed. The nightly one is `full`."""

    began: datetime
    since: datetime
    until: datetime
    full: bool


def planned(state: MailboxState, now: datetime, last_start: datetime | None) -> Sweep | None:
    """Return the sweep that is due, if one is. One of before `last_start`, when the service started, is not enough."""
    if state.fully_swept_at is None or not state.fully_swept_at <= now < state.fully_swept_at + FULLY_EVERY:
        return Sweep(now, now - BACK, now + FULL_AHEAD, full=True)
    last = state.swept_at
    is_late = last is None or not last <= now < last + EVERY or (last_start is not None and last < last_start)
    return Sweep(now, now, now + AHEAD, full=False) if is_late or state.sweep_asked else None


def sweep(own: Scheduling, lease: Lease, mailbox: Mailbox, plan: Sweep) -> Iterator[int]:
    """Compare page by page, and yield how many items of each went into the queue. Raises MailboxTrouble, LostLease."""
    listed: set[str] = set()
    cursor, is_first = "", True
    while is_first or cursor:
        page, is_first = mailbox.calendar(plan.since, plan.until, cursor), False
        listed.update(entry.uid for entry in page.entries)
        with own.database.write() as session:
            found = _compare(session, lease.integration_id, page.entries, plan)
            queueing.add(session, found, again_since=plan.began - _AGAIN_AFTER)
            leasing.save(session, own, lease)
        cursor = page.cursor
        yield len(found)
    yield from _find_absent(own, lease, listed, plan)
    times = {"swept_at": plan.began, "sweep_asked": False} | ({"fully_swept_at": plan.began} if plan.full else {})
    with own.database.write() as session:
        leasing.save(session, own, lease, **times)


def _compare(
    session: Session, integration_id: int, entries: Sequence[CalendarEntry], plan: Sweep
) -> list[dict[str, Any]]:
    uids = [entry.uid for entry in entries]
    here = (MeetingRow.integration_id == integration_id, MeetingRow.uid.in_(uids))
    columns = (
        MeetingRow.uid,
        MeetingRow.state,
        MeetingRow.sequence,
        MeetingRow.critical_change,
        MeetingRow.updated_at,
        MeetingRow.in_calendar,
    )
    known: dict[str, _Row] = {row.uid: row for row in session.execute(select(*columns).where(*here))}
    if any(not row.in_calendar for row in known.values()):
        seen = update(MeetingRow).where(*here, MeetingRow.in_calendar.is_(False)).values(in_calendar=True)
        session.execute(seen, execution_options={"synchronize_session": False})
    return [_row(integration_id, entry, plan) for entry in entries if _is_news(entry, known, plan)]


def _is_news(entry: CalendarEntry, known: Mapping[str, _Row], plan: Sweep) -> bool:
    """Whether the calendar says something about a meeting that was not decided on yet.

    A series may change without a new version when one occurrence does: then it was modified since. Mailbox and service
    may have clocks that differ. What is over and was never heard of is left in peace, as is what was called off.
    """
    row = known.get(entry.uid)
    if row is None:
        return not entry.is_cancelled and not (plan.full and plan.since <= entry.starts_at < plan.began)
    if entry.is_cancelled:
        return bool(row.state == "scheduled")
    if entry.sequence != row.sequence:
        return bool(entry.sequence > row.sequence)
    if entry.critical_change and row.critical_change and entry.critical_change < row.critical_change:
        return False
    return bool(entry.modified_at >= row.updated_at - _CLOCKS_DIFFER)


def _row(integration_id: int, entry: CalendarEntry, plan: Sweep) -> dict[str, Any]:
    version = (entry.uid, entry.sequence, entry.critical_change, entry.modified_at, entry.is_cancelled)
    return queueing.row(
        integration_id,
        origin="calendar",
        item_id=entry.item_id,
        key=queueing.key_of("calendar", *version),
        due_at=plan.began,
        received_at=entry.modified_at,
        now=plan.began,
        uid=entry.uid,
        starts_at=entry.starts_at,
    )


def _find_absent(own: Scheduling, lease: Lease, listed: set[str], plan: Sweep) -> Iterator[int]:
    last = 0
    while True:
        with own.database.write() as session:
            rows = _expected(session, lease.integration_id, plan, after=last)
            found = [_absence(lease.integration_id, row, plan) for row in rows if row.uid not in listed]
            queueing.add(session, found)
            leasing.save(session, own, lease)
        if not rows:
            return
        last = rows[-1].id
        yield len(found)


def _expected(session: Session, integration_id: int, plan: Sweep, *, after: int) -> Sequence[_Row]:
    """Return the next meetings that the calendar must have listed, as far as is known."""
    taking_place = select(ScheduledConferenceRow.meeting_id).where(
        ScheduledConferenceRow.integration_id == integration_id,
        ScheduledConferenceRow.end_time > plan.since,
        ScheduledConferenceRow.start_time < plan.until,
    )
    query = (
        select(MeetingRow.id, MeetingRow.uid, MeetingRow.item_id, MeetingRow.sequence, MeetingRow.start_time)
        .where(
            MeetingRow.integration_id == integration_id,
            MeetingRow.state == "scheduled",
            MeetingRow.in_calendar,
            MeetingRow.id > after,
            MeetingRow.id.in_(taking_place),
        )
        .order_by(MeetingRow.id)
        .limit(_PAGE)
    )
    return session.execute(query).all()


def _absence(integration_id: int, row: _Row, plan: Sweep) -> dict[str, Any]:
    return queueing.row(
        integration_id,
        origin="absence",
        item_id=row.item_id,
        key=queueing.key_of("absence", row.uid, row.sequence, plan.began),
        due_at=plan.began,
        received_at=plan.began,
        now=plan.began,
        uid=row.uid,
        starts_at=row.start_time,
    )
