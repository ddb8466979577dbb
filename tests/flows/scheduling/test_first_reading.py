"""The first look into a mailbox that was in use before: what it holds was sent to somebody else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import update

from addin_host.domain.calendar import MessageKind
from addin_host.flows.scheduling.service import SchedulingService
from addin_host.store.models import IntegrationRow
from tests.flows.scheduling.stage import TOMORROW, Stage, a_meeting, a_series, newer, texts_of

DAY = timedelta(days=1)


def look(stage: Stage) -> Sequence[str]:
    """Let the service look into the mailbox, and return what it has answered altogether."""
    SchedulingService(stage.own).drain_once()
    return texts_of([(reply.accept, reply.html) for reply in stage.exchange.sent(stage.address)])


@pytest.fixture
def used(play: Stage) -> Stage:
    """A mailbox with invitations of its former life, by messages and by the calendar alone."""
    for number in range(-3, 4):
        meeting = a_meeting("Bring cakes.", start=TOMORROW + number * DAY)
        play.exchange.deliver(play.address, meeting, is_dropped=number % 2 == 0)
    play.exchange.deliver(play.address, a_series("Every day", count=None, start=TOMORROW - 30 * DAY))
    return play


def test_nobody_is_answered_who_asked_for_nothing(used: Stage) -> None:
    used.clock.forward(hours=2)
    assert look(used) == []
    assert (used.rooms(), used.meetings()) == ([], [])
    assert set(used.actions()) == {"ignored_from_before"}
    used.clock.forward(days=1)
    assert look(used) == []


def test_a_tag_of_ours_counts_whenever_it_came(used: Stage) -> None:
    meeting, late = a_meeting(used.mint().tag), a_meeting(used.mint().tag)
    used.exchange.deliver(used.address, meeting)
    used.exchange.deliver(used.address, late, is_dropped=True)
    over = a_meeting(used.mint().tag, start=TOMORROW - 5 * DAY, end=TOMORROW - 5 * DAY)
    used.exchange.deliver(used.address, over)
    used.clock.forward(hours=2)
    assert look(used) == ["new single", "new single"]
    assert [used.meeting(one).state for one in (meeting, late)] == ["scheduled", "scheduled"]


def test_what_arrives_afterwards_is_answered(used: Stage) -> None:
    old = a_meeting("Bring cakes.")
    used.exchange.deliver(used.address, old)
    used.clock.forward(hours=2)
    look(used)
    used.clock.forward(minutes=2)
    used.exchange.deliver(used.address, a_meeting("Made by hand."))
    used.exchange.deliver(used.address, newer(old, start=TOMORROW + 2 * DAY, end=TOMORROW + 3 * DAY))
    assert look(used) == ["invalid", "invalid"]


def test_a_cancellation_of_before_is_followed_in_silence(used: Stage) -> None:
    meeting = a_meeting("Bring cakes.")
    used.exchange.deliver(used.address, meeting)
    used.exchange.deliver(used.address, newer(meeting, is_cancelled=True), MessageKind.CANCELLATION)
    used.clock.forward(hours=2)
    assert look(used) == []


def test_another_mailbox_has_a_life_of_its_own(used: Stage) -> None:
    used.clock.forward(hours=2)
    look(used)
    moved = "second@example.com"
    used.clock.forward(hours=2)
    used.exchange.deliver(moved, a_meeting("Of the second mailbox."))
    used.clock.forward(hours=2)
    with used.database.write() as session:
        row = session.get_one(IntegrationRow, used.integration.id)
        record = row.record | {"room_mailbox_email_address": moved}
        session.execute(update(IntegrationRow).values(record=record, version=row.version + 1, updated_at=used.clock()))
    look(used)
    assert used.exchange.sent(moved) == []


def switch(stage: Stage, *, on: bool) -> None:
    with stage.database.write() as session:
        row = session.get_one(IntegrationRow, stage.integration.id)
        session.execute(update(IntegrationRow).values(record=row.record | {"enabled": on}, version=row.version + 1))


def test_what_was_read_waits_while_the_integration_is_off(play: Stage) -> None:
    play.deliver(a_meeting(play.mint().tag))
    switch(play, on=False)
    assert look(play) == []
    assert (play.rooms(), len(play.inbox("pending"))) == ([], 1)
    switch(play, on=True)
    assert look(play) == ["new single"]
    assert len(play.rooms()) == 1
