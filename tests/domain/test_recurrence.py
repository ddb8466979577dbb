"""Series: the days their patterns fall on, the instants in their zones, what departs from them, and their record."""

import json
import time as clock
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from addin_host.domain import series_record
from addin_host.domain.calendar import (
    Frequency,
    Occurrence,
    Recurrence,
    Series,
    Transition,
    WeekIndex,
    Zone,
    ZoneRules,
)
from addin_host.domain.recurrence import is_over, merged, occurrence_key, occurrences
from tests.recurrence import compare

BERLIN = Zone("W. Europe Standard Time")
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
WEEKDAYS, EVERY_DAY = (0, 1, 2, 3, 4), tuple(range(7))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def series(frequency, first_day, *, zone=BERLIN, starts="10:00", minutes=60, interval=1, **pattern) -> Series:
    recurrence = Recurrence(frequency, interval, date.fromisoformat(first_day), **pattern)
    return Series(recurrence, zone, time.fromisoformat(starts), minutes)


def days_of(given: Series, number: int) -> list[str]:
    """The first days of a series in UTC; those of the tests are the same in their zones."""
    since = datetime.combine(given.recurrence.first_day, time(), UTC) - DAY
    return [f"{item.start:%Y-%m-%d}" for item in occurrences(given, since, since + 4000 * DAY, number)]


def starts_of(given: Series, since: str, until: str) -> list[str]:
    return [f"{item.start:%m-%dT%H:%M}" for item in occurrences(given, at(since), at(until))]


def test_a_sample_of_series_equals_the_oracle():
    outcome = compare(seed=7, number=400)
    assert outcome.differences == ()
    assert outcome.occurrences > 50_000
    assert len(outcome.zones) == 50


