"""The document's default templates: accepted, and equal to their golden files to the byte."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from addin_host.domain.fields import BY_NAME, FIELDS
from addin_host.domain.text import Template, compile_template, html_to_text, sample_values, sanitise_html

GOLDEN = Path(__file__).parents[2] / "golden" / "templates"
TEMPLATES = [field for field in FIELDS if field.is_template]
STATIC = [field for field in FIELDS if field.kind == "static_html"]
INSTRUCTIONS = "personal_vmr_instructions_template"
LOCATION = "personal_vmr_location_template"

DOMAIN, OTHER, NUMERIC = ["meet.alice@example.com", "alice@example.com"], ["meet.alice"], ["481516", "2342"]


def vmr(**changes: Any) -> dict[str, Any]:
    """Return a personal VMR's values: all kinds of aliases, no PINs, no guests."""
    values = {
        "addin_server_domain": "join.example.com",
        "aliases": [*DOMAIN, *OTHER, *NUMERIC],
        "allow_guests": False,
        "description": "",
        "domain_aliases": DOMAIN,
        "guest_pin": "",
        "name": "Alice's meeting room",
        "numeric_aliases": NUMERIC,
        "other_aliases": OTHER,
        "owners_email": "alice@example.com",
        "pin": "",
        "service_type": "conference",
    }
    return values | changes


VMRS = {
    "domain_alias": vmr(),
    "only_other_alias": vmr(aliases=OTHER, domain_aliases=[], numeric_aliases=[]),
    "only_numeric_alias": vmr(aliases=NUMERIC, domain_aliases=[], other_aliases=[]),
    "no_alias": vmr(aliases=[], domain_aliases=[], other_aliases=[], numeric_aliases=[]),
    "host_pin_no_guests": vmr(pin="1357", guest_pin="2468"),
    "host_pin_guests_without_pin": vmr(pin="1357", allow_guests=True),
    "guest_pin": vmr(pin="1357", guest_pin="2468", allow_guests=True),
    "guest_pin_only_but_no_guests": vmr(guest_pin="2468"),
}


def default_of(name: str) -> Template:
    field = BY_NAME[name]
    return compile_template(field.default, kind=field.kind, variables=field.variables)


def golden(name: str) -> bytes:
    return (GOLDEN / name).read_bytes()


def extension(name: str) -> str:
    return "html" if BY_NAME[name].kind == "html_template" else "txt"


@pytest.mark.parametrize("name", [field.name for field in TEMPLATES])
def test_a_default_renders_as_its_golden_file(name: str) -> None:
    text = default_of(name).render(sample_values(BY_NAME[name].variables, "typical"))
    assert text.encode() == golden(f"{name}.{extension(name)}")


@pytest.mark.parametrize("name", [field.name for field in STATIC])
def test_a_default_static_text_is_sanitised_to_its_golden_file(name: str) -> None:
    assert sanitise_html(BY_NAME[name].default).encode() == golden(f"{name}.html")


def test_every_golden_file_belongs_to_a_test() -> None:
    expected = {f"{field.name}.{extension(field.name)}" for field in TEMPLATES} | {f"{f.name}.html" for f in STATIC}
    expected |= {f"{name}.{case}.{extension(name)}" for name in (INSTRUCTIONS, LOCATION) for case in VMRS}
    expected |= {f"{name}.plain.txt" for name in (INSTRUCTIONS, "meeting_instructions_template")}
    assert {path.name for path in GOLDEN.iterdir()} == expected


@pytest.mark.parametrize("case", list(VMRS))
@pytest.mark.parametrize("name", [INSTRUCTIONS, LOCATION])
def test_aliases_and_pins_are_chosen_as_the_document_says(name: str, case: str) -> None:
    assert default_of(name).render(VMRS[case]).encode() == golden(f"{name}.{case}.{extension(name)}")


@pytest.mark.parametrize("name", [INSTRUCTIONS, "meeting_instructions_template"])
def test_instructions_read_well_as_plain_text(name: str) -> None:
    html = default_of(name).render(sample_values(BY_NAME[name].variables, "typical"))
    assert html_to_text(html).encode() == golden(f"{name}.plain.txt")


@pytest.mark.parametrize("field", [*TEMPLATES, *STATIC], ids=lambda field: field.name)
def test_the_style_and_the_link_survive_unchanged(field: Any) -> None:
    style = 'style="font-size:11.0pt; color:#000000; font-family:Calibri,Arial,Helvetica,sans-serif;"'
    rendered = golden(f"{field.name}.{'txt' if field.kind == 'text_template' else 'html'}").decode()
    assert rendered.count(style) == field.default.count(style)
    assert rendered.count('<a href="https://join.example.com/webapp/#/?conference=') == field.default.count("<a href=")
    assert "rel=" not in rendered


@pytest.mark.parametrize("size", ["empty", "largest"])
@pytest.mark.parametrize("name", [field.name for field in TEMPLATES])
def test_a_default_renders_with_extreme_values(name: str, size: str) -> None:
    text = default_of(name).render(sample_values(BY_NAME[name].variables, size))
    assert len(text.encode()) < 16_384
    assert extension(name) == "html" or "\n" not in text


@pytest.mark.parametrize("name", [field.name for field in TEMPLATES])
def test_a_default_prints_the_same_every_time(name: str) -> None:
    assert default_of(name).deterministic


def test_the_defaults_take_at_most_fifteen_milliseconds_warm() -> None:
    jobs = [(default_of(field.name), sample_values(field.variables, "typical")) for field in TEMPLATES]
    times = []
    for _ in range(20):
        for template, values in jobs:
            began = time.process_time()
            template.render(values)
            times.append(time.process_time() - began)
    assert sorted(times)[int(len(times) * 0.95)] <= 0.015
