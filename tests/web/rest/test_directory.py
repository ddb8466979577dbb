"""VMRs, aliases, users and lists through the REST interface (design/rest.md 4.3)."""

import pytest
from sqlalchemy import select

from addin_host.domain.access import Role
from addin_host.store.models import AuditRow
from tests.web.rest.conftest import CONFIGURATION, fields_at_fault

ROOM = {"name": "Alice", "aliases": [{"alias": "alice@x.example", "description": "first"}, {"alias": "1001"}]}


def test_a_minimal_vmr_has_all_attributes(program):
    client = program()
    where = client.create("conference", {"name": "Bare"})
    read = client.read(where)
    assert {name: value for name, value in read.items() if name not in ("id", "resource_uri", "creation_time")} == {
        "name": "Bare",
        "description": "",
        "service_type": "conference",
        "tag": "",
        "pin": "",
        "guest_pin": "",
        "allow_guests": False,
        "participant_limit": None,
        "primary_owner_email_address": "",
        "host_identity_provider_group": None,
        "guest_identity_provider_group": None,
        "ivr_theme": None,
        "non_idp_participants": "disallow_all",
        "aliases": [],
        "automatic_participants": [],
        "scheduled_conferences": [],
        "scheduled_conferences_count": 0,
    }
    assert read["creation_time"] == "2026-11-23T12:00:00"


def test_aliases_are_nested_objects_that_keep_their_numbers(program):
    client = program()
    where = client.create("conference", ROOM)
    first, second = client.read(where)["aliases"]
    assert (first["alias"], first["description"], first["conference"]) == ("alice@x.example", "first", where)
    assert client.read(first["resource_uri"]) == first
    swapped = client.put(where, {"aliases": [second["resource_uri"], first, {"alias": "new@x.example"}]}).json
    assert [one["id"] for one in swapped["aliases"]][:2] == [second["id"], first["id"]]
    assert [one["view_order"] for one in swapped["aliases"]] == [0, 1, 2]
    assert client.put(where, {"description": "kept"}).json["aliases"] == swapped["aliases"]
    assert client.put(where, {"aliases": []}).json["aliases"] == []
    foreign = client.read(client.create("conference", {"name": "B", "aliases": ["b@x.example"]}))["aliases"][0]
    for wrong in ([foreign["resource_uri"]], ["b@x.example"], [{"alias": "no good"}], [{}], ["a", "A"], [1], "x"):
        assert fields_at_fault(client.put(where, {"aliases": wrong}), "conference") == {"aliases"}


def test_an_alias_by_itself(program):
    client = program()
    where = client.create("conference", ROOM)
    alias = client.create("conference_alias", {"alias": "More@x.example", "conference": where})
    assert client.read(alias)["view_order"] == 2
    assert client.put(alias, {"description": "x"}).json["description"] == "x"
    taken = client.post("conference_alias", {"alias": "MORE@X.example", "conference": where})
    assert fields_at_fault(taken, "conference_alias") == {"alias"}
    nowhere = {"alias": "z@x.example", "conference": f"{CONFIGURATION}/conference/999/"}
    assert fields_at_fault(client.post("conference_alias", nowhere), "conference_alias") == {"conference"}
    assert fields_at_fault(client.post("conference_alias", {}), "conference_alias") == {"alias", "conference"}
    assert client.delete(alias).status_code == 204
    assert len(client.read(where)["aliases"]) == 2


def test_attributes_of_other_versions_are_stored_as_sent_and_answered(program):
    client = program()
    extra = {"enable_chat": "default", "max_callrate_in": 4096, "nested": {"a": [1, None, " x\r\n"]}}
    where = client.create("conference", {"name": "Room"} | extra)
    assert extra.items() <= client.read(where).items()
    assert client.put(where, {"enable_chat": "no"}).json["max_callrate_in"] == 4096
    participants = [f"{CONFIGURATION}/automatic_participant/1/"]
    assert client.put(where, {"automatic_participants": participants}).json["automatic_participants"] == participants
    assert client.read(where)["enable_chat"] == "no"
    assert client.put(where, {"big": "x" * 70_000}).status_code == 400


def test_references_are_addresses_and_null(program):
    client = program()
    theme = client.create("ivr_theme", {"name": "Corporate"})
    group = client.create("identity_provider_group", {"name": "Staff"})
    given = {"ivr_theme": theme, "host_identity_provider_group": group, "guest_identity_provider_group": None}
    where = client.create("conference", {"name": "Room"} | given)
    assert given.items() <= client.read(where).items()
    assert client.put(where, {"ivr_theme": {"resource_uri": theme, "name": "x"}}).json["ivr_theme"] == theme
    assert client.put(where, {"ivr_theme": ""}).json["ivr_theme"] is None
    for wrong in (group, f"{CONFIGURATION}/ivr_theme/999/", 5, "x", {}, ["x"]):
        assert fields_at_fault(client.put(where, {"ivr_theme": wrong}), "conference") == {"ivr_theme"}
    assert client.delete(group).status_code == 409
    assert client.put(theme, {"name": "Renamed"}).json["name"] == "Renamed"
    assert fields_at_fault(client.post("ivr_theme", {"name": "Renamed"}), "ivr_theme") == {"name"}
    assert fields_at_fault(client.post("ivr_theme", {}), "ivr_theme") == {"name"}


