"""A time zone that a mailbox spelled out as rules, the same ones for every year."""

from __future__ import annotations

from calendar import monthrange
from datetime import MAXYEAR, MINYEAR, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple

from addin_host.domain.calendar import Transition, ZoneRules

_MOST = 18 * 3600  # seconds; no zone is further from UTC


def ruled_zone(rules: ZoneRules) -> tzinfo | None:
    """Return the zone of some rules, None for offsets that no zone has.

    Without two changes that the calendar has, the zone keeps its standard offset.
    """
    offsets = (rules.standard_offset, rules.daylight_offset or 0)
    return RuledZone(rules) if all(abs(offset) <= _MOST for offset in offsets) else None


class RuledZone(tzinfo):
    """Offsets by rules. As everywhere, `fold` decides doubtful wall times: 0 stands for the offset of before."""

    def __init__(self, rules: ZoneRules) -> None:
        self._standard = timedelta(seconds=rules.standard_offset)
        self._rules = rules if _changes_every_year(rules) else None

    def utcoffset(self, when: datetime | None) -> timedelta:
        """Return the offset at a wall time."""
        if when is None or self._rules is None:
            return self._standard
        wall = when.replace(tzinfo=None, fold=0)
        changes = _changes(self._rules, wall.year)
        return next((change.offset for change in changes if change.holds_from[when.fold] <= wall), changes[-1].offset)

    def fromutc(self, when: datetime) -> datetime:
        """Return an instant, given as a wall time of UTC, as a wall time of the zone."""
        if self._rules is None:
            return when + self._standard
        instant = when.replace(tzinfo=None)
        changes = _changes(self._rules, instant.year)
        offset = next((change.offset for change in changes if change.instant <= instant), changes[-1].offset)
        wall = when + offset
        return wall if self.utcoffset(wall) == offset else wall.replace(fold=1)

    def dst(self, when: datetime | None) -> timedelta:
        """Return how far the clock is from standard time."""
        return self.utcoffset(when) - self._standard

    def tzname(self, when: datetime | None) -> str:
        """Return the offset in words; the zone has no name."""
        return f"UTC{self.utcoffset(when) / timedelta(hours=1):+g}"


class _Change(NamedTuple):
    """A change of offset: its instant in UTC, and the wall times from which it holds by fold."""

    instant: datetime
    holds_from: tuple[datetime, datetime]
    offset: timedelta


def _changes_every_year(rules: ZoneRules) -> bool:
    both = (rules.to_standard, rules.to_daylight)
    return rules.daylight_offset is not None and all(change is not None and _is_sound(change) for change in both)


def _is_sound(change: Transition) -> bool:
    by_weekday = change.weekday is not None and 0 <= change.weekday <= 6 and 1 <= change.nth <= 5
    return 1 <= change.month <= 12 and (by_weekday or (change.weekday is None and 1 <= change.day <= 31))


@lru_cache(maxsize=4096)
def _changes(rules: ZoneRules, year: int) -> tuple[_Change, ...]:
    """Return the changes of a year and its neighbours, the latest first: one may lie at the turn of the year."""
    assert rules.to_standard and rules.to_daylight  # noqa: S101 - RuledZone asks only then
    standard, daylight = timedelta(seconds=rules.standard_offset), timedelta(seconds=rules.daylight_offset or 0)
    found = []
    for each in range(max(year - 1, MINYEAR + 1), min(year + 1, MAXYEAR - 1) + 1):
        found.append(_change(_wall_time(rules.to_standard, each), daylight, standard))
        found.append(_change(_wall_time(rules.to_daylight, each), standard, daylight))
    return tuple(sorted(found, reverse=True))


def _change(wall: datetime, before: timedelta, after: timedelta) -> _Change:
    ends, begins = wall, wall + (after - before)
    return _Change(wall - before, (max(ends, begins), min(ends, begins)), after)


def _wall_time(change: Transition, year: int) -> datetime:
    """Return when a change takes place in a year, by the clock of before."""
    starts_on, length = monthrange(year, change.month)
    if change.weekday is None:
        day = min(change.day, length)
    else:
        first = 1 + (change.weekday - starts_on) % 7
        day = max(each for each in range(first, first + 7 * change.nth, 7) if each <= length)
    return datetime.combine(date(year, change.month, day), change.at)
