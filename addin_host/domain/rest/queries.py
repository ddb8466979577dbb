"""What a query may say: filters in Django's style, order and page. Nothing that is not understood is passed over."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from addin_host.domain.errors import Reason, Refused
from addin_host.domain.rest.bodies import LARGEST, is_fit
from addin_host.domain.rest.catalogue import BY_RESOURCE
from addin_host.domain.rest.incoming import number_of
from addin_host.domain.rest.resource import DEFAULT_LIMIT, MAX_LIMIT, Attribute, Kind, Resource

_COMPARED = frozenset({"exact", "in", "gt", "gte", "lt", "lte", "isnull"})
_OPERATORS: Mapping[Kind, frozenset[str]] = {
    Kind.TEXT: _COMPARED | {"iexact", "contains", "icontains", "startswith", "istartswith", "endswith"},
    Kind.INT: _COMPARED,
    Kind.INSTANT: _COMPARED,
    Kind.BOOL: frozenset({"exact", "in", "isnull"}),
    Kind.REFERENCE: frozenset({"exact", "in", "isnull"}),
    Kind.NESTED: frozenset({"exact", "in", "isnull"}),
}
_ORDERED = frozenset({Kind.TEXT, Kind.INT, Kind.INSTANT, Kind.BOOL})
_PAGING = frozenset({"limit", "offset", "order_by"})
SECOND = timedelta(seconds=1)
_MAX_CONDITIONS, _MAX_VALUES = 50, 1000
_YES = {"true": True, "1": True, "false": False, "0": False}


def operators_of(attribute: Attribute) -> frozenset[str]:
    """Return the comparisons that an attribute can be filtered with."""
    return _OPERATORS[attribute.kind]


@dataclass(frozen=True, slots=True)
class Condition:
    """One filter. With `through`, `attribute` is one of the object that this relation leads to.

    `value` is of the attribute's kind; a list for `in`, a truth value for `isnull`.
    """

    attribute: Attribute
    operator: str
    value: Any
    through: Attribute | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """Which objects of a resource are asked for; `order` names an attribute, or none for the number."""

    conditions: tuple[Condition, ...] = ()
    order: Attribute | None = None
    descending: bool = False
    limit: int = DEFAULT_LIMIT
    offset: int = 0


def parse(resource: Resource, pairs: Iterable[tuple[str, str]]) -> Query:
    """Return what a query string asks for. Raises Refused for anything that is not understood."""
    given = list(pairs)
    paging = [(name, text) for name, text in given if name in _PAGING]
    if len({name for name, _ in paging}) < len(paging):
        raise _refused("limit, offset and order_by may be given once.")
    settings = dict(paging)
    filters = [(name, text) for name, text in given if name not in _PAGING]
    if len(filters) > _MAX_CONDITIONS:
        raise _refused(f"At most {_MAX_CONDITIONS} filters may be given.")
    order = settings.get("order_by", "")
    return Query(
        conditions=tuple(_condition(resource, name, text) for name, text in filters),
        order=_order(resource, order.removeprefix("-")) if "order_by" in settings else None,
        descending=order.startswith("-"),
        limit=min(_count("limit", settings.get("limit", str(DEFAULT_LIMIT))) or MAX_LIMIT, MAX_LIMIT),
        offset=_count("offset", settings.get("offset", "0")),
    )


def _refused(message: str) -> Refused:
    return Refused(Reason.INVALID, message)


def _count(name: str, text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text, re.ASCII):
        raise _refused(f"{name} must be a whole number.")
    return int(text)


def _order(resource: Resource, name: str) -> Attribute:
    attribute = resource.by_name.get(name)
    if attribute is None or not attribute.is_filterable or attribute.kind not in _ORDERED:
        raise _refused(f"{resource.name} cannot be ordered by {name[:60]!r}.")
    return attribute


def _condition(resource: Resource, name: str, text: str) -> Condition:
    if not is_fit(text):
        raise _refused(f"The value of {name[:60]!r} holds a character that cannot be stored.")
    first, *rest = name.split("__")
    attribute, through = _filterable(resource, first), None
    if attribute.refers_to and rest and rest[0] not in _OPERATORS[attribute.kind]:
        through, attribute = attribute, _filterable(BY_RESOURCE[attribute.refers_to], rest.pop(0))
    operator = rest.pop(0) if rest else "exact"
    if rest or operator not in _OPERATORS[attribute.kind]:
        raise _refused(f"{name[:60]!r} is not a filter: {first[:60]} cannot be compared like that.")
    return Condition(attribute, operator, _value(attribute, operator, text), through)


def _filterable(resource: Resource, name: str) -> Attribute:
    attribute = resource.by_name.get(name)
    if attribute is None or not attribute.is_filterable:
        raise _refused(f"{resource.name} cannot be filtered by {name[:60]!r}.")
    return attribute


def _value(attribute: Attribute, operator: str, text: str) -> Any:
    if operator == "isnull":
        return _bool(attribute, text)
    read = _READERS[attribute.kind]
    if operator != "in":
        return read(attribute, text)
    entries = text.split(",")
    if len(entries) > _MAX_VALUES:
        raise _refused(f"{attribute.name}__in may list at most {_MAX_VALUES:,} values.")
    return [read(attribute, entry) for entry in entries]


def _text(_attribute: Attribute, text: str) -> str:
    return text


def _int(attribute: Attribute, text: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,19}", text.strip(), re.ASCII) or abs(int(text)) > LARGEST:
        raise _refused(f"{attribute.name} is compared with whole numbers.")
    return int(text)


def _bool(attribute: Attribute, text: str) -> bool:
    if text.lower() not in _YES:
        raise _refused(f"{attribute.name} is compared with true or false.")
    return _YES[text.lower()]


def _instant(attribute: Attribute, text: str) -> datetime:
    # A plus sign that was not encoded arrives as a blank. The end of time has no second after it to compare with.
    try:
        found = instant_of(text.strip().replace(" ", "+") if "T" in text else text.strip()).replace(microsecond=0)
        return min(found, found + SECOND)
    except (ValueError, OverflowError) as problem:
        raise _refused(f"{attribute.name} is compared with times such as 2026-11-23T12:00:00.") from problem


def _number(attribute: Attribute, text: str) -> int:
    number = number_of(attribute.refers_to, text)
    return _int(attribute, text) if number is None else number


_READERS: Mapping[Kind, Callable[[Attribute, str], Any]] = {
    Kind.TEXT: _text,
    Kind.INT: _int,
    Kind.BOOL: _bool,
    Kind.INSTANT: _instant,
    Kind.REFERENCE: _number,
    Kind.NESTED: _number,
}


def instant_of(text: str) -> datetime:
    """Return the instant of an ISO 8601 text; without a zone it is UTC. Raises ValueError or OverflowError."""
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def instant_text(at: datetime) -> str:
    """Return an instant as the SDK reads it: UTC without a zone, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def envelope(
    resource: Resource, query: Query, pairs: Iterable[tuple[str, str]], objects: list[dict[str, Any]], total: int
) -> dict[str, Any]:
    """Return a page of a list; the addresses of the pages beside it keep all filters."""
    kept = [(name, text) for name, text in pairs if name not in ("limit", "offset")]

    def page(offset: int) -> str:
        return f"{resource.address}?{urlencode([*kept, ('limit', query.limit), ('offset', offset)])}"

    after = query.offset + query.limit
    meta = {
        "limit": query.limit,
        "next": page(after) if after < total else None,
        "offset": query.offset,
        "previous": page(max(0, query.offset - query.limit)) if query.offset > 0 else None,
        "total_count": total,
    }
    return {"meta": meta, "objects": objects}
