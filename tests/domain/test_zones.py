"""Zones by rules, by Windows' names and by IANA's, and times in them."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from exchangelib.winzone import MS_TIMEZONE_TO_IANA_MAP

from addin_host.domain.calendar import Transition, Zone, ZoneRules
from addin_host.domain.zones import local_text, windows_name, zone_of

SUNDAY = 6


def rules(standard, daylight, to_standard, to_daylight):
    return ZoneRules(int(standard * 3600), int(daylight * 3600), to_standard, to_daylight)


def nth(month, hour, n, minute=0):
    return Transition(month, time(hour, minute), weekday=SUNDAY, nth=n)


# Rules as Exchange spells them, beside zones that kept them through all these years.
SPELLED = {
    "Europe/Berlin": (rules(1, 2, nth(10, 3, 5), nth(3, 2, 5)), 2000, 2026),
    "America/New_York": (rules(-5, -4, nth(11, 2, 1), nth(3, 2, 2)), 2008, 2026),
    "America/St_Johns": (rules(-3.5, -2.5, nth(11, 2, 1), nth(3, 2, 2)), 2012, 2026),
    "Australia/Sydney": (rules(10, 11, nth(4, 3, 1), nth(10, 2, 1)), 2009, 2026),
    "Australia/Lord_Howe": (rules(10.5, 11, nth(4, 2, 1), nth(10, 2, 1)), 2009, 2026),
    "Pacific/Auckland": (rules(12, 13, nth(4, 3, 1), nth(9, 2, 5)), 2008, 2026),
    "Europe/Dublin": (rules(0, 1, nth(10, 2, 5), nth(3, 1, 5)), 2000, 2026),
    "Asia/Tokyo": (ZoneRules(9 * 3600), 2000, 2026),
}


@pytest.mark.parametrize("name", SPELLED)
def test_rules_that_are_spelled_out_are_the_zone(name):
    given, first, last = SPELLED[name]
    ruled, known = zone_of(Zone("Customized Time Zone", given)), ZoneInfo(name)
    wall, step = datetime(first, 1, 1), timedelta(minutes=30 * 41)
    while wall.year <= last:
        for fold in (0, 1):
            at = wall.replace(fold=fold)
            assert at.replace(tzinfo=ruled).utcoffset() == at.replace(tzinfo=known).utcoffset(), at
        instant = wall.replace(tzinfo=UTC)
        ours, theirs = instant.astimezone(ruled), instant.astimezone(known)
        assert (ours.replace(tzinfo=None), ours.fold) == (theirs.replace(tzinfo=None), theirs.fold)
        wall += step


@pytest.mark.parametrize("name", ["Europe/Berlin", "Australia/Lord_Howe", "Pacific/Auckland"])
def test_rules_hold_to_the_minute_where_the_clock_changes(name):
    given, _first, last = SPELLED[name]
    ruled, known = zone_of(Zone("", given)), ZoneInfo(name)
    for hour in range(24 * 365):
        begin = datetime(last - 1, 1, 1, tzinfo=UTC) + timedelta(hours=hour)
        if begin.astimezone(known).utcoffset() == (begin + timedelta(hours=1)).astimezone(known).utcoffset():
            continue
        for minute in range(-240, 240, 5):
            wall = begin.astimezone(known).replace(tzinfo=None, fold=0) + timedelta(minutes=minute)
            for fold in (0, 1):
                at = wall.replace(fold=fold)
                assert at.replace(tzinfo=ruled).utcoffset() == at.replace(tzinfo=known).utcoffset(), at


def test_a_fixed_day_and_the_turn_of_the_year():
    given = ZoneRules(0, 3600, Transition(1, time(0), day=1), Transition(6, time(0), day=31))
    ruled = zone_of(Zone("", given))
    offsets = [
        datetime(2026, month, day, hour, tzinfo=ruled, fold=fold).utcoffset() // timedelta(hours=1)
        for month, day, hour, fold in ((12, 31, 22, 0), (12, 31, 23, 0), (12, 31, 23, 1), (1, 1, 0, 0), (6, 30, 12, 0))
    ]
    assert offsets == [1, 1, 0, 0, 1]


UNSOUND = [
    ZoneRules(3600, 7200, None, nth(3, 2, 5)),
    ZoneRules(3600, 7200, Transition(0, time(0)), Transition(0, time(0))),
    ZoneRules(3600, 7200, Transition(10, time(3), weekday=9), nth(3, 2, 5)),
    ZoneRules(3600, None, nth(10, 3, 5), nth(3, 2, 5)),
]


@pytest.mark.parametrize("given", UNSOUND)
def test_rules_without_usable_changes_keep_their_standard_offset(given):
    assert datetime(2026, 7, 1, tzinfo=zone_of(Zone("", given))).utcoffset() == timedelta(hours=1)


def test_rules_go_first_then_windows_then_iana():
    assert zone_of(Zone("W. Europe Standard Time", ZoneRules(0))).utcoffset(None) == timedelta(0)
    assert zone_of(Zone("w. europe standard time")) == ZoneInfo("Europe/Berlin")
    assert zone_of(Zone(" America/Nuuk ")) == ZoneInfo("America/Nuuk")
    impossible = ZoneRules(99 * 3600)
    assert zone_of(Zone("Tokyo Standard Time", impossible)) == ZoneInfo("Asia/Tokyo")


@pytest.mark.parametrize("name", ["", "Nowhere", "America", "../../etc/passwd", "/etc/passwd", "a\0b", "x" * 5000, "é"])
def test_what_is_no_zone_is_none(name):
    assert zone_of(Zone(name)) is None


@pytest.mark.parametrize(
    ("name", "iana"),
    [
        ("South Sudan Standard Time", "Africa/Juba"),
        ("Yukon Standard Time", "America/Whitehorse"),
        ("Qyzylorda Standard Time", "Asia/Qyzylorda"),
        ("Volgograd Standard Time", "Europe/Volgograd"),
        ("UTC+13", "Etc/GMT-13"),
        ("Kamchatka Standard Time", "Asia/Kamchatka"),
        ("tzone://Microsoft/Utc", "Etc/UTC"),
    ],
)
def test_newer_and_older_names(name, iana):
    assert zone_of(Zone(name)) == ZoneInfo(iana)


def test_every_name_that_exchangelib_knows_is_known():
    assert [name for name in MS_TIMEZONE_TO_IANA_MAP if zone_of(Zone(name)) is None] == []


def test_zones_have_windows_names():
    assert windows_name("Europe/Amsterdam") == "W. Europe Standard Time"
    assert windows_name("Asia/Calcutta") == windows_name("Asia/Kolkata") == "India Standard Time"
    assert windows_name("Mars/Olympus") == ""
    named = [name for name in available_timezones() if windows_name(name)]
    assert len(named) > 500
    assert all(zone_of(Zone(windows_name(name))) is not None for name in named)


def test_times_print_in_the_meetings_zone_else_in_the_integrations():
    instant = datetime(2017, 7, 31, 13, 30, tzinfo=UTC)
    assert local_text(instant, Zone("W. Europe Standard Time"), "Asia/Tokyo") == "15:30 on 31/07/2017"
    assert local_text(instant, Zone("?"), "Asia/Tokyo") == "22:30 on 31/07/2017"
    assert local_text(instant, Zone(), "?") == "13:30 on 31/07/2017"
