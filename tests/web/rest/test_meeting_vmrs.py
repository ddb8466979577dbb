"""VMRs of meetings through REST: the times they are for, and the two aliases that stay."""

from __future__ import annotations

from datetime import timedelta

import pytest

from addin_host.domain.access import Role
from tests.scheduled_rooms import book


@pytest.fixture
def room(world):
    with world.database.write() as session:
        starts = [world.clock() + timedelta(days=7 * week) for week in range(3)]
        return book(session, "100200", starts, now=world.clock())


def test_it_shows_its_times(program, world, room):
    api = program(Role.PLATFORM_ADMIN)
    found = api.read(f"/api/admin/configuration/v1/conference/{room.conference_id}/")
    assert found["scheduled_conferences_count"] == 3
    assert len(found["scheduled_conferences"]) == 3
    first = api.read(found["scheduled_conferences"][0])
    assert first["conference"] == found["resource_uri"]
    assert api.read("conference", tag=f"sched:{room.uuid}")["meta"]["total_count"] == 1
    others = [one for one in api.read("conference")["objects"] if one["id"] != room.conference_id]
    assert {one["scheduled_conferences_count"] for one in others} == {0}


def test_the_assigned_aliases_stay(program, room):
    api = program(Role.PLATFORM_ADMIN)
    uri = f"/api/admin/configuration/v1/conference/{room.conference_id}/"
    aliases = api.read(uri)["aliases"]
    for answer in (
        api.patch(uri, {"aliases": ["other"]}),
        api.patch(aliases[0]["resource_uri"], {"alias": "other"}),
        api.ask("DELETE", aliases[1]["resource_uri"]),
    ):
        assert answer.status_code == 409
        assert "was given to a meeting" in answer.json["error"]
    api.create("conference_alias", {"alias": "extra", "conference": uri})
    assert [one["alias"] for one in api.read(uri)["aliases"]] == [room.alias, room.numeric_alias, "extra"]
    assert api.patch(uri, {"pin": "123456"}).status_code == 400


def test_deleting_it_frees_the_room(program, world, room):
    api = program(Role.PLATFORM_ADMIN)
    uri = f"/api/admin/configuration/v1/conference/{room.conference_id}/"
    assert api.ask("DELETE", uri).status_code == 204
    assert api.get(uri).status_code == 404
    assert api.read("scheduled_alias", alias=room.alias)["objects"][0]["conference_deletion_time"] is not None
