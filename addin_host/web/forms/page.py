"""What the template of the form is given: sections in the document's order, and every field with its state."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from wtforms import Field as Control

from addin_host.domain.errors import Problem
from addin_host.domain.fields import FIELDS, Field, is_blank
from addin_host.domain.platform import PLATFORM_FIELDS
from addin_host.web.forms.availability import available_when, is_available
from addin_host.web.forms.controls import LONG_KINDS, Lists, PlatformForm, form_of

# The places of fields that hold code of some kind, rather than words.
_CODE = LONG_KINDS | {"url", "fqdn", "uuid"}


@dataclass(frozen=True, slots=True)
class ShownField:
    """One field of the form. `state` says of a secret, or of what the system keeps, what there is of it."""

    field: Field
    control: Control | None
    available: bool
    required: bool
    changed: bool
    error: str = ""
    state: str = ""
    note: str = ""

    @property
    def name(self) -> str:
        """The field's name, which is the id of its input as well."""
        return self.field.name

    @property
    def layout(self) -> str:
        """How much room it takes: box (a switch), wide (a long text), or plain."""
        if self.field.kind == "bool":
            return "box"
        return "wide" if self.field.kind in LONG_KINDS else "plain"

    @property
    def conditions(self) -> dict[str, str]:
        """When it is shown and required, for the script; nothing where that never changes."""
        found = {"available": available_when(self.field), "required": self.field.required_when}
        return {
            name: json.dumps([dict(one) for one in conditions])
            for name, conditions in found.items()
            if conditions not in ((), ({},))
        }

    @property
    def default(self) -> str | None:
        """The default as the script reads it (JSON), or None where a button for it would help nobody."""
        field = self.field
        if not field.is_editable or field.is_secret or (is_blank(field.default) and field.kind != "list_of_choices"):
            return None
        return json.dumps(field.default)

    @property
    def is_default(self) -> bool:
        """Whether it stands at its default now."""
        return self.control is not None and self.control.data == self.field.default

    def input(self) -> Any:
        """Return the input with everything that assistive technology needs to know of it."""
        attributes: dict[str, Any] = {"class_": self._classes(), "aria_describedby": self._described_by()}
        if self.error:
            attributes["aria_invalid"] = "true"
        if self.field.kind in LONG_KINDS or self.field.kind == "html_label":
            attributes["rows"] = self._rows()
        if self.field.kind in _CODE:
            attributes["spellcheck"] = "false"
        if self.field.is_secret:
            attributes["autocomplete"] = "new-password"
        if self.required and self.layout != "box":
            attributes["aria_required"] = "true"
        return self.control(**attributes) if self.control is not None else ""

    def _classes(self) -> str:
        kind = self.field.kind
        if kind == "list_of_choices":
            return "choices"
        base = {"bool": "form-check-input", "choice": "form-select", "reference": "form-select"}
        code = " mono" if kind in _CODE else ""
        return base.get(kind, "form-control") + code + (" is-invalid" if self.error else "")

    def _described_by(self) -> str:
        return f"{self.name}-error {self.name}-help" if self.error else f"{self.name}-help"

    def _rows(self) -> int:
        text = str(self.control.data or "") if self.control is not None else ""
        longest = 18 if self.layout == "wide" else 4
        return min(max(text.count("\n") + 1 + len(text) // 70, 2), longest)


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the form, under the heading that the document gives it."""

    title: str
    fields: Sequence[ShownField]

    @property
    def anchor(self) -> str:
        """The id of its heading."""
        return "section-" + "".join(letter if letter.isalnum() else "-" for letter in self.title.lower()).strip("-")

    @property
    def available(self) -> bool:
        """Whether any of its fields is shown."""
        return any(one.available for one in self.fields)


@dataclass(frozen=True, slots=True)
class Filled:
    """What a form is filled with: the values that stand in it, the stored ones, and what is known besides."""

    values: Mapping[str, Any]
    stored: Mapping[str, Any]
    secrets_set: Collection[str] = ()
    problems: Sequence[Problem] = ()
    dropped_secrets: Collection[str] = ()
    cleared: Collection[str] = ()


def sections(filled: Filled, lists: Lists) -> list[Section]:
    """Return the whole form of an integration, section by section."""
    return _sections(FIELDS, form_of(filled.values, lists), filled)


def platform_sections(filled: Filled) -> list[Section]:
    """Return the form of the platform settings, section by section."""
    return _sections(PLATFORM_FIELDS, form_of(filled.values, {}, PlatformForm), filled)


def _sections(table: Sequence[Field], form: Any, filled: Filled) -> list[Section]:
    errors = {problem.field: str(problem) for problem in reversed(filled.problems)}
    grouped = groupby(table, key=lambda field: field.section)
    return [
        Section(title, [_shown(field, form, filled, errors.get(field.name, "")) for field in fields])
        for title, fields in grouped
    ]


def _shown(field: Field, form: Any, filled: Filled, error: str) -> ShownField:
    has_input = field.is_editable and field.kind != "image"
    return ShownField(
        field=field,
        control=form[field.name] if has_input else None,
        available=is_available(field, filled.values),
        required=field.is_required(filled.values),
        changed=_is_changed(field, filled),
        error=error,
        state=_state(field, filled),
        note="Not kept: type it again before you save." if field.name in filled.dropped_secrets else "",
    )


def _is_changed(field: Field, filled: Filled) -> bool:
    if field.is_secret:
        return field.name in filled.cleared
    name = field.name
    return field.is_editable and name in filled.values and filled.values[name] != filled.stored.get(name, field.default)


def _state(field: Field, filled: Filled) -> str:
    if field.is_secret or field.name == "oauth_state":
        is_set = field.name in filled.secrets_set or (not field.is_secret and bool(filled.stored.get(field.name)))
        return "set" if is_set else "not set"
    return "" if field.is_editable else str(filled.stored.get(field.name) or "")
