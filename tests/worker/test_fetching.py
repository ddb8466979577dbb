"""Mailboxes are read: rows and cursor together, back-off, sweeps, the mark of ownership."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from addin_host.domain.access import ON_THIS_MACHINE
from addin_host.domain.calendar import Meeting, MessageKind, Organizer
from addin_host.domain.mailbox import Fault, MailboxTrouble, OwnershipMark
from addin_host.flows import alarms
from addin_host.flows.alarms import Wanted
from addin_host.flows.scheduling import claiming, fetching, health, leasing
from addin_host.flows.scheduling.claiming import LostLease
from addin_host.flows.scheduling.holding import OpenMailboxes
from addin_host.store.models import (
    ConferenceRow,
    InboxRow,
    IntegrationRow,
    MailboxRow,
    MeetingRow,
    ScheduledConferenceRow,
)
from tests.flows.meetings import an_integration
from tests.worker.conftest import a_worker

ADDRESS = "vmr@example.com"


def a_meeting(clock, uid="AB01", starts_in=timedelta(hours=1), sequence=0, **more):
    start = clock() + starts_in
    found = Meeting(
        uid=uid,
        item_id="",
        sequence=sequence,
        critical_change=clock(),
        organizer=Organizer("ann@example.com", "Ann"),
        subject="Weekly",
        body="",
        body_is_html=True,
        start=start,
        end=start + timedelta(hours=1),
    )
    return replace(found, **more)


def visit(own, integration, **more):
    lease = leasing.take(own, integration)
    assert lease is not None
    return fetching.visit(own, integration, lease, OpenMailboxes(own).of(integration), **more)


def queue(own):
    with own.database.read() as session:
        return list(session.scalars(select(InboxRow).order_by(InboxRow.id)))


def mailbox_row(own, integration):
    with own.database.read() as session:
        return session.get_one(MailboxRow, integration.id)


def raised(own):
    with own.database.read() as session:
        return {alarm.identifier for alarm in alarms.find(session, Wanted(state="open"), caller=ON_THIS_MACHINE).alarms}


def swept_already(own, integration, clock):
    """So that a test is about what arrives."""
    visit(own, integration)
    with own.database.write() as session:
        session.execute(update(MailboxRow).values(due_at=clock()))


def test_what_arrives_is_queued_once_with_the_position(own, integration, exchange, clock):
    swept_already(own, integration, clock)
    first = exchange.deliver(ADDRESS, a_meeting(clock))
    exchange.deliver(ADDRESS, a_meeting(clock, "AB02"), MessageKind.OTHER)
    exchange.deliver(ADDRESS, a_meeting(clock, "AB03"), MessageKind.CANCELLATION)
    assert fetching.due(own) == [integration.id]
    assert visit(own, integration) == 2
    (request, cancellation) = queue(own)
    assert (request.item_id, request.kind, request.origin, request.starts_at) == (
        first,
        "request",
        "message",
        clock() + timedelta(hours=1),
    )
    assert cancellation.kind == "cancellation"
    assert request.correlation_id != cancellation.correlation_id
    assert visit(own, integration) == 0
    assert len(queue(own)) == 2


def test_many_pages_and_a_repeated_notice(own, integration, exchange, clock):
    swept_already(own, integration, clock)
    ids = [exchange.deliver(ADDRESS, a_meeting(clock, f"{number:04X}")) for number in range(1100)]
    assert visit(own, integration) == 1100
    exchange.repeat(ADDRESS, ids[0])
    assert visit(own, integration) == 1
    with own.database.read() as session:
        assert session.scalar(select(func.count(InboxRow.item_id.distinct()))) == 1100


def test_a_lost_position_begins_anew_and_is_followed_by_a_sweep(own, integration, exchange, clock):
    swept_already(own, integration, clock)
    exchange.deliver(ADDRESS, a_meeting(clock))
    visit(own, integration)
    exchange.lose_cursors(ADDRESS)
    exchange.deliver(ADDRESS, a_meeting(clock, "AB02"))
    exchange.deliver(ADDRESS, a_meeting(clock, "AB03"), is_dropped=True)
    visit(own, integration)
    found = [(row.origin, row.item_id) for row in queue(own)]
    assert sorted(found)[-2:] == [("message", "message:1"), ("message", "message:2")]
    assert ("calendar", "calendar:AB03") in found
    assert not mailbox_row(own, integration).sweep_asked


def test_when_a_mailbox_is_looked_into_again(own, integration, exchange, clock):
    visit(own, integration)
    assert fetching.due(own) == []
    assert fetching.due(own, {integration.id}) == [integration.id]
    clock.forward(seconds=60)
    assert fetching.due(own) == [integration.id]
    exchange.deliver(ADDRESS, a_meeting(clock))
    visit(own, integration)
    clock.forward(seconds=15)
    assert fetching.due(own) == [integration.id]
    clock.forward(hours=-3)  # the clock is set back
    assert fetching.due(own) == [integration.id]


@pytest.mark.parametrize("change", [{"enabled": False}, {"enable_dynamic_vmrs": False}])
def test_only_integrations_with_single_use_vmrs_that_are_switched_on(own, integration, change):
    with own.database.write() as session:
        row = session.get_one(IntegrationRow, integration.id)
        row.record = row.record | change
    assert fetching.due(own) == []
    with own.database.read() as session:
        assert fetching.served(session) == []


def test_one_reads_at_a_time(own, integration, database, box, clock, exchange):
    other = a_worker(database, box, clock, exchange)
    held = leasing.take(own, integration)
    assert held
    assert leasing.take(other, integration) is None
    assert fetching.due(other) == []
    leasing.renew(own, [held])
    leasing.give_back(own, [held])
    assert leasing.take(other, integration)


def test_who_was_paused_too_long_writes_nothing(own, integration, database, box, clock, exchange):
    exchange.deliver(ADDRESS, a_meeting(clock))
    paused = leasing.take(own, integration)
    with own.database.write() as session:
        session.execute(update(MailboxRow).values(lease_until=own.database.time(session) - timedelta(seconds=1)))
    taken_over = leasing.take(a_worker(database, box, clock, exchange), integration)
    assert taken_over and paused and taken_over.fence == paused.fence + 1
    with pytest.raises(LostLease):
        list(fetching.read(own, paused, exchange.mailbox(ADDRESS)))
    assert queue(own) == []
    leasing.give_back(own, [paused])
    assert leasing.take(own, integration) is None


def test_another_mailbox_begins_anew(own, integration, exchange, clock, database, box):
    exchange.deliver(ADDRESS, a_meeting(clock))
    visit(own, integration)
    moved = replace(integration, values=integration.values | {"room_mailbox_email_address": "new@example.com"})
    exchange.deliver("new@example.com", a_meeting(clock, "CD01"))
    visit(own, moved)
    by_state = {(row.state, row.uid or row.item_id) for row in queue(own) if row.origin == "message"}
    assert by_state == {("cancelled", "message:1"), ("pending", "message:2")}


# Trouble


class Broken:
    """A mailbox that is in trouble; calls are counted."""

    def __init__(self, trouble):
        self.trouble, self.calls = trouble, 0

    def __getattr__(self, name):
        def call(*arguments):
            self.calls += 1
            raise self.trouble

        return call


class _Opened:
    def __init__(self, mailbox):
        self.mailbox = mailbox

    def __enter__(self):
        return self.mailbox

    def __exit__(self, *_error):
        return None


def visit_broken(own, integration, fault, retry_after=None):
    lease = leasing.take(own, integration)
    assert lease
    broken = Broken(MailboxTrouble(fault, "It is down.", retry_after=retry_after))
    fetching.visit(own, integration, lease, _Opened(broken))
    return broken.calls


def test_the_server_says_how_long_to_wait_and_others_go_on(own, integration, database, box, clock):
    changes = {
        "name": "Second",
        "room_mailbox_email_address": "two@example.com",
        "addin_server_domain": "two.example.com",
    }
    other = an_integration(database, box, clock, **changes)
    assert visit_broken(own, integration, Fault.BUSY, retry_after=300) == 1
    visit(own, other)
    assert mailbox_row(own, integration).waits_until == clock() + timedelta(seconds=300)
    clock.forward(seconds=299)
    assert fetching.due(own, {integration.id}) == [other.id]
    clock.forward(seconds=1)
    assert set(fetching.due(own)) == {integration.id, other.id}
    visit(own, integration)
    assert (mailbox_row(own, integration).failures, mailbox_row(own, integration).fault) == (0, "")


def test_waits_grow_with_every_failure(own, integration, clock):
    longest = 0.0
    for number in range(1, 14):
        visit_broken(own, integration, Fault.UNREACHABLE)
        row = mailbox_row(own, integration)
        waits = (row.waits_until - clock()).total_seconds()
        assert row.failures == number
        assert 0 <= waits <= min(2.0**number, 900)
        longest = max(longest, waits)
        clock.forward(seconds=waits)
    assert longest > 60


def test_several_at_once_are_one_failure(own, integration, clock):
    for seconds in (60, 30):
        fetching.note_trouble(own, integration, MailboxTrouble(Fault.BUSY, "Later.", retry_after=seconds))
    row = mailbox_row(own, integration)
    assert (row.failures, row.waits_until) == (1, clock() + timedelta(seconds=60))
    with own.database.write() as session:
        health.mailbox_well(session, integration, clock())
    assert mailbox_row(own, integration).failures == 1  # the wait is not over


@pytest.mark.parametrize(
    ("fault", "alarm", "times"),
    [
        (Fault.UNREACHABLE, "exchange_unreachable", 3),
        (Fault.UNUSABLE, "exchange_unreachable", 3),
        (Fault.AUTHENTICATION, "exchange_auth_failed", 1),
        (Fault.SIGN_IN_NEEDED, "service_account_signin_required", 1),
        (Fault.MAILBOX_UNKNOWN, "mailbox_not_found", 1),
        (Fault.DENIED, "impersonation_denied", 1),
    ],
)
def test_alarms_come_and_go_by_themselves(own, integration, clock, fault, alarm, times):
    for number in range(times):
        assert raised(own) == set(), number
        visit_broken(own, integration, fault)
        clock.forward(minutes=15)
    assert raised(own) == {alarm}
    visit(own, integration)
    assert raised(own) == set()


def test_settings_that_were_saved_are_tried_at_once(own, integration, clock):
    visit_broken(own, integration, Fault.AUTHENTICATION, retry_after=600)
    assert fetching.due(own) == []
    clock.forward(seconds=1)
    with own.database.write() as session:
        session.execute(update(IntegrationRow).values(updated_at=clock()))
    assert fetching.due(own) == [integration.id]
    visit(own, integration)
    assert (mailbox_row(own, integration).waits_until, raised(own)) == (None, set())


# Sweeps


def a_known_meeting(own, integration, clock, uid, **more):
    values = {"sequence": 0, "state": "scheduled", "in_calendar": True, "updated_at": clock()} | more
    start = clock() + timedelta(days=1)
    with own.database.write() as session:
        conference = ConferenceRow(uuid=uid, name=uid, service_type="conference", created_at=clock())
        row = MeetingRow(
            integration_id=integration.id,
            uid=uid,
            item_id=f"calendar:{uid}",
            created_at=clock(),
            start_time=start,
            end_time=start + timedelta(hours=1),
            **values,
        )
        session.add_all([row, conference])
        session.flush()
        session.add(
            ScheduledConferenceRow(
                meeting_id=row.id,
                conference_id=conference.id,
                integration_id=integration.id,
                start_time=start,
                end_time=start + timedelta(hours=1),
                opens_at=start,
                closes_at=start + timedelta(hours=1),
                created_at=clock(),
            )
        )


def swept(own, integration, exchange, clock):
    """The first visit sweeps in full."""
    visit(own, integration)
    return sorted((row.origin, row.uid) for row in queue(own) if row.origin != "message")


def test_a_sweep_finds_what_notices_did_not_tell(own, integration, exchange, clock):
    soon = {"starts_in": timedelta(days=1), "critical_change": None}
    for uid in ("NEW", "CHANGED", "SAME", "MODIFIED", "REJECTED", "CANCELLED"):
        sequence = 1 if uid == "CHANGED" else 0
        exchange.deliver(
            ADDRESS, a_meeting(clock, uid, sequence=sequence, is_cancelled=uid == "CANCELLED", **soon), is_dropped=True
        )
    exchange.deliver(ADDRESS, a_meeting(clock, "OVER", timedelta(hours=-5)), is_dropped=True)
    exchange.deliver(ADDRESS, a_meeting(clock, "CALLED OFF", is_cancelled=True, **soon), is_dropped=True)
    later = clock() + timedelta(hours=1)
    for uid, more in {
        "CHANGED": {},
        "SAME": {"updated_at": later},
        "MODIFIED": {},
        "CANCELLED": {},
        "REJECTED": {"state": "rejected", "updated_at": later},
        "GONE": {},
        "NEVER THERE": {"in_calendar": False},
    }.items():
        a_known_meeting(own, integration, clock, uid, **more)
    assert swept(own, integration, exchange, clock) == [
        ("absence", "GONE"),
        ("calendar", "CANCELLED"),
        ("calendar", "CHANGED"),
        ("calendar", "MODIFIED"),
        ("calendar", "NEW"),
    ]
    with own.database.write() as session:
        session.execute(update(MailboxRow).values(sweep_asked=True))
    clock.forward(minutes=1)
    visit(own, integration)
    origins = [row.origin for row in queue(own)]
    assert origins.count("calendar") == 4
    assert origins.count("absence") == 2


def test_what_the_calendar_lists_is_in_the_calendar(own, integration, exchange, clock):
    exchange.deliver(ADDRESS, a_meeting(clock, "A", timedelta(days=1)), is_dropped=True)
    a_known_meeting(own, integration, clock, "A", in_calendar=False)
    swept(own, integration, exchange, clock)
    with own.database.read() as session:
        assert session.scalar(select(MeetingRow.in_calendar))


def test_sweeps_are_every_quarter_of_an_hour_and_in_full_once_a_day(own, integration, exchange, clock):
    began = clock()
    visit(own, integration)
    assert mailbox_row(own, integration).fully_swept_at == began
    clock.forward(minutes=14)
    visit(own, integration)
    assert mailbox_row(own, integration).swept_at == began
    clock.forward(minutes=1)
    visit(own, integration)
    assert mailbox_row(own, integration).swept_at == clock()
    assert mailbox_row(own, integration).fully_swept_at == began
    clock.forward(minutes=1)
    visit(own, integration, sweep_since=clock())  # the service has started anew
    assert mailbox_row(own, integration).swept_at == clock()
    clock.forward(hours=24)
    visit(own, integration)
    assert mailbox_row(own, integration).fully_swept_at == clock()


# The mark


def test_two_installations_on_one_mailbox(own, integration, exchange, clock):
    mailbox = exchange.mailbox(ADDRESS)
    mailbox.own(OwnershipMark("another", "b", clock()))
    exchange.deliver(ADDRESS, a_meeting(clock))
    assert visit(own, integration) == 0
    assert raised(own) == {"mailbox_owned_elsewhere"}
    assert queue(own) == []
    for _minute in range(12):
        clock.forward(minutes=1)
        mailbox.own(OwnershipMark("another", "b", clock()))
        assert visit(own, integration) == 0
    clock.forward(minutes=29)
    assert visit(own, integration) == 0
    clock.forward(minutes=5)
    assert visit(own, integration) == 1
    assert raised(own) == set()
    mark = mailbox.owner()
    assert mark.integration == integration.uuid
    assert mark.seen_at == clock()


def test_items_are_left_alone_while_another_installation_has_the_mailbox(own, integration, exchange, clock):
    exchange.deliver(ADDRESS, a_meeting(clock))
    visit(own, integration)
    clock.forward(minutes=6)
    exchange.mailbox(ADDRESS).own(OwnershipMark("another", "b", clock()))
    visit(own, integration)
    assert claiming.claim(own, None, 10) == []
    assert claiming.waiting(own) == {}


# What time brings


def test_a_queue_that_stands_still(own, integration, exchange, clock):
    exchange.deliver(ADDRESS, a_meeting(clock))
    visit(own, integration)
    health.look(own, integration)
    assert raised(own) == set()
    clock.forward(minutes=11)
    health.look(own, integration)
    assert raised(own) == {"mailbox_stalled"}
    with own.database.write() as session:
        health.processed(session, integration, clock())
    health.look(own, integration)
    assert raised(own) == set()


def test_the_alarm_of_poison_ends_with_it(own, integration, exchange, clock):
    exchange.deliver(ADDRESS, a_meeting(clock))
    visit(own, integration)
    held = claiming.claim(own, None, 1)
    with own.database.write() as session:
        claiming.fail(session, own, held[0], "x", "y", poison=True)
    health.look(own, integration)
    assert raised(own) == {"queue_poison"}
    with own.database.write() as session:
        session.execute(update(InboxRow).values(state="cancelled"))
    health.look(own, integration)
    assert raised(own) == set()


def test_exchange_online_with_ews(own, integration):
    online = replace(
        integration, values=integration.values | {"url": "https://outlook.office365.com/EWS/Exchange.asmx"}
    )
    health.look(own, online)
    assert raised(own) == {"ews_retirement"}
    health.look(own, integration)
    assert raised(own) == set()


def test_who_asks_while_a_mailbox_is_looked_into_is_not_overheard(own, integration, clock):
    swept_already(own, integration, clock)
    lease = leasing.take(own, integration)
    with own.database.write() as session:
        fetching.ask(session, integration.id)
    fetching.visit(own, integration, lease, OpenMailboxes(own).of(integration))
    assert fetching.due(own) == [integration.id]
    visit(own, integration)
    assert fetching.due(own) == []
