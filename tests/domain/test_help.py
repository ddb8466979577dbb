"""Help, words for choices, and notices."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from addin_host.domain.fields import FIELDS, defaults
from addin_host.domain.integration import Integration
from addin_host.domain.notices import notices
from addin_host.domain.platform import PLATFORM_FIELDS
from addin_host.web.forms import CHOICE_LABELS
from tests.conftest import a_record

HELP = json.loads(Path("addin_host/domain/field_help.json").read_text(encoding="utf-8"))
DOCUMENT = Path("../shared/spec/vmr-scheduling-for-exchange.txt")


def test_every_field_has_help_and_there_is_no_stranger() -> None:
    assert list(HELP) == [field.name for field in FIELDS]
    assert {field.name: field.help for field in FIELDS} == HELP


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_help_is_plain_and_short(field: Any) -> None:
    text = HELP[field.name]
    assert 20 < len(text) < 420
    assert text.endswith(".")
    assert "!" not in text
    assert text.count("<") == text.count("<tenant ID>")


def test_help_is_in_our_own_words() -> None:
    assert DOCUMENT.exists() or not Path("../shared").exists()
    if DOCUMENT.exists():
        words = DOCUMENT.read_text(encoding="utf-8").lower().split()
        runs = {tuple(words[at : at + 9]) for at in range(len(words))}
        for name, text in HELP.items():
            own = text.lower().split()
            assert not [own[at : at + 9] for at in range(len(own) - 8) if tuple(own[at : at + 9]) in runs], name


def test_every_choice_has_words() -> None:
    assert {choice for field in (*FIELDS, *PLATFORM_FIELDS) for choice in field.choices} == set(CHOICE_LABELS)


def an_integration(**changes: Any) -> Integration:
    values = defaults() | a_record() | {"domains": ["mail.example.com"]} | changes
    return Integration(1, 1, values, "https://vmr.example.com")


@pytest.mark.parametrize("domains", [["mail.example.com"], None])
def test_an_ordinary_integration_is_not_remarked_upon(domains: list[str] | None) -> None:
    assert notices(an_integration(domains=domains)) == []


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"personal_vmr_location_template": "{{ guest_pin }}"}, "personal_vmr_location_template", "prints a PIN"),
        (
            {"enable_dynamic_vmrs": True, "single_use_location_template": "{% if pin %}x{% endif %}"},
            "single_use_location_template",
            "prints a PIN",
        ),
        ({"default_locale": "de"}, "default_locale", "region"),
        ({"addin_group_label": "x" * 126}, "addin_group_label", "at most 125 characters"),
        ({"domains": ["outlook.office365.com"]}, "domains", "no longer issues"),
        ({"addin_authentication_method": "SSO_TOKEN"}, "api_scope", "Enter access_as_user"),
        ({"accepted_identity_kinds": ["SSO_TOKEN"], "api_scope": "rooms"}, "api_scope", "every SSO token is refused"),
        ({"enable_dynamic_vmrs": True, "scheduled_alias_prefix": "vmr."}, "scheduled_alias_prefix", "digits alone"),
        ({"enable_dynamic_vmrs": True, "scheduled_alias_prefix": "\u0668"}, "scheduled_alias_prefix", "digits alone"),
        (
            {"enable_dynamic_vmrs": True, "scheduled_alias_prefix": "88", "scheduled_alias_suffix_length": 5},
            "scheduled_alias_suffix_length",
            "100,000 numbers",
        ),
        (
            {"enable_dynamic_vmrs": True, "url": "https://Outlook.office365.com/EWS/Exchange.asmx"},
            "mailbox_protocol",
            "ends EWS on 1 April 2027",
        ),
        (
            {"personal_vmr_instructions_template": "<p onclick='x'>y</p>"},
            "personal_vmr_instructions_template",
            "onclick",
        ),
    ],
)
def test_what_should_be_known(changes: dict[str, Any], field: str, words: str) -> None:
    (notice,) = notices(an_integration(**changes))
    assert notice.field == field
    assert words in notice.message


@pytest.mark.parametrize("kind", [{"api_scope": "access_as_user"}, {"addin_authentication_method": "NAA_TOKEN"}])
def test_a_scope_that_can_be_asked_for_is_not_remarked_upon(kind: dict[str, Any]) -> None:
    assert notices(an_integration(**{"addin_authentication_method": "SSO_TOKEN"} | kind)) == []


@pytest.mark.parametrize("source", ["{{name}} pin", "{{ 'pin' }}", "{{pinned}}", '{% if name == "pin" %}x{% endif %}'])
def test_a_word_is_not_a_pin(source: str) -> None:
    assert notices(an_integration(personal_vmr_location_template=source)) == []


def test_a_template_that_is_not_in_use_is_not_remarked_upon() -> None:
    assert notices(an_integration(single_use_location_template="{{pin}}", default_locale="zh-Hans-CN")) == []
    assert notices(an_integration(scheduled_alias_prefix="vmr", scheduled_alias_suffix_length=5)) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"enable_dynamic_vmrs": True, "url": "https://mail.example.com/EWS/Exchange.asmx"},
        {"enable_dynamic_vmrs": True, "mailbox_protocol": "GRAPH", "url": "https://outlook.office365.com/EWS"},
        {"url": "https://outlook.office365.com/EWS"},
    ],
)
def test_the_end_of_ews_concerns_exchange_online_only(changes: dict[str, Any]) -> None:
    assert notices(an_integration(**changes)) == []
