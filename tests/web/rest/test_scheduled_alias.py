"""Aliases of meetings for other programs: read, filtered, within reach, and never written."""

import pytest

from addin_host.domain.access import Role
from addin_host.flows import single_use
from addin_host.store.models import ScheduledAliasRow
from tests.single_use import a_single_use_record
from tests.web.conftest import save
from tests.web.rest.conftest import CONFIGURATION

NAME = "scheduled_alias"
CONNECTOR = f"{CONFIGURATION}/ms_exchange_connector"


@pytest.fixture
def two(world):
    """An alias of integration 3, and one of 4."""
    numbers = [
        save(world, **a_single_use_record(name=name, room_mailbox_email_address=f"{name}@example.com"))
        for name in ("East", "West")
    ]
    return [mint(world, number) for number in numbers]


def mint(world, number):
    host = world.services
    integration = host.catalogue.get(str(number))
    return single_use.mint(host.database, integration, "user:1", "", keys=host.tag_keys, now=world.clock())


def test_an_alias_with_every_attribute(program, two):
    client = program()
    first = client.read(NAME)["objects"][0]
    assert first == {
        "id": 1,
        "resource_uri": f"{CONFIGURATION}/{NAME}/1/",
        "alias": two[0].alias,
        "alias_number": int(two[0].numeric_alias[2:]),
        "numeric_alias": two[0].numeric_alias,
        "uuid": two[0].uuid,
        "exchange_connector": f"{CONNECTOR}/3/",
        "is_used": False,
        "ews_item_uid": None,
        "creation_time": "2026-11-23T12:00:00",
        "conference_deletion_time": None,
    }
    assert client.read(first["resource_uri"]) == first


def test_filters_and_order(program, world, two):
    client = program()
    with world.database.write() as session:
        row = session.get(ScheduledAliasRow, 2)
        row.is_used, row.ews_item_uid, row.conference_deletion_time = True, "040000008200E", world.clock()
        row.alias_number = 2**53 + 1
    assert client.names(NAME, of="uuid", order_by="-id") == [two[1].uuid, two[0].uuid]
    for query, expected in (
        ({"exchange_connector": 3}, [1]),
        ({"exchange_connector__name": "West"}, [2]),
        ({"uuid": two[0].uuid}, [1]),
        ({"alias__endswith": "@vmr.example.com"}, [1, 2]),
        ({"numeric_alias": two[1].numeric_alias}, [2]),
        ({"alias_number__gt": 2**53}, [2]),
        ({"is_used": "true"}, [2]),
        ({"ews_item_uid__isnull": "true"}, [1]),
        ({"conference_deletion_time__gte": "2026-11-23T12:00:00"}, [2]),
        ({"creation_time__lt": "2026-11-23T12:00:00"}, []),
    ):
        assert client.names(NAME, of="id", **query) == expected, query
    assert client.read(f"{CONFIGURATION}/{NAME}/2/")["conference_deletion_time"] == "2026-11-23T12:00:00"
    assert client.get(NAME, caller="user:1").status_code == 400, "who asked is not told"


def test_nobody_sees_the_aliases_of_others(program, two):
    own = program(Role.INTEGRATION_ADMIN, (3,))
    assert own.names(NAME, of="id") == [1]
    assert own.names(NAME, of="id", exchange_connector=4) == []
    unknown, anothers = (own.get(f"{CONFIGURATION}/{NAME}/{number}/") for number in (99, 2))
    assert unknown.status_code == anothers.status_code == 404
    assert unknown.json == anothers.json
    assert program(Role.VIEWER).names(NAME, of="id") == [1, 2]


def test_a_number_that_was_given_back_is_not_listed(program, world, two):
    with world.database.write() as session:
        session.get(ScheduledAliasRow, 1).released_at = world.clock()
    client = program()
    assert client.names(NAME, of="id") == [2]
    assert client.get(f"{CONFIGURATION}/{NAME}/1/").status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("where", ["", "1/"])
def test_they_are_only_read(program, two, method, where):
    assert program().ask(method, f"{CONFIGURATION}/{NAME}/{where}", json={}).status_code == 405


def test_an_alias_of_a_meeting_is_refused_to_a_vmr(program, two):
    client = program()
    vmr = client.create("conference", {"name": "Room"})
    for taken in (two[0].alias, two[0].numeric_alias):
        for where, body in (
            ("conference_alias", {"alias": taken, "conference": vmr}),
            ("conference", {"name": "Other", "aliases": [{"alias": taken}]}),
        ):
            answer = client.post(where, body)
            assert answer.status_code == 400
            assert "was handed out for a meeting" in answer.text
