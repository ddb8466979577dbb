"""VMRs that belong to meetings, as administrators meet them in the directory and through REST (scheduling.md 14).

Their two assigned aliases stand in invitations that were sent, so they stay; other aliases may be added.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from addin_host.domain.errors import Reason, Refused
from addin_host.domain.rooms import TAG_PREFIX
from addin_host.flows.scheduling import applying, room_writes
from addin_host.store.models import ConferenceRow, MeetingRow, ScheduledAliasRow, ScheduledConferenceRow

BY_ADMINISTRATOR = "administrator"
OF_A_MEETING = "belongs to a meeting. It is changed under Conferences, and through the meeting itself."
_TOLD_TO_ALL = ("name", "description", "service_type", "allow_guests", "participant_limit", "ivr_theme_id", "tag")
NO_PIN = "stays blank: the VMR of a meeting has no PIN."


def require_assigned(session: Session, conference: ConferenceRow, kept: Collection[str]) -> None:
    """Raise Refused(CONFLICT) unless the aliases that the meeting was given are among those kept."""
    if not conference.is_scheduled:
        return
    held = {alias.lower() for alias in kept}
    for alias in _assigned(session, conference.id):
        if alias.lower() not in held:
            raise protected(alias)


def require_free(session: Session, conference: ConferenceRow | None, alias: str) -> None:
    """Raise Refused(CONFLICT) when the alias is one of the two that a meeting was given."""
    if conference is not None and conference.is_scheduled:
        assigned = {one.lower() for one in _assigned(session, conference.id)}
        if alias.lower() in assigned:
            raise protected(alias)


def require_closed(session: Session, conference: ConferenceRow, given: Mapping[str, Any], *, now: datetime) -> None:
    """Raise Refused(CONFLICT) when something would change that all participants must be told alike, while they join."""
    changes = any(name in given and getattr(conference, name) != given[name] for name in _TOLD_TO_ALL)
    if conference.is_scheduled and changes and _is_open(session, conference.id, now):
        raise Refused(Reason.CONFLICT, "People can join this meeting now. Change its VMR when the meeting is over.")


def _is_open(session: Session, conference_id: int, now: datetime) -> bool:
    row = ScheduledConferenceRow
    window = (row.conference_id == conference_id, row.opens_at <= now, row.closes_at >= now)
    return session.scalar(select(row.id).where(*window).limit(1)) is not None


def protected(alias: str) -> Refused:
    """Return the refusal for an alias that a meeting was given."""
    text = f"{alias!r} was given to a meeting and stands in its invitation, so it stays. Other aliases may be added."
    return Refused(Reason.CONFLICT, text)


def _assigned(session: Session, conference_id: int) -> Sequence[str]:
    row = session.execute(
        select(ScheduledAliasRow.alias, ScheduledAliasRow.numeric_alias)
        .join(MeetingRow, MeetingRow.alias_id == ScheduledAliasRow.id)
        .where(MeetingRow.conference_id == conference_id)
    ).first()
    return tuple(row) if row else ()


def follow(session: Session, conference: ConferenceRow, *, now: datetime) -> None:
    """Have the conference platform follow a change of a meeting's VMR."""
    if conference.is_scheduled:
        room_writes.plan(session, [conference.id], now=now)


def remove(session: Session, conference: ConferenceRow, *, now: datetime) -> None:
    """Delete the VMR of a meeting: its aliases rest, and the next update of the meeting is declined."""
    meeting = meeting_of(session, conference.id)
    if meeting is not None:
        session.expunge(conference)
        applying.remove_meeting(session, meeting, reason=BY_ADMINISTRATOR, now=now)
        return
    room_writes.end(session, [TAG_PREFIX + conference.uuid], now=now)
    session.delete(conference)


def meeting_of(session: Session, conference_id: int) -> MeetingRow | None:
    """Return the meeting whose VMR it is, or None."""
    return session.scalar(select(MeetingRow).where(MeetingRow.conference_id == conference_id))


def occurrences(session: Session, conference_ids: Sequence[int]) -> dict[int, list[int]]:
    """Return the ids of the times at which meetings take place, by VMR and in order; those without are left out."""
    found: dict[int, list[int]] = {}
    if not conference_ids:
        return found
    row = ScheduledConferenceRow
    chosen = select(row.conference_id, row.id).where(row.conference_id.in_(conference_ids))
    for conference_id, number in session.execute(chosen.order_by(row.start_time, row.id)):
        found.setdefault(conference_id, []).append(number)
    return found
