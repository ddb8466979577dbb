"""Scheduled conferences page by page, in the order in which they come, as fast with a hundred thousand as with ten.

A series stands once, with its next meeting. A single meeting stays for a day after it began, though its room is gone.
Nothing skips over rows (OFFSET) and nothing is counted: a page begins after the key of the last one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, tuple_
from sqlalchemy.orm import Session, aliased

from addin_host.domain.access import Caller
from addin_host.flows.scheduling import meeting_search
from addin_host.store.models import (
    ConferenceAliasRow,
    ConferenceRow,
    IntegrationRow,
    MeetingRow,
    ScheduledAliasRow,
    ScheduledConferenceRow,
)

KEPT = timedelta(hours=24)
ORIGIN = "VMR Scheduling for Exchange"
Key = tuple[datetime, int]
Keys = Any  # a select of keys: its type names columns, which differ
_ONE, _MEETING, _ALIAS = ScheduledConferenceRow, MeetingRow, ScheduledAliasRow


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for. `after` and `before` are keys of lines; one of them at most."""

    search: str = ""
    integration_id: int | None = None
    after: Key | None = None
    before: Key | None = None
    size: int = 25


@dataclass(frozen=True, slots=True)
class Line:
    """A conference: its meeting, or of a series the next one, and when its room can be joined.

    `name` is that of the room, or the subject where the room is gone. `integration` is blank once it is deleted.
    """

    meeting_id: int
    name: str
    subject: str
    organizer: str
    integration_id: int
    integration: str
    aliases: tuple[str, ...]
    start: datetime
    end: datetime
    opens_at: datetime
    closes_at: datetime
    is_series: bool
    has_room: bool

    @property
    def key(self) -> Key:
        """Where it stands in the list."""
        return self.start, self.meeting_id

    @property
    def origin(self) -> str:
        """What made it."""
        return origin_of(self.integration, self.integration_id)

    def state(self, now: datetime) -> tuple[str, str]:
        """Return how its state looks, and the word for it."""
        return state_of(self, now=now)


@dataclass(frozen=True, slots=True)
class Found:
    """A page of the list, and whether there is more on either side."""

    lines: Sequence[Line]
    has_earlier: bool
    has_later: bool


def origin_of(integration: str, integration_id: int) -> str:
    """Return what administrators read about where a conference comes from."""
    return f"{ORIGIN}: {integration or f'a deleted integration (number {integration_id})'}"


def state_of(one: Any, *, now: datetime) -> tuple[str, str]:
    """Return look and word of something with has_room, opens_at, start, end and closes_at."""
    if not one.has_room:
        return "neutral", "Over"
    if now > one.closes_at:
        return "neutral", "Closing"
    if now < one.opens_at:
        return "neutral", "To come"
    return ("good", "In progress") if one.start <= now <= one.end else ("good", "Open")


def page(session: Session, wanted: Wanted, *, caller: Caller, now: datetime) -> Found:
    """Return a page of the conferences within the caller's reach, the earliest first."""
    backwards = wanted.before is not None
    chosen = meeting_search.chosen(session, wanted.search)
    keys = sorted(
        {
            (row[0], row[1])
            for query in (_live(wanted, caller, now), _over(wanted, caller, now))
            for row in session.execute(query.where(*chosen))
        },
        reverse=backwards,
    )
    more, keys = len(keys) > wanted.size, keys[: wanted.size]
    lines = _lines(session, sorted(keys))
    if backwards:
        return Found(lines, has_earlier=more, has_later=True)
    return Found(lines, has_earlier=wanted.after is not None, has_later=more)


def reached(column: Any, caller: Caller, integration_id: int | None = None) -> list[ColumnElement[bool]]:
    """Return the conditions that rows are of the wanted integration, and within the caller's reach."""
    conditions: list[ColumnElement[bool]] = []
    if caller.integrations is not None:
        conditions.append(column.in_(list(caller.integrations)))
    return [*conditions, column == integration_id] if integration_id is not None else conditions


def _live(wanted: Wanted, caller: Caller, now: datetime) -> Keys:
    """Return the keys of meetings that are not over, of a series the first of them."""
    earlier = aliased(ScheduledConferenceRow)
    is_first = (
        ~select(earlier.id)
        .where(earlier.meeting_id == _ONE.meeting_id, earlier.closes_at >= now, earlier.start_time < _ONE.start_time)
        .exists()
    )
    query = (
        select(_ONE.start_time, _ONE.meeting_id)
        .join(_MEETING, _MEETING.id == _ONE.meeting_id)
        .where(_ONE.closes_at >= now, *reached(_ONE.integration_id, caller, wanted.integration_id))
        .where(or_(_ONE.recurring_conference_id.is_(None), is_first))
    )
    return _turned(query, _ONE.start_time, _ONE.meeting_id, wanted)


