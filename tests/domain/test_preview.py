"""What the live preview offers, and what it fills the texts with."""

from __future__ import annotations

import re
from typing import Any

import pytest

from addin_host.domain.fields import FIELDS, defaults
from addin_host.domain.integration import Integration
from addin_host.domain.preview import PLACEHOLDER_TAG, TEXTS, values_for
from addin_host.domain.preview_states import STATES, STATES_OF, by_group, leads_to
from addin_host.domain.text import sample_values
from tests.conftest import a_record

NONE: dict[str, Any] = {"enable_dynamic_vmrs": False, "enable_personal_vmrs": False}
SINGLE, PERSONAL = NONE | {"enable_dynamic_vmrs": True}, NONE | {"enable_personal_vmrs": True}
BOTH = SINGLE | {"enable_personal_vmrs": True}
NOBODY = {"personal_vmr_oauth_auth_endpoint": "", "personal_vmr_oauth_token_endpoint": ""}
PATTERN = {
    "scheduled_alias_prefix": "77",
    "scheduled_alias_suffix_length": 5,
    "scheduled_alias_domain": "video.example.com",
}
INSTRUCTIONS = TEXTS["meeting_instructions_template"]


@pytest.mark.parametrize(
    ("record", "shown", "hidden"),
    [
        (NONE, {"start", "outside", "off"}, {"success", "single-use", "which"}),
        (PERSONAL, {"success", "list"}, {"single-use", "placeholder", "which", "no-way-in"}),
        (SINGLE, {"single-use", "placeholder", "remnant"}, {"success", "which", "no-way-in"}),
        (SINGLE | NOBODY, {"single-use", "no-way-in"}, {"success", "which"}),
        (BOTH, {"success", "single-use", "which"}, {"no-way-in"}),
        (BOTH | {"enabled": False}, {"start", "outside", "off"}, {"success", "single-use", "which"}),
    ],
)
def test_switches_lead_to_states(record: dict[str, Any], shown: set[str], hidden: set[str]) -> None:
    one = Integration(1, 1, defaults() | a_record() | record, "https://vmr.example.com")
    available = {state for state in STATES if leads_to(one, state)}
    assert shown <= available
    assert not hidden & available


def test_every_text_of_the_pane_is_shown_in_some_state() -> None:
    assert {field.name for field in FIELDS if field.kind == "html_label"} <= STATES_OF.keys()
    assert {state for places in STATES_OF.values() for state in places} <= STATES.keys()


def test_states_are_listed_by_kind() -> None:
    groups = by_group(STATES)
    assert list(groups) == ["The pane", "Single-use VMR", "Personal VMR", "Both kinds"]
    assert [key for group in groups.values() for key in group] == list(STATES)
    assert all(len({state.label for state in group.values()}) == len(group) for group in groups.values())


@pytest.mark.parametrize(
    ("record", "number", "alias"),
    [
        (PATTERN, "7748151", "7748151@video.example.com"),
        (PATTERN | {"scheduled_alias_suffix_length": 15}, "77481516234217609", "77481516234217609@video.example.com"),
        (PATTERN | {"scheduled_alias_domain": ""}, "7748151", "meet.481516@example.com"),
        (PATTERN | {"scheduled_alias_prefix": None}, "481516", "meet.481516@example.com"),
        (PATTERN | {"scheduled_alias_suffix_length": "many"}, "481516", "meet.481516@example.com"),
        (PATTERN | {"scheduled_alias_suffix_length": 9_999_999}, "481516", "meet.481516@example.com"),
        ({}, "481516", "meet.481516@example.com"),
    ],
)
def test_addresses_look_like_those_of_the_draft(record: dict[str, Any], number: str, alias: str) -> None:
    values = values_for(INSTRUCTIONS, "usual", record, None)
    assert (values["numeric_alias"], values["alias"]) == (number, alias)
    assert values_for(INSTRUCTIONS, "long", record, None)["alias"].startswith("meet.quarterly-review")


def test_sample_tags_have_the_length_of_real_ones() -> None:
    shape = re.compile(r"PXPS:-[A-Z2-7]{58}#|TOK:-[A-Z2-7]{64}#")
    assert shape.fullmatch(PLACEHOLDER_TAG)
    assert shape.fullmatch(str(sample_values(["alias_uuid"], "typical")["alias_uuid"]))
