"""One meeting as administrators see it: its room, its occurrences, and its history from mail to room to answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from addin_host.domain.access import Caller, Permission
from addin_host.domain.errors import Reason, Refused
from addin_host.flows import audit
from addin_host.flows.audit import Subject
from addin_host.flows.scheduling import applying, operations
from addin_host.flows.scheduling.listing import aliases_of, origin_of, state_of
from addin_host.flows.scheduling.operations import Operation
from addin_host.flows.scheduling.repair import Item
from addin_host.flows.scheduling.waiting import unfinished
from addin_host.store.models import ConferenceRow, IntegrationRow, MeetingRow, ScheduledConferenceRow

SHOWN = 100
KIND = "conference"
_STATES = {
    "cancelled": ("neutral", "Cancelled"),
    "rejected": ("bad", "Rejected"),
    "removed": ("warning", "Removed by an administrator"),
}
_ONE = ScheduledConferenceRow


@dataclass(frozen=True, slots=True)
class Occurrence:
    """When a meeting, or one of a series, takes place, and when its room can be joined."""

    start: datetime
    end: datetime
    opens_at: datetime
    closes_at: datetime
    subject: str
    has_room: bool = True

    def state(self, now: datetime) -> tuple[str, str]:
        """Return how its state looks, and the word for it."""
        return state_of(self, now=now)


@dataclass(frozen=True, slots=True)
class Meeting:
    """A meeting. `occurrences` are the first SHOWN that are not over, of `known_occurrences` that have rows.

    `waiting` are the mails and answers that are not dealt with, or were given up.
    """

    id: int
    integration_id: int
    integration: str
    name: str
    subject: str
    organizer: str
    organizer_name: str
    state: str
    reason: str
    is_series: bool
    has_room: bool
    aliases: tuple[str, ...]
    start: datetime | None
    end: datetime | None
    zone: str
    created_at: datetime
    updated_at: datetime
    occurrences: Sequence[Occurrence]
    known_occurrences: int
    history: Sequence[Operation]
    waiting: Sequence[Item]

    @property
    def origin(self) -> str:
        """What made it."""
        return origin_of(self.integration, self.integration_id)

    def standing(self, now: datetime) -> tuple[str, str]:
        """Return how its state looks, and the words for it."""
        if self.state in _STATES:
            return _STATES[self.state]
        return self.occurrences[0].state(now) if self.occurrences else ("neutral", "Over")


def find(session: Session, meeting_id: int, *, caller: Caller, now: datetime) -> Meeting:
    """Return one meeting. Raises Refused, the same way whether it is unknown or out of reach."""
    row = _row(session, meeting_id, caller)
    room = session.get(ConferenceRow, row.conference_id) if row.conference_id is not None else None
    integration = session.scalar(select(IntegrationRow.name).where(IntegrationRow.id == row.integration_id))
    to_come = (_ONE.meeting_id == row.id, _ONE.closes_at >= now)
    shown = session.scalars(select(_ONE).where(*to_come).order_by(_ONE.start_time).limit(SHOWN))
    history = operations.of_meeting(session, row, size=SHOWN)
    return Meeting(
        id=row.id,
        integration_id=row.integration_id,
        integration=integration or "",
        name=room.name if room else row.subject or f"Meeting {row.id}",
        subject=row.subject,
        organizer=row.organizer,
        organizer_name=row.organizer_name,
        state=row.state,
        reason=row.reason,
        is_series=row.series is not None,
        has_room=room is not None,
        aliases=aliases_of(session, [row])[row.id],
        start=row.start_time,
        end=row.end_time,
        zone=row.zone,
        created_at=row.created_at,
        updated_at=row.updated_at,
        occurrences=[
            Occurrence(one.start_time, one.end_time, one.opens_at, one.closes_at, one.subject) for one in shown
        ],
        known_occurrences=session.scalar(select(func.count()).where(*to_come)) or 0,
        history=history,
        waiting=unfinished(session, row, {step.correlation_id for step in history}),
    )


def _row(session: Session, meeting_id: int, caller: Caller, *, to_change: bool = False) -> MeetingRow:
    row = session.get(MeetingRow, meeting_id, with_for_update=to_change or None)
    if row is None or not caller.reaches(row.integration_id):
        raise Refused(Reason.UNKNOWN, "There is no such conference.")
    return row


def remove(session: Session, meeting_id: int, *, caller: Caller, now: datetime) -> str:
    """Take the room of a meeting away now, and return its name. Raises Refused."""
    caller.require(Permission.CHANGE_CONFERENCES)
    row = _row(session, meeting_id, caller, to_change=True)
    room = session.get(ConferenceRow, row.conference_id) if row.conference_id is not None else None
    if room is None:
        raise Refused(Reason.CONFLICT, "This conference has no room any more.")
    name, aliases = room.name, list(aliases_of(session, [row])[row.id])
    applying.remove_meeting(session, row, reason="administrator", now=now)
    subject = Subject(KIND, row.id, name, row.integration_id)
    audit.record(session, caller, "remove", subject, now=now, before={"aliases": aliases})
    return name
