"""Series as EWS describes them: pattern, range, and what departs from the pattern."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime

from addin_host.domain.calendar import Frequency, Occurrence, Recurrence, Series, WeekIndex, Zone
from addin_host.domain.zones import zone_of
from addin_host.gateways.ews.wire import Element, each, find, instant, local, text
from addin_host.gateways.ews.zones import WEEKDAYS

_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_DAYS: Mapping[str, tuple[int, ...]] = {
    **{name: (number,) for number, name in enumerate(WEEKDAYS)},
    "Day": (0, 1, 2, 3, 4, 5, 6),
    "Weekday": (0, 1, 2, 3, 4),
    "WeekendDay": (5, 6),
}


def series_from(item: Element, zone: Zone, start: datetime, end: datetime) -> Series | None:
    """Return the series that a master describes, None for a single meeting. Raises ValueError or LookupError."""
    described = find(item, "t:Recurrence")
    if described is None:
        return None
    where = zone_of(zone) or UTC
    wall, ends = start.astimezone(where), end.astimezone(where)
    return Series(
        recurrence=_recurrence(described),
        zone=zone,
        starts=wall.time(),
        minutes=round((ends.replace(tzinfo=None) - wall.replace(tzinfo=None)).total_seconds() / 60),
        exceptions=tuple(_exception(each_one) for each_one in each(item, "t:ModifiedOccurrences/t:Occurrence")),
        deleted=tuple(_at(gone, "t:Start") for gone in each(item, "t:DeletedOccurrences/t:DeletedOccurrence")),
    )


def _recurrence(described: Element) -> Recurrence:
    pattern, limits = described[0], described[1]
    name = local(pattern).removesuffix("Recurrence")
    last_day, count, month = text(limits, "t:EndDate"), text(limits, "t:NumberOfOccurrences"), text(pattern, "t:Month")
    days = {day for word in text(pattern, "t:DaysOfWeek").split() for day in _DAYS[word]}
    return Recurrence(
        frequency=Frequency(name[0].lower() + name[1:]),
        interval=int(text(pattern, "t:Interval") or 1),
        first_day=_day(text(limits, "t:StartDate")),
        days_of_week=tuple(sorted(days)),
        index=WeekIndex((text(pattern, "t:DayOfWeekIndex") or "First").lower()),
        day_of_month=int(text(pattern, "t:DayOfMonth") or 1),
        month=_MONTHS.index(month) + 1 if month else 1,
        week_starts=WEEKDAYS.index(text(pattern, "t:FirstDayOfWeek") or "Sunday"),
        last_day=_day(last_day) if last_day else None,
        count=int(count) if count else None,
    )


def _day(written: str) -> date:
    """Return a date; the offset that Exchange writes behind it says nothing about the day."""
    return date.fromisoformat(written[:10])


def _exception(occurrence: Element) -> Occurrence:
    return Occurrence(_at(occurrence, "t:OriginalStart"), _at(occurrence, "t:Start"), _at(occurrence, "t:End"))


def _at(element: Element, path: str) -> datetime:
    at = instant(text(element, path))
    if at is None:
        raise ValueError(path)
    return at


def expanded(item: Element) -> Occurrence:
    """Return an occurrence as a calendar view lists it. Raises ValueError."""
    start = _at(item, "t:Start")
    original = instant(text(item, "t:OriginalStart")) or start
    return Occurrence(original, start, _at(item, "t:End"), text(item, "t:Subject"))
