"""From a posted form to a record that flows.integrations.prepare judges.

Nothing is judged here: what cannot be read as its kind (a number that is none) is passed on as it was typed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from werkzeug.datastructures import MultiDict

from addin_host.domain.fields import FIELDS, Field, defaults, is_blank
from addin_host.web.forms.availability import is_available

# Browsers say nothing of a box that is not ticked: fields of boxes are named here when they stand in a form.
BOXES = "_boxes"
CLEAR = "_clear"
Form = MultiDict[str, str]
_BOX_KINDS = frozenset({"bool", "list_of_choices"})
# Values of these kinds hold no blanks; those that come along with copying are dropped.
_TRIMMED = frozenset({"url", "fqdn", "email", "uuid", "host", "proxy"})
_ON = frozenset({"on", "true", "1", "y", "yes"})
_LINE_END = re.compile(r"\r\n|\r|\n")


def submitted_record(form: Form, before: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the whole record that a posted form asks for; `before` is the stored one, None for a new integration.

    Fields that are not in the form, or not available under its switches, keep their stored value or default. Secrets
    are there only when one was typed. Texts that differ from the stored value or the default in line ends alone are
    taken to be that value, because browsers rewrite line ends.
    """
    typed = typed_values(form, before)
    stored = _stored(before)
    record = {field.name: typed[field.name] for field in FIELDS if _in_record(field, typed)}
    kept = {name: value for name, value in stored.items() if name not in record}
    secrets = {f.name: form[f.name] for f in FIELDS if f.is_secret and f.is_editable and not _is_kept(f, form, typed)}
    return kept | record | secrets


def _in_record(field: Field, typed: Mapping[str, Any]) -> bool:
    return field.name in typed and is_available(field, typed)


def _is_kept(field: Field, form: Form, typed: Mapping[str, Any]) -> bool:
    return is_blank(form.get(field.name)) or not is_available(field, typed)


def cleared_secrets(form: Form, table: Sequence[Field] = FIELDS) -> frozenset[str]:
    """Return the names of the secrets that the form asks to forget."""
    names = {field.name for field in table if field.is_secret and field.is_editable}
    return frozenset(name for name in form.getlist(CLEAR) if name in names and is_blank(form.get(name)))


def typed_values(form: Form, before: Mapping[str, Any] | None, table: Sequence[Field] = FIELDS) -> dict[str, Any]:
    """Return what stands in the form, available or not, for every field that a person may set; secrets are left out."""
    stored = _stored(before, table)
    boxes = frozenset(form.getlist(BOXES))
    return {
        field.name: _typed(field, form, boxes, stored[field.name])
        for field in table
        if field.is_editable and not field.is_secret and field.kind != "image"
    }


def _stored(before: Mapping[str, Any] | None, table: Sequence[Field] = FIELDS) -> dict[str, Any]:
    """Return the stored record without secrets and icon, with defaults for what is newer than it."""
    values = defaults(table) | dict(before or {})
    names = {field.name for field in table if not field.is_secret and field.kind != "image"}
    return {name: value for name, value in values.items() if name in names and (before or name != "uuid")}


def _typed(field: Field, form: Form, boxes: frozenset[str], stored: Any) -> Any:
    if field.kind in _BOX_KINDS:
        present = field.name in boxes or field.name in form
        return _BOXES[field.kind](field, form.getlist(field.name), stored) if present else stored
    if field.name not in form:
        return stored
    return _READERS.get(field.kind, _text)(field, form[field.name], stored)


def _bool(_field: Field, given: list[str], _stored: Any) -> bool:
    return bool(given) and given[-1] in _ON


def _choices(_field: Field, given: list[str], stored: Any) -> list[str]:
    return list(stored) if set(given) == set(stored or ()) else given


def _int(_field: Field, text: str, _stored: Any) -> Any:
    text = text.strip()
    return int(text) if re.fullmatch(r"-?[0-9]{1,9}", text) else text


def _reference(_field: Field, text: str, _stored: Any) -> Any:
    return (int(text) if re.fullmatch(r"[0-9]{1,9}", text) else text) or None


def _list(_field: Field, text: str, stored: Any) -> Any:
    entries = [line.strip() for line in text.splitlines() if line.strip()]
    return entries or (None if is_blank(stored) and stored is None else [])


def _text(field: Field, text: str, stored: Any) -> Any:
    if field.kind in _TRIMMED:
        text = text.strip()
    for known in (stored, field.default):
        if _is_same(text, known, one_line=field.kind == "text"):
            return known
    return None if field.nullable_in_rest_api and not text else text


def _is_same(text: str, known: Any, *, one_line: bool) -> bool:
    """Whether a text is a known one as a browser sends it back: other line ends, or none in a field of one line."""
    if not isinstance(known, str):
        return known is None and text == ""
    end = "" if one_line else "\n"
    return _LINE_END.sub(end, text) == _LINE_END.sub(end, known)


_BOXES: Mapping[str, Callable[[Field, list[str], Any], Any]] = {"bool": _bool, "list_of_choices": _choices}
_READERS: Mapping[str, Callable[[Field, str, Any], Any]] = {
    "int": _int,
    "reference": _reference,
    "list_of_url_or_fqdn": _list,
}
