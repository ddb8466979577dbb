"""From the JSON object of a request to values that a flow takes: kinds, limits, null and blank, references.

The rules that tie attributes together, and what only the database knows, are judged by the flows, as for a form.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from addin_host.domain.errors import Invalid, Problem
from addin_host.domain.rest.connector import pattern_of
from addin_host.domain.rest.resource import Access, Attribute, Kind, Resource

_MAX_ITEMS = 1000
_MAX_ITEM = 1000
# Read-only keys that clients send back as they read them, whether or not the resource has them (rest.md section 2).
_OURS = frozenset({"id", "resource_uri", "resource_id", "creation_time", "public_key"})


@dataclass(frozen=True, slots=True)
class Incoming:
    """What a request sets: `values` by attribute, references as numbers; `unknown` holds what no attribute is for.

    `nulls` names what was sent as null, where that differs from "".
    """

    values: Mapping[str, Any]
    unknown: Mapping[str, Any]
    nulls: frozenset[str] = frozenset()


class _Bad(Exception):
    """A value is refused; the text says why."""


def accept(resource: Resource, given: Mapping[str, Any], *, creating: bool) -> Incoming:
    """Return what a request sets. Read-only attributes are passed over. Raises Invalid with every problem."""
    known = resource.by_name
    values, problems = {}, []
    for name, value in given.items():
        attribute = known.get(name)
        if attribute is None or not attribute.is_taken(creating=creating):
            continue
        try:
            values[name] = _cleared(attribute) if _is_clear(value) else _READERS[attribute.kind](attribute, value)
        except _Bad as bad:
            problems.append(Problem(name, attribute.label or name, f"{bad}."))
    if problems:
        raise Invalid(problems)
    unknown = {name: given[name] for name in given.keys() - known.keys() - _OURS}
    return Incoming(values, unknown, frozenset(name for name in values if given[name] is None))


def _is_clear(value: Any) -> bool:
    return value is None or value == ""


def _cleared(attribute: Attribute) -> Any:
    """Return what null and "" mean: nothing where nothing can be stored, the default where something has to be."""
    if attribute.nullable:
        return None
    if attribute.kind is Kind.TEXT and not attribute.choices:
        return ""
    return list(attribute.default) if isinstance(attribute.default, tuple | list) else attribute.default


def _text(attribute: Attribute, value: Any) -> str:
    if not isinstance(value, str):
        raise _Bad("must be text")
    if attribute.choices and value not in attribute.choices:
        raise _Bad(f"must be one of {', '.join(attribute.choices)}")
    if attribute.max_length and len(value) > attribute.max_length:
        raise _Bad(f"is {len(value)} characters long; at most {attribute.max_length} are allowed")
    if attribute.one_line and unicodedata.normalize("NFC", value.strip()) != value:
        raise _Bad("must not begin or end with a blank, and letters with accents must be single characters (NFC)")
    return value


def _bool(_attribute: Attribute, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _Bad("must be true or false")
    return value


def _int(attribute: Attribute, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _Bad("must be a whole number")
    low, high = attribute.low, attribute.high
    if (low is not None and value < low) or (high is not None and value > high):
        raise _Bad(f"must be from {low} to {high}")
    return value


def _reference(attribute: Attribute, value: Any) -> int:
    number = number_of(attribute.refers_to, value)
    if number is None:
        raise _Bad(f"must be the address of an object of {attribute.refers_to}, or null")
    return number


def number_of(resource: str, value: Any) -> int | None:
    """Return the number that an address names, as text or as an object with `resource_uri`; None when it is neither."""
    text = value.get("resource_uri") if isinstance(value, Mapping) else value
    found = pattern_of(resource).fullmatch(text) if isinstance(text, str) else None
    return int(found[1]) if found else None


def _nested(attribute: Attribute, value: Any) -> list[Any]:
    """Return numbers for addresses, and what else was sent as it is: a new object, or its main text."""
    if not isinstance(value, list) or len(value) > _MAX_ITEMS:
        raise _Bad(f"must be a list of at most {_MAX_ITEMS:,} entries")
    return [_entry(attribute, entry) for entry in value]


def _entry(attribute: Attribute, entry: Any) -> Any:
    number = number_of(attribute.refers_to, entry)
    if isinstance(entry, str) and number is None and re.match(r"(https?://[^/]*)?/api/admin/", entry):
        raise _Bad(f"holds an address that is not one of an object of {attribute.refers_to}")
    if not isinstance(entry, str | Mapping):
        raise _Bad("must be a list of addresses or objects")
    return entry if number is None else number


def _words(attribute: Attribute, value: Any) -> list[str]:
    if not isinstance(value, list) or len(value) > _MAX_ITEMS:
        raise _Bad(f"must be a list of at most {_MAX_ITEMS:,} texts")
    for word in value:
        if not isinstance(word, str) or not word or len(word) > _MAX_ITEM:
            raise _Bad(f"must be a list of texts of at most {_MAX_ITEM:,} characters")
        if attribute.choices and word not in attribute.choices:
            raise _Bad(f"must be a list of {', '.join(attribute.choices)}")
    return list(value)


_READERS: Mapping[Kind, Callable[[Attribute, Any], Any]] = {
    Kind.TEXT: _text,
    Kind.BOOL: _bool,
    Kind.INT: _int,
    Kind.REFERENCE: _reference,
    Kind.NESTED: _nested,
    Kind.WORDS: _words,
}


def secret_names(resource: Resource) -> frozenset[str]:
    """Return the attributes that are written and never read."""
    return frozenset(one.name for one in resource.attributes if one.access is Access.WRITE)