def test_rules_of_the_directory_hold(program):
    client = program()
    client.create("conference", ROOM)
    for body, at_fault in (
        ({}, {"name"}),
        ({"name": ""}, {"name"}),
        ({"name": "Alice"}, {"name"}),
        ({"name": "x" * 251}, {"name"}),
        ({"name": " x"}, {"name"}),
        ({"name": "a\u0308"}, {"name"}),
        ({"name": "a\nb"}, {"name"}),
        ({"name": 5}, {"name"}),
        ({"name": "B", "pin": "12"}, {"pin"}),
        ({"name": "B", "pin": 1234}, {"pin"}),
        ({"name": "B", "guest_pin": "1234"}, {"guest_pin"}),
        ({"name": "B", "allow_guests": "yes"}, {"allow_guests"}),
        ({"name": "B", "participant_limit": -1}, {"participant_limit"}),
        ({"name": "B", "participant_limit": 2**63 - 1}, {"participant_limit"}),
        ({"name": "B", "service_type": "x"}, {"service_type"}),
        ({"name": "B", "primary_owner_email_address": "x"}, {"primary_owner_email_address"}),
        ({"name": "B", "aliases": ["ALICE@x.example"]}, {"aliases"}),
        ({"name": "B", "automatic_participants": [5]}, {"automatic_participants"}),
    ):
        assert fields_at_fault(client.post("conference", body), "conference") == at_fault, body


def test_pins_are_shown_to_who_may_see_them_and_once_an_hour_in_the_log(world, program):
    client, operator = program(), program(Role.OPERATOR)
    where = client.create("conference", {"name": "Room", "pin": "123456", "allow_guests": True, "guest_pin": "654321"})

    def sights():
        with world.database.read() as session:
            return session.scalars(select(AuditRow).where(AuditRow.action == "look at PINs")).all()

    assert (client.read(where)["pin"], client.read(where)["guest_pin"]) == ("123456", "654321")
    assert len(sights()) == 1
    world.clock.forward(hours=1)
    client.read("conference")
    client.read("conference")
    assert [one.actor for one in sights()] == [client.token] * 2
    theirs = operator.read(where)
    assert (theirs["pin"], theirs["guest_pin"]) == ("", "")
    assert operator.put(where, theirs | {"description": "x"}).status_code == 200
    assert client.read(where)["pin"] == "123456"
    assert operator.put(where, {"pin": None, "guest_pin": None}).status_code == 200
    assert client.read(where)["pin"] == ""
    assert operator.put(where, {"pin": "9999"}).json["pin"] == ""
    assert client.put(where, {"pin": ""}).json["pin"] == ""
    assert len(sights()) == 2


def test_users(program):
    client = program()
    where = client.create("end_user", {"primary_email_address": "alice@example.com", "title": "Dr."})
    read = client.read(where)
    assert (read["user_oid"], read["exchange_user_id"], read["ms_exchange_guid"]) == (None, None, None)
    assert (read["title"], read["user_groups"], len(read["uuid"])) == ("Dr.", [], 36)
    changed = {"user_groups": ["/a/", "/b/"], "user_oid": "o", "uuid": "00000000-0000-4000-8000-000000000001"}
    after = client.patch(where, changed).json
    assert (after["user_groups"], after["user_oid"], after["uuid"]) == (["/a/", "/b/"], "o", read["uuid"])
    assert client.patch(where, {"user_oid": "", "user_groups": None}).json["user_groups"] == []
    taken = client.post("end_user", {"primary_email_address": "ALICE@example.com"})
    assert fields_at_fault(taken, "end_user") == {"primary_email_address"}
    assert client.names("end_user", of="id", primary_email_address__iexact="ALICE@EXAMPLE.COM") == [read["id"]]
    assert client.delete(where).status_code == 204


@pytest.mark.parametrize("resource", ["conference", "conference_alias", "end_user", "ivr_theme"])
def test_viewers_read_and_operators_write_the_directory(program, resource):
    viewer = program(Role.VIEWER)
    assert viewer.get(resource).status_code == 200
    assert viewer.post(resource, {}).status_code == 403
    operator = program(Role.OPERATOR)
    assert operator.post(resource, {}).status_code == (403 if resource == "ivr_theme" else 400)
