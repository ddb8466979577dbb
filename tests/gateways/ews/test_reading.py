"""What real mailboxes hold besides the plain cases: old addresses, spelled-out zones, single days of a series."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from addin_host.domain.calendar import MessageKind, Organizer, Transition, Zone, ZoneRules
from addin_host.domain.mailbox import Fault, Horizon
from addin_host.domain.zones import zone_of
from addin_host.gateways.ews import batches
from addin_host.gateways.ews.reading import meeting_uid
from addin_host.gateways.ews.wire import T, make
from addin_host.gateways.ews.wire import parse as parsed
from addin_host.gateways.ews.zones import zone_from
from tests.gateways.ews.exchange import ROOM
from tests.gateways.ews.server import EwsServer
from tests.gateways.ews.world import exchange_server, open_at
from tests.gateways.mailbox_contract import (
    ANNA,
    HORIZON,
    all_arrivals,
    fault_of,
    meeting_of,
    moved,
    read_one,
    series,
    single,
    uid,
    wall,
)

X500 = "/O=CONTOSO/OU=EXCHANGE ADMINISTRATIVE GROUP (FYDIBOHF23SPDLT)/CN=RECIPIENTS/CN=ANNA"


@pytest.fixture
def server() -> Iterator[EwsServer]:
    with exchange_server() as server:
        yield server


def deliver(server: EwsServer, meeting, kind=MessageKind.REQUEST, occurrence=None) -> str:  # type: ignore[no-untyped-def]
    return server.exchange.deliver(meeting, kind, occurrence, "", is_dropped=False)


# -- people


def test_an_x500_address_whose_item_knows_the_smtp_address(server: EwsServer) -> None:
    server.exchange.quirks.x500 = {ANNA.address: X500}
    reading = read_one(open_at(server), deliver(server, single()))
    assert reading.meeting is not None
    assert reading.notice is not None
    assert reading.meeting.organizer == Organizer(ANNA.address, ANNA.name, (X500,))
    assert reading.notice.sender == ANNA.address
    assert "ResolveNames" not in server.operations


def test_an_x500_address_that_the_address_list_knows(server: EwsServer) -> None:
    server.exchange.quirks.x500, server.exchange.quirks.knows_smtp = {ANNA.address: X500}, False
    server.exchange.directory[X500] = (ANNA.address, "anna.old@contoso.example")
    mailbox = open_at(server)
    items = [deliver(server, single(number)) for number in range(3)]
    organizers = {reading.meeting.organizer for reading in mailbox.read(items, HORIZON)}  # type: ignore[union-attr]
    assert organizers == {Organizer(ANNA.address, ANNA.name, ("anna.old@contoso.example", X500))}
    assert server.operations.count("ResolveNames") == 1


def test_an_x500_address_that_nobody_knows(server: EwsServer) -> None:
    server.exchange.quirks.x500, server.exchange.quirks.knows_smtp = {ANNA.address: X500}, False
    assert meeting_of(open_at(server), deliver(server, single())).organizer == Organizer(X500, ANNA.name)


# -- zones


ZONE = f"""<t:StartTimeZone xmlns:t="{T}" Id="Customized Time Zone" Name="Our own">
<t:Periods><t:Period Bias="-PT1H" Name="Standard" Id="std"/><t:Period Bias="-PT2H" Name="Daylight" Id="dlt"/>
<t:Period Bias="-PT3H30M" Name="Standard" Id="old"/></t:Periods>
<t:TransitionsGroups>
<t:TransitionsGroup Id="0"><t:Transition><t:To Kind="Period">old</t:To></t:Transition></t:TransitionsGroup>
<t:TransitionsGroup Id="1">
<t:RecurringDayTransition><t:To Kind="Period">dlt</t:To><t:TimeOffset>PT2H</t:TimeOffset><t:Month>3</t:Month>
<t:DayOfWeek>Sunday</t:DayOfWeek><t:Occurrence>-1</t:Occurrence></t:RecurringDayTransition>
<t:RecurringDateTransition><t:To Kind="Period">std</t:To><t:TimeOffset>PT23H59M59.999S</t:TimeOffset>
<t:Month>10</t:Month><t:Day>25</t:Day></t:RecurringDateTransition></t:TransitionsGroup>
</t:TransitionsGroups>
<t:Transitions><t:Transition><t:To Kind="Group">0</t:To></t:Transition>
<t:AbsoluteDateTransition><t:To Kind="Group">1</t:To>
<t:DateTime>2020-01-01T00:00:00</t:DateTime></t:AbsoluteDateTransition>
</t:Transitions></t:StartTimeZone>"""
RULES = ZoneRules(
    standard_offset=3600,
    daylight_offset=7200,
    to_standard=Transition(10, time(23, 59, 59), day=25),
    to_daylight=Transition(3, time(2), weekday=6, nth=5),
)


def test_a_zone_that_is_spelled_out(server: EwsServer) -> None:
    server.exchange.quirks.zones = {"Our Zone": ZONE}
    meeting = meeting_of(open_at(server), deliver(server, single(zone=Zone("Our Zone"))))
    assert meeting.zone == Zone("Customized Time Zone", RULES)
    where = zone_of(meeting.zone)
    assert where is not None
    assert datetime(2026, 7, 1, 10, tzinfo=where).utcoffset() == timedelta(hours=2)


def test_the_rules_are_those_of_the_time() -> None:
    old = zone_from(parsed(ZONE.encode()), datetime(2019, 12, 31, tzinfo=UTC))
    assert old == Zone("Customized Time Zone", ZoneRules(12600))


@pytest.mark.parametrize(
    ("before", "after"),
    [("-PT1H", "an hour"), ("<t:Month>3<", "<t:Month>March<"), ('Id="std"', 'Id="elsewhere"'), ("Sunday", "Someday")],
)
def test_rules_that_make_no_sense_leave_the_name(before: str, after: str) -> None:
    spoiled = parsed(ZONE.replace(before, after).encode())
    assert zone_from(spoiled, datetime(2026, 1, 1, tzinfo=UTC)) == Zone("Customized Time Zone")


def test_a_zone_of_one_period_and_none_at_all() -> None:
    only = make("t:StartTimeZone", make("t:Periods", make("t:Period", Bias="PT5H", Name="Standard", Id="s")), Id="X")
    assert zone_from(only, datetime(2026, 1, 1, tzinfo=UTC)) == Zone("X", ZoneRules(-18000))
    assert zone_from(None, datetime(2026, 1, 1, tzinfo=UTC)) == Zone()


# -- identity


def test_the_uid_of_an_item_without_the_property() -> None:
    whole = uid(7)[:32] + "07EA0B19" + uid(7)[40:]
    assert meeting_uid(make("t:CalendarItem", make("t:UID", whole))) == uid(7)
    foreign = meeting_uid(make("t:CalendarItem", make("t:UID", "abc@mail.example")))
    assert foreign.startswith("040000008200E00074C5B7101A82E008")
    assert bytes.fromhex(foreign)[40:] == b"vCal-Uid\x01\x00\x00\x00abc@mail.example\x00"
    long = meeting_uid(make("t:CalendarItem", make("t:UID", "x" * 90)))
    assert (long[0], len(long)) == ("H", 65)


def test_a_meeting_with_a_long_uid_is_found_by_walking_the_calendar(server: EwsServer) -> None:
    meeting = single(uid="040000008200E00074C5B7101A82E008" + "AB" * 120)
    for number in range(3):
        deliver(server, single(number))
    short = meeting_of(open_at(server), deliver(server, meeting)).uid
    found = open_at(server).find(short, HORIZON)
    assert found is not None
    assert (found.uid, found.start) == (short, meeting.start)
    assert open_at(server).find("H" + "0" * 64, HORIZON) is None


# -- single days of a series


@pytest.mark.parametrize("kind", [MessageKind.REQUEST, MessageKind.CANCELLATION])
def test_a_message_about_one_day_is_told_by_its_object_id_alone(server: EwsServer, kind: MessageKind) -> None:
    """A cancellation of one day must never pass for one of the series."""
    server.exchange.quirks.names_occurrences = False
    day = date(2026, 12, 9)
    deliver(server, series())
    item_id = deliver(server, replace(series(), sequence=1), kind, wall(day))
    reading = read_one(open_at(server), item_id)
    assert reading.notice is not None
    assert reading.notice.occurrence == wall(day)


def test_a_cancelled_day_that_is_gone_comes_with_its_series(server: EwsServer) -> None:
    gone = wall(date(2026, 12, 9))
    deliver(server, series())
    after = replace(series(deleted=(gone,)), sequence=1)
    reading = read_one(open_at(server), deliver(server, after, MessageKind.CANCELLATION, gone))
    assert reading.meeting is not None
    assert reading.meeting.series is not None
    assert reading.meeting.series.deleted == (gone,)


def test_who_was_invited_to_one_day_has_that_day(server: EwsServer) -> None:
    day = wall(date(2026, 12, 2))
    whole = series(exceptions=(moved(date(2026, 12, 2)),))
    item_id = deliver(server, whole, occurrence=day)
    server.exchange.calendar.clear()
    server.exchange.messages[item_id].meeting = replace(
        single(), uid=whole.uid, start=moved(date(2026, 12, 2)).start, end=moved(date(2026, 12, 2)).end
    )
    reading = read_one(open_at(server), item_id)
    assert reading.notice is not None
    assert reading.meeting is not None
    assert (reading.notice.occurrence, reading.meeting.start) == (day, moved(date(2026, 12, 2)).start)
    assert (reading.meeting.in_calendar, reading.meeting.series) == (False, None)


# -- expansion


def test_a_batch_of_series_is_expanded_in_one_call(server: EwsServer) -> None:
    items = [deliver(server, series(number)) for number in range(5)]
    server.operations.clear()
    found = open_at(server).read(items, HORIZON)
    assert all(reading.meeting.series.expansion for reading in found)  # type: ignore[union-attr]
    assert server.operations == ["GetItem", "GetItem", "FindItem"]


def test_without_a_series_nothing_is_expanded(server: EwsServer) -> None:
    item_id = deliver(server, single())
    server.operations.clear()
    read_one(open_at(server), item_id)
    assert server.operations == ["GetItem", "GetItem"]


def test_a_calendar_that_is_too_full_is_not_expanded(server: EwsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "VIEW", 3)
    plan = meeting_of(open_at(server), deliver(server, series())).series
    assert plan is not None
    assert (plan.expansion, plan.expanded_from) == (None, None)


def test_minutes_are_those_of_the_clock_on_the_wall(server: EwsServer) -> None:
    start, end = wall(date(2026, 10, 25), time(0)), wall(date(2026, 10, 26), time(0))
    plan = meeting_of(open_at(server), deliver(server, replace(series(), start=start, end=end))).series
    assert plan is not None
    assert (plan.starts, plan.minutes) == (time(0), 24 * 60)


# -- odd items


def test_an_item_of_the_calendar_that_is_no_meeting_is_passed_over(server: EwsServer) -> None:
    deliver(server, single(1))
    deliver(server, single(2))
    answered = server._answered

    def without_uid(asked, messages):  # type: ignore[no-untyped-def]
        first = messages[0].find(".//{*}CalendarItem")
        for held in first.findall("{*}ExtendedProperty"):
            first.remove(held)
        return answered(asked, messages)

    server._answered = without_uid  # type: ignore[method-assign]
    page = open_at(server).calendar(HORIZON.since, HORIZON.until, "")
    assert [entry.uid for entry in page.entries] == [uid(2)]


def test_a_cursor_of_the_calendar_that_is_not_ours(server: EwsServer) -> None:
    lost = fault_of(lambda: open_at(server).calendar(HORIZON.since, HORIZON.until, "AAMk"))
    assert lost.fault is Fault.CURSOR_LOST


def test_a_read_flag_is_no_arrival(server: EwsServer) -> None:
    sent = deliver(server, single())
    answered = server._answered

    def with_flag(asked, messages):  # type: ignore[no-untyped-def]
        changes = messages[0].find("{*}Changes")
        changes.append(make("t:ReadFlagChange", make("t:ItemId", Id="x"), make("t:IsRead", "true")))
        return answered(asked, messages)

    server._answered = with_flag  # type: ignore[method-assign]
    assert [arrival.item_id for arrival in all_arrivals(open_at(server))[0]] == [sent]


def test_a_mark_of_others_is_no_mark(server: EwsServer) -> None:
    server.exchange.mark = make(
        "m:UserConfiguration",
        make("t:UserConfigurationName", make("t:DistinguishedFolderId", Id="inbox"), Name="AddinHostOwner"),
        make("t:Dictionary"),
    )
    assert open_at(server).owner() is None


def test_the_horizon_of_the_view_is_the_callers(server: EwsServer) -> None:
    horizon = Horizon(wall(date(2026, 12, 1)), wall(date(2026, 12, 12)))
    (reading,) = open_at(server).read([deliver(server, series())], horizon)
    plan = reading.meeting.series  # type: ignore[union-attr]
    assert [one.original for one in plan.expansion] == [wall(date(2026, 12, 2)), wall(date(2026, 12, 9))]
    assert ROOM.encode() in server.requests[-1].body