# What Exchange makes of patterns: each of these was worked out by hand, with a calendar.
GOLDEN = {
    "day 31 is the last day of shorter months": (
        series(Frequency.ABSOLUTE_MONTHLY, "2027-01-31", day_of_month=31),
        ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31"],
    ),
    "day 30 is clamped in February only": (
        series(Frequency.ABSOLUTE_MONTHLY, "2027-12-30", day_of_month=30),
        ["2027-12-30", "2028-01-30", "2028-02-29", "2028-03-30"],
    ),
    "29 February is the 28th in other years": (
        series(Frequency.ABSOLUTE_YEARLY, "2024-02-29", day_of_month=29, month=2),
        ["2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"],
    ),
    "every second week begins with Sunday": (
        series(Frequency.WEEKLY, "2026-11-01", interval=2, days_of_week=(6, 0), week_starts=6),
        ["2026-11-01", "2026-11-02", "2026-11-15", "2026-11-16", "2026-11-29"],
    ),
    "the same days, but weeks begin with Monday": (
        series(Frequency.WEEKLY, "2026-11-01", interval=2, days_of_week=(6, 0), week_starts=0),
        ["2026-11-01", "2026-11-09", "2026-11-15", "2026-11-23", "2026-11-29"],
    ),
    "the last weekday of the month": (
        series(Frequency.RELATIVE_MONTHLY, "2026-10-30", days_of_week=WEEKDAYS, index=WeekIndex.LAST),
        ["2026-10-30", "2026-11-30", "2026-12-31", "2027-01-29", "2027-02-26"],
    ),
    "the first weekend day of the month": (
        series(Frequency.RELATIVE_MONTHLY, "2026-11-01", days_of_week=(5, 6), index=WeekIndex.FIRST),
        ["2026-11-01", "2026-12-05", "2027-01-02", "2027-02-06"],
    ),
    "the fourth Thursday of November": (
        series(Frequency.RELATIVE_YEARLY, "2026-11-26", days_of_week=(3,), index=WeekIndex.FOURTH, month=11),
        ["2026-11-26", "2027-11-25", "2028-11-23"],
    ),
    "the last day of February": (
        series(Frequency.RELATIVE_YEARLY, "2027-02-28", days_of_week=EVERY_DAY, index=WeekIndex.LAST, month=2),
        ["2027-02-28", "2028-02-29", "2029-02-28"],
    ),
    "every third month from a month without that day": (
        series(Frequency.ABSOLUTE_MONTHLY, "2026-11-30", day_of_month=31, interval=3),
        ["2026-11-30", "2027-02-28", "2027-05-31", "2027-08-31"],
    ),
    "the first month's day lies before the first day": (
        series(Frequency.ABSOLUTE_MONTHLY, "2026-11-20", day_of_month=10),
        ["2026-12-10", "2027-01-10"],
    ),
    "every tenth day": (
        series(Frequency.DAILY, "2026-12-24", interval=10),
        ["2026-12-24", "2027-01-03", "2027-01-13"],
    ),
    "a count, with a first week that has one of the days only": (
        series(Frequency.WEEKLY, "2026-11-25", days_of_week=(0, 2), count=4, week_starts=0),
        ["2026-11-25", "2026-11-30", "2026-12-02", "2026-12-07"],
    ),
    "a last day is included": (
        series(Frequency.DAILY, "2026-11-25", last_day=date(2026, 11, 27)),
        ["2026-11-25", "2026-11-26", "2026-11-27"],
    ),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_patterns_of_exchange(name):
    given, expected = GOLDEN[name]
    ends = given.recurrence.count is not None or given.recurrence.last_day is not None
    assert days_of(given, 99 if ends else len(expected)) == expected


# Wall times around changes of the clock: zone, wall time of the start, range, and the starts in UTC.
CLOCKS = {
    "Berlin: 02:30 does not exist and is 03:30": (
        (BERLIN, "02:30", "2027-03-27T00:00", "2027-03-30T00:00"),
        ["03-27T01:30", "03-28T01:30", "03-29T00:30"],
    ),
    "Berlin: of two 02:30 it is the first": (
        (BERLIN, "02:30", "2026-10-24T00:00", "2026-10-27T00:00"),
        ["10-24T00:30", "10-25T00:30", "10-26T01:30"],
    ),
    "New York: 10:00 stays 10:00": (
        (Zone("Eastern Standard Time"), "10:00", "2027-03-13T00:00", "2027-03-16T00:00"),
        ["03-13T15:00", "03-14T14:00", "03-15T14:00"],
    ),
    "Lord Howe: half an hour": (
        (Zone("Lord Howe Standard Time"), "02:15", "2026-10-02T12:00", "2026-10-05T12:00"),
        ["10-02T15:45", "10-03T15:45", "10-04T15:15"],
    ),
    "Auckland: the southern spring": (
        (Zone("New Zealand Standard Time"), "09:00", "2026-09-25T12:00", "2026-09-28T12:00"),
        ["09-25T21:00", "09-26T20:00", "09-27T20:00"],
    ),
    "Baku gave summer time up in 2016": (
        (Zone("Azerbaijan Standard Time"), "09:00", "2016-03-26T00:00", "2016-03-28T12:00"),
        ["03-26T05:00", "03-27T05:00", "03-28T05:00"],
    ),
    "Baku still had it in 2015": (
        (Zone("Azerbaijan Standard Time"), "09:00", "2015-03-28T00:00", "2015-03-30T12:00"),
        ["03-28T05:00", "03-29T04:00", "03-30T04:00"],
    ),
    "Casablanca: an hour back for Ramadan": (
        (Zone("Morocco Standard Time"), "09:00", "2026-02-14T00:00", "2026-02-16T12:00"),
        ["02-14T08:00", "02-15T09:00", "02-16T09:00"],
    ),
    "Tongatapu is thirteen hours ahead": (
        (Zone("Tonga Standard Time"), "09:00", "2026-11-23T00:00", "2026-11-25T00:00"),
        ["11-23T20:00", "11-24T20:00"],
    ),
    "Kathmandu is five and three quarter hours ahead": (
        (Zone("Nepal Standard Time"), "09:00", "2026-11-23T00:00", "2026-11-24T00:00"),
        ["11-23T03:15"],
    ),
    "Samoa skipped 30 December 2011, whose meeting falls onto the next day's": (
        (Zone("Samoa Standard Time"), "09:00", "2011-12-29T00:00", "2012-01-01T00:00"),
        ["12-29T19:00", "12-30T19:00", "12-31T19:00"],
    ),
}


@pytest.mark.parametrize("name", CLOCKS)
def test_clocks_of_the_world(name):
    (zone, starts, since, until), expected = CLOCKS[name]
    assert starts_of(series(Frequency.DAILY, "2010-01-01", zone=zone, starts=starts), since, until) == expected


def lengths(given: Series, since: str, until: str) -> list[float]:
    return [(item.end - item.start) / HOUR for item in occurrences(given, at(since), at(until))]


def test_whole_days_have_the_hours_that_their_day_has():
    given = series(Frequency.DAILY, "2026-01-01", starts="00:00", minutes=1440)
    assert lengths(given, "2026-10-24T00:00", "2026-10-26T00:00") == [24, 25, 24]
    assert lengths(given, "2027-03-27T12:00", "2027-03-28T12:00") == [24, 23]


def test_a_day_whose_midnight_does_not_exist_ends_at_midnight():
    given = series(Frequency.DAILY, "2026-01-01", zone=Zone("Egypt Standard Time"), starts="00:00", minutes=1440)
    day = occurrences(given, at("2026-04-24T03:00"), at("2026-04-24T03:00"))
    assert [(item.start, item.end) for item in day] == [(at("2026-04-23T22:00"), at("2026-04-24T21:00"))]


def test_a_meeting_that_would_begin_in_the_gap_keeps_its_length():
    given = series(Frequency.DAILY, "2026-01-01", starts="02:30", minutes=30)
    assert lengths(given, "2027-03-27T00:00", "2027-03-29T23:00") == [0.5, 0.5, 0.5]


def test_a_night_shift_ends_by_the_clock_on_the_wall():
    given = series(Frequency.DAILY, "2026-01-01", starts="22:00", minutes=8 * 60)
    assert lengths(given, "2026-10-24T12:00", "2026-10-25T12:00") == [9]


WEEKLY = series(Frequency.WEEKLY, "2026-11-02", days_of_week=(0,))
MOVED = Occurrence(at("2026-11-30T09:00"), at("2027-01-20T14:00"), at("2027-01-20T15:00"), "Late")


def test_exceptions_move_out_of_a_range_and_into_another():
    given = replace(WEEKLY, exceptions=(MOVED,))
    assert starts_of(given, "2026-11-23T00:00", "2026-12-10T00:00") == ["11-23T09:00", "12-07T09:00"]
    assert MOVED in occurrences(given, at("2027-01-19T00:00"), at("2027-01-21T00:00"))
    assert starts_of(given, "2027-01-18T00:00", "2027-01-25T09:00") == ["01-18T09:00", "01-20T14:00", "01-25T09:00"]


def test_deleted_occurrences_are_left_out_and_still_count():
    given = replace(WEEKLY, deleted=(at("2026-11-09T09:00"),))
    counted = replace(given, recurrence=replace(WEEKLY.recurrence, count=3))
    assert starts_of(counted, "2026-11-01T00:00", "2027-11-01T00:00") == ["11-02T09:00", "11-16T09:00"]


def test_an_exception_counts_by_its_day_when_the_zone_has_changed_since():
    an_hour_off = replace(MOVED, original=MOVED.original + HOUR)
    assert starts_of(replace(WEEKLY, exceptions=(an_hour_off,)), "2026-11-24T00:00", "2026-12-05T00:00") == []


def test_what_was_moved_and_then_deleted_is_gone():
    given = replace(WEEKLY, exceptions=(MOVED,), deleted=(MOVED.original,))
    assert MOVED not in occurrences(given, at("2026-01-01T00:00"), at("2028-01-01T00:00"))


def test_a_range_is_touched_by_an_instant():
    assert starts_of(WEEKLY, "2026-11-02T10:00", "2026-11-09T09:00") == ["11-02T09:00", "11-09T09:00"]
    assert starts_of(WEEKLY, "2026-11-02T10:01", "2026-11-09T08:59") == []


def test_a_series_is_over_when_its_last_occurrence_has_ended():
    ends = replace(WEEKLY, recurrence=replace(WEEKLY.recurrence, count=2))
    assert not is_over(ends, at("2026-11-09T09:59"))
    assert is_over(ends, at("2026-11-09T10:00"))
    assert not is_over(replace(ends, exceptions=(replace(MOVED, original=at("2026-11-09T09:00")),)), MOVED.start)
    assert not is_over(WEEKLY, at("2126-11-09T10:00"))
    assert is_over(replace(ends, deleted=(at("2026-11-09T09:00"),)), at("2026-11-02T10:00"))


THEIRS = Occurrence(at("2026-11-09T09:00"), at("2026-11-10T12:00"), at("2026-11-10T13:00"))
EXPANDED = replace(
    WEEKLY, expansion=(THEIRS,), expanded_from=at("2026-11-05T00:00"), expanded_until=at("2026-11-20T00:00")
)


def test_the_mailbox_has_the_word_where_it_expanded_the_series():
    found = merged(EXPANDED, at("2026-11-01T00:00"), at("2026-11-24T00:00"))
    assert [f"{item.start:%m-%dT%H}" for item in found] == ["11-02T09", "11-10T12", "11-23T09"]
    assert merged(WEEKLY, at("2026-11-01T00:00"), at("2026-11-03T00:00")) == occurrences(
        WEEKLY, at("2026-11-01T00:00"), at("2026-11-03T00:00")
    )


def test_a_series_is_over_by_the_mailboxs_word():
    ends = replace(EXPANDED, recurrence=replace(WEEKLY.recurrence, count=3))
    assert not is_over(ends, at("2026-11-10T12:59"))
    assert is_over(ends, at("2026-11-10T13:00"))  # it left the third one out


def test_an_unknown_zone_is_what_the_mailboxs_instants_show():
    nowhere = replace(EXPANDED, zone=Zone("Nowhere Standard Time"), starts=time(11, 30))
    later = occurrences(nowhere, at("2026-11-22T00:00"), at("2026-11-24T00:00"))
    assert [item.start for item in later] == [at("2026-11-23T09:00")]
    ahead = replace(nowhere, starts=time(22, 0))  # thirteen hours ahead
    assert [item.start for item in occurrences(ahead, at("2026-11-22T00:00"), at("2026-11-23T12:00"))] == [
        at("2026-11-22T09:00") + DAY
    ]
    assert starts_of(replace(WEEKLY, zone=Zone("?")), "2026-11-02T00:00", "2026-11-03T00:00") == ["11-02T10:00"]


HOSTILE = [
    replace(
        WEEKLY,
        recurrence=Recurrence(frequency, interval, first, weekdays, WeekIndex.LAST, day, month, 9, None, count),
        minutes=minutes,
    )
    for frequency in Frequency
    for interval, day, month in ((0, 0, 0), (-7, -1, 13), (999_999, 99, 2), (10**15, 31, 2))
    for first in (date.min, date(2026, 1, 31), date.max)
    for weekdays, count, minutes in (((), 10**12, -60), ((9, -1), 0, 10**12), ((3,), None, 60))
]


def test_hostile_patterns_cost_next_to_nothing():
    begun = clock.thread_time()
    for given in HOSTILE:
        everything = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
        assert len(occurrences(given, *everything, limit=20)) <= 20
        assert len(merged(given, *everything, limit=20)) <= 20
        assert isinstance(is_over(given, everything[1]), bool)
    assert clock.thread_time() - begun < 0.02 * len(HOSTILE)


def test_a_series_of_twenty_years_ago_is_quick():
    old = series(Frequency.WEEKLY, "2006-01-03", days_of_week=(1,))
    since = at("2026-11-22T00:00")
    occurrences(old, since, since + 63 * DAY)
    begun = clock.thread_time()
    for _each in range(200):
        assert len(occurrences(old, since, since + 63 * DAY)) == 9
    assert (clock.thread_time() - begun) / 200 < 0.001


def test_an_occurrence_is_named_by_its_instant():
    assert occurrence_key(at("2026-11-09T09:00")) == "20261109T090000Z"
    assert occurrence_key(datetime.fromisoformat("2026-11-09T10:00+01:00")) == "20261109T090000Z"


RULES = ZoneRules(3600, 7200, Transition(10, time(3), weekday=6, nth=5), Transition(3, time(2), weekday=6, nth=5))


@pytest.mark.parametrize(
    "given",
    [
        WEEKLY,
        replace(WEEKLY, exceptions=(MOVED,), deleted=(at("2026-11-09T09:00"),)),
        series(Frequency.DAILY, "2026-11-25", zone=Zone("Mine", RULES), last_day=date(2026, 11, 27)),
        series(Frequency.DAILY, "2026-11-25", zone=Zone("", ZoneRules(-5400)), count=3),
    ],
)
def test_a_record_gives_the_series_back(given):
    assert series_record.from_record(json.loads(json.dumps(series_record.to_record(given)))) == given


def test_a_record_has_no_expansion():
    assert series_record.from_record(series_record.to_record(EXPANDED)) == WEEKLY
