"""Every rule of the specification's table, through the form: refused once, accepted once. Generated from the file."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.datastructures import MultiDict

from addin_host.domain.access import ON_THIS_MACHINE
from addin_host.domain.fields import BY_NAME, FIELDS, Condition, Field, defaults
from addin_host.flows import integrations, references
from addin_host.flows.references import ListKind
from addin_host.store.models import IntegrationRow, IntegrationSecretRow
from tests.web.admin_browser import sign_in
from tests.web.conftest import World, a_world
from tests.web.integration_posts import ON_THE_FORM, bad, breaking, full_record, posted, satisfying

TABLE = json.loads(Path("addin_host/domain/integration_fields.json").read_text(encoding="utf-8"))


class Room:
    """The form of integration 1, in one browser."""

    def __init__(self, world: World) -> None:
        self.world, self.browser = world, sign_in(world)
        self.token = self.browser.token("/admin/integrations/1/")
        with world.database.write() as session:
            one = references.create(
                session, ListKind.IDENTITY_PROVIDER_GROUP, "Corp", caller=ON_THIS_MACHINE, now=world.clock()
            )
        self.group = one.id

    def row(self, number: int = 1) -> IntegrationRow:
        with self.world.database.read() as session:
            return integrations.find(session, number)

    def send(self, record: dict[str, Any], number: int = 1) -> Any:
        return self.send_form(posted(record, csrf_token=self.token, version=self.row(number).version), number)

    def send_form(self, form: MultiDict[str, str], number: int = 1) -> Any:
        return self.browser.client.post(
            f"/admin/integrations/{number}/",
            data=form,
            base_url="https://127.0.0.1",
            headers={"Sec-Fetch-Site": "same-origin"},
        )

    def accepted(self, record: dict[str, Any]) -> dict[str, Any]:
        answer = self.send(record)
        assert answer.status_code == 303, [line for line in answer.text.splitlines() if "-error" in line]
        return dict(self.row().record)

    def refused(self, record: dict[str, Any], *names: str) -> str:
        answer = self.send(record)
        assert answer.status_code == 400, names
        assert set(re.findall(r'id="(\w+)-error"', answer.text)) == set(names)
        return answer.text

    def forget_secrets(self) -> None:
        with self.world.database.write() as session:
            session.query(IntegrationSecretRow).delete()


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with a_world(tmp_path_factory.mktemp("rules")) as world:
        yield Room(world)


def test_every_field_of_the_file_is_on_the_form_and_in_the_export(room: Room) -> None:
    page = room.browser.get("/admin/integrations/1/").text
    exported = room.browser.get("/admin/integrations/1/export.json").json
    for row in TABLE:
        assert f'data-field="{row["name"]}"' in page, row["name"]
        assert (row["name"] in exported) is (row["kind"] != "secret"), row["name"]
        if "managed_by" not in row and row["kind"] != "image":
            assert f'name="{row["name"]}"' in page, row["name"]
    assert len(TABLE) == 125


def test_the_base_of_all_that_follows_is_accepted(room: Room) -> None:
    room.accepted(full_record())


# Fields that others depend on are tried one by one, all others together with those under the same condition.
STEERING = {name for field in FIELDS for one in (*field.available_when, *field.required_when) for name in one}


def together(fields: list[Field], conditions: Callable[[Field], Iterable[Condition]]) -> list[Any]:
    """Cases (condition, fields to which it applies)."""
    cases: dict[str, tuple[Condition, list[Field]]] = {}
    for field in fields:
        for condition in conditions(field):
            key = json.dumps(condition) + (field.name if field.name in STEERING else "")
            cases.setdefault(key, (condition, []))[1].append(field)
    return [
        pytest.param(condition, named, id=f"{named[0].name}+{len(named) - 1}") for condition, named in cases.values()
    ]


CONDITIONAL = together([one for one in ON_THE_FORM if one.available_when != ({},)], lambda one: one.available_when)


@pytest.mark.parametrize(("condition", "fields"), CONDITIONAL)
def test_fields_count_when_they_are_available(room: Room, condition: Condition, fields: list[Field]) -> None:
    on = full_record(**satisfying(condition, reference=room.group))
    stored = room.accepted(on)
    for field in fields:
        if not field.is_secret:
            assert stored[field.name] == on[field.name], field.name
    wrong = {field.name: value for field in fields if (value := bad(field)) is not None}
    if wrong:
        room.refused(on | wrong, *wrong)


HIDDEN = [one for one in ON_THE_FORM if one.available_when != ({},)]


@pytest.mark.parametrize(("condition", "fields"), together(HIDDEN, lambda one: one.available_when[:1]))
def test_fields_that_are_not_available_are_not_judged_and_keep_their_value(
    room: Room, condition: Condition, fields: list[Field]
) -> None:
    on = full_record(**satisfying(condition, reference=room.group))
    kept = room.accepted(on)
    off = on
    for field in fields:
        off = off | breaking(field)
    if off["mailbox_protocol"] == "GRAPH":
        off["authentication_method"] = "APP_PERM"
    # This one is shown with personal VMRs too, and one kind must be on (docs/decisions.md).
    judged = [field for field in fields if field.name != "internal_exchange"]
    room.accepted(off | {field.name: bad(field) if field.kind != "bool" else not kept[field.name] for field in judged})
    for field in judged:
        if not field.is_secret:
            assert room.row().record[field.name] == kept[field.name], field.name


def test_private_addresses_can_be_allowed_for_personal_vmrs_alone(room: Room) -> None:
    personal = full_record(enable_dynamic_vmrs=False)
    assert room.accepted(personal | {"internal_exchange": True})["internal_exchange"] is True
    single_use = full_record(enable_personal_vmrs=False, internal_exchange=False)
    assert room.accepted(single_use)["internal_exchange"] is False


REQUIRED = together(
    [one for one in ON_THE_FORM if one.kind not in ("bool", "choice") and not one.may_be_blank],
    lambda one: one.required_when,
)


@pytest.mark.parametrize(("condition", "fields"), REQUIRED)
def test_required_fields_are_refused_blank_and_accepted_filled(
    room: Room, condition: Condition, fields: list[Field]
) -> None:
    on = full_record(**satisfying(condition, reference=room.group))
    room.forget_secrets()
    blank = {field.name: [] if field.kind == "list_of_url_or_fqdn" else "" for field in fields}
    page = room.refused(on | blank, *blank)
    for name in blank:
        assert f'<a href="#{name}">' in page
    room.accepted(on)


RULES = [(BY_NAME[row["name"]], rule) for row in TABLE for rule in row.get("requires", ())]


@pytest.mark.parametrize(("field", "rule"), RULES, ids=lambda value: getattr(value, "name", ""))
def test_every_rule_between_fields(room: Room, field: Field, rule: dict[str, Any]) -> None:
    if "any_of" in rule:
        broken, kept = dict.fromkeys(rule["any_of"], False), {rule["any_of"][0]: True}
    else:
        ((name, wanted),) = rule["then"].items()
        other = next(choice for choice in BY_NAME[name].choices if choice != wanted)
        broken, kept = {**rule["if"], name: other}, {**rule["if"], **rule["then"]}
    assert rule["message"] in room.refused(full_record(**broken), field.name)
    room.accepted(full_record(**kept))


@pytest.mark.parametrize("field", [field for field in FIELDS if field.unique], ids=lambda field: field.name)
def test_what_is_unique_is_refused_twice(room: Room, field: Field) -> None:
    record = full_record(name="The first", room_mailbox_email_address="first@example.com")
    room.accepted(record)
    other = record | {"name": "The second", "room_mailbox_email_address": "second@example.com"}
    answer = room.send(other | {field.name: record[field.name]}, number=2)
    assert answer.status_code == 400
    assert f'id="{field.name}-error"' in answer.text
    assert "in use by another integration" in answer.text
    assert room.send(other, number=2).status_code == 303
    room.accepted(full_record())


@pytest.mark.parametrize("line_end", ["\r\n", "\n", "\r"])
def test_defaults_come_back_to_the_byte(room: Room, line_end: str) -> None:
    """Browsers send CRLF, programs what they like: a default stays a default."""
    record = full_record() | {name: value for name, value in defaults().items() if value not in (None, "", [])}
    form = posted(record, line_end=line_end, csrf_token=room.token, version=room.row().version)
    assert room.send_form(form).status_code == 303
    stored = room.row().record
    for row in TABLE:
        if isinstance(row["default"], str) and row["default"] and row["kind"] != "secret" and "managed_by" not in row:
            assert stored[row["name"]] == record[row["name"]], row["name"]
    assert sum("\r\n" in str(value) for value in stored.values()) >= 15


def test_what_was_typed_is_stored_as_it_was_sent(room: Room) -> None:
    text = "<p>One</p>\r\n<p>{{alias}} {{alias_uuid}}</p>\r\n"
    stored = room.accepted(full_record(meeting_instructions_template=text))
    assert stored["meeting_instructions_template"] == text
