"""When a series takes place, written down as slowly and plainly as the definitions are (MS-OXOCAL, EWS).

It walks from day to day and asks of each whether the pattern means it; it looks for the instants whose wall time is the
one wanted, by turning instants into wall times only. It shares no code with addin_host.domain.recurrence.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache

from addin_host.domain.calendar import Frequency, Occurrence, Recurrence, Series, WeekIndex

DAY = timedelta(days=1)
NTH = {WeekIndex.FIRST: 1, WeekIndex.SECOND: 2, WeekIndex.THIRD: 3, WeekIndex.FOURTH: 4}


def planned_days(pattern: Recurrence, until: date) -> Iterator[date]:
    """Every day of the pattern up to `until`."""
    day, days, weeks, months, years, found = pattern.first_day, 0, 0, 0, 0, 0
    while day <= until and (pattern.last_day is None or day <= pattern.last_day):
        match pattern.frequency:
            case Frequency.DAILY:
                meant = days % pattern.interval == 0
            case Frequency.WEEKLY:
                meant = weeks % pattern.interval == 0 and day.weekday() in pattern.days_of_week
            case Frequency.ABSOLUTE_MONTHLY:
                meant = months % pattern.interval == 0 and is_the_number(pattern, day)
            case Frequency.RELATIVE_MONTHLY:
                meant = months % pattern.interval == 0 and is_the_nth(pattern, day)
            case Frequency.ABSOLUTE_YEARLY:
                meant = years % pattern.interval == 0 and day.month == pattern.month and is_the_number(pattern, day)
            case Frequency.RELATIVE_YEARLY:
                meant = years % pattern.interval == 0 and day.month == pattern.month and is_the_nth(pattern, day)
        if meant:
            found += 1
            yield day
            if found == pattern.count:
                return
        day += DAY
        days += 1
        weeks += day.weekday() == pattern.week_starts
        months += day.day == 1
        years += day.day == 1 and day.month == 1


def is_the_number(pattern: Recurrence, day: date) -> bool:
    """Whether the day has the number, or is the last of a month that does not have so many."""
    is_last = (day + DAY).day == 1
    return day.day == pattern.day_of_month or (is_last and day.day < pattern.day_of_month)


def is_the_nth(pattern: Recurrence, day: date) -> bool:
    """Whether the day is the nth, or the last, of those of its month that are meant."""
    if day.weekday() not in pattern.days_of_week:
        return False
    if pattern.index is WeekIndex.LAST:
        later = (day + DAY * ahead for ahead in range(1, 32))
        return not any(each.month == day.month and each.weekday() in pattern.days_of_week for each in later)
    so_far = [number for number in range(1, day.day + 1) if day.replace(day=number).weekday() in pattern.days_of_week]
    return len(so_far) == NTH[pattern.index]


@lru_cache(maxsize=200_000)
def instant_of(wall: datetime, zone: tzinfo) -> tuple[datetime, bool]:
    """The first instant at which clocks show the wall time, and True; in a gap the one by the clock of before."""
    around = [(wall + shift).replace(tzinfo=UTC).astimezone(zone).utcoffset() for shift in (-2 * DAY, 2 * DAY)]
    near = [(wall + shift).replace(tzinfo=UTC).astimezone(zone).utcoffset() for shift in (-DAY, DAY)]
    tried = sorted((wall - offset).replace(tzinfo=UTC) for offset in {*around, *near})
    shown = [instant for instant in tried if instant.astimezone(zone).replace(tzinfo=None, fold=0) == wall]
    if shown:
        return shown[0], True
    before = min(offset for offset in near)  # a gap: the clock of before shows less
    return (wall - before).replace(tzinfo=UTC), False


def takes_place(series: Series, day: date, zone: tzinfo) -> tuple[datetime, datetime]:
    """Start and end of the occurrence of a day."""
    wall, length = datetime.combine(day, series.starts), timedelta(minutes=series.minutes)
    start, exists = instant_of(wall, zone)
    if exists or (series.starts.hour == series.starts.minute == 0 and series.minutes % 1440 == 0):
        return start, max(start, instant_of(wall + length, zone)[0])
    return start, start + length


def all_occurrences(series: Series, zone: tzinfo, until: date) -> list[Occurrence]:
    """All of a series whose days are up to `until`, exceptions and deleted ones regarded."""
    found = {}
    for day in planned_days(series.recurrence, until):
        start, end = takes_place(series, day, zone)
        found.setdefault(start, Occurrence(start, start, end))
    for exception in series.exceptions:
        found[exception.original] = exception
    for original in series.deleted:
        found.pop(original, None)
    return sorted(found.values(), key=lambda item: (item.start, item.original))
