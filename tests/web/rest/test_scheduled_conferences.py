"""Meetings, series, schedulers and operations for other programs: read, filtered, within reach, never written."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from addin_host.domain.access import Role
from addin_host.store.models import ScheduledConferenceRow
from tests.booked_rooms import book, read_mailbox, step
from tests.web.rest.conftest import CONFIGURATION, STATUS

ONE, SERIES = "scheduled_conference", "recurring_conference"
OPERATIONS, SCHEDULERS = f"{STATUS}/scheduling_operation/", f"{STATUS}/exchange_scheduler/"


@pytest.fixture
def rooms(world):
    """A single meeting of integration 1, a series of two at integration 2; their conferences."""
    now = world.clock()
    tomorrow, later = now + timedelta(days=1), now + timedelta(days=8)
    with world.database.write() as session:
        single = book(session, 1, "Budget", [tomorrow], now=now, number="7900000001")
        series = book(session, 2, "Weekly", [tomorrow, later], now=now, number="7900000002")
        step(session, single, now=now, correlation_id="c-1", resource_id=single.conference_id)
        step(session, series, now=now + timedelta(hours=1), correlation_id="c-2", success=False, error_code="gone")
        return single.conference_id, series.conference_id


def test_a_meeting_with_every_attribute(program, world, rooms):
    client = program()
    first = client.read(ONE)["objects"][0]
    assert first == {
        "id": 1,
        "resource_uri": f"{CONFIGURATION}/{ONE}/1/",
        "conference": f"{CONFIGURATION}/conference/{rooms[0]}/",
        "start_time": "2026-11-24T12:00:00",
        "end_time": "2026-11-24T12:30:00",
        "subject": "Budget",
        "ews_item_id": "item",
        "ews_item_uid": first["ews_item_uid"],
        "recurring_conference": None,
        "scheduled_alias": f"{CONFIGURATION}/scheduled_alias/1/",
    }
    assert client.read(first["resource_uri"]) == first
    assert client.read(first["conference"])["name"] == "Budget (Ada Example) 7900000001"
    assert client.read(first["scheduled_alias"])["is_used"] is True


def test_a_series_with_every_attribute(program, rooms):
    client = program()
    (found,) = client.read(SERIES)["objects"]
    assert found == {
        "id": 1,
        "resource_uri": f"{CONFIGURATION}/{SERIES}/1/",
        "conference": f"{CONFIGURATION}/conference/{rooms[1]}/",
        "current_index": 0,
        "is_depleted": False,
        "ews_item_id": "item",
        "subject": "Weekly",
        "scheduled_alias": f"{CONFIGURATION}/scheduled_alias/2/",
    }
    assert client.names(ONE, of="id", recurring_conference=1) == [2, 3]


def test_filters(program, rooms):
    client = program()
    for query, expected in (
        ({"conference": rooms[0]}, [1]),
        ({"conference__name__startswith": "Weekly"}, [2, 3]),
        ({"recurring_conference__isnull": "true"}, [1]),
        ({"recurring_conference__subject": "Weekly"}, [2, 3]),
        ({"scheduled_alias__numeric_alias": "7900000001"}, [1]),
        ({"start_time__gt": "2026-11-25T00:00:00"}, [3]),
        ({"end_time": "2026-11-24T12:30:00Z", "order_by": "-id"}, [2, 1]),
        ({"subject__icontains": "WEEK"}, [2, 3]),
    ):
        assert client.names(ONE, of="id", **query) == expected, query
    assert client.names(SERIES, of="id", conference__name__startswith="Budget") == []
    assert client.get(ONE, opens_at="2026-11-24T12:00:00").status_code == 400


def test_operations_by_correlation_id(program, rooms):
    client = program()
    assert client.read(OPERATIONS, transaction_uuid="c-1")["objects"] == [
        {
            "id": 1,
            "resource_uri": f"{OPERATIONS}1/",
            "creation_time": "2026-11-23T12:00:00",
            "transaction_uuid": "c-1",
            "success": True,
            "error_code": "",
            "error_description": "",
            "resource_id": rooms[0],
        }
    ]
    assert client.names(OPERATIONS, of="id", success="false") == [2]
    assert client.names(OPERATIONS, of="id", error_code="gone", creation_time__gte="2026-11-23T13:00:00") == [2]


def test_when_an_item_was_last_processed(program, world, rooms):
    created = program().names(SCHEDULERS, of="last_modified_time")
    with world.database.write() as session:
        read_mailbox(session, 1, now=world.clock(), processed_at=world.clock() + timedelta(minutes=5))
        read_mailbox(session, 2, now=world.clock())
    client = program(Role.VIEWER)
    assert client.names(SCHEDULERS, of="last_modified_time") == ["2026-11-23T12:05:00", created[1]]
    assert client.names(SCHEDULERS, of="id", last_modified_time="2026-11-23T12:05:00") == [1]


@pytest.mark.parametrize(
    ("where", "own", "foreign"),
    [(f"{CONFIGURATION}/{ONE}/", [1], 2), (f"{CONFIGURATION}/{SERIES}/", [], 1), (OPERATIONS, [1], 2)],
)
def test_nobody_sees_those_of_others(program, rooms, where, own, foreign):
    client = program(Role.INTEGRATION_ADMIN, (1,))
    assert client.names(where, of="id") == own
    unknown, anothers = (client.get(f"{where}{number}/") for number in (99, foreign))
    assert unknown.status_code == anothers.status_code == 404
    assert unknown.json == anothers.json


def test_an_id_of_graph_is_hashed(program, world, rooms):
    with world.database.write() as session:
        meeting = book(session, 1, "Long", [world.clock()], now=world.clock())
        row = session.scalar(select(ScheduledConferenceRow).where(ScheduledConferenceRow.meeting_id == meeting.id))
        row.ews_item_id = "A" * 300
    found = program().read(ONE, subject="Long")["objects"][0]["ews_item_id"]
    assert found.startswith("sha256:")
    assert len(found) == 71


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("where", [f"{CONFIGURATION}/{ONE}/", f"{CONFIGURATION}/{SERIES}/1/", OPERATIONS])
def test_they_are_only_read(program, method, where):
    assert program().ask(method, where, json={}).status_code == 405
