"""Rooms on a conference platform with a management API: there in time, as they are, and gone afterwards."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update

from addin_host.domain.access import BY_ITSELF
from addin_host.domain.errors import Misconfigured, Reason, Refused, Upstream
from addin_host.flows import alarms, conference_platform, references
from addin_host.flows.alarms import Wanted
from addin_host.flows.references import ListKind
from addin_host.flows.scheduling import room_sweep, room_writes
from addin_host.store.models import ConferenceAliasRow, ConferenceRow, InboxRow, OutboxRow, ScheduledConferenceRow

MINUTES = timedelta(minutes=1)


@pytest.fixture
def office(office):
    office.use_platform()
    return office


def plan(office, *meetings, **more):
    with office.database.write() as session:
        return room_writes.plan(session, [one.conference_id for one in meetings], now=office.clock(), **more)


def change(office, meeting, **values):
    with office.database.write() as session:
        session.execute(update(ConferenceRow).where(ConferenceRow.id == meeting.conference_id).values(**values))


def move(office, meeting, by):
    with office.database.write() as session:
        for row in session.scalars(
            select(ScheduledConferenceRow).where(ScheduledConferenceRow.meeting_id == meeting.id)
        ):
            row.start_time, row.end_time = row.start_time + by, row.end_time + by
            row.opens_at, row.closes_at = row.opens_at + by, row.closes_at + by


def tag(office, meeting):
    with office.database.read() as session:
        return session.get(ConferenceRow, meeting.conference_id).tag


def room_row(office):
    (row,) = [row for key, row in office.rows().items() if key.startswith("room:")]
    return row


def test_nothing_is_written_for_the_built_in_platform(office):
    office.use_platform("BUILT_IN")
    meeting = office.book()
    assert plan(office, meeting) == {}
    assert office.rows() == {}
    assert conference_platform.opened(office.database, office.box, office.own.outside) is None
    assert room_sweep.sweep(office.own) == 0


def test_the_platform_is_opened_once_for_each_version_of_the_settings(office):
    first = conference_platform.opened(office.database, office.box, office.own.outside)
    assert first is conference_platform.opened(office.database, office.box, office.own.outside)
    office.use_platform("BUILT_IN")
    assert conference_platform.opened(office.database, office.box, office.own.outside) is None


def test_a_room_is_written_as_it_is_and_before_the_reply(office):
    meeting = office.book(number="79123456")
    with office.database.write() as session:
        theme = references.create(session, ListKind.IVR_THEME, "Blue", caller=BY_ITSELF, now=office.clock())
        group = references.create(
            session, ListKind.IDENTITY_PROVIDER_GROUP, "Staff", caller=BY_ITSELF, now=office.clock()
        )
    change(office, meeting, ivr_theme_id=theme.id, host_identity_provider_group_id=group.id)
    written = plan(office, meeting, correlation_ids={meeting.conference_id: "c" * 36})
    office.put_reply(after_id=written[meeting.conference_id], meeting=meeting)
    office.exchange.before = lambda _reply: office.platform.rooms[tag(office, meeting)]
    while office.send():
        pass
    (room,) = office.platform.rooms.values()
    assert (room.tag, room.aliases) == (tag(office, meeting), ("79123456@vmr.example.com", "79123456"))
    assert (room.ivr_theme, room.host_identity_provider_group, room.owner) == ("Blue", "Staff", "ada@example.com")
    assert room.name == "Budget (Ada Example) 79123456"
    assert office.sent() == ["one"]
    assert office.history() == [("room", "written_to_platform", True, ""), ("reply", "reply_sent", True, "")]
    assert room_row(office).correlation_id == "c" * 36


def test_the_same_state_is_written_once_and_a_change_once_more(office):
    meeting = office.book()
    plan(office, meeting)
    plan(office, meeting)
    assert (office.send(), office.platform.calls) == (1, 1)
    assert plan(office, meeting) == {}
    assert (office.send(), office.platform.calls) == (0, 1)
    change(office, meeting, description="New")
    assert list(plan(office, meeting)) == [meeting.conference_id]
    change(office, meeting, description="Newer")
    plan(office, meeting)
    assert (office.send(), office.platform.calls) == (1, 2)
    assert [room.description for room in office.platform.rooms.values()] == ["Newer"]


def test_a_room_comes_two_minutes_before_its_window_and_goes_after_it(office):
    meeting = office.book(timedelta(hours=2))  # the window opens in 90 minutes and closes in 210
    assert plan(office, meeting) == {}
    office.clock.forward(minutes=87, seconds=59)
    assert office.send() == 0
    office.clock.forward(seconds=1)
    assert office.send() == 1
    assert list(office.platform.rooms) == [tag(office, meeting)]
    office.clock.forward(minutes=121, seconds=59)
    assert office.send() == 0
    office.clock.forward(seconds=1)
    assert office.send() == 1
    assert office.platform.rooms == {}
    assert [one[1] for one in office.history()] == ["written_to_platform", "removed_from_platform"]
    assert (room_row(office).state, room_row(office).attempted_at) == ("done", None)
    office.clock.forward(days=1)
    assert (office.send(), office.platform.calls) == (0, 2)


def test_a_series_has_its_room_while_it_meets(office):
    day = timedelta(days=1)
    meeting = office.book(timedelta(minutes=20), day, day + timedelta(hours=3))
    plan(office, meeting)
    seen = []
    for hour in range(50):
        office.send()
        seen += [hour] if office.platform.rooms else []
        office.clock.forward(hours=1)
    # From 11:48 to 13:50, then from 11:28 to 16:30 on the next day, whose two windows are close to each other.
    assert seen == [0, 1, 24, 25, 26, 27, 28]
    assert office.platform.calls == 4


def test_a_meeting_that_moves_away_frees_the_platform_and_its_reply(office):
    meeting = office.book()
    written = plan(office, meeting)
    office.put_reply(after_id=written[meeting.conference_id])
    move(office, meeting, timedelta(days=1))
    assert plan(office, meeting) == {}
    assert office.send() == 1
    assert (office.sent(), office.platform.rooms) == (["one"], {})
    office.clock.forward(days=1)
    office.send()
    assert len(office.platform.rooms) == 1
    move(office, meeting, timedelta(days=1))
    plan(office, meeting)
    office.send()
    assert office.platform.rooms == {}
    assert room_row(office).due_at == office.clock() + timedelta(days=1) - 12 * MINUTES


def test_a_deleted_conference_is_taken_away_or_never_written(office):
    written, waiting = office.book(), office.book(timedelta(days=1), subject="Later")
    plan(office, written, waiting)
    office.send()
    with office.database.write() as session:
        tags = [session.get(ConferenceRow, one.conference_id).tag for one in (written, waiting)]
        session.execute(delete(ConferenceRow))
        room_writes.end(session, [*tags, "sched:unknown"], now=office.clock())
    office.send()
    assert office.platform.rooms == {}
    office.clock.forward(days=2)
    assert office.send() == 0
    assert sorted(row.state for row in office.rows().values()) == ["cancelled", "done"]


def test_what_changes_during_the_call_is_written_afterwards(office):
    meeting = office.book()
    plan(office, meeting)
    ensure = office.platform.ensure

    def changed_meanwhile(room):
        ensure(room)
        change(office, meeting, description="Changed meanwhile")
        plan(office, meeting)
        office.platform.ensure = ensure

    office.platform.ensure = changed_meanwhile
    office.send()
    office.send()
    assert [room.description for room in office.platform.rooms.values()] == ["Changed meanwhile"]


def test_while_the_platform_is_away_nothing_is_lost_and_no_reply_promises_a_room(office):
    meeting = office.book()
    written = plan(office, meeting)
    office.put_reply(after_id=written[meeting.conference_id])
    office.put_reply("free")
    office.platform.trouble(Upstream("503", retry_after=30))
    office.send()
    assert office.sent() == ["free"]
    office.clock.forward(seconds=29)
    other = office.book(subject="Other")
    plan(office, other)
    assert (office.send(), office.platform.calls) == (0, 1)
    assert standing(office) == ["platform_unreachable"]
    office.clock.forward(seconds=1)
    while office.send():
        pass
    assert (office.sent(), len(office.platform.rooms)) == (["free", "one"], 2)
    assert standing(office) == []
    assert {row.tries for row in office.rows().values()} == {0}


def standing(office):
    with office.database.read() as session:
        return [one.identifier for one in alarms.find(session, Wanted(state="open"), caller=BY_ITSELF).alarms]


def test_settings_that_do_not_hold_are_an_alarm(office):
    plan(office, office.book())
    office.platform.trouble(Misconfigured("Enter the password."))
    office.send()
    assert standing(office) == ["platform_unreachable"]


@pytest.mark.parametrize(
    "trouble", [Upstream("400", retryable=False), Refused(Reason.INVALID, "The name is too long.")]
)
def test_a_room_that_the_platform_does_not_take_is_set_aside(office, trouble):
    meeting = office.book()
    written = plan(office, meeting)
    office.put_reply(after_id=written[meeting.conference_id])
    office.platform.trouble(*[trouble] * 5)
    for _try in range(5):
        office.send()
        office.clock.forward(seconds=40)
    assert (room_row(office).state, room_row(office).error_code) == ("dead", "platform_refused")
    assert standing(office) == ["queue_poison"]


def test_an_alias_of_another_service_withdraws_the_reply_and_the_meeting_is_looked_at_again(office):
    meeting = office.book(number="79123456")
    written = plan(office, meeting)
    office.put_reply(after_id=written[meeting.conference_id])
    office.put_reply("behind", after_id=office.row().id)
    office.platform.others["Somebody's"] = ("79123456@VMR.example.com",)
    office.send()
    assert office.send() == 0
    assert office.sent() == []
    assert {row.state for row in office.rows().values()} == {"cancelled"}
    assert office.history() == [("room", "refused_by_platform", False, "alias_conflict")]
    with office.database.read() as session:
        (item,) = session.scalars(select(InboxRow))
        assert (item.origin, item.uid, item.integration_id) == ("refresh", meeting.uid, office.integration.id)
    assert refused(office) == [meeting.conference_id]
    office.platform.others.clear()
    plan(office, meeting)
    office.send()
    assert len(office.platform.rooms) == 1
    assert refused(office) == []


def refused(office):
    with office.database.read() as session:
        return list(session.scalars(select(ConferenceRow.id).where(room_writes.is_refused())))


def test_an_alias_that_an_administrator_added_does_not_cost_the_meeting_its_answer(office):
    meeting = office.book()
    with office.database.write() as session:
        added = ConferenceAliasRow(alias="board", view_order=2, conference_id=meeting.conference_id)
        session.add(added)
    written = plan(office, meeting)
    office.put_reply(after_id=written[meeting.conference_id])
    office.platform.others["Board"] = ("board",)
    for _try in range(5):
        office.send()
        office.clock.forward(minutes=1)
    office.send()
    assert (room_row(office).state, room_row(office).error_code) == ("dead", "platform_refused")
    assert office.sent() == ["one"]


def test_the_sweep_writes_what_is_missing_and_removes_what_is_too_much(office):
    kept, lost = office.book(), office.book(subject="Lost")
    plan(office, kept, lost)
    office.send()
    rooms = office.platform.rooms
    stray = "sched:11111111-1111-4111-8111-111111111111"
    rooms[stray] = rooms.pop(tag(office, lost))
    office.platform.others["Administrator's"] = ("123456",)
    assert room_sweep.sweep(office.own) == 2
    while office.send():
        pass
    assert set(rooms) == {tag(office, kept), tag(office, lost)}
    assert room_sweep.sweep(office.own) == 0
    assert office.send() == 0


def test_the_sweep_finds_rooms_whose_row_is_missing(office):
    there, away, later = office.book(), office.book(subject="Away"), office.book(timedelta(days=1), subject="Later")
    plan(office, there)
    office.send()
    with office.database.write() as session:
        session.execute(delete(OutboxRow))
    room_sweep.sweep(office.own)
    while office.send():
        pass
    assert set(office.platform.rooms) == {tag(office, there), tag(office, away)}
    assert tag(office, later) not in office.platform.rooms
    office.clock.forward(days=1)
    room_sweep.sweep(office.own)
    while office.send():
        pass
    assert set(office.platform.rooms) == {tag(office, later)}


def test_back_to_the_built_in_platform_nothing_waits_for_ever(office):
    meeting = office.book()
    office.put_reply(after_id=plan(office, meeting)[meeting.conference_id])
    office.use_platform("BUILT_IN")
    while office.send():
        pass
    assert office.sent() == ["one"]
    assert room_row(office).state == "cancelled"


def test_the_sweep_comes_every_hour_and_leaves_a_platform_in_trouble_alone(office):
    assert room_sweep.sweep_when_due(office.own) == 0
    assert office.platform.calls == 1
    office.clock.forward(minutes=59)
    room_sweep.sweep_when_due(office.own)
    assert office.platform.calls == 1
    office.clock.forward(minutes=1)
    office.platform.trouble(Upstream("503", retry_after=600))
    room_sweep.sweep_when_due(office.own)
    assert standing(office) == ["platform_unreachable"]
    office.clock.forward(minutes=9)
    room_sweep.sweep_when_due(office.own)
    assert office.platform.calls == 2
    office.clock.forward(minutes=1)
    room_sweep.sweep_when_due(office.own)
    assert office.platform.calls == 3
    assert standing(office) == []
