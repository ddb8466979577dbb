"""Generated series against the oracle: `python -m tests.recurrence --series 20000` (make recurrence)."""

from __future__ import annotations

import argparse
import os
import random
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from addin_host.domain.calendar import Frequency, Occurrence, Recurrence, Series, WeekIndex, Zone
from addin_host.domain.recurrence import is_over, occurrences
from addin_host.domain.zones import windows_name, zone_of
from tests.recurrence_oracle import all_occurrences

FIRST, LAST = date(2011, 6, 1), date(2026, 6, 1)  # the lost day of Samoa is in it
DAY = timedelta(days=1)
EVERY = 10**6
ZONES = [
    "Europe/Berlin",
    "Europe/London",
    "Europe/Dublin",
    "Europe/Lisbon",
    "Europe/Helsinki",
    "Europe/Istanbul",
    "Europe/Moscow",
    "Europe/Minsk",
    "Europe/Chisinau",
    "Atlantic/Azores",
    "Atlantic/Reykjavik",
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Phoenix",
    "America/Los_Angeles",
    "America/Anchorage",
    "America/St_Johns",
    "America/Halifax",
    "America/Havana",
    "America/Mexico_City",
    "America/Sao_Paulo",
    "America/Argentina/Buenos_Aires",
    "America/Santiago",
    "America/Asuncion",
    "America/Caracas",
    "America/Nuuk",
    "America/Port-au-Prince",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Africa/Windhoek",
    "Africa/Johannesburg",
    "Africa/Tripoli",
    "Asia/Jerusalem",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Amman",
    "Asia/Baku",
    "Asia/Tehran",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Asia/Pyongyang",
    "Asia/Tokyo",
    "Australia/Sydney",
    "Australia/Lord_Howe",
    "Australia/Adelaide",
    "Pacific/Auckland",
    "Pacific/Chatham",
    "Pacific/Apia",
    "Pacific/Tongatapu",
]


@dataclass(frozen=True)
class Outcome:
    """What was compared: occurrences as often as they were, and what differed."""

    series: int
    occurrences: int
    zones: frozenset[str]
    differences: tuple[str, ...]


def a_pattern(chance: random.Random) -> Recurrence:
    """Any pattern that Outlook can make, and some that it cannot."""
    frequency = chance.choice(list(Frequency))
    first = FIRST + DAY * chance.randrange((LAST - FIRST).days)
    weekdays = chance.choice([(5, 6), (0, 1, 2, 3, 4), tuple(range(7)), *[()] * 3])
    several = tuple(sorted(chance.sample(range(7), chance.choice((1, 1, 2, 3)))))
    pattern = Recurrence(
        frequency,
        interval=chance.choice((1, 1, 1, 2, 3, 4, 5, 7, 13)),
        first_day=first,
        days_of_week=weekdays or several,
        index=chance.choice(list(WeekIndex)),
        day_of_month=chance.choice((1, 15, 28, 29, 30, 31, chance.randint(1, 31))),
        month=chance.choice((2, 2, chance.randint(1, 12))),
        week_starts=chance.choice((6, 0, 5, chance.randrange(7))),
    )
    match chance.randrange(3):
        case 0:
            return replace(pattern, last_day=first + DAY * chance.randrange(3000))
        case 1:
            return replace(pattern, count=chance.choice((1, 2, 5, 52, 260, 999)))
    return pattern


def a_series(chance: random.Random, name: str) -> Series:
    """A series in a zone, called by either of its names, without exceptions; often at the hours when clocks change."""
    called = windows_name(name)
    if not called or zone_of(Zone(called)) != ZoneInfo(name):
        called = name
    starts = time(chance.choice((0, 0, 1, 2, 3, chance.randrange(24))), chance.choice((0, 0, 15, 30, 45)))
    minutes = chance.choice((0, 15, 30, 60, 60, 90, 240, 1440, 2880))
    return Series(a_pattern(chance), Zone(chance.choice((name, called))), starts, minutes)


