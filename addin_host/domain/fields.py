"""The fields of an integration, as data.

`integration_fields.json` (a copy of the specification's table) is the only list of them: form, validation, defaults,
export, REST resource and documentation are all built from `FIELDS`. `field_help.json` explains each in our words. The
platform's settings are a table of the same kind (platform.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType
from typing import Any

Value = Any
Condition = Mapping[str, Any]

SECRET = "secret"  # noqa: S105 - the name of a kind
TEMPLATE_KINDS = frozenset({"html_template", "text_template"})
STATIC_HTML_KINDS = frozenset({"static_html", "html_label"})


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the table; see shared/spec/README.md for the meaning of each attribute."""

    section: str
    label: str
    name: str
    kind: str
    default: Value
    max_length: int | None = None
    min_length: int | None = None
    range: tuple[int, int] | None = None
    choices: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    must_print: str | None = None
    may_be_blank: bool = False
    unique: bool = False
    manifest_max: int | None = None
    nullable_in_rest_api: bool = False
    managed_by: str | None = None
    extension: bool = False
    constraints: str = ""
    help: str = ""
    requires: tuple[Mapping[str, Any], ...] = ()
    available_when: tuple[Condition, ...] = ({},)
    required_when: tuple[Condition, ...] = ()

    @property
    def is_secret(self) -> bool:
        """Whether the value is sealed, write-only and never shown."""
        return self.kind == SECRET

    @property
    def is_template(self) -> bool:
        """Whether the value is written in the template language."""
        return self.kind in TEMPLATE_KINDS

    @property
    def is_editable(self) -> bool:
        """Whether a person may set it; the others are kept by the system."""
        return self.managed_by is None

    def is_available(self, values: Mapping[str, Value]) -> bool:
        """Whether the field is shown, checked and used, given the other values."""
        return any(holds(condition, values) for condition in self.available_when)

    def is_required(self, values: Mapping[str, Value]) -> bool:
        """Whether blank is refused, given the other values."""
        return self.is_available(values) and any(holds(condition, values) for condition in self.required_when)


def is_blank(value: Value) -> bool:
    """Whether a value counts as not given. False and 0 are values."""
    return value is None or value in ("", [], ()) or (isinstance(value, str) and not value.strip())


def holds(condition: Condition, values: Mapping[str, Value]) -> bool:
    """Whether every part of a condition holds. An empty condition always does."""
    return all(_matches(expected, values.get(name)) for name, expected in condition.items())


def _matches(expected: Value, actual: Value) -> bool:
    if isinstance(expected, list):
        return actual in expected
    if expected == "set":
        return not is_blank(actual)
    if isinstance(expected, str) and expected.startswith("contains "):
        return expected.removeprefix("contains ") in (actual or ())
    return bool(actual == expected)


_SHAPES: Mapping[str, Callable[[Any], Any]] = {
    "range": lambda pair: (int(pair[0]), int(pair[1])),
    "choices": tuple,
    "variables": tuple,
    "requires": tuple,
    "available_when": tuple,
    "required_when": tuple,
}


def read_table(file: str, help_file: str | None = None) -> tuple[Field, ...]:
    """Return the fields of a table in this package; their help stands in the table, or in a file of its own."""
    rows, texts = _read(file), _read(help_file) if help_file else {}
    return tuple(_field({**row, "help": texts[row["name"]]} if texts else row) for row in rows)


def _read(file: str) -> Any:
    return json.loads((files(__package__) / file).read_text(encoding="utf-8"))


def _field(row: Mapping[str, Any]) -> Field:
    return Field(**{key: _SHAPES.get(key, _as_is)(value) for key, value in row.items()})


def _as_is(value: Value) -> Value:
    return value


FIELDS: Sequence[Field] = read_table("integration_fields.json", "field_help.json")
BY_NAME: Mapping[str, Field] = MappingProxyType({field.name: field for field in FIELDS})


def defaults(table: Sequence[Field] = FIELDS) -> dict[str, Value]:
    """Return a fresh record holding every field's default, to the byte."""
    return {field.name: list(field.default) if isinstance(field.default, list) else field.default for field in table}
