"""An integration that goes, or comes back, with work pending."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from addin_host.domain.access import ON_THIS_MACHINE
from addin_host.flows import cleaning, integrations
from addin_host.flows.scheduling import all_rooms, ending
from addin_host.store.models import (
    AuditRow,
    ConferenceAliasRow,
    ConferenceRow,
    InboxRow,
    IntegrationRow,
    MailboxRow,
    MeetingRow,
    OutboxRow,
    ScheduledAliasRow,
    ScheduledConferenceRow,
    SchedulingOperationRow,
)
from tests.booked_rooms import arrived, book, read_mailbox, step, to_send


@pytest.fixture
def busy(database, clock):
    """Two integrations, each with two rooms, a mail to read, an answer and a room to write; one of each is dead."""
    now = clock()
    with database.write() as session:
        numbers = [_integration(session, name, now) for name in ("East", "West")]
        for number in numbers:
            read_mailbox(session, number, now=now + timedelta(hours=1))
            for place in range(2):
                book(session, number, f"M{place}", [now], now=now)
                state = "dead" if place else "pending"
                arrived(session, number, now=now, state=state)
                to_send(session, number, now=now, state=state)
            to_send(session, number, now=now, kind="room")
            arrived(session, number, now=now, state="done", finished_at=now)
    return numbers


def _integration(session, name, now):
    row = IntegrationRow(
        uuid=name, name=name, fqdn="x", record={"enabled": True}, icon_hash="", created_at=now, updated_at=now
    )
    session.add(row)
    session.flush()
    return row.id


def states(database, row, number):
    with database.read() as session:
        query = select(row).where(row.integration_id == number).order_by(row.id)
        return [(one.kind, one.state) for one in session.scalars(query)]


def test_deleting_cancels_what_is_pending_and_keeps_the_rooms(database, clock, busy):
    gone, other = busy
    before = states(database, InboxRow, other), states(database, OutboxRow, other)
    with database.write() as session:
        integrations.delete(session, gone, caller=ON_THIS_MACHINE, now=clock())
    assert [state for _kind, state in states(database, InboxRow, gone)] == ["cancelled", "cancelled", "done"]
    assert states(database, OutboxRow, gone) == [("reply", "cancelled"), ("reply", "cancelled"), ("room", "pending")]
    assert (states(database, InboxRow, other), states(database, OutboxRow, other)) == before
    with database.read() as session:
        assert session.get(MailboxRow, gone) is None
        assert session.get(MailboxRow, other) is not None
        assert ending.rooms_of(session, gone) == 2
        mails = session.scalars(select(OutboxRow).where(OutboxRow.state == "cancelled")).all()
        assert [(row.payload, row.fence) for row in mails] == [({}, 1)] * 2


def test_rooms_can_be_removed_with_it(database, clock, busy, monkeypatch):
    monkeypatch.setattr(all_rooms, "_BATCH", 1)
    gone, other = busy
    with database.write() as session:
        row = integrations.find(session, gone)
        assert all_rooms.remove(session, row, caller=ON_THIS_MACHINE, now=clock()) == 2
        integrations.delete(session, gone, caller=ON_THIS_MACHINE, now=clock())
    with database.read() as session:
        count = {
            table: session.scalar(select(func.count()).select_from(table))
            for table in (ConferenceRow, ConferenceAliasRow, ScheduledConferenceRow)
        }
        assert count == {ConferenceRow: 2, ConferenceAliasRow: 4, ScheduledConferenceRow: 2}
        meetings = session.scalars(select(MeetingRow).where(MeetingRow.integration_id == gone)).all()
        assert [(one.state, one.conference_id) for one in meetings] == [("removed", None)] * 2
        aliases = session.scalars(select(ScheduledAliasRow).order_by(ScheduledAliasRow.id)).all()
        quarantined = {one.integration_id for one in aliases if one.conference_deletion_time == clock()}
        assert quarantined == {gone}
        steps = session.scalars(select(SchedulingOperationRow)).all()
        assert [(one.action, one.integration_id) for one in steps] == [("room_removed", gone)] * 2
        entry = session.scalar(select(AuditRow).order_by(AuditRow.id).limit(1))
        assert (entry.action, entry.after) == ("remove rooms", {"rooms": 2})
        assert ending.rooms_of(session, other) == 2


def test_switching_on_again_asks_for_a_sweep(database, clock, busy):
    own, other = busy
    with database.write() as session:
        integrations.set_enabled(session, own, False, caller=ON_THIS_MACHINE, now=clock())
        assert not session.get(MailboxRow, own).sweep_asked
        integrations.set_enabled(session, own, True, caller=ON_THIS_MACHINE, now=clock())
    with database.read() as session:
        row = session.get(MailboxRow, own)
        assert (row.sweep_asked, row.due_at) == (True, clock())
        assert not session.get(MailboxRow, other).sweep_asked
    assert [state for _kind, state in states(database, InboxRow, own)] == ["pending", "dead", "done"]


def test_what_is_done_is_forgotten_after_its_days(database, clock, busy):
    with database.write() as session:
        meeting = session.scalar(select(MeetingRow).limit(1))
        step(session, meeting, now=clock(), correlation_id="old")
        to_send(session, busy[0], now=clock(), state="done", finished_at=clock())
        to_send(session, busy[0], now=clock(), state="done", finished_at=clock(), kind="room", key="room:x")
        clock.forward(days=89)
        step(session, meeting, now=clock(), correlation_id="new")
        clock.forward(days=2)
        cleaning.clean(session, now=clock())
    with database.read() as session:
        assert session.scalars(select(SchedulingOperationRow.transaction_uuid)).all() == ["new"]
        assert session.scalars(select(OutboxRow.kind).where(OutboxRow.state == "done")).all() == ["room"]
        assert sorted(session.scalars(select(InboxRow.state))) == ["dead", "dead", "pending", "pending"]
