"""The table itself, and every rule in it: each is refused and accepted once."""

import json
from pathlib import Path
from typing import Any

import pytest

from addin_host.domain.errors import Problem
from addin_host.domain.fields import BY_NAME, FIELDS, Field, defaults, holds, is_blank
from addin_host.domain.fields_page import fields_page
from addin_host.domain.validation import check_record, unknown_names
from tests.conftest import a_record

COPY = Path("addin_host/domain/integration_fields.json")
SPECIFICATION = Path("../shared/spec/integration_fields.json")


def a_full_record(**changes: Any) -> dict[str, Any]:
    """Both kinds of VMR on, everything required given."""
    record = defaults() | a_record(
        enable_dynamic_vmrs=True,
        uuid="00000000-0000-4000-8000-000000000000",
        url="https://exchange.example.com/EWS/Exchange.asmx",
        username="service",
        password="canary-password",
        room_mailbox_name="Scheduling mailbox",
        room_mailbox_email_address="vmr@example.com",
        scheduled_alias_prefix="9",
        scheduled_alias_domain="vmr.example.com",
        domains=["exchange.example.com"],
    )
    return record | changes


def problems(record: dict[str, Any], **options: Any) -> dict[str, Problem]:
    return {problem.field: problem for problem in check_record(record, **options)}


def test_the_copy_in_the_package_is_the_specification():
    assert SPECIFICATION.exists() or not Path("../shared").exists()
    if SPECIFICATION.exists():
        assert json.loads(COPY.read_text()) == json.loads(SPECIFICATION.read_text())


def test_defaults_are_kept_to_the_byte():
    rows = {row["name"]: row["default"] for row in json.loads(COPY.read_text(encoding="utf-8"))}
    assert defaults() == rows
    assert len(rows) == 125
    assert sum("\r\n" in default for default in rows.values() if isinstance(default, str)) == 15


def test_defaults_are_fresh_each_time():
    defaults()["accepted_identity_kinds"].append("x")
    assert defaults()["accepted_identity_kinds"] == []


def test_a_full_record_is_accepted():
    assert check_record(a_full_record()) == []


def satisfy(condition: dict[str, Any]) -> dict[str, Any]:
    """Return values under which a condition of the table holds."""
    values = {}
    for name, expected in condition.items():
        if isinstance(expected, list):
            values[name] = expected[0]
        elif expected == "set":
            values[name] = "something"
        elif isinstance(expected, str) and expected.startswith("contains "):
            values[name] = [expected.removeprefix("contains ")]
        else:
            values[name] = expected
    return values


REQUIRED = [
    (field, condition)
    for field in FIELDS
    if field.is_editable and field.kind != "image"
    for condition in field.required_when
    if field.kind not in ("bool", "int", "choice") and not field.may_be_blank
]


@pytest.mark.parametrize(("field", "condition"), REQUIRED, ids=lambda value: getattr(value, "name", ""))
def test_every_required_field_is_refused_blank(field: Field, condition: dict[str, Any]):
    record = a_full_record(**satisfy(condition))
    blank: Any = [] if field.kind.startswith("list_of") and field.kind != "list_of_uuids_one_per_line" else ""
    found = problems(record | {field.name: blank})
    assert field.name in found
    assert found[field.name].message == "is missing. Enter a value."
    assert found[field.name].label == field.label


CONDITIONAL = [field for field in FIELDS if field.available_when != ({},) and field.is_editable and field.max_length]


@pytest.mark.parametrize("field", CONDITIONAL, ids=lambda field: field.name)
def test_a_field_that_is_not_available_is_not_judged(field: Field):
    off = a_full_record(
        enable_dynamic_vmrs=False,
        enable_personal_vmrs=False,
        use_custom_add_in_sources=False,
        addin_authentication_method="EXCHANGE_USER_ID_TOKEN",
    )
    assert field.name not in problems(off | {field.name: "x" * 20_000})
    for condition in field.available_when:
        on = a_full_record(**satisfy(condition))
        assert field.name in problems(on | {field.name: "x" * 70_000})


@pytest.mark.parametrize("field", [f for f in FIELDS if f.max_length and f.is_editable], ids=lambda field: field.name)
def test_limits_are_named(field: Field):
    record = a_full_record(**satisfy(field.available_when[0]))
    message = problems(record | {field.name: "x" * (field.max_length + 1)})[field.name].message
    assert str(field.max_length) in message


@pytest.mark.parametrize("field", [f for f in FIELDS if f.range], ids=lambda field: field.name)
def test_ranges(field: Field):
    low, high = field.range
    for accepted in (low, high):
        assert field.name not in problems(a_full_record(**{field.name: accepted}))
    for refused in (low - 1, high + 1, True, "7", 1.5):
        assert field.name in problems(a_full_record(**{field.name: refused}))


@pytest.mark.parametrize("field", [f for f in FIELDS if f.kind == "choice"], ids=lambda field: field.name)
def test_choices(field: Field):
    record = a_full_record(**satisfy(field.available_when[0]))
    assert field.name in problems(record | {field.name: "NONE_OF_THEM"})
    for choice in field.choices:
        assert (
            not (problem := problems(record | {field.name: choice}).get(field.name)) or "one of" not in problem.message
        )


@pytest.mark.parametrize("field", [f for f in FIELDS if f.kind == "bool"], ids=lambda field: field.name)
def test_switches_take_only_true_and_false(field: Field):
    record = a_full_record(**satisfy(field.available_when[0]))
    for value in ("yes", 1, "true", None):
        assert field.name in problems(record | {field.name: value})


