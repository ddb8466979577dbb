"""The whole way: from the mail through the decision and the room on the platform to the answer."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from addin_host.flows.scheduling.service import SchedulingService
from addin_host.store.models import ConferenceRow, MeetingRow, SchedulingOperationRow
from tests.flows.meetings import Desk
from tests.flows.scheduling.stage import a_meeting
from tests.flows.sending.post_office import MAILBOX


@pytest.fixture
def office(office):
    office.use_platform()
    return office


def sent_in(office, **given):
    """A meeting with a tag that starts in 20 minutes, sent to the mailbox; its alias."""
    minted = Desk(office.database, office.box, office.clock, office.integration).mint()
    start = office.clock() + timedelta(minutes=20)
    meeting = a_meeting(minted.tag, start=start, critical_change=office.clock(), **given)
    office.exchange.exchange.deliver(MAILBOX, meeting)
    return minted


def work(office):
    service = SchedulingService(office.own)
    while service.drain_once():
        pass


def answers(office):
    return [(reply.accept, reply.organizer_address) for reply in office.exchange.exchange.sent(MAILBOX)]


def test_room_and_answer_under_one_correlation_id(office):
    minted = sent_in(office)
    work(office)
    (room,) = office.platform.rooms.values()
    assert room.aliases == (minted.alias, minted.numeric_alias)
    assert room.owner == "alice@example.com"
    assert answers(office) == [(True, "alice@example.com")]
    with office.database.read() as session:
        rows = session.scalars(select(SchedulingOperationRow).order_by(SchedulingOperationRow.id)).all()
        assert [row.step for row in rows][-2:] == ["room", "reply"]
        assert len({row.transaction_uuid for row in rows}) == 1


def test_what_the_platform_has_already_is_declined(office):
    minted = sent_in(office)
    office.platform.others["Somebody's"] = (minted.numeric_alias,)
    work(office)
    assert answers(office) == [(False, "alice@example.com")]
    assert office.platform.rooms == {}


def test_what_somebody_took_after_the_decision_is_declined_too(office):
    """Row 11 though the room was decided on: the platform's answer is the last word."""
    minted = sent_in(office)
    taken = office.platform.taken

    def free_at_first(aliases, name, tag):
        found = taken(aliases, name, tag)
        office.platform.others["Somebody's"] = (minted.alias,)
        return found

    office.platform.taken = free_at_first
    work(office)
    assert answers(office) == [(False, "alice@example.com")]
    assert office.platform.rooms == {}
    with office.database.read() as session:
        assert session.scalars(select(ConferenceRow)).all() == []
        assert [row.state for row in session.scalars(select(MeetingRow))] == ["rejected"]
