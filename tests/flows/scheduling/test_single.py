"""Single meetings on both databases: booked, changed, cancelled, and back again."""

from __future__ import annotations

from datetime import timedelta

from tests.flows.scheduling.stage import TOMORROW, Stage, a_meeting, newer, texts_of

BEFORE, AFTER = timedelta(minutes=30), timedelta(minutes=60)


def test_new_single_meeting(stage: Stage) -> None:
    minted = stage.mint()
    meeting = a_meeting(minted.tag)
    stage.send(meeting)
    [room] = stage.rooms()
    assert room.name == "Plans (Alice Jones)"
    assert room.description == "Scheduled Conference booked by alice@example.com"
    assert (room.is_scheduled, room.service_type, room.allow_guests) == (True, "conference", False)
    assert room.tag == f"sched:{room.uuid}"
    assert stage.aliases_of(room) == [minted.alias, minted.numeric_alias]
    assert stage.windows() == [(TOMORROW, TOMORROW + timedelta(hours=1))]
    assert texts_of(stage.replies()) == ["new single"]
    assert minted.numeric_alias in stage.replies()[0][1]
    alias = stage.alias(minted)
    assert (alias.is_used, alias.ews_item_uid) == (True, meeting.uid)
    assert stage.meeting(meeting).state == "scheduled"
    assert stage.actions() == ["accept_new_single_meeting"]


def test_moved_meeting(stage: Stage) -> None:
    minted = stage.mint()
    meeting = a_meeting(minted.tag)
    stage.send(meeting)
    later = TOMORROW + timedelta(days=1)
    stage.send(newer(meeting, start=later, end=later + timedelta(hours=2)))
    assert stage.windows() == [(later, later + timedelta(hours=2))]
    assert texts_of(stage.replies()) == ["new single", "edited single"]
    assert len(stage.rooms()) == 1


def test_cancelled_and_invited_again(stage: Stage) -> None:
    minted = stage.mint()
    meeting = a_meeting(minted.tag)
    stage.send(meeting)
    stage.cancel(meeting)
    assert stage.rooms() == []
    assert stage.meeting(meeting).state == "cancelled"
    assert stage.alias(minted).conference_deletion_time == stage.clock()
    assert texts_of(stage.replies()) == ["new single"]
    stage.send(newer(newer(meeting)))
    [room] = stage.rooms()
    assert stage.aliases_of(room) == [minted.alias, minted.numeric_alias]
    assert stage.alias(minted).conference_deletion_time is None
    assert texts_of(stage.replies()) == ["new single", "new single"]


def test_many_at_once_with_one_subject(stage: Stage) -> None:
    meetings = [a_meeting(stage.mint().tag) for _each in range(5)]
    for meeting in meetings:
        stage.deliver(meeting)
    stage.run()
    names = sorted(room.name for room in stage.rooms())
    assert len(set(names)) == 5
    assert all(name.startswith("Plans (Alice Jones)") for name in names)
