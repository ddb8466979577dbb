"""The operations log, and what was given up."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from addin_host.domain.access import Role
from addin_host.domain.alarms import Level
from addin_host.flows import alarms
from addin_host.store.models import AlarmRow, AuditRow, InboxRow, OutboxRow
from tests.booked_rooms import arrived, book, step, to_send

HOME = "/admin/operations/"
STUCK = f"{HOME}given-up"


@pytest.fixture
def steps(world):
    """Two steps of operation a at integration 1, one that failed of operation b at integration 2."""
    now = world.clock()
    with world.database.write() as session:
        own, other = (
            book(session, number, f"M{number}", [now], now=now, organizer=f"user{number}@example.com")
            for number in (1, 2)
        )
        step(session, own, now=now, correlation_id="a", step="fetched", action="request")
        step(session, own, now=now, correlation_id="a", tag_uuid="11111111-2222-4333-8444-555555555555")
        later, refused = now + timedelta(hours=1), {"action": "reject_alias_conflict", "error_code": "alias_conflict"}
        step(session, other, now=later, correlation_id="b", success=False, **refused)
        return own.id, other.id


def operations(page):
    return re.findall(r'\?id=(\w)"', page.text)


def test_the_log_is_newest_first_and_filtered(admin, steps):
    browser = admin()
    for query, found in (
        ("", ["b", "a", "a"]),
        ("id=a", ["a", "a"]),
        ("id=A", ["a", "a"]),
        (f"meeting={steps[1]}", ["b"]),
        ("organizer=USER1@example.com", ["a", "a"]),
        ("tag=11111111-2222-4333-8444-555555555555", ["a"]),
        ("tag=PXPS:-nothing", []),
        ("integration=2", ["b"]),
        ("success=no", ["b"]),
        ("success=yes&organizer=user1@example.com", ["a", "a"]),
        ("since=2026-11-23T12:30", ["b"]),
        ("until=2026-11-23T12:30", ["a", "a"]),
    ):
        assert operations(browser.get(f"{HOME}?{query}")) == found, query


@pytest.mark.parametrize(("query", "words"), [("since=x", "is not a date"), ("meeting=x", "is not a number")])
def test_what_is_no_filter_is_said(admin, steps, query, words):
    assert words in admin().get(f"{HOME}?{query}").text


def test_pages_of_the_log(world, admin, steps):
    with world.database.write() as session:
        meeting = book(session, 1, "Busy", [world.clock()], now=world.clock())
        for number in range(60):
            step(session, meeting, now=world.clock(), correlation_id="c", action=f"step_{number}")
    browser = admin()
    first = browser.get(f"{HOME}?id=c")
    assert "Step 59" in first.text
    assert len(operations(first)) == 50
    older = browser.get(re.search(r'rel="next" href="([^"]+)"', first.text)[1].replace("&amp;", "&"))
    assert len(operations(older)) == 10
    newer = browser.get(re.search(r'rel="prev" href="([^"]+)"', older.text)[1].replace("&amp;", "&"))
    assert operations(newer) == operations(first)


def test_integration_administrators_see_their_operations(admin, steps):
    browser = admin(Role.INTEGRATION_ADMIN, (1,))
    assert operations(browser.get(HOME)) == ["a", "a"]
    for query in ("integration=2", "id=b", f"meeting={steps[1]}"):
        assert operations(browser.get(f"{HOME}?{query}")) == []


@pytest.fixture
def stuck(world):
    """A dead invitation and a dead answer of integration 1, and a dead answer of 2; the alarms about them."""
    now = world.clock()
    with world.database.write() as session:
        given_up = {"state": "dead", "tries": 5, "finished_at": now, "error_code": "unusable"}
        mail = arrived(session, 1, now=now, error="Its time zone makes no sense.", **given_up)
        answer = to_send(session, 1, now=now, error="Refused by the server.", **given_up)
        other = to_send(session, 2, now=now, error="Of others.", **given_up)
        for number in (1, 2):
            alarms.raise_(
                session, "queue_poison", integration_id=number, level=Level.ERROR, details="x", now=now
            )  # fmt: skip
        return mail.id, answer.id, other.id


def test_what_was_given_up_is_shown_with_its_reason(admin, stuck):
    browser = admin()
    page = browser.get(STUCK)
    for words in (
        "Invitation",
        "Answer to the organizer",
        "Its time zone makes no sense.",
        "tried 5 times",
        "Of others.",
    ):
        assert words in page.text
    assert '<span class="badge text-bg-danger">3</span>' in browser.get(HOME).text


def test_trying_again(world, admin, stuck):
    browser = admin(Role.OPERATOR)
    world.clock.forward(minutes=5)
    done = browser.post(f"{STUCK}/inbox/{stuck[0]}/again", form=STUCK, follow_redirects=True)
    assert "Invitation: the service tries it again now." in done.text
    with world.database.read() as session:
        row = session.get(InboxRow, stuck[0])
        assert (row.state, row.tries, row.due_at, row.finished_at) == ("pending", 0, world.clock(), None)
        entry = session.scalar(select(AuditRow).order_by(AuditRow.id.desc()))
        assert (entry.action, entry.object_kind, entry.integration_id) == ("try again", "inbox item", 1)


def test_letting_go_ends_the_alarm_with_the_last_one(world, admin, stuck):
    browser = admin()

    def standing():
        with world.database.read() as session:
            return session.scalars(select(AlarmRow.integration_id).where(AlarmRow.open_key.is_not(None))).all()

    browser.post(f"{STUCK}/inbox/{stuck[0]}/let-go", form=STUCK)
    assert standing() == [1, 2]
    browser.post(f"{STUCK}/outbox/{stuck[1]}/let-go", form=STUCK)
    assert standing() == [2]
    with world.database.read() as session:
        row = session.get(OutboxRow, stuck[1])
        assert (row.state, row.payload, row.finished_at) == ("cancelled", {}, world.clock())


def test_somebody_was_faster(admin, stuck):
    browser = admin()
    browser.post(f"{STUCK}/inbox/{stuck[0]}/let-go", form=STUCK)
    again = browser.post(f"{STUCK}/inbox/{stuck[0]}/again", form=STUCK)
    assert again.status_code == 409
    assert "Somebody has dealt with this meanwhile." in again.text


def test_who_may(admin, stuck):
    viewer = admin(Role.VIEWER)
    assert "Try again</button>" not in viewer.get(STUCK).text
    assert viewer.post(f"{STUCK}/inbox/{stuck[0]}/again").status_code == 403
    own = admin(Role.INTEGRATION_ADMIN, (2,))
    assert "Its time zone" not in own.get(STUCK).text
    foreign, unknown, nowhere = (
        own.post(f"{STUCK}/{where}/again") for where in (f"inbox/{stuck[0]}", "inbox/999", "x/1")
    )
    assert foreign.status_code == unknown.status_code == nowhere.status_code == 404
    assert "There is no such item." in foreign.text
    assert own.post(f"{STUCK}/outbox/{stuck[2]}/again", form=STUCK).status_code == 303