def departing(chance: random.Random, series: Series, planned: list[Occurrence]) -> Series:
    """The series with some occurrences moved, into and out of any range, and some deleted."""
    chosen = chance.sample(planned, min(len(planned), chance.choice((0, 0, 1, 3, 8))))
    deleted = chosen[: len(chosen) // 2]
    moved = []
    for item in chosen[len(deleted) :]:
        start = item.start + timedelta(minutes=chance.choice((15, -15, 60, 1440, -1440 * 40, 1440 * 40)))
        moved.append(Occurrence(item.original, start, start + timedelta(minutes=chance.choice((30, 600))), "Moved"))
    return replace(series, exceptions=tuple(moved), deleted=tuple(item.original for item in deleted))


def ranges(chance: random.Random, expected: list[Occurrence]) -> list[tuple[datetime, datetime]]:
    """All of it, two times the horizon, and ranges that touch an occurrence by an instant only."""
    begin, end = (datetime.combine(day, time(), UTC) for day in (FIRST, LAST))
    some = [begin + timedelta(minutes=chance.randrange((LAST - FIRST).days * 1440)) for _ in range(2)]
    found = [(begin - 9 * DAY, end), *((since, min(since + 63 * DAY, end)) for since in some)]
    if expected:
        touched = chance.choice(expected)
        found += [(touched.end, touched.end + DAY), (touched.start - DAY, touched.start)]
    return [(since, min(until, end)) for since, until in found]


def compare_one(chance: random.Random, name: str) -> tuple[int, list[str]]:
    """Compare one series; return how many occurrences were compared, and what differs."""
    zone, series = ZoneInfo(name), a_series(chance, name)
    beyond = LAST + 12 * DAY
    series = departing(chance, series, all_occurrences(series, zone, beyond))
    expected = all_occurrences(series, zone, beyond)
    compared, wrong = 0, []
    for since, until in ranges(chance, expected):
        right = [item for item in expected if item.start <= until and item.end >= since]
        ours = list(occurrences(series, since, until, EVERY))
        compared += len(right)
        if ours != right:
            other = next((pair for pair in zip(ours, right, strict=False) if pair[0] != pair[1]), None)
            wrong.append(f"{series}, {since} to {until}: {len(ours)} instead of {len(right)}; {other}")
    moment = datetime.combine(FIRST, time(), UTC) + DAY * chance.randrange((LAST - FIRST).days)
    if series.recurrence.last_day and series.recurrence.last_day <= beyond:
        if is_over(series, moment) == any(item.end > moment for item in expected):
            wrong.append(f"{series} at {moment}: is_over is wrong")
    elif is_over(series, moment) and any(item.end > moment for item in expected):
        wrong.append(f"{series} is not over at {moment}")
    return compared, wrong


def compare(seed: int, number: int) -> Outcome:
    """Compare many, every zone in turn."""
    chance, total, wrong = random.Random(seed), 0, []
    names = [ZONES[(seed + each) % len(ZONES)] for each in range(number)]
    for name in names:
        compared, found = compare_one(chance, name)
        total, wrong = total + compared, wrong + found
    return Outcome(number, total, frozenset(names), tuple(wrong))


def main() -> int:
    """Compare, on all processors, and say what was compared."""
    options = argparse.ArgumentParser()
    options.add_argument("--series", type=int, default=20_000)
    wanted = options.parse_args().series
    share = 250
    sizes = [min(share, wanted - begun) for begun in range(0, wanted, share)]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(compare, range(len(sizes)), sizes))
    wrong = [difference for outcome in found for difference in outcome.differences]
    for difference in wrong[:10]:
        sys.stdout.write(difference + "\n")
    zones = frozenset[str]().union(*(outcome.zones for outcome in found))
    series, compared = sum(outcome.series for outcome in found), sum(outcome.occurrences for outcome in found)
    sys.stdout.write(f"series {series} occurrences {compared} zones {len(zones)} differences {len(wrong)}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
