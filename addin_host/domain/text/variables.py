"""The values a template may print: how long they can be, and examples to try a template with."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from addin_host.domain.text.limits import is_nothing
from addin_host.domain.text.plain import printable

LONGEST = 255  # of a variable that the table does not name
LONGEST_LIST = 100
_LENGTHS = {
    "addin_server_domain": 253,
    "alias": 250,
    "alias_uuid": 80,
    "correlation_id": 64,
    "description": 250,
    "end_time": 40,
    "guest_pin": 20,
    "name": 250,
    "numeric_alias": 250,
    "organizer_email": 254,
    "organizer_name": 255,
    "owners_email": 254,
    "pin": 20,
    "service_type": 20,
    "start_time": 40,
    "subject": 255,
}
LISTS = frozenset({"aliases", "domain_aliases", "numeric_aliases", "other_aliases"})
FLAGS = frozenset({"allow_guests"})
_TYPICAL: Mapping[str, Any] = {
    "addin_server_domain": "join.example.com",
    "alias": "meet.481516@example.com",
    "alias_uuid": "PXPS:-AEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY#",
    "aliases": ["meet.alice@example.com", "481516", "meet.alice"],
    "allow_guests": True,
    "correlation_id": "3f2b8c1e-5d4a-4e6f-9b7a-2c1d0e8f6a5b",
    "description": "Alice's room for customers & partners",
    "domain_aliases": ["meet.alice@example.com"],
    "end_time": "16:30 on 31/07/2017",
    "guest_pin": "2468",
    "name": "Alice's meeting room",
    "numeric_alias": "481516",
    "numeric_aliases": ["481516"],
    "organizer_email": "alice@example.com",
    "organizer_name": "Alice Jones",
    "other_aliases": ["meet.alice"],
    "owners_email": "alice@example.com",
    "pin": "1357",
    "service_type": "conference",
    "start_time": "15:30 on 31/07/2017",
    "subject": "Quarterly review: plans & figures",
}


def prepared(values: Mapping[str, object], names: Iterable[str]) -> dict[str, Any]:
    """Return the named values as a template sees them: plain texts cut to their lengths, flags, lists of texts.

    A missing value stays out, so that it is undefined in the template.
    """
    ready: dict[str, Any] = {}
    for name in names:
        value = values.get(name)
        if type(value) is str:
            ready[name] = printable(value[: _LENGTHS.get(name, LONGEST)])
        elif isinstance(value, bool):
            ready[name] = value
        elif isinstance(value, (list, tuple)):
            ready[name] = [_text(item, LONGEST) for item in value[:LONGEST_LIST]]
        elif not is_nothing(value):
            ready[name] = _text(value, _LENGTHS.get(name, LONGEST))
    return ready


def _text(value: object, most: int) -> str:
    # str() also takes the markup out of a Markup, which would not be escaped.
    return printable(str(value)[:most])


def sample_values(variables: Collection[str], size: str) -> dict[str, object]:
    """Return example values: `typical`, `empty` (all blank) or `largest` (all at their maximum length)."""
    make = {"typical": _typical, "empty": _empty, "largest": _largest}[size]
    return {name: make(name) for name in variables}


def _typical(name: str) -> object:
    value = _TYPICAL.get(name, name)
    return list(value) if isinstance(value, list) else value


def _empty(name: str) -> object:
    return [] if name in LISTS else False if name in FLAGS else ""


def _largest(name: str) -> object:
    if name in FLAGS:
        return True
    if name in LISTS:
        return ["8" * LONGEST] * LONGEST_LIST
    # A character of markup at each end, as the longest form after escaping begins; the rest are wide letters.
    length = _LENGTHS.get(name, LONGEST)
    return "&" + "\U0001d54e" * (length - 2) + "<"
