"""One day of scheduled conferences as a picture: which room is open when, in the time zone of the integration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import select
from sqlalchemy.orm import Session

from addin_host.domain.access import Caller
from addin_host.flows.scheduling.listing import reached, state_of
from addin_host.store.models import ConferenceRow, IntegrationRow, MeetingRow, ScheduledConferenceRow

WIDTH = 1440  # of the picture: a minute of an ordinary day each
SIZE = 100
_LONGEST = timedelta(days=7)  # a meeting that takes longer is drawn for its first week only
_BUFFER = timedelta(hours=3)
_EVERY_HOURS = 3
_ONE, _MEETING = ScheduledConferenceRow, MeetingRow


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of the day, in units of the picture."""

    x: int
    width: int


@dataclass(frozen=True, slots=True)
class Room:
    """One meeting of the day: `window` is when its room can be joined, `meeting` when it takes place."""

    meeting_id: int
    name: str
    organizer: str
    integration: str
    start: datetime
    end: datetime
    opens_at: datetime
    closes_at: datetime
    has_room: bool
    window: Bar
    meeting: Bar

    def state(self, now: datetime) -> tuple[str, str]:
        """Return how its state looks, and the word for it."""
        return state_of(self, now=now)


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the picture, and the time that it stands for."""

    x: int
    label: str


@dataclass(frozen=True, slots=True)
class Day:
    """What is drawn. `now` is where the present is, None on other days; `zone_name` is what all times are in."""

    day: date
    zone: tzinfo
    zone_name: str
    rooms: Sequence[Room]
    ticks: Sequence[Tick]
    now: int | None
    has_more: bool


def zone_for(session: Session, integration_id: int | None, *, caller: Caller) -> tuple[tzinfo, str]:
    """Return the zone of one integration, or the one that all within reach share; UTC where they differ."""
    rows = session.scalars(select(IntegrationRow.record).where(*reached(IntegrationRow.id, caller, integration_id)))
    names = {str(record.get("time_zone") or "UTC") for record in rows}
    if len(names) != 1:
        return UTC, "UTC"
    (name,) = names
    try:
        return ZoneInfo(name), name
    except (ZoneInfoNotFoundError, ValueError):
        return UTC, "UTC"


def day_of(
    session: Session,
    day: date,
    *,
    zone: tuple[tzinfo, str],
    integration_id: int | None,
    page: int = 1,
    caller: Caller,
    now: datetime,
) -> Day:
    """Return the rooms that are open at some time of a day, by their start; SIZE of them on each page."""
    since, until = (datetime.combine(one, time(), zone[0]).astimezone(UTC) for one in (day, day + timedelta(days=1)))
    scale = _Scale(since, until)
    found = [*_live(session, scale, caller, integration_id), *_over(session, scale, caller, integration_id, now)]
    found.sort(key=lambda room: (room.start, room.meeting_id))
    first = (page - 1) * SIZE
    return Day(
        day=day,
        zone=zone[0],
        zone_name=zone[1],
        rooms=found[first : first + SIZE],
        ticks=_ticks(day, zone[0], scale),
        now=scale.place(now) if since <= now < until else None,
        has_more=len(found) > first + SIZE,
    )


@dataclass(frozen=True, slots=True)
class _Scale:
    """A day of 23 to 25 hours, drawn WIDTH wide."""

    since: datetime
    until: datetime

    def place(self, at: datetime) -> int:
        at = min(max(at, self.since), self.until)
        return round((at - self.since) / (self.until - self.since) * WIDTH)

    def bar(self, start: datetime, end: datetime) -> Bar:
        x = self.place(start)
        return Bar(x, max(self.place(end) - x, 0))


def _live(session: Session, scale: _Scale, caller: Caller, integration_id: int | None) -> list[Room]:
    query = (
        select(_ONE, _MEETING.organizer, ConferenceRow.name, IntegrationRow.name)
        .join(_MEETING, _MEETING.id == _ONE.meeting_id)
        .join(ConferenceRow, ConferenceRow.id == _ONE.conference_id)
        .outerjoin(IntegrationRow, IntegrationRow.id == _ONE.integration_id)
        .where(_ONE.start_time >= scale.since - _LONGEST, _ONE.start_time < scale.until + _BUFFER)
        .where(_ONE.closes_at > scale.since, _ONE.opens_at < scale.until)
        .where(*reached(_ONE.integration_id, caller, integration_id))
    )
    return [
        Room(
            meeting_id=row.meeting_id,
            name=name,
            organizer=organizer,
            integration=integration or "",
            start=row.start_time,
            end=row.end_time,
            opens_at=row.opens_at,
            closes_at=row.closes_at,
            has_room=True,
            window=scale.bar(row.opens_at, row.closes_at),
            meeting=scale.bar(row.start_time, row.end_time),
        )
        for row, organizer, name, integration in session.execute(query)
    ]


def _over(session: Session, scale: _Scale, caller: Caller, integration_id: int | None, now: datetime) -> list[Room]:
    """Return single meetings of a day that is past, whose rooms are gone."""
    if scale.since > now:
        return []
    query = (
        select(_MEETING, IntegrationRow.name)
        .outerjoin(IntegrationRow, IntegrationRow.id == _MEETING.integration_id)
        .where(_MEETING.start_time >= scale.since, _MEETING.start_time < min(scale.until, now))
        .where(_MEETING.state == "scheduled", _MEETING.conference_id.is_(None))
        .where(*reached(_MEETING.integration_id, caller, integration_id))
    )
    found = []
    for row, integration in session.execute(query):
        start = row.start_time or now
        end = row.end_time or start
        bar = scale.bar(start, end)
        name = row.subject or f"Meeting {row.id}"
        found.append(Room(row.id, name, row.organizer, integration or "", start, end, start, end, False, bar, bar))
    return found


def _ticks(day: date, zone: tzinfo, scale: _Scale) -> list[Tick]:
    hours = range(0, 24, _EVERY_HOURS)
    return [Tick(scale.place(datetime.combine(day, time(hour), zone)), f"{hour:02}:00") for hour in hours]
