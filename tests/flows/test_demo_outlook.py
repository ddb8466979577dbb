"""The organizer's side of the demo: what is sent reaches the mailboxes, and again when the demo starts again."""

from datetime import UTC, datetime

import pytest

from addin_host.domain.calendar import MessageKind
from addin_host.domain.demo import INTEGRATIONS
from addin_host.domain.demo_outlook import read_appointment
from addin_host.domain.errors import Refused
from addin_host.domain.mailbox import Horizon
from addin_host.flows import demo, demo_outlook
from addin_host.gateways.memory_mailbox import MemoryExchange
from addin_host.store.models import IntegrationRow, MarkRow
from tests.quick_hashes import quick_hashes

__all__ = ["quick_hashes"]
pytestmark = pytest.mark.usefixtures("quick_hashes")

MAILBOX, OTHER = (str(INTEGRATIONS[number]["room_mailbox_email_address"]) for number in (0, 2))
HORIZON = Horizon(datetime(2026, 11, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
FORM = {
    "id": "0f8fad5b-d9cb-469f-a165-70867728950e",
    "organizer": "alice@example.com",
    "subject": "Weekly",
    "body": "<p>PXPS</p>",
    "body_is_html": True,
    "start": "2026-11-24T09:00:00.000Z",
    "end": "2026-11-24T09:30:00.000Z",
    "zone": "Europe/Oslo",
    "invited": ["bob@example.com", MAILBOX],
}


@pytest.fixture
def exchange(clock):
    return MemoryExchange(clock)


@pytest.fixture
def send(database, box, clock, exchange):
    with database.write() as session:
        demo.seed(session, box=box, now=clock())

    def press(is_cancelled=False, **changes):
        clock.forward(seconds=1)
        with database.write() as session:
            appointment = read_appointment({**FORM, **changes})
            return demo_outlook.send(session, appointment, exchange, is_cancelled=is_cancelled, now=clock())

    return press


def kinds(exchange, address):
    mailbox = exchange.mailbox(address)
    listed = mailbox.arrivals("").items
    return [
        (reading.notice.kind, reading.notice.sequence) for reading in mailbox.read([a.item_id for a in listed], HORIZON)
    ]


def test_only_the_mailboxes_that_are_invited_get_it(send, exchange):
    assert send() == (MAILBOX,)
    assert kinds(exchange, MAILBOX) == [(MessageKind.REQUEST, 0)]
    assert kinds(exchange, OTHER) == []
    (entry,) = exchange.mailbox(MAILBOX).calendar(HORIZON.since, HORIZON.until, "").entries
    meeting = exchange.mailbox(MAILBOX).meeting(entry.item_id, HORIZON)
    assert (meeting.organizer.name, meeting.zone.name, meeting.series) == ("Alice Example", "Europe/Oslo", None)
    assert meeting.start == datetime(2026, 11, 24, 9, tzinfo=UTC)


def test_a_mailbox_that_is_taken_off_and_a_meeting_that_is_cancelled(send, exchange):
    send()
    send(invited=["bob@example.com", OTHER])
    assert kinds(exchange, MAILBOX) == [(MessageKind.REQUEST, 0), (MessageKind.CANCELLATION, 1)]
    assert send(is_cancelled=True, invited=[OTHER]) == (OTHER,)
    assert kinds(exchange, OTHER) == [(MessageKind.REQUEST, 1), (MessageKind.CANCELLATION, 2)]


def test_a_series_repeats_in_the_organizers_zone(send, exchange):
    send(repeat="weekly", times=5, start="2026-11-24T23:30:00Z", end="2026-11-25T00:00:00Z")
    series = exchange.mailbox(MAILBOX).find(read_appointment(FORM).uid, HORIZON).series
    assert (series.recurrence.days_of_week, series.recurrence.count, series.minutes) == ((2,), 5, 30)
    assert series.starts.isoformat() == "00:30:00"


def test_a_demo_that_starts_again_has_the_same_messages(send, exchange, database, clock):
    send()
    send(subject="Moved", start="2026-11-24T10:00:00Z", end="2026-11-24T10:30:00Z")
    send(id="7c9e6679-7425-40de-944b-e07fc1f90ae7", invited=[OTHER])
    again = MemoryExchange(clock)
    with database.read() as session:
        demo_outlook.replay(session, again)
    for address in (MAILBOX, OTHER):
        first, second = (world.mailbox(address).arrivals("") for world in (exchange, again))
        assert [(a.item_id, a.change_key, a.kind) for a in first.items] == [
            (a.item_id, a.change_key, a.kind) for a in second.items
        ]
        assert first.cursor == second.cursor


@pytest.mark.parametrize(
    "change",
    [
        {"id": "no uuid"},
        {"organizer": "mallory@example.com"},
        {"start": "2026-11-24T10:00:00Z"},
        {"start": "2026-11-24T09:00:00"},
        {"start": None},
        {"zone": "Nowhere/Land"},
        {"zone": "../../etc/passwd"},
        {"repeat": "hourly"},
        {"times": "many"},
        {"invited": None},
    ],
)
def test_what_is_no_appointment_is_refused(send, database, change):
    with pytest.raises(Refused):
        send(**change)
    with database.read() as session:
        assert session.get(MarkRow, "demo sent 000001") is None


def test_nobody_sends_for_somebody_else_or_cancels_what_was_not_sent(send):
    with pytest.raises(Refused):
        send(is_cancelled=True)
    send()
    with pytest.raises(Refused):
        send(organizer="bob@example.com")


def test_the_integrations_of_mailboxes(send, database):
    with database.read() as session:
        (number,) = demo_outlook.integration_ids(session, (MAILBOX,))
        assert session.get(IntegrationRow, number).room_mailbox_email_address == MAILBOX
        assert dict(demo_outlook.mailboxes(session))[OTHER] == "Video meeting"
