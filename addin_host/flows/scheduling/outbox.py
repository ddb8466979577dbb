"""What is to be sent: replies, rooms of the conference platform, instructions in place of placeholders.

Rows go in lanes: one for each mailbox, and one for the platform. What is wrong with one lane leaves the others alone,
and two senders at most work in a lane at a time. A claim is a short lease by the database's clock, which is renewed
while calls last; `due_at` goes by the clock of the processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from addin_host.domain.errors import Refused
from addin_host.domain.integration import Integration
from addin_host.domain.mail_limits import mails_per_minute
from addin_host.flows.scheduling import platform_waits, sending
from addin_host.flows.scheduling.context import Scheduling
from addin_host.flows.scheduling.parcels import LASTS, PLATFORM, Parcel
from addin_host.store.models import MailboxRow, MeetingRow, OutboxRow

_SENDERS = 2
_MINUTE = timedelta(minutes=1)
_JUST_BEGAN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class _Lane:
    number: int  # of the integration; PLATFORM is the lane of the rooms
    senders: int


def send_due(own: Scheduling, limit: int = 100) -> int:
    """Send up to `limit` things that are due, and return how many were dealt with; 0: nothing can be sent now.

    May be called by several threads and processes at once. What is wrong with a mailbox or the platform stays with it.
    """
    lanes = _lanes(own)
    share = max(1, limit // max(1, len(lanes)))
    return sum(_serve(own, lane, share) for lane in lanes)


def _serve(own: Scheduling, lane: _Lane, limit: int) -> int:
    integration = _integration(own, lane.number)
    parcels = claim(own, lane.number, limit, integration)
    return sending.send(own, sending.Lane(lane.number, integration), parcels) if parcels else 0


def _integration(own: Scheduling, number: int) -> Integration | None:
    """Return the integration whose mailbox sends; None for the platform, and where it is off or gone."""
    if number == PLATFORM:
        return None
    try:
        found = own.catalogue.get(str(number))
    except Refused:
        return None
    return found if found["enabled"] and found["enable_dynamic_vmrs"] else None


def _lanes(own: Scheduling) -> list[_Lane]:
    """Return the lanes with something due, those first in which nobody is at work."""
    with own.database.read() as session:
        time, now = own.database.time(session), own.now()
        lane = _lane_of().label("lane")
        due = set(session.scalars(select(lane).where(_free(time, now)).group_by(lane)))
        at_work = select(lane, func.count(OutboxRow.lease_until.distinct())).where(_held(time)).group_by(lane)
        senders = dict(session.execute(at_work).all())
        if PLATFORM in due and platform_waits.until(session) > now:
            due.discard(PLATFORM)
    lanes = [_Lane(number, senders.get(number, 0)) for number in sorted(due)]
    return sorted((lane for lane in lanes if lane.senders < _SENDERS), key=lambda lane: lane.senders)


def _lane_of() -> ColumnElement[int]:
    return case((OutboxRow.kind.in_(("room", "room_end")), PLATFORM), else_=OutboxRow.integration_id)


def _held(time: datetime) -> ColumnElement[bool]:
    return and_(OutboxRow.state == "pending", OutboxRow.lease_until > time)


def _free(time: datetime, now: datetime) -> ColumnElement[bool]:
    before = aliased(OutboxRow)
    # The row of a room lives on after it was written: its next task is the room's end, which nobody waits for.
    is_blocked = exists().where(before.id == OutboxRow.after_id, before.state == "pending", before.kind != "room_end")
    resting = select(MailboxRow.integration_id).where(or_(MailboxRow.is_passive, MailboxRow.waits_until > now))
    return and_(
        OutboxRow.state == "pending",
        OutboxRow.due_at <= now,
        or_(OutboxRow.lease_until.is_(None), OutboxRow.lease_until <= time),
        or_(OutboxRow.after_id.is_(None), ~is_blocked),
        or_(OutboxRow.kind.in_(("room", "room_end")), OutboxRow.integration_id.not_in(resting)),
    )


def claim(own: Scheduling, lane: int, limit: int, integration: Integration | None = None) -> list[Parcel]:
    """Claim what is due in a lane, and within what its mailbox may send in a minute: imminent meetings first."""
    with own.database.write() as session:
        time, now = own.database.time(session), own.now()
        which = [_free(time, now), _lane_of() == lane]
        budget = None if integration is None else _budget(session, integration, time, now)
        if budget is not None and budget > 0:
            limit = min(limit, budget)
        elif budget is not None:
            which.append(OutboxRow.kind != "reply")
        starts = case((MeetingRow.start_time >= now - _JUST_BEGAN, MeetingRow.start_time))
        query = (
            select(OutboxRow.id)
            .outerjoin(MeetingRow, MeetingRow.id == OutboxRow.meeting_id)
            .where(*which)
            .order_by(starts.is_(None), starts, OutboxRow.due_at, OutboxRow.id)
            .limit(limit)
        )
        ids = session.scalars(query.with_for_update(skip_locked=True, of=OutboxRow)).all()
        return _take(session, ids, time) if ids else []


def _take(session: Session, ids: Sequence[int], time: datetime) -> list[Parcel]:
    columns = [getattr(OutboxRow, name) for name in Parcel.__dataclass_fields__]
    taken = (
        update(OutboxRow)
        .where(OutboxRow.id.in_(ids))
        .values(fence=OutboxRow.fence + 1, lease_until=time + LASTS)
        .returning(*columns)
    )
    found = {row.id: Parcel(*row) for row in session.execute(taken, execution_options={"synchronize_session": False})}
    return [found[number] for number in ids]


def _budget(session: Session, integration: Integration, time: datetime, now: datetime) -> int | None:
    """Return how many replies the mailbox may send now; None: it has no limit. Until the end nobody else counts."""
    cap = mails_per_minute(integration)
    if cap is None:
        return None
    session.scalar(
        select(MailboxRow.integration_id).where(MailboxRow.integration_id == integration.id).with_for_update()
    )
    used = select(func.count()).where(
        OutboxRow.integration_id == integration.id,
        OutboxRow.kind == "reply",
        or_(
            and_(OutboxRow.state == "done", OutboxRow.finished_at > now - _MINUTE),
            and_(OutboxRow.state == "pending", or_(_held(time), OutboxRow.attempted_at > now - _MINUTE)),
        ),
    )
    return cap - (session.scalar(used) or 0)
