"""VMRs of meetings beside the directory: not part of it, and their two aliases stay. Over both databases."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from addin_host.domain.access import ON_THIS_MACHINE
from addin_host.domain.directory import Kind
from addin_host.domain.errors import Invalid, Reason, Refused
from addin_host.flows import directory, platform, vmr_aliases, vmrs
from addin_host.flows.directory_search import VMRS, Query, find
from addin_host.store.models import (
    ConferenceAliasRow,
    ConferenceRow,
    MeetingRow,
    OutboxRow,
    ScheduledAliasRow,
    ScheduledConferenceRow,
)
from tests.scheduled_rooms import Booked, book


@pytest.fixture
def room(database, box, clock) -> Booked:
    with database.write() as session:
        more: dict[str, Any] = {"box": box, "caller": ON_THIS_MACHINE, "now": clock()}
        owner = "alice@example.com"
        vmrs.save(session, None, {"name": "Weekly of Alice", "primary_owner_email_address": owner}, **more)
        return book(session, "100200", [clock()], now=clock(), primary_owner_email_address=owner)


def save(database, box, clock, conference_id, **values):
    with database.write() as session:
        vmrs.save(session, conference_id, values, box=box, caller=ON_THIS_MACHINE, now=clock())


def alias_ids(database) -> list[int]:
    with database.read() as session:
        return list(session.scalars(select(ConferenceAliasRow.id).order_by(ConferenceAliasRow.view_order)))


def test_it_is_in_no_list_search_count_or_export(database, room):
    with database.read() as session:
        for search in ("", "weekly", "100200", "we", "weekly alice"):
            lines = directory.vmr_lines(session, find(session, VMRS, Query(search)).ids)
            assert "Weekly 100200" not in [line.name for line in lines], search
        assert len(find(session, VMRS, Query("weekly")).ids) == 1
        assert [one.name for one in directory.list_vmrs(session, owner="alice@example.com", limit=9)] == [
            "Weekly of Alice"
        ]
        assert vmrs.count_owned(session, "alice@example.com") == directory.count(session, Kind.VMR) == 1
        assert [one.name for one in directory.export_vmrs(session, box=None)] == ["Weekly of Alice"]


def test_its_two_aliases_stay_and_others_may_be_added(database, box, clock, room):
    own = [room.alias, room.numeric_alias]
    save(database, box, clock, room.conference_id, aliases=[*own, "extra@video.example.com"])
    assert len(alias_ids(database)) == 3
    for fewer in ([], own[:1], [*own[:1], "other"]):
        with pytest.raises(Refused, match="given to a meeting") as caught:
            save(database, box, clock, room.conference_id, aliases=fewer)
        assert caught.value.reason is Reason.CONFLICT
    save(database, box, clock, room.conference_id, aliases=own)
    assert len(alias_ids(database)) == 2


def test_one_alias_at_a_time_they_stay_as_well(database, box, clock, room):
    number = alias_ids(database)[1]
    more = {"caller": ON_THIS_MACHINE, "now": clock()}
    with pytest.raises(Refused, match="given to a meeting"), database.write() as session:
        vmr_aliases.delete_alias(session, number, **more)
    with pytest.raises(Refused, match="given to a meeting"), database.write() as session:
        vmr_aliases.save_alias(session, number, {"alias": "other"}, **more)
    with pytest.raises(Refused, match="given to a meeting"), database.write() as session:
        other = session.scalars(select(ConferenceRow.id).where(~ConferenceRow.is_scheduled)).one()
        vmr_aliases.save_alias(session, number, {"conference_id": other}, **more)
    with database.write() as session:
        vmr_aliases.save_alias(session, number, {"description": "Number to dial"}, **more)
        added = vmr_aliases.save_alias(session, None, {"alias": "x", "conference_id": room.conference_id}, **more).id
    with database.write() as session:
        vmr_aliases.delete_alias(session, added, **more)
    assert len(alias_ids(database)) == 2


def test_it_has_no_pin(database, box, clock, room):
    with pytest.raises(Invalid, match="no PIN"):
        save(database, box, clock, room.conference_id, pin="123456")


def test_what_everybody_is_told_stays_while_people_join(database, box, clock, room):
    with pytest.raises(Refused, match="People can join"):
        save(database, box, clock, room.conference_id, name="New")
    save(database, box, clock, room.conference_id, name="Weekly 100200", non_idp_participants="allow_if_trusted")
    clock.forward(days=1)
    save(database, box, clock, room.conference_id, name="New")


def test_deleting_it_frees_the_room_and_rests_the_alias(database, clock, room):
    with database.write() as session:
        vmrs.delete(session, room.conference_id, caller=ON_THIS_MACHINE, now=clock())
    assert alias_ids(database) == []
    with database.read() as session:
        meeting = session.get(MeetingRow, room.meeting_id)
        assert (meeting.state, meeting.conference_id) == ("removed", None)
        assert session.scalars(select(ScheduledAliasRow.conference_deletion_time)).one() == clock()
        assert session.scalars(select(ScheduledConferenceRow)).all() == []
        assert [row.name for row in session.scalars(select(ConferenceRow))] == ["Weekly of Alice"]


def test_one_whose_meeting_is_gone_can_be_deleted_too(database, clock, room):
    with database.write() as session:
        session.delete(session.get(MeetingRow, room.meeting_id))
    with database.write() as session:
        vmrs.delete(session, room.conference_id, caller=ON_THIS_MACHINE, now=clock())
    assert alias_ids(database) == []


def test_the_management_api_follows_what_an_administrator_changes(database, box, clock, room):
    values = {"conference_platform": "MANAGEMENT_API", "platform_url": "https://m.example.com"}
    with database.write() as session:
        more = {"platform_username": "me", "platform_password": "x"}
        platform.change(session, values | more, box=box, caller=ON_THIS_MACHINE, now=clock())
    save(database, box, clock, room.conference_id, aliases=[room.alias, room.numeric_alias, "extra"])
    with database.read() as session:
        row = session.scalars(select(OutboxRow)).one()
        assert (row.key, row.payload["aliases"][-1]) == (f"room:{room.uuid}", "extra")
