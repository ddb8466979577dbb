"""Scheduled conferences for administrators: the day, the list, one conference, and the removal of its room."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from addin_host.domain.access import Role
from addin_host.store.models import AuditRow, ConferenceRow, IntegrationRow, MeetingRow
from tests.booked_rooms import arrived, book, step, to_send


@pytest.fixture
def rooms(world):
    """Today at integration 1: Budget at 13:00 and a series at 15:00; next month at integration 2: Offsite."""
    now = world.clock()
    with world.database.write() as session:
        single = book(session, 1, "Budget", [now + timedelta(hours=1)], now=now, number="7911111111")
        starts = [now + timedelta(days=number, hours=3) for number in range(5)]
        series = book(session, 1, "Weekly", starts, now=now, organizer="grace@example.com", organizer_name="Grace")
        other = book(session, 2, "Offsite", [now + timedelta(days=30)], now=now, number="7922222222")
        return single.id, series.id, other.id


def in_berlin(world):
    """Give integration 1 a zone of its own."""
    with world.database.write() as session:
        row = session.get(IntegrationRow, 1)
        row.record = {**row.record, "time_zone": "Europe/Berlin"}


def names(page):
    return re.findall(r'<a href="/admin/conferences/(\d+)/">([^<]+)</a>', page.text)


def subjects(page):
    return [name.split()[0] for _number, name in names(page)]


def test_a_day_in_the_zone_of_the_integration(world, admin, rooms):
    in_berlin(world)
    page = admin().get("/admin/conferences/?integration=1")
    assert subjects(page) == ["Budget", "Weekly"]
    assert "All times are in Europe/Berlin" in page.text
    assert "Monday, 23 November 2026" in page.text
    assert 'title="2026-11-23 13:00:00 UTC">14:00</time>' in page.text
    assert 'title="2026-11-23 12:30:00 UTC">13:30</time>' in page.text
    assert '<rect class="meeting" x="840" y="4" width="30"' in page.text
    assert '<rect class="window" x="810" y="6" width="120"' in page.text
    assert '<path class="now" d="M780 0V24">' in page.text


def test_zones_that_differ_are_shown_in_utc(world, admin, rooms):
    in_berlin(world)
    assert "All times are in UTC" in admin().get("/admin/conferences/").text


def test_days_before_and_after(admin, rooms):
    browser = admin()
    tomorrow = browser.get("/admin/conferences/?day=2026-11-24&integration=1")
    assert subjects(tomorrow) == ["Weekly"]
    assert 'rel="prev" href="/admin/conferences/?day=2026-11-23&amp;integration=1"' in tomorrow.text
    assert 'rel="next" href="/admin/conferences/?day=2026-11-25&amp;integration=1"' in tomorrow.text
    assert 'class="now"' not in tomorrow.text
    assert "No conferences on this day" in browser.get("/admin/conferences/?day=2027-05-01").text


@pytest.mark.parametrize(
    "query", ["day=x", "day=0001-01-01", "day=9999-12-31", "page=99999", "integration=77", "page=0"]
)
def test_what_makes_no_sense_is_passed_over(admin, rooms, query):
    assert admin().get(f"/admin/conferences/?{query}").status_code == 200


def test_a_day_with_a_change_of_the_clock_is_drawn_to_its_length(world, admin, rooms):
    in_berlin(world)
    browser = admin()
    assert "No conferences" in browser.get("/admin/conferences/?integration=1&day=2027-03-28").text
    with world.database.write() as session:
        book(session, 1, "Early", [world.clock().replace(year=2027, month=3, day=28, hour=4)], now=world.clock())
    page = browser.get("/admin/conferences/?integration=1&day=2027-03-28")
    assert ">06:00</time>" in page.text  # 04:00 UTC, five hours after midnight of a day of 23
    assert f'<rect class="meeting" x="{round(5 / 23 * 1440)}"' in page.text


def test_the_list_is_in_the_order_of_what_is_next(admin, rooms):
    page = admin().get("/admin/conferences/list")
    assert subjects(page) == ["Budget", "Weekly", "Offsite"]
    assert "VMR Scheduling for Exchange: Sales" in page.text
    assert "Series ·" in page.text
    assert page.text.count("7911111111@vmr.example.com") == 1


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("budget", ["Budget"]),
        ("BUDGET ada", ["Budget"]),
        ("grace@example.com", ["Weekly"]),
        ("22222", ["Offsite"]),
        ("7911111111@vmr", ["Budget"]),
        ("budget grace", []),
        ("ada", ["Budget", "Offsite"]),
        ("%", []),
        ("_", []),
        ("ä", []),
        ("' OR 1=1", []),
    ],
)
def test_search(admin, rooms, search, found):
    assert subjects(admin().get("/admin/conferences/list", query_string={"q": search})) == found


def test_pages_forth_and_back(world, admin):
    now = world.clock()
    with world.database.write() as session:
        for number in range(60):
            # Three begin at the same moment, so that the instant alone is no place in the list.
            book(session, 1, f"M{number:02}", [now + timedelta(hours=number // 3)], now=now)
    browser = admin()
    first = browser.get("/admin/conferences/list")
    assert subjects(first) == [f"M{number:02}" for number in range(25)]
    assert 'rel="prev"' not in first.text
    second = browser.get(turn(first, "next"))
    assert subjects(second) == [f"M{number:02}" for number in range(25, 50)]
    third = browser.get(turn(second, "next"))
    assert subjects(third) == [f"M{number:02}" for number in range(50, 60)]
    assert 'rel="next"' not in third.text
    assert subjects(browser.get(turn(third, "prev"))) == subjects(second)
    back = browser.get(turn(second, "prev"))
    assert subjects(back) == subjects(first)
    assert 'rel="prev"' not in back.text


def turn(page, way):
    return re.search(rf'rel="{way}" href="([^"]+)"', page.text)[1].replace("&amp;", "&")


def test_what_began_within_a_day_stays_in_the_list(world, admin):
    now = world.clock()
    with world.database.write() as session:
        for subject, hours in (("Lately", 5), ("Longago", 30)):
            meeting = book(session, 1, subject, [now - timedelta(hours=hours)], now=now)
            session.delete(session.get(ConferenceRow, meeting.conference_id))
    browser = admin()
    page = browser.get("/admin/conferences/list")
    assert [name for _number, name in names(page)] == ["Lately"]
    assert ">Over</span>" in page.text
    assert "@vmr.example.com" in page.text, "the alias that it had"
    assert [name for _number, name in names(browser.get("/admin/conferences/"))] == ["Lately"]
    assert [name for _number, name in names(browser.get("/admin/conferences/?day=2026-11-22"))] == ["Longago"]


def test_one_conference_with_its_history(world, admin, rooms):
    now = world.clock()
    with world.database.write() as session:
        meeting = session.get(MeetingRow, rooms[0])
        step(session, meeting, now=now, correlation_id="op-1", step="fetched", action="request")
        step(session, meeting, now=now, correlation_id="op-1")
        step(session, meeting, now=now, correlation_id="op-1", step="reply", action="reply_sent", success=False,
             error_code="busy", error_description="The server is busy.")  # fmt: skip
        to_send(session, 1, now=now, meeting_id=meeting.id, tries=2, error="The server is busy.", correlation_id="op-1")
        arrived(session, 1, now=now, uid=meeting.uid, state="dead", error="Cannot be understood.", finished_at=now)
    page = admin().get(f"/admin/conferences/{rooms[0]}/")
    for words in (
        "VMR Scheduling for Exchange: Sales",
        "Ada Example, ada@example.com",
        "<code>7911111111@vmr.example.com</code>",
        "Accept new single meeting",
        "The server is busy.",
        "Answer to the organizer",
        "tried 2 times",
        "Cannot be understood.",
        "Given up",
        '"/admin/operations/?id=op-1"',
        f'href="/admin/conferences/{rooms[0]}/remove"',
    ):
        assert words in page.text, words
    steps = [re.search(words, page.text).start() for words in ("> Mail<|>Mail<", "Accept new", "Reply sent")]
    assert steps == sorted(steps)


def test_a_series_lists_its_meetings(admin, rooms):
    page = admin().get(f"/admin/conferences/{rooms[1]}/")
    assert "Meetings of the series" in page.text
    assert [day for day in range(23, 28) if f'title="2026-11-{day} 15:00:00 UTC"' in page.text] == list(range(23, 28))


def test_what_a_viewer_may_not(admin, rooms):
    browser = admin(Role.VIEWER)
    assert "Remove the room" not in browser.get(f"/admin/conferences/{rooms[0]}/").text
    assert browser.get(f"/admin/conferences/{rooms[0]}/remove").status_code == 403
    assert browser.post(f"/admin/conferences/{rooms[0]}/remove").status_code == 403


def test_removing_a_room(world, admin, rooms):
    browser, page = admin(Role.OPERATOR), f"/admin/conferences/{rooms[1]}/"
    asked = browser.get(f"{page}remove")
    assert "for every meeting of the series" in asked.text
    done = browser.post(f"{page}remove", form=f"{page}remove", follow_redirects=True)
    assert "Nobody can join it any more." in done.text
    assert "Removed by an administrator" in done.text
    assert "Room removed" in done.text, "in the history"
    with world.database.read() as session:
        assert session.get(MeetingRow, rooms[1]).conference_id is None
        entry = session.scalar(select(AuditRow).order_by(AuditRow.id.desc()))
        assert (entry.action, entry.object_kind, entry.integration_id) == ("remove", "conference", 1)
        assert len(entry.before["aliases"]) == 2
    assert "Weekly" not in browser.get("/admin/conferences/list").text
    assert browser.post(f"{page}remove").status_code == 409
    assert "has no room any more" in browser.get(f"{page}remove").text


def test_others_conferences_are_unknown(admin, rooms):
    browser = admin(Role.INTEGRATION_ADMIN, (2,))
    assert subjects(browser.get("/admin/conferences/list")) == ["Offsite"]
    assert subjects(browser.get("/admin/conferences/list?integration=1")) == []
    assert subjects(browser.get("/admin/conferences/list?q=budget")) == []
    assert subjects(browser.get("/admin/conferences/?day=2026-11-23")) == []
    assert "Sales" not in browser.get("/admin/conferences/list").text
    for path in ("", "remove"):
        foreign, unknown = (browser.get(f"/admin/conferences/{number}/{path}") for number in (rooms[0], 999))
        assert foreign.status_code == unknown.status_code == 404
        assert "There is no such conference." in foreign.text
    assert browser.post(f"/admin/conferences/{rooms[0]}/remove").status_code == 404


def test_a_conference_of_a_deleted_integration(world, admin, rooms):
    with world.database.write() as session:
        session.delete(session.get(IntegrationRow, 2))
    browser = admin()
    assert "a deleted integration (number 2)" in browser.get(f"/admin/conferences/{rooms[2]}/").text
    assert subjects(browser.get("/admin/conferences/list?q=offsite")) == ["Offsite"]