VALUES = [
    ("addin_server_domain", ["vmr.example.com", "VMR.Example.com", "a-b.c1.example"]),
    ("url", ["https://exchange.example.com/EWS/Exchange.asmx", "https://e:8443/x", "https://[2001:db8::1]/x"]),
    ("room_mailbox_email_address", ["vmr@example.com", "a.b+c@sub.example.com", "a@host"]),
    ("personal_vmr_oauth_client_id", ["4189c2b4-92ca-416c-b7ea-bc3cfab3d0f0"]),
    (
        "frame_ancestors",
        ["", "https://owa.example.com\r\nhttps://mail.example.com:444\n\n", "https://owa.example.com/"],
    ),
    ("domains", [["exchange.example.com"], ["https://exchange.example.com/autodiscover/metadata/json/1"]]),
    ("allowed_tenants", ["", "4189c2b4-92ca-416c-b7ea-bc3cfab3d0f0\r\n"]),
    ("default_locale", ["en-US", "de", "zh-Hans-CN", "es-419"]),
    ("time_zone", ["UTC", "Europe/Oslo"]),
    ("scheduled_alias_prefix", ["9", "vmr.", "a-b_c+1"]),
    ("accepted_identity_kinds", [[], ["EXCHANGE_USER_ID_TOKEN"]]),
]
BAD_VALUES = [
    ("addin_server_domain", ["vmr.example.com:443", "10.0.0.1", "a..b", "ü.de", "vmr", "http://vmr.de", "-a.de"]),
    ("url", ["http://exchange.example.com/", "exchange.example.com", "https://user:pw@e.example.com/", "https://e/a b", "https://e:9999999/"]),
    ("room_mailbox_email_address", ["vmr", "a@b@c", "a b@example.com", "<a@example.com>", "a@-x.com"]),
    ("personal_vmr_oauth_client_id", ["4189c2b4", "not a uuid"]),
    ("frame_ancestors", ["https://*", "https://o.example.com/path", "http://o.example.com", "https://a; script-src *"]),
    ("domains", [["not a host"], "exchange.example.com", ["http://exchange.example.com/x"], [7], ["a" * 200 + ".com"]]),
    ("allowed_tenants", ["common"]),
    ("default_locale", ["english", "en_US", "e"]),
    ("time_zone", ["CET+1", "Mars/Olympus", "W. Europe Standard Time"]),
    ("scheduled_alias_prefix", ["a b", "ä", "a@b"]),
    ("accepted_identity_kinds", [["PASSWORD"], "EXCHANGE_USER_ID_TOKEN"]),
    ("ca_bundle", ["nonsense", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"]),
    ("reject_single_meeting_past", ["<div>" * 2000, "<b><i><u><s>" * 200]),
    ("name", ["bell\x07", 7]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "values"), VALUES, ids=lambda value: value if isinstance(value, str) else "")
def test_good_values(name: str, values: list[Any]):
    for value in values:
        assert name not in problems(a_full_record(**{name: value})), value


@pytest.mark.parametrize(("name", "values"), BAD_VALUES, ids=lambda value: value if isinstance(value, str) else "")
def test_bad_values(name: str, values: list[Any]):
    for value in values:
        found = problems(a_full_record(**{name: value}))
        assert name in found, value
        assert found[name].message.endswith("."), found[name].message


def test_rules_between_fields():
    neither = problems(a_full_record(enable_dynamic_vmrs=False, enable_personal_vmrs=False))
    assert neither["enable_dynamic_vmrs"].message == "switch on at least one kind of VMR."
    graph = a_full_record(mailbox_protocol="GRAPH", authentication_method="BASIC")
    assert problems(graph)["mailbox_protocol"].message == "Microsoft Graph is used with app permissions."
    app = {"authentication_method": "APP_PERM", "oauth_client_id": BY_NAME["personal_vmr_oauth_client_id"].default}
    app |= {"oauth_client_secret": "s", "oauth_token_endpoint": "https://login.example.com/token"}
    assert problems(graph | app) == {}


def test_a_secret_that_is_stored_may_be_left_blank():
    record = a_full_record(password=None)
    assert "password" in problems(record)
    assert "password" not in problems(record, secrets_set={"password"})


def test_unknown_names_are_refused_by_name():
    assert [problem.field for problem in unknown_names({"name": "x", "nmae": "y"})] == ["nmae"]


def test_every_problem_is_reported_at_once():
    found = problems(a_full_record(name="", url="ftp://x", time_zone="nowhere", meeting_buffer_before=999))
    assert set(found) == {"name", "url", "time_zone", "meeting_buffer_before"}


def test_the_reference_is_up_to_date():
    page = Path("docs/integration.md").read_text(encoding="utf-8")
    assert page == fields_page(), "Run: addin-host integration fields > docs/integration.md"
    assert all(f"`{field.name}`" in page for field in FIELDS)


def test_blank_and_conditions():
    assert all(is_blank(value) for value in (None, "", "  \r\n", [], ()))
    assert not any(is_blank(value) for value in (0, False, "x", ["x"]))
    assert holds({}, {})
    assert holds({"a": ["x", "y"]}, {"a": "y"})
    assert not holds({"a": "set"}, {"a": " "})
    assert holds({"a": "contains X"}, {"a": ["X"]})
    assert not holds({"a": "contains X"}, {"a": None})
