"""Every rule of the specification's table through the REST interface: refused once, accepted once.

Generated from the file; the form goes through the same rules in tests/web/admin/test_integration_rules.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from addin_host.domain.access import Role
from addin_host.domain.fields import BY_NAME, FIELDS, Condition, Field
from tests.web.conftest import a_world
from tests.web.integration_posts import ON_THE_FORM, bad, breaking, full_record, satisfying
from tests.web.rest.conftest import CONFIGURATION, Program, add_program, fields_at_fault

NAME = "ms_exchange_connector"
ONE = f"{CONFIGURATION}/{NAME}/1/"
TABLE = json.loads(Path("addin_host/domain/integration_fields.json").read_text(encoding="utf-8"))


class Desk:
    """Integration 1 through the REST interface."""

    def __init__(self, client: Program) -> None:
        self.client = client
        self.group = client.create("identity_provider_group", {"name": "Corp"})

    def on(self, condition: Condition, **changes: Any) -> dict[str, Any]:
        record = full_record(**satisfying(condition, reference=self.group))
        return {name: value for name, value in record.items() if name != "uuid"} | changes

    def accepted(self, record: dict[str, Any]) -> dict[str, Any]:
        answer = self.client.put(ONE, record)
        assert answer.status_code == 200, answer.text
        return dict(answer.json)

    def at_fault(self, record: dict[str, Any]) -> set[str]:
        return fields_at_fault(self.client.put(ONE, record), NAME)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with a_world(tmp_path_factory.mktemp("rest-rules")) as world:
        yield Desk(add_program(world, Role.PLATFORM_ADMIN))


def conditions(fields: list[Field], attribute: str) -> dict[str, tuple[Condition, list[Field]]]:
    """The fields that a condition applies to, by the condition."""
    found: dict[str, tuple[Condition, list[Field]]] = {}
    for field in fields:
        for condition in getattr(field, attribute):
            found.setdefault(json.dumps(condition), (condition, []))[1].append(field)
    return found


def test_fields_count_when_they_are_available(desk: Desk) -> None:
    walked = 0
    conditional = [one for one in ON_THE_FORM if one.available_when != ({},)]
    for condition, fields in conditions(conditional, "available_when").values():
        on = desk.on(condition)
        stored = desk.accepted(on)
        for field in fields:
            walked += 1
            if field.kind == "list_of_url_or_fqdn":
                assert [one["domain"] for one in stored[field.name]] == on[field.name]
            elif not field.is_secret:
                assert stored[field.name] == on[field.name], field.name
            if (value := bad(field)) is not None:
                assert field.name in desk.at_fault(on | {field.name: value}), field.name
    assert walked > 70


def test_fields_that_are_not_available_are_stored_and_echoed_all_the_same(desk: Desk) -> None:
    """A plan of Terraform compares what it sent with what it reads, whatever is switched on."""
    for field in (one for one in ON_THE_FORM if one.available_when != ({},) and not one.is_secret):
        off = desk.on(field.available_when[0]) | breaking(field)
        if off["mailbox_protocol"] == "GRAPH":
            off["authentication_method"] = "APP_PERM"
        assert desk.accepted(off)[field.name] == off[field.name], field.name


def test_required_fields_are_refused_blank_and_accepted_filled(desk: Desk) -> None:
    needed = [one for one in ON_THE_FORM if one.kind not in ("bool", "int", "choice") and not one.may_be_blank]
    walked = 0
    for condition, fields in conditions(needed, "required_when").values():
        on = desk.on(condition)
        desk.accepted(on)
        for nothing in ("", None):
            blank = {field.name: nothing for field in fields}
            assert desk.at_fault(on | blank) == set(blank)
        walked += len(fields)
    assert walked > 70


@pytest.mark.parametrize("row", [row for row in TABLE if row.get("requires")], ids=lambda row: row["name"])
def test_every_rule_between_fields(desk: Desk, row: dict[str, Any]) -> None:
    for rule in row["requires"]:
        if "any_of" in rule:
            broken, kept = dict.fromkeys(rule["any_of"], False), {rule["any_of"][0]: True}
        else:
            ((name, wanted),) = rule["then"].items()
            other = next(choice for choice in BY_NAME[name].choices if choice != wanted)
            broken, kept = {**rule["if"], name: other}, {**rule["if"], **rule["then"]}
        answer = desk.client.put(ONE, desk.on({}, **broken))
        assert row["name"] in fields_at_fault(answer, NAME)
        assert rule["message"] in answer.text
        desk.accepted(desk.on({}, **kept))


@pytest.mark.parametrize("field", [field for field in FIELDS if field.unique], ids=lambda field: field.name)
def test_what_is_unique_is_refused_twice(desk: Desk, field: Field) -> None:
    record = desk.on({}, name="The first", room_mailbox_email_address="first@example.com")
    desk.accepted(record)
    other = record | {"name": "The second", "room_mailbox_email_address": "second@example.com"}
    answer = desk.client.post(NAME, other | {field.name: record[field.name]})
    assert fields_at_fault(answer, NAME) == {field.name}
    assert "in use by another integration" in answer.text
    assert desk.client.delete(desk.client.create(NAME, other)).status_code == 204


@pytest.mark.parametrize("field", [one for one in ON_THE_FORM if one.max_length], ids=lambda one: one.name)
def test_limits(desk: Desk, field: Field) -> None:
    if field.kind == "pem":
        return
    assert desk.at_fault(desk.on({}) | {field.name: "x" * (field.max_length + 1)}) >= {field.name}
