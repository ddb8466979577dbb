"""Meetings that are declined, and what becomes of their rooms."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete, insert, update

from addin_host.domain.calendar import Meeting, MessageKind, Organizer
from addin_host.domain.tag import Kind, Tag, print_tag
from addin_host.flows import alias_reaping
from addin_host.flows.scheduling import claiming, processing
from addin_host.flows.scheduling.applying import remove_meeting
from addin_host.store.models import (
    ConferenceAliasRow,
    ConferenceRow,
    EndUserRow,
    MeetingRow,
    ScheduledAliasRow,
    SchedulingOperationRow,
)
from tests.flows.scheduling.stage import ALICE, TOMORROW, Stage, a_meeting, a_series, a_stage, newer, texts_of, touched

DAY = timedelta(days=1)
MALLORY = Organizer("mallory@example.com", "Mallory")


def told(stage: Stage) -> list[str]:
    return texts_of(stage.replies())


def placeholder(stage: Stage, **given: object) -> str:
    keys = stage.own.tag_keys
    tag = Tag(Kind.PLACEHOLDER, keys.signing(), stage.integration.id, uuid.uuid4(), stage.clock())
    return print_tag(replace(tag, **given), keys.all())


def test_row_4_no_tag_and_once_only(play: Stage) -> None:
    meeting = a_meeting("nothing of ours")
    play.send(meeting)
    play.send(meeting)
    assert told(play) == ["invalid"]
    assert (play.meeting(meeting).state, play.rooms()) == ("rejected", [])
    assert play.meeting(meeting).reason == "reject_invalid_alias_id"


def test_row_4_tag_of_another_integration(play: Stage) -> None:
    keys = play.own.tag_keys
    tag = Tag(Kind.ALIAS, keys.signing(), play.integration.id + 1, uuid.uuid4())
    play.send(a_meeting(print_tag(tag, keys.all())))
    assert told(play) == ["invalid"]


def test_row_4_two_unbound_tags(play: Stage) -> None:
    play.send(a_meeting(f"{play.mint().tag} {play.mint().tag}"))
    assert told(play) == ["invalid"]


def test_a_fixed_meeting_is_accepted_after_it_was_declined(play: Stage) -> None:
    meeting = a_meeting("")
    play.send(meeting)
    play.send(newer(meeting, body=play.mint().tag))
    assert told(play) == ["invalid", "new single"]
    assert len(play.rooms()) == 1


def test_an_update_without_the_tag_frees_the_room_and_with_it_gets_it_back(play: Stage) -> None:
    meeting, minted = a_meeting("x"), play.mint()
    whole = replace(meeting, body=minted.tag)
    play.send(whole)
    bare = newer(meeting, body="The block was deleted.")
    play.send(bare)
    assert (play.rooms(), play.meeting(meeting).state) == ([], "rejected")
    assert play.alias(minted).conference_deletion_time is not None
    play.send(newer(bare, body=minted.tag))
    assert len(play.rooms()) == 1
    assert told(play) == ["new single", "invalid", "new single"]


def test_row_5_copied_meeting(play: Stage) -> None:
    minted = play.mint()
    play.send(a_meeting(minted.tag))
    play.send(a_meeting(minted.tag))
    assert told(play) == ["new single", "invalid"]
    assert len(play.rooms()) == 1


def test_row_5_both_in_one_batch(play: Stage) -> None:
    minted = play.mint()
    play.deliver(a_meeting(minted.tag))
    play.deliver(a_meeting(minted.tag))
    play.run()
    assert sorted(told(play)) == ["invalid", "new single"]
    assert len(play.rooms()) == 1


def test_row_5_tag_of_a_cancelled_meeting(play: Stage) -> None:
    minted = play.mint()
    meeting = a_meeting(minted.tag)
    play.send(meeting)
    play.cancel(meeting)
    play.send(a_meeting(minted.tag))
    assert told(play) == ["new single", "invalid"]


def test_row_6_another_organizer_is_declined_and_the_room_stays(play: Stage) -> None:
    meeting = a_meeting(play.mint().tag)
    play.send(meeting)
    spoofed = newer(meeting, organizer=MALLORY, start=TOMORROW + DAY, end=TOMORROW + DAY)
    play.send(spoofed)
    assert play.windows() == [(TOMORROW, TOMORROW + timedelta(hours=1))]
    assert play.meeting(meeting).organizer == ALICE.address
    assert told(play) == ["new single", "invalid"]
    assert play.outbox()[1].payload["organizer_address"] == MALLORY.address
    why = play.all(SchedulingOperationRow)[-1].error_description
    assert ALICE.address in why
    assert MALLORY.address in why


def test_row_6_without_a_tag_or_as_a_cancellation_does_not_free_the_room_either(play: Stage) -> None:
    meeting = a_meeting(play.mint().tag)
    play.send(meeting)
    play.send(newer(meeting, organizer=MALLORY, body=""))
    play.send(newer(newer(meeting, organizer=MALLORY, is_cancelled=True)), MessageKind.CANCELLATION)
    assert (len(play.rooms()), play.meeting(meeting).state) == (1, "scheduled")


def test_another_address_of_the_same_organizer(play: Stage) -> None:
    meeting = a_meeting(play.mint().tag)
    play.send(meeting)
    play.send(newer(meeting, organizer=Organizer("ALICE.JONES@example.com"), start=TOMORROW - timedelta(hours=1)))
    assert told(play) == ["new single", "edited single"]


def test_a_delegate_sends_and_a_forward_is_no_booking(play: Stage) -> None:
    meeting = a_meeting(play.mint().tag)
    play.send(meeting, sender="bob@example.com")
    play.send(meeting, sender="carol@example.com")
    assert told(play) == ["new single"]
    assert len(play.rooms()) == 1


def test_row_6_external_organizers_are_noted_and_not_answered(play: Stage) -> None:
    meeting = a_meeting(play.mint().tag, organizer=Organizer("eve@elsewhere.test", "Eve"))
    play.send(meeting)
    assert (play.replies(), play.rooms()) == ([], [])
    assert play.actions() == ["reject_external_organizer"]


@pytest.mark.parametrize("address", ["eve@elsewhere.test", "/eve@elsewhere.test", "/o=example.com/@elsewhere.test"])
def test_nobody_outside_is_written_to_whatever_is_wrong(play: Stage, monkeypatch, address: str) -> None:
    eve = Organizer(address, "Eve")
    bound = a_meeting(play.mint().tag)
    play.send(bound)
    for body in ("no tag", bound.body, f"PXPS:-{'A' * 58}#"):
        play.send(a_meeting("", organizer=eve, body=body))
    play.send(newer(bound, organizer=eve, start=TOMORROW + timedelta(hours=3)))
    assert told(play) == ["new single"]
    assert len(play.rooms()) == 1

    def broken(*_arguments, **_options):
        raise ValueError("not to be understood")

    monkeypatch.setattr(processing.applying, "converge", broken)
    for organizer in (eve, ALICE):
        play.deliver(a_meeting("", organizer=organizer))
    for _try in range(claiming.MAX_TRIES):
        play.run()
        play.clock.forward(hours=1)
    assert len(play.inbox("dead")) == 2
    assert [row.payload["organizer_address"] for row in play.outbox()] == [ALICE.address, ALICE.address]


def test_row_6_who_is_in_the_directory_is_not_external(play: Stage) -> None:
    with play.database.write() as session:
        session.add(
            EndUserRow(uuid=str(uuid.uuid4()), primary_email_address="zoe@second.test", created_at=play.clock())
        )
    play.send(a_meeting(play.mint().tag, organizer=Organizer("zed@second.test")))
    play.send(a_meeting(play.mint().tag, organizer=Organizer("zed@branch.example.com")))
    play.send(a_meeting(play.mint().tag, organizer=Organizer("/o=Firm/ou=Exchange/cn=zed")))
    assert len(play.rooms()) == 3
    assert told(play) == ["new single", "new single"]  # a path in the directory is no address to write to


def test_external_organizers_where_they_are_allowed(quick, box, clock) -> None:
    play = a_stage(quick, box, clock, accept_external_organizers=True)
    play.send(a_meeting(play.mint().tag, organizer=Organizer("eve@elsewhere2.test")))
    assert told(play) == ["new single"]


def test_the_mailbox_never_answers_itself(play: Stage) -> None:
    play.send(a_meeting("", organizer=Organizer(play.address.upper())))
    assert play.replies() == []


def test_row_7_conference_deleted_by_an_administrator(stage: Stage) -> None:
    meeting = a_meeting(stage.mint().tag)
    stage.send(meeting)
    with stage.database.write() as session:
        session.execute(delete(ConferenceRow))
    stage.send(meeting)
    assert told(stage) == ["new single"]  # nothing was sent anew
    stage.send(newer(meeting, start=TOMORROW + DAY, end=TOMORROW + DAY + timedelta(hours=1)))
    stage.send(newer(newer(meeting)))
    assert told(stage) == ["new single", "deleted", "deleted"]
    assert (stage.rooms(), stage.meeting(meeting).state) == ([], "removed")


def test_row_7_assigned_alias_deleted(play: Stage) -> None:
    minted = play.mint()
    meeting = a_meeting(minted.tag)
    play.send(meeting)
    with play.database.write() as session:
        session.execute(delete(ConferenceAliasRow).where(ConferenceAliasRow.alias == minted.numeric_alias))
    play.send(touched(meeting))
    assert told(play) == ["new single", "deleted"]
    assert play.rooms() == []


def test_row_7_removed_by_an_administrator_and_a_new_alias_helps(play: Stage) -> None:
    meeting = a_meeting(play.mint().tag)
    play.send(meeting)
    with play.database.write() as session:
        row = session.get_one(MeetingRow, play.meeting(meeting).id)
        remove_meeting(session, row, reason="administrator", now=play.clock())
    assert (play.rooms(), play.meeting(meeting).state) == ([], "removed")
    play.send(newer(meeting))
    play.send(newer(newer(meeting), body=play.mint().tag))
    assert told(play) == ["new single", "deleted", "new single"]


def test_row_7_unknown_alias_with_our_signature(play: Stage) -> None:
    minted = play.mint()
    with play.database.write() as session:
        session.execute(delete(ScheduledAliasRow))
    play.send(a_meeting(minted.tag))
    assert told(play) == ["deleted"]


def test_rows_9_and_10_in_the_past(play: Stage) -> None:
    yesterday = TOMORROW - 2 * DAY
    play.send(a_meeting(play.mint().tag, start=yesterday, end=yesterday + timedelta(hours=1)))
    series = a_series(play.mint().tag, count=3, start=yesterday)
    assert series.series is not None
    past = replace(series.series.recurrence, first_day=(yesterday - 9 * DAY).date())
    play.send(replace(series, series=replace(series.series, recurrence=past)))
    assert told(play) == ["single past", "series past"]
    assert play.rooms() == []


def test_row_9_goes_by_the_window(play: Stage) -> None:
    now = play.clock()
    hour = timedelta(hours=1)
    play.send(a_meeting(play.mint().tag, start=now - 2 * hour, end=now - hour + timedelta(minutes=1)))
    play.send(a_meeting(play.mint().tag, start=now - 2 * hour, end=now - hour))
    assert told(play) == ["new single", "single past"]


def test_moved_into_the_past_and_back(play: Stage) -> None:
    meeting = a_meeting(play.mint().tag)
    play.send(meeting)
    past = newer(meeting, start=TOMORROW - 3 * DAY, end=TOMORROW - 3 * DAY + timedelta(hours=1))
    play.send(past)
    assert (play.rooms(), play.windows()) == ([], [])
    play.send(newer(past, start=TOMORROW, end=TOMORROW + timedelta(hours=1)))
    assert len(play.rooms()) == 1
    assert told(play) == ["new single", "single past", "new single"]


def test_row_11_alias_taken_meanwhile(stage: Stage) -> None:
    minted = stage.mint()
    with stage.database.write() as session:
        row = ConferenceRow(uuid=str(uuid.uuid4()), name="Own", extra={}, created_at=stage.clock())
        session.add(row)
        session.flush()
        alias = {"alias": minted.alias.upper(), "view_order": 0, "description": "", "conference_id": row.id}
        session.execute(insert(ConferenceAliasRow).values(alias))
    stage.send(a_meeting(minted.tag))
    assert told(stage) == ["conflict"]
    assert minted.alias in stage.replies()[0][1]
    assert [room.name for room in stage.rooms()] == ["Own"]


def test_expired_and_reaped_alias_comes_back_under_its_uuid(stage: Stage) -> None:
    minted = stage.mint()
    stage.clock.forward(days=40)
    assert alias_reaping.reap(stage.database, now=stage.clock()) == 1
    start = stage.clock() + DAY
    stage.send(a_meeting(minted.tag, start=start, end=start + timedelta(hours=1)))
    assert told(stage) == ["new single"]
    assert stage.alias(minted).released_at is None


def test_reaped_alias_that_somebody_else_has(play: Stage) -> None:
    minted, other = play.mint(), play.mint()
    play.clock.forward(days=40)
    alias_reaping.reap(play.database, now=play.clock())
    with play.database.write() as session:
        numbers = {"alias": minted.alias, "numeric_alias": minted.numeric_alias, "released_at": None}
        session.execute(update(ScheduledAliasRow).where(ScheduledAliasRow.uuid == other.uuid).values(numbers))
    start = play.clock() + DAY
    play.send(a_meeting(minted.tag, start=start, end=start + timedelta(hours=1)))
    assert told(play) == ["deleted"]


def test_placeholder_becomes_an_alias(stage: Stage) -> None:
    tok = placeholder(stage)
    meeting = a_meeting(tok)
    stage.send(meeting)
    [alias] = stage.all(ScheduledAliasRow)
    assert (alias.is_used, alias.ews_item_uid) == (True, meeting.uid)
    assert stage.meeting(meeting).placeholder_tag == tok
    [room] = stage.rooms()
    assert stage.aliases_of(room) == [alias.alias, alias.numeric_alias]
    stage.send(newer(meeting, start=TOMORROW + DAY, end=TOMORROW + DAY + timedelta(hours=1)))
    stage.send(a_meeting(tok))
    assert told(stage) == ["new single", "edited single", "invalid"]


def test_old_placeholder(play: Stage) -> None:
    tok = placeholder(play)
    play.clock.forward(hours=25)
    play.send(a_meeting(tok, start=TOMORROW + DAY))
    assert told(play) == ["invalid"]


def test_replaced_tag_gives_the_room_another_alias(play: Stage) -> None:
    first, second = play.mint(), play.mint()
    meeting = a_meeting(first.tag)
    play.send(meeting)
    play.send(replace(meeting, body=second.tag))  # a change of the text has no version of its own
    [room] = play.rooms()
    assert play.aliases_of(room) == [second.alias, second.numeric_alias]
    assert play.alias(first).conference_deletion_time is not None
    assert play.alias(second).ews_item_uid == meeting.uid


def test_both_tags_in_the_body_keep_the_bound_one(play: Stage) -> None:
    first, second = play.mint(), play.mint()
    meeting = a_meeting(first.tag)
    play.send(meeting)
    play.send(newer(meeting, body=f"{second.tag} {first.tag}", start=TOMORROW + DAY, end=TOMORROW + 2 * DAY))
    assert play.aliases_of(play.rooms()[0]) == [first.alias, first.numeric_alias]


def test_empty_bodies_raise_the_alarm_and_keep_known_meetings(play: Stage) -> None:
    meeting = a_meeting(play.mint().tag)
    play.send(meeting)
    play.send(a_meeting("", body="<html><body> </body></html>"))
    assert play.alarms() == []  # nobody waits for a meeting: it was made by hand
    play.mint()
    play.send(newer(meeting, body="", start=TOMORROW + DAY, end=TOMORROW + DAY + timedelta(hours=1)))
    assert play.alarms() == ["mailbox_body_removed"]
    assert play.windows() == [(TOMORROW + DAY, TOMORROW + DAY + timedelta(hours=1))]
    play.send(a_meeting(play.mint().tag))
    assert play.alarms() == []
    assert told(play) == ["new single", "invalid", "edited single", "new single"]


def test_whose_meeting_it_was_is_remembered_after_it_was_declined(play: Stage) -> None:
    meeting = a_meeting(play.mint().tag)
    play.send(meeting)
    play.send(newer(meeting, start=TOMORROW - 5 * DAY, end=TOMORROW - 4 * DAY))
    play.send(newer(newer(meeting, organizer=MALLORY)))
    assert told(play) == ["new single", "single past", "invalid"]
    assert (play.rooms(), play.meeting(meeting).organizer) == ([], ALICE.address)
    play.send(newer(newer(newer(meeting))))
    assert len(play.rooms()) == 1


def cancelled_by(play: Stage, meeting: Meeting, sender: str) -> None:
    """Let somebody's cancellation arrive, of which the calendar takes no notice."""
    calendar = play.exchange._boxes[play.address].calendar
    kept = calendar[meeting.uid]
    forged = newer(meeting, is_cancelled=True)
    item = play.exchange.deliver(play.address, forged, MessageKind.CANCELLATION, sender=sender)
    calendar[meeting.uid] = kept
    play.queue("message", item)
    play.run()


def test_a_cancellation_of_somebody_else_counts_when_the_calendar_says_so(play: Stage) -> None:
    meeting = a_meeting(play.mint().tag)
    play.send(meeting)
    cancelled_by(play, meeting, MALLORY.address)
    play.clock.forward(minutes=10)
    play.run()
    assert (len(play.rooms()), play.meeting(meeting).state) == (1, "scheduled")
    cancelled_by(play, meeting, "Alice.Jones@example.com")
    assert (play.rooms(), play.meeting(meeting).state) == ([], "cancelled")


def test_a_delegates_cancellation_is_followed_with_the_calendar(play: Stage) -> None:
    meeting = a_meeting(play.mint().tag)
    play.send(meeting)
    cancelled_by(play, meeting, "bob@example.com")
    kept, changed = play.exchange._boxes[play.address].calendar[meeting.uid]
    play.exchange._boxes[play.address].calendar[meeting.uid] = (newer(kept, is_cancelled=True), changed)
    play.clock.forward(minutes=1)
    play.run()
    assert (play.rooms(), play.meeting(meeting).state) == ([], "cancelled")
