"""What the browser sends of the integration form, and records that satisfy or break the conditions of the table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from werkzeug.datastructures import MultiDict

from addin_host.domain.fields import FIELDS, Condition, Field, is_blank

ON_THE_FORM = [field for field in FIELDS if field.is_editable and field.kind != "image"]
UUID = "4189c2b4-92ca-416c-b7ea-bc3cfab3d0f0"
_PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
# A good value of each kind, and one that is refused.
_GOOD: Mapping[str, Any] = {
    "text": "Sample",
    "url": "https://host.example.com/path",
    "fqdn": "vmr.example.com",
    "email": "vmr@example.com",
    "uuid": UUID,
    "pem": _PEM,
    "secret": "canary-secret",
    "list_of_urls_one_per_line": "https://files.example.com/a.js",
    "list_of_origins_one_per_line": "https://files.example.com",
    "list_of_uuids_one_per_line": UUID,
    "list_of_url_or_fqdn": ["mail.example.com"],
}
_GOOD_BY_NAME: Mapping[str, Any] = {
    "default_locale": "en-GB",
    "time_zone": "Europe/Oslo",
    "scheduled_alias_prefix": "88",
}
_BAD: Mapping[str, Any] = {
    "int": "many",
    "choice": "NONE_OF_THEM",
    "list_of_choices": ["NONE_OF_THEM"],
    "reference": "x",
}


def good(field: Field) -> Any:
    """A value that the field takes: its default, or else a sample."""
    if field.name in _GOOD_BY_NAME:
        return _GOOD_BY_NAME[field.name]
    return _GOOD.get(field.kind) if is_blank(field.default) and field.kind in _GOOD else field.default


def bad(field: Field) -> Any:
    """A value that the field refuses; None where nothing that a form can send is wrong."""
    if field.kind == "secret" and not field.max_length:
        return "with a control character \x01"
    return None if field.kind == "bool" else _BAD.get(field.kind, "x" * ((field.max_length or 300) + 1))


def full_record(**changes: Any) -> dict[str, Any]:
    """Both kinds of VMR on, and a good value in every field, so that any other condition may be switched on."""
    record = {field.name: good(field) for field in ON_THE_FORM}
    return record | {"enable_personal_vmrs": True, "use_custom_add_in_sources": False} | changes


def satisfying(condition: Condition, *, reference: int) -> dict[str, Any]:
    """Values under which a condition holds, and with it the rules between fields."""
    values = {name: _one(expected, reference) for name, expected in condition.items()}
    if values.get("mailbox_protocol") == "GRAPH":
        values["authentication_method"] = "APP_PERM"
    return values


def _one(expected: Any, reference: int) -> Any:
    if isinstance(expected, list):
        return expected[0]
    if expected == "set":
        return reference
    if isinstance(expected, str) and expected.startswith("contains "):
        return [expected.removeprefix("contains ")]
    return expected


def breaking(field: Field) -> dict[str, Any]:
    """Values under which none of the field's conditions holds: those of its first condition, turned round."""
    values: dict[str, Any] = {}
    for condition in field.available_when:
        name, expected = list(condition.items())[-1]
        values[name] = _other(name, expected)
    return values


def _other(name: str, expected: Any) -> Any:
    if isinstance(expected, bool):
        return not expected
    if expected == "set":
        return None
    if isinstance(expected, str) and expected.startswith("contains "):
        return []
    choices = next(field.choices for field in FIELDS if field.name == name)
    taken = expected if isinstance(expected, list) else [expected]
    return next(choice for choice in choices if choice not in taken)


def posted(record: Mapping[str, Any], *, line_end: str = "\r\n", **more: Any) -> MultiDict[str, str]:
    """The record as a browser sends the whole form: boxes only when ticked, line ends all of one kind."""
    form: MultiDict[str, str] = MultiDict((name, str(value)) for name, value in more.items())
    for field in ON_THE_FORM:
        value = record.get(field.name)
        if field.kind in ("bool", "list_of_choices"):
            form.add("_boxes", field.name)
            form.setlist(field.name, (["y"] if value else []) if field.kind == "bool" else list(value or ()))
        elif field.kind == "list_of_url_or_fqdn":
            form[field.name] = line_end.join(value or ())
        else:
            form[field.name] = _lines("" if value is None else str(value), line_end)
    return form


def _lines(text: str, line_end: str) -> str:
    return text.replace("\r\n", "\n").replace("\n", line_end)