def _over(wanted: Wanted, caller: Caller, now: datetime) -> Keys:
    """Return the keys of single meetings that began lately and whose room is gone."""
    query = select(_MEETING.start_time, _MEETING.id).where(
        _MEETING.start_time >= now - KEPT,
        _MEETING.start_time <= now,
        _MEETING.state == "scheduled",
        _MEETING.conference_id.is_(None),
        *reached(_MEETING.integration_id, caller, wanted.integration_id),
    )
    return _turned(query, _MEETING.start_time, _MEETING.id, wanted)


def _turned(query: Keys, start: Any, number: Any, wanted: Wanted) -> Keys:
    if wanted.before is not None:
        before = and_(start <= wanted.before[0], tuple_(start, number) < tuple_(*wanted.before))
        return query.where(before).order_by(start.desc(), number.desc()).limit(wanted.size + 1)
    if wanted.after is not None:
        query = query.where(start >= wanted.after[0], tuple_(start, number) > tuple_(*wanted.after))
    return query.order_by(start, number).limit(wanted.size + 1)


def _lines(session: Session, keys: Sequence[Key]) -> list[Line]:
    ids = [number for _start, number in keys]
    rooms = {
        (row.start_time, row.meeting_id): row
        for row in session.scalars(
            select(_ONE).where(_ONE.meeting_id.in_(ids), _ONE.start_time.in_([start for start, _number in keys]))
        )
    }
    found = session.execute(
        select(_MEETING, ConferenceRow.name, IntegrationRow.name)
        .outerjoin(ConferenceRow, ConferenceRow.id == _MEETING.conference_id)
        .outerjoin(IntegrationRow, IntegrationRow.id == _MEETING.integration_id)
        .where(_MEETING.id.in_(ids))
    )
    meetings = {row.id: (row, name or row.subject, integration or "") for row, name, integration in found}
    aliases = aliases_of(session, [row for row, _name, _integration in meetings.values()])
    return [
        _line(*meetings[number], aliases[number], start, rooms.get((start, number)))
        for start, number in keys
        if number in meetings
    ]


def _line(
    meeting: MeetingRow,
    name: str,
    integration: str,
    aliases: tuple[str, ...],
    start: datetime,
    room: ScheduledConferenceRow | None,
) -> Line:
    end = room.end_time if room else meeting.end_time or start
    return Line(
        meeting_id=meeting.id,
        name=name or f"Meeting {meeting.id}",
        subject=room.subject if room else meeting.subject,
        organizer=meeting.organizer,
        integration_id=meeting.integration_id,
        integration=integration,
        aliases=aliases,
        start=start,
        end=end,
        opens_at=room.opens_at if room else start,
        closes_at=room.closes_at if room else end,
        is_series=meeting.series is not None,
        has_room=room is not None,
    )


def aliases_of(session: Session, meetings: Sequence[MeetingRow]) -> Mapping[int, tuple[str, ...]]:
    """Return the aliases of each meeting: of its room as they are, of one whose room is gone those that it had."""
    by_room = {row.conference_id: row.id for row in meetings if row.conference_id is not None}
    by_alias = {row.alias_id: row.id for row in meetings if row.conference_id is None and row.alias_id is not None}
    found: dict[int, list[str]] = {row.id: [] for row in meetings}
    in_order = (ConferenceAliasRow.view_order, ConferenceAliasRow.id)
    wanted = ConferenceAliasRow.conference_id.in_(by_room)
    for one in session.scalars(select(ConferenceAliasRow).where(wanted).order_by(*in_order)):
        found[by_room[one.conference_id]].append(one.alias)
    for had in session.scalars(select(_ALIAS).where(_ALIAS.id.in_(by_alias))):
        found[by_alias[had.id]] += [had.alias, had.numeric_alias]
    return {number: tuple(aliases) for number, aliases in found.items()}


def integrations_of(session: Session, *, caller: Caller) -> list[tuple[int, str]]:
    """Return number and name of the integrations within reach, by name."""
    query = select(IntegrationRow.id, IntegrationRow.name).where(*reached(IntegrationRow.id, caller))
    return [(number, name) for number, name in session.execute(query.order_by(func.lower(IntegrationRow.name)))]
