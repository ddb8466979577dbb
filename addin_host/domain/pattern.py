"""Which days a pattern of EWS and Graph falls on (design/scheduling.md section 9), counted by dateutil.

Exchange puts the 29th to the 31st of a shorter month on its last day, where RFC 5545 leaves the month out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import dropwhile, takewhile
from typing import Any

from dateutil.rrule import DAILY, MONTHLY, WEEKLY, YEARLY, rrule

from addin_host.domain.calendar import Frequency, Recurrence, WeekIndex

_COUNTED_IN: Mapping[Frequency, Any] = {
    Frequency.DAILY: DAILY,
    Frequency.WEEKLY: WEEKLY,
    Frequency.ABSOLUTE_MONTHLY: MONTHLY,
    Frequency.RELATIVE_MONTHLY: MONTHLY,
    Frequency.ABSOLUTE_YEARLY: YEARLY,
    Frequency.RELATIVE_YEARLY: YEARLY,
}
_RELATIVE = (Frequency.RELATIVE_MONTHLY, Frequency.RELATIVE_YEARLY)
_WHICH = {WeekIndex.FIRST: 1, WeekIndex.SECOND: 2, WeekIndex.THIRD: 3, WeekIndex.FOURTH: 4, WeekIndex.LAST: -1}
_SURE = 28  # every month has so many days
_MOST = 9999  # days are counted from the first one; Outlook has 999 at most


def days(recurrence: Recurrence, since: date, until: date) -> Iterator[date]:
    """Yield the days of a pattern and its range from `since` to `until`, both included, in order.

    Values that mean nothing are taken as 1, weekdays that are missing as the first day's, and a count that nobody lives
    to see as none.
    """
    pattern = _sound(recurrence)
    until = min(until, pattern.last_day or until)
    begins = pattern.first_day if pattern.count is not None else _near(pattern, since)
    if begins is None or begins > until:
        return
    rule = rrule(
        _COUNTED_IN[pattern.frequency],
        dtstart=datetime.combine(begins, time()),
        interval=pattern.interval,
        wkst=pattern.week_starts,
        count=pattern.count,
        until=datetime.combine(until, time()) if pattern.count is None else None,
        **_chosen(pattern),
    )
    later = dropwhile(lambda day: day < since, _within_calendar(rule))
    yield from takewhile(lambda day: day <= until, later)


def _within_calendar(rule: rrule) -> Iterator[date]:
    moments = iter(rule)
    while True:
        try:
            yield next(moments).date()
        except (StopIteration, ValueError):
            return  # its end, or a period that goes beyond the years that dates have


def _sound(given: Recurrence) -> Recurrence:
    """Return the pattern with nothing in it that has no meaning."""
    weekdays = tuple(sorted({day for day in given.days_of_week if 0 <= day <= 6}))
    return replace(
        given,
        interval=max(given.interval, 1),
        days_of_week=weekdays or (given.first_day.weekday(),),
        day_of_month=max(given.day_of_month, 1),
        month=given.month if 1 <= given.month <= 12 else given.first_day.month,
        count=given.count if given.count is not None and given.count <= _MOST else None,
        week_starts=given.week_starts % 7,
    )


def _chosen(pattern: Recurrence) -> dict[str, Any]:
    """Return which days of a period are meant, as dateutil is told it."""
    if pattern.frequency is Frequency.DAILY:
        return {}
    if pattern.frequency is Frequency.WEEKLY:
        return {"byweekday": pattern.days_of_week}
    month = {"bymonth": pattern.month} if _COUNTED_IN[pattern.frequency] == YEARLY else {}
    if pattern.frequency in _RELATIVE:
        return month | {"byweekday": pattern.days_of_week, "bysetpos": _WHICH[pattern.index]}
    last = min(pattern.day_of_month, 31)
    return month | {"bymonthday": tuple(range(min(last, _SURE), last + 1)), "bysetpos": -1}


def _near(pattern: Recurrence, since: date) -> date | None:
    """Return a day to count from that gives the same days from `since` on: what lies long ago is not gone through.

    None: the next period is beyond the years that dates have.
    """
    first = pattern.first_day
    if since <= first:
        return first
    if pattern.frequency is Frequency.DAILY:
        ordinal = first.toordinal() + -(-(since - first).days // pattern.interval) * pattern.interval
        return date.fromordinal(ordinal) if ordinal <= date.max.toordinal() else None
    if pattern.frequency is Frequency.WEEKLY:
        week = first - timedelta(days=min((first.weekday() - pattern.week_starts) % 7, first.toordinal() - 1))
        step = 7 * pattern.interval
        return max(first, week + timedelta(days=(since - week).days // step * step))
    months = pattern.interval * (12 if _COUNTED_IN[pattern.frequency] == YEARLY else 1)
    begins = first.year * 12 + first.month - 1
    passed = (since.year * 12 + since.month - 1 - begins) // months * months
    year, month = divmod(begins + max(passed, 0), 12)
    return max(first, date(year, month + 1, 1))
