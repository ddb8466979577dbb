"""Lists of conferences and operations on both databases: order, keys, search, reach."""

from dataclasses import replace
from datetime import timedelta

import pytest

from addin_host.domain.access import ON_THIS_MACHINE, Caller, Role
from addin_host.flows.scheduling import listing, meeting_search, operations, timeline
from addin_host.flows.scheduling.listing import Wanted
from tests.booked_rooms import book, step

MINE = Caller("account", 1, "Ina", Role.INTEGRATION_ADMIN, frozenset({1}))


@pytest.fixture
def rooms(database, clock):
    """Five meetings, hour by hour, in turn of integrations 1 and 2; and a daily series of 1 that began yesterday."""
    now = clock()
    with database.write() as session:
        for place, name in enumerate(("Äpfel", "Birnen", "Äpfel und Birnen", "100 %", "a_b")):
            start = now + timedelta(hours=place + 1)
            book(session, 1 + place % 2, name, [start], now=now, number=f"790000000{place}")
        days = [now + timedelta(days=place - 1, minutes=90) for place in range(30)]
        series = book(session, 1, "Daily", days, now=now, organizer="grace@example.com", number="7912345678")
        step(session, series, now=now, correlation_id="a")


def subjects(database, clock, caller=ON_THIS_MACHINE, **wanted):
    with database.read() as session:
        return [line.subject for line in listing.page(session, Wanted(**wanted), caller=caller, now=clock()).lines]


def test_a_series_stands_once_with_what_is_next(database, clock, rooms):
    assert subjects(database, clock) == ["Äpfel", "Daily", "Birnen", "Äpfel und Birnen", "100 %", "a_b"]
    clock.forward(hours=26)
    with database.read() as session:
        found = listing.page(session, Wanted(), caller=ON_THIS_MACHINE, now=clock())
        daily = next(line for line in found.lines if line.subject == "Daily")
    assert daily.start - clock() == timedelta(minutes=-30), "its room can still be joined"
    assert daily.is_series


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("äpfel", ["Äpfel", "Äpfel und Birnen"]),
        ("ÄPFEL birnen", ["Äpfel und Birnen"]),
        ("BIRNEN", ["Birnen", "Äpfel und Birnen"]),
        ("%", ["100 %"]),
        ("_", ["a_b"]),
        ("grace", ["Daily"]),
        ("7912345678", ["Daily"]),
        ("nobody", []),
    ],
)
def test_search_is_the_same_on_both(database, clock, rooms, search, found):
    assert subjects(database, clock, search=search) == found


def test_words_that_many_hold_are_tested_row_by_row(database, clock, rooms, monkeypatch):
    monkeypatch.setattr(meeting_search, "_MANY", 1)
    for search, found in (
        ("example", 6),  # everybody's address
        ("birnen", 2),
        ("birnen 7900000001", 1),
        ("birnen grace", 0),
    ):
        assert len(subjects(database, clock, search=search)) == found, search


def test_keys_go_on_where_a_page_ended(database, clock, rooms):
    seen, key = [], None
    for _turn in range(3):
        with database.read() as session:
            page = listing.page(session, Wanted(after=key, size=2), caller=ON_THIS_MACHINE, now=clock())
        seen += [line.subject for line in page.lines]
        key = page.lines[-1].key
    assert seen == ["Äpfel", "Daily", "Birnen", "Äpfel und Birnen", "100 %", "a_b"]
    assert not page.has_later
    assert subjects(database, clock, before=key, size=2) == ["Äpfel und Birnen", "100 %"]


def test_only_what_is_reached(database, clock, rooms):
    assert subjects(database, clock, caller=MINE) == ["Äpfel", "Daily", "Äpfel und Birnen", "a_b"]
    assert subjects(database, clock, caller=MINE, search="birnen") == ["Äpfel und Birnen"]
    assert subjects(database, clock, caller=MINE, integration_id=2) == []
    with database.read() as session:
        day = timeline.day_of(
            session, clock().date(), zone=(clock().tzinfo, "UTC"), integration_id=None, caller=MINE, now=clock()
        )
        other = replace(MINE, integrations=frozenset({2}))
        seen = [len(operations.page(session, who, operations.Wanted(), keys={}).operations) for who in (MINE, other)]
    assert [room.name.split(" (")[0] for room in day.rooms] == ["Äpfel", "Daily", "Äpfel und Birnen", "a_b"]
    assert seen == [1, 0]


def test_a_busy_day_has_pages(database, clock, monkeypatch):
    monkeypatch.setattr(timeline, "SIZE", 2)
    with database.write() as session:
        for place in range(5):
            book(session, 1, f"M{place}", [clock() + timedelta(minutes=place)], now=clock())

    def names(page):
        with database.read() as session:
            day = timeline.day_of(
                session, clock().date(), zone=(clock().tzinfo, "UTC"), integration_id=1, page=page,
                caller=ON_THIS_MACHINE, now=clock(),
            )  # fmt: skip
        return [room.name[:2] for room in day.rooms], day.has_more

    assert [names(page) for page in (1, 2, 3)] == [(["M0", "M1"], True), (["M2", "M3"], True), (["M4"], False)]
