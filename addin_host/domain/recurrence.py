"""When the occurrences of a series take place, worked out here (design/scheduling.md section 9).

A series says wall times in its organizer's zone: each occurrence begins and ends at the wall times of its own day, and
both are converted one by one. Where the mailbox expanded the series itself, its word goes before ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from itertools import chain, islice

from addin_host.domain.calendar import Occurrence, Series, Zone, ZoneRules
from addin_host.domain.pattern import days
from addin_host.domain.zones import zone_of

_EARLIEST, _LATEST = datetime(10, 1, 1, tzinfo=UTC), datetime(9990, 1, 1, tzinfo=UTC)
_LONGEST = 1825 * 24 * 60  # minutes; Outlook has no longer meetings
_MARGIN = timedelta(days=2)  # how far a day in any zone may be from the same day in UTC
_DAY = 24 * 60


def occurrences(series: Series, since: datetime, until: datetime, limit: int = 5000) -> tuple[Occurrence, ...]:
    """Return the occurrences of which any instant lies in [since, until], earliest first, `limit` at most.

    Exceptions stand where they were moved to; deleted occurrences are left out. The mailbox's expansion is not looked
    at. In a zone that nobody knows, wall times are taken as the mailbox's own instants show them, else as UTC.
    """
    since, until = max(since, _EARLIEST), min(until, _LATEST)
    planned = islice(_planned(series, since, until), limit)
    moved = (exception for exception in _exceptions(series) if _touches(exception, since, until))
    return tuple(sorted((*planned, *moved), key=_by_start)[:limit])


def merged(series: Series, since: datetime, until: datetime, limit: int = 5000) -> tuple[Occurrence, ...]:
    """Return the same by the mailbox's expansion for the time that it covers, by our own before and after."""
    if series.expansion is None:
        return occurrences(series, since, until, limit)
    theirs = [item for item in series.expansion if _touches(item, since, until)]
    known = {item.original for item in series.expansion}
    ours = [
        item
        for item in occurrences(series, since, until, limit)
        if item.original not in known and not _is_covered(series, item)
    ]
    return tuple(sorted((*theirs, *ours), key=_by_start)[:limit])


def is_over(series: Series, now: datetime) -> bool:
    """Whether no occurrence ends after `now`; where the mailbox expanded the series, by its expansion."""
    ours = chain(_exceptions(series), _planned(series, max(now, _EARLIEST), _LATEST))
    to_come = chain(series.expansion or (), (item for item in ours if not _is_covered(series, item)))
    return not any(item.end > now for item in to_come)


def settled(series: Series) -> Series:
    """Return a series that does without the mailbox's expansion: a zone that nobody knows gets the offset it shows."""
    if zone_of(series.zone) is not None:
        return series
    offset = _zone(series).utcoffset(None) or timedelta()
    return replace(series, zone=replace(series.zone, rules=ZoneRules(int(offset.total_seconds()))))


def is_zone_guessed(series: Series) -> bool:
    """Whether the zone has no name that says anything, so that the mailbox knows better what its clocks do."""
    return zone_of(Zone(series.zone.name)) is None


def occurrence_key(original: datetime) -> str:
    """Return the name of an occurrence in tables and answers: its original start, in UTC, without separators."""
    return f"{original.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _by_start(item: Occurrence) -> tuple[datetime, datetime]:
    return item.start, item.original


def _touches(item: Occurrence, since: datetime, until: datetime) -> bool:
    return item.start <= until and item.end >= since


def _is_covered(series: Series, item: Occurrence) -> bool:
    """Whether the mailbox expanded the series for the time of an occurrence."""
    if series.expansion is None or series.expanded_from is None or series.expanded_until is None:
        return False
    return item.start < series.expanded_until and item.end > series.expanded_from


def _exceptions(series: Series) -> list[Occurrence]:
    """Return the exceptions, one for each original start, without those that were deleted."""
    deleted = frozenset(series.deleted)
    return list({item.original: item for item in series.exceptions if item.original not in deleted}.values())


@dataclass(frozen=True, slots=True)
class _Departures:
    """The occurrences that are not where the pattern puts them, by instant and by day in the series' zone.

    The day counts as well, since Exchange goes by it, and since a zone's rules may have changed since.
    """

    instants: frozenset[datetime]
    days: frozenset[date]

    @classmethod
    def of(cls, series: Series, zone: tzinfo) -> _Departures:
        instants = frozenset((*(item.original for item in series.exceptions), *series.deleted))
        usable = (instant for instant in instants if _EARLIEST <= instant <= _LATEST)
        return cls(instants, frozenset(instant.astimezone(zone).date() for instant in usable))


def _planned(series: Series, since: datetime, until: datetime) -> Iterator[Occurrence]:
    """Yield the occurrences that take place as the pattern says, earliest first."""
    zone = _zone(series)
    departures = _Departures.of(series, zone)
    minutes = min(max(series.minutes, 0), _LONGEST)
    earliest = since - timedelta(minutes=minutes) - _MARGIN
    before: datetime | None = None
    for day in days(series.recurrence, earliest.date(), (until + _MARGIN).date()):
        start, end = _span(day, series.starts, minutes, zone)
        if start > until:
            return
        # Where a zone skipped a whole day, that day's occurrence falls onto the next one's.
        is_other = start != before
        before = start
        if is_other and end >= since and start not in departures.instants and day not in departures.days:
            yield Occurrence(start, start, end)


def _span(day: date, starts: time, minutes: int, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return start and end in UTC of the occurrence of a day.

    One that would begin at a wall time that does not exist moves as a whole by the gap; whole days end at midnight
    though, an hour short.
    """
    wall = datetime.combine(day, starts, zone)
    start, length = wall.astimezone(UTC), timedelta(minutes=minutes)
    is_whole_days = starts == time() and minutes % _DAY == 0
    if _is_in_gap(wall) and not is_whole_days:
        return start, start + length
    return start, max((wall + length).astimezone(UTC), start)


def _is_in_gap(wall: datetime) -> bool:
    before, after = wall.utcoffset(), wall.replace(fold=1).utcoffset()
    return before is not None and after is not None and before < after


def _zone(series: Series) -> tzinfo:
    """Return the series' zone; for one that nobody knows, the offset that the mailbox's own instants show."""
    known = zone_of(series.zone)
    if known is not None:
        return known
    shown = [item.original for item in (*(series.expansion or ()), *series.exceptions)] + list(series.deleted)
    if not shown:
        return UTC
    wall = datetime.combine(shown[0].astimezone(UTC).date(), series.starts, UTC)
    offset = (wall - shown[0].astimezone(UTC)) % timedelta(days=1)
    return timezone(offset if offset <= timedelta(hours=14) else offset - timedelta(days=1))
