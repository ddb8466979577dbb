"""What comes first, and how much a mailbox of Exchange Online sends in a minute."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from addin_host.domain.mail_limits import mails_per_minute
from addin_host.flows.scheduling import outbox
from addin_host.store.models import OutboxRow
from tests.flows.meetings import an_integration

ONLINE = {"url": "https://outlook.office365.com/EWS/Exchange.asmx"}
GRAPH = {
    "mailbox_protocol": "GRAPH",
    "authentication_method": "APP_PERM",
    "oauth_client_id": "app",
    "oauth_client_secret": "canary-oauth",
    "tenant_id": "7c1c8f3e-1111-4222-8333-123456789abc",
}


@pytest.fixture
def online(office):
    office.integration = an_integration(
        office.database,
        office.box,
        office.clock,
        name="Online",
        room_mailbox_email_address="online@example.com",
        **ONLINE,
    )
    return office


def test_which_mailboxes_have_a_limit(office, online):
    values = dict(online.integration.values)

    class Made(dict):
        pass

    assert mails_per_minute(online.integration) == 28
    assert mails_per_minute(Made(values | {"mailbox_protocol": "GRAPH", "url": ""})) == 28
    assert mails_per_minute(Made(values | {"url": "https://exchange.example.com/EWS/Exchange.asmx"})) is None
    assert mails_per_minute(Made(values | {"url": "https://outlook.office365.com.example.com/EWS/"})) is None


def test_28_replies_a_minute_and_nobody_sleeps(online):
    for number in range(70):
        online.put_reply(f"{number:02}")
    counts = []
    for _step in range(25):
        counts.append(sum(iter(lambda: online.send(20), 0)))
        online.clock.forward(seconds=7.5)
    assert counts == [28, *[0] * 7, 28, *[0] * 7, 14, *[0] * 8]
    assert online.sent("online@example.com") == [f"{number:02}" for number in range(70)]


def test_several_senders_share_the_limit(online):
    for number in range(60):
        online.put_reply(str(number))
    others = [online.another() for _process in range(3)]
    assert sum(outbox.send_due(own, limit) for own, limit in zip(others, (10, 10, 50), strict=True)) == 28


def test_what_is_in_the_air_counts(online):
    for number in range(40):
        online.put_reply(str(number))
    assert len(outbox.claim(online.own, online.integration.id, 20, online.integration)) == 20
    assert len(outbox.claim(online.own, online.integration.id, 20, online.integration)) == 8
    assert outbox.claim(online.own, online.integration.id, 20, online.integration) == []


def test_the_limit_of_one_mailbox_is_not_that_of_another(office, online):
    other = an_integration(
        office.database, office.box, office.clock, name="Other", room_mailbox_email_address="b@example.com"
    )
    for number in range(40):
        online.put_reply(f"a{number}")
        online.put_reply(f"b{number}", integration=other)
    assert sum(office.send(1000) for _call in range(3)) == 68
    assert len(office.sent("b@example.com")) == 40


def test_replies_of_imminent_meetings_come_first(online):
    tomorrow = online.book(timedelta(days=1), subject="Tomorrow")
    for number in range(40):
        online.put_reply(f"later{number}", meeting=tomorrow)
    online.clock.forward(seconds=1)
    soon = online.book(timedelta(minutes=10), subject="Soon")
    online.put_reply("soon", meeting=soon)
    online.send()
    assert online.sent("online@example.com")[0] == "soon"
    assert "later39" not in online.sent("online@example.com")


def test_no_lane_starves_another(office):
    other = an_integration(
        office.database, office.box, office.clock, name="Other", room_mailbox_email_address="b@example.com"
    )
    for number in range(60):
        office.put_reply(f"a{number}")
    office.put_reply("b", integration=other)
    assert office.send(20) == 11
    assert office.sent("b@example.com") == ["b"]


def test_two_senders_at_most_are_at_work_in_a_lane(office):
    for number in range(10):
        office.put_reply(str(number))
    for _sender in range(2):
        claimed = outbox.claim(office.own, office.integration.id, 2)
        lasts = timedelta(seconds=5, milliseconds=claimed[0].id)
        with office.database.write() as session:
            mine = update(OutboxRow).where(OutboxRow.id.in_([one.id for one in claimed]))
            session.execute(mine.values(lease_until=office.database.time(session) + lasts))
    assert office.send() == 0
    office.let_leases_run_out()
    assert office.send() == 10
