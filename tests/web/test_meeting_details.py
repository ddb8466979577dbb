"""meeting_details: who gets an alias, what the answer holds, and every way to be told no."""

import pytest
from sqlalchemy import select

from addin_host.domain.tag import Kind, find_tags
from addin_host.flows import bearer
from addin_host.flows.bearer import Bearer
from addin_host.store.models import ScheduledAliasRow
from tests.single_use import a_single_use_record
from tests.web.conftest import save


@pytest.fixture
def number(world):
    return save(world, **a_single_use_record())


def a_bearer(world, number, visit="v1", caller="user:1"):
    keys = world.services.bearer_keys
    return bearer.issue(Bearer(caller, visit), integration_id=number, keys=keys, now=world.clock())


def ask(world, number, token=None, *, path="meeting_details", method="GET", **headers):
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return world.client().open(world.url(path, number), method=method, headers=headers)


@pytest.mark.parametrize("path", ["meeting_details", "meeting_details/"])
def test_everything_that_the_pane_inserts(world, number, path):
    answer = ask(world, number, a_bearer(world, number), path=path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json["status"] == "success"
    result = answer.json["result"]
    assert set(result) == {
        "room_name", "room_email", "alias_id", "instructions", "instructions_text", "location", "alias",
        "numeric_alias", "join_url", "expires", "correlation_id",
    }  # fmt: skip
    assert (result["room_name"], result["room_email"]) == ("Scheduling", "vmr@example.com")
    assert result["alias"] == f"{result['numeric_alias']}@vmr.example.com"
    assert result["numeric_alias"].startswith("80")
    assert len(result["numeric_alias"]) == 8
    assert result["join_url"] == f"https://meet.example.com/webapp/#/?conference={result['alias']}"
    assert result["expires"] == "2026-12-23T12:00:00+00:00"
    assert result["correlation_id"] == answer.headers["X-Correlation-ID"]
    (tag,) = find_tags(result["instructions"], world.services.tag_keys.all(), is_html=True)
    assert (tag.kind, tag.integration_id) == (Kind.ALIAS, number)
    assert result["alias_id"] in result["instructions_text"]
    with world.database.read() as session:
        (row,) = session.scalars(select(ScheduledAliasRow))
    assert (row.uuid, row.alias, row.caller, row.visit) == (str(tag.uuid), result["alias"], "user:1", "v1")
    assert row.is_used is False
