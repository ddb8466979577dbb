"""What the live preview shows: the states of the pane, the texts, and the values that they are filled with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from addin_host.domain.fields import BY_NAME, FIELDS, Field
from addin_host.domain.integration import Integration
from addin_host.domain.ports import UnsavedText
from addin_host.domain.text import sample_values

PIN_OF_A_REAL_VMR = "123456"
TEXT_KINDS = ("html_template", "text_template", "static_html")
TEXTS: Mapping[str, Field] = {field.name: field for field in FIELDS if field.kind in TEXT_KINDS}
THEMES = {"light": "Light", "dark": "Dark"}
SAMPLES = {"usual": "Usual values", "long": "Long values", "few": "As few values as possible"}
# What the pane shows of a VMR, by the part of the answer that holds it.
VMR_PARTS: Mapping[str, str] = {
    "name": "personal_vmr_name_template",
    "description": "personal_vmr_description_template",
    "location": "personal_vmr_location_template",
    "instructions": "personal_vmr_instructions_template",
}


# What the pane inserts of a single-use VMR.
MEETING_TEXTS = ("meeting_instructions_template", "single_use_location_template", "placeholder_instructions_template")
PLACEHOLDER_TAG = "TOK:-AEAAAAAB4Z3JX6JYKBCUXHVZ2M5T7WQ4LNFDRCOYPSGI6EKHAVBM2XUT3J5Q7WZL#"

_LONG: Mapping[str, Any] = {
    "alias": "meet.quarterly-review-of-the-northern-region.4815162342108@conferencing.north.example.com",
    "aliases": [
        "quarterly-review-of-the-northern-region@conferencing.north.example.com",
        "review.north@example.com",
        "481516234210815",
        "north-review",
    ],
    "description": "Reviews of the northern region with customers and partners; the lobby is open from half past nine, "
    "please mute yourself when you join, and write to the organizer when you cannot come",
    "domain_aliases": [
        "quarterly-review-of-the-northern-region@conferencing.north.example.com",
        "review.north@example.com",
    ],
    "guest_pin": "86420864208642086420",
    "name": "Quarterly review of the northern region with customers, partners & everybody else who has a part in it",
    "numeric_alias": "481516234210815162342108",
    "numeric_aliases": ["481516234210815"],
    "organizer_email": "maximiliana.featherstonehaugh-cholmondeley@conferencing.north.example.com",
    "organizer_name": "Maximiliana Featherstonehaugh-Cholmondeley of the Northern Region",
    "other_aliases": ["north-review"],
    "owners_email": "maximiliana.featherstonehaugh-cholmondeley@conferencing.north.example.com",
    "pin": "97531975319753197531",
    "subject": "Quarterly review: plans, figures & what became of the decisions that were made in the last quarter",
}
_FEW: Mapping[str, Any] = {
    "aliases": ["481516"],
    "allow_guests": False,
    "description": "",
    "domain_aliases": [],
    "guest_pin": "",
    "numeric_aliases": ["481516"],
    "organizer_name": "",
    "other_aliases": [],
    "pin": "",
    "subject": "",
}
_CHANGES: Mapping[str, Mapping[str, Any]] = {"long": _LONG, "few": _FEW}
_ROOMS = ("Town hall", "Project Amber", "Project Basalt", "Project Cobalt", "Project Dune", "Ember", "Fjord", "Granite")


def by_section() -> dict[str, list[Field]]:
    """Return the texts by their section, both in the order of the table."""
    found: dict[str, list[Field]] = {}
    for field in TEXTS.values():
        found.setdefault(field.section, []).append(field)
    return found


def values_for(field: Field, sample: str, record: Mapping[str, Any], vmr: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what the variables of a text hold: a sample, with what the draft and the chosen VMR (if any) say."""
    values = sample_values(field.variables, "typical") | {
        name: value for name, value in _CHANGES.get(sample, {}).items() if name in field.variables
    }
    given = dict(vmr or {}) if field.name in VMR_PARTS.values() else {}
    if sample != "long":
        given |= _address(record)
    if domain := record.get("addin_server_domain"):
        given["addin_server_domain"] = str(domain)
    return values | {name: value for name, value in given.items() if name in field.variables}


def _address(record: Mapping[str, Any]) -> dict[str, str]:
    """Return a number and an address such as the draft's own meetings get, as far as it says what they look like."""
    prefix, digits, domain = (record.get(name) for name in _PATTERN)
    if not prefix or not isinstance(digits, int) or not 0 < digits <= len(_DIGITS):
        return {}
    number = f"{prefix}{_DIGITS[:digits]}"
    return {"numeric_alias": number} | ({"alias": f"{number}@{domain}"} if domain else {})


_PATTERN = ("scheduled_alias_prefix", "scheduled_alias_suffix_length", "scheduled_alias_domain")
_DIGITS = "481516234217609"


def unsaved(name: str, record: Mapping[str, Any], values: Mapping[str, Any]) -> UnsavedText:
    """Return a field's text as the draft has it, ready to be rendered."""
    field = TEXTS[name]
    return UnsavedText(str(record.get(name) or ""), field.kind, field.variables, values)


def vmrs_for(count: int, sample: str, record: Mapping[str, Any], vmr: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Return the values of the sample person's VMRs; the first is the chosen one, if any."""
    field = TEXTS[VMR_PARTS["instructions"]]
    first = values_for(field, sample, record, vmr)
    return [first, *(first | _another(room) for room in _ROOMS)][:count]


def _another(name: str) -> dict[str, Any]:
    label = name.lower().replace(" ", ".")
    return {
        "name": name,
        "description": f"For everybody who works on {name}",
        "aliases": [f"{label}@example.com"],
        "domain_aliases": [f"{label}@example.com"],
        "numeric_aliases": [],
        "other_aliases": [],
    }


def shown_by_the_pane(integration: Integration) -> str:
    """Return what changes exactly when the pane or the ribbon of a draft looks different."""
    names = [f.name for f in FIELDS if f.name.startswith(("addin_", "enable")) or f.kind == "html_label"]
    names += [*VMR_PARTS.values(), "default_locale", "auth_provider"]
    return digest([[name, integration.values.get(name)] for name in names] + [integration.icon_hash])


def digest(value: Any) -> str:
    """Return a short fingerprint of anything that JSON can hold."""
    return sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]


def shortened(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is kept of a draft: no secrets, no icon, and nothing longer than a field may be (and one more)."""
    kept = {name: value for name, value in record.items() if name in BY_NAME and not BY_NAME[name].is_secret}
    return {name: _cut(value, BY_NAME[name]) for name, value in kept.items() if BY_NAME[name].kind != "image"}


def _cut(value: Any, field: Field) -> Any:
    if isinstance(value, str):
        return value[: (field.max_length or 65_536) + 1]
    return value[:1_000] if isinstance(value, list) else value
