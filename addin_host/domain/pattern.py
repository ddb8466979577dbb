"""Which days a pattern of EWS and Graph falls on (design/scheduling.md section 9).

A pattern counts in periods from its first day: days, weeks, months or years, every `interval` of them. A week begins
with `week_starts`. Every period has the same number of days, so any period is reached, and any day is numbered, without
counting through those before.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import partial
from itertools import count, takewhile

from addin_host.domain.calendar import Frequency, Recurrence, WeekIndex

_MONTHLY = (Frequency.ABSOLUTE_MONTHLY, Frequency.RELATIVE_MONTHLY)
_RELATIVE = (Frequency.RELATIVE_MONTHLY, Frequency.RELATIVE_YEARLY)
_WHICH = {WeekIndex.FIRST: 0, WeekIndex.SECOND: 1, WeekIndex.THIRD: 2, WeekIndex.FOURTH: 3, WeekIndex.LAST: -1}


def days(recurrence: Recurrence, since: date, until: date) -> Iterator[date]:
    """Yield the days of a pattern and its range from `since` to `until`, both included, in order.

    The work goes by what is yielded, whatever the pattern says; values that mean nothing are taken as 1, and weekdays
    that are missing as the first day's.
    """
    pattern = _sound(recurrence)
    until = min(until, pattern.last_day or until)
    first = _period_of(pattern, max(since, pattern.first_day))
    number = _days_before(pattern, first)
    for period in takewhile(partial(_is_in_calendar, pattern), count(first)):
        for day in _days_in(pattern, period):
            if day < pattern.first_day:
                continue
            if day > until or (pattern.count is not None and number >= pattern.count):
                return
            number += 1
            if day >= since:
                yield day


def _sound(given: Recurrence) -> Recurrence:
    """Return the pattern with nothing in it that has no meaning."""
    weekdays = tuple(sorted({day for day in given.days_of_week if 0 <= day <= 6}))
    return replace(
        given,
        interval=max(given.interval, 1),
        days_of_week=weekdays or (given.first_day.weekday(),),
        day_of_month=max(given.day_of_month, 1),
        month=given.month if 1 <= given.month <= 12 else given.first_day.month,
        week_starts=given.week_starts % 7,
    )


def _days_before(pattern: Recurrence, period: int) -> int:
    """Return how many days the periods before have; the first one only those from the first day on."""
    if period == 0 or not _is_in_calendar(pattern, 0):
        return 0
    of_first = [day for day in _days_in(pattern, 0) if day >= pattern.first_day]
    per_period = len(pattern.days_of_week) if pattern.frequency is Frequency.WEEKLY else 1
    return len(of_first) + (period - 1) * per_period


def _week_of(pattern: Recurrence, day: date) -> int:
    """Return the ordinal of the day that its week begins with; in the first week of the calendar it is not above 0."""
    return day.toordinal() - (day.weekday() - pattern.week_starts) % 7


def _period_of(pattern: Recurrence, day: date) -> int:
    """Return the number of the last period that begins on that day or before."""
    first = pattern.first_day
    if pattern.frequency is Frequency.DAILY:
        return (day - first).days // pattern.interval
    if pattern.frequency is Frequency.WEEKLY:
        return (_week_of(pattern, day) - _week_of(pattern, first)) // 7 // pattern.interval
    if pattern.frequency in _MONTHLY:
        return (day.year * 12 + day.month - first.year * 12 - first.month) // pattern.interval
    return (day.year - first.year) // pattern.interval


def _is_in_calendar(pattern: Recurrence, period: int) -> bool:
    """Whether all of a period lies within the years that dates have."""
    steps, first = period * pattern.interval, pattern.first_day
    if pattern.frequency is Frequency.DAILY:
        return first.toordinal() + steps <= date.max.toordinal()
    if pattern.frequency is Frequency.WEEKLY:
        return _week_of(pattern, first) + 7 * steps + 6 <= date.max.toordinal()
    if pattern.frequency in _MONTHLY:
        return first.year * 12 + first.month - 1 + steps < (date.max.year + 1) * 12
    return first.year + steps <= date.max.year


def _days_in(pattern: Recurrence, period: int) -> list[date]:
    """Return the days of one period, in order."""
    steps, first = period * pattern.interval, pattern.first_day
    if pattern.frequency is Frequency.DAILY:
        return [date.fromordinal(first.toordinal() + steps)]
    if pattern.frequency is Frequency.WEEKLY:
        begins = _week_of(pattern, first) + 7 * steps
        ordinals = sorted(begins + (weekday - pattern.week_starts) % 7 for weekday in pattern.days_of_week)
        return [date.fromordinal(ordinal) for ordinal in ordinals if ordinal > 0]
    if pattern.frequency in _MONTHLY:
        year, month = divmod(first.year * 12 + first.month - 1 + steps, 12)
        return [_day_of_month(pattern, year, month + 1)]
    return [_day_of_month(pattern, first.year + steps, pattern.month)]


def _day_of_month(pattern: Recurrence, year: int, month: int) -> date:
    """Return the one day of a month: by its number, the last one when the month is shorter, or by its weekday."""
    starts_on, length = monthrange(year, month)
    if pattern.frequency not in _RELATIVE:
        return date(year, month, min(pattern.day_of_month, length))
    matching = [day for day in range(1, length + 1) if (starts_on + day - 1) % 7 in pattern.days_of_week]
    return date(year, month, matching[_WHICH[pattern.index]])
