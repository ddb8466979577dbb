"""The REST interface as people read it: what stands in the OpenAPI document, in rows and words."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from addin_host.domain.rest.openapi import document
from addin_host.domain.rest.queries import operators_of
from addin_host.domain.rest.resource import Access, Attribute, Kind, Resource

_METHODS = ("get", "post", "put", "patch", "delete")
_LONG = 60


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that a resource can be asked: `id` is that of the OpenAPI document."""

    id: str
    method: str
    path: str
    summary: str


@dataclass(frozen=True, slots=True)
class Row:
    """One attribute; `default` is JSON, and cut when it is long."""

    name: str
    kind: str
    access: str
    required: bool
    limits: str
    default: str
    help: str
    filters: str


def operations(resource: Resource) -> list[Operation]:
    """Return what a resource can be asked, out of the document."""
    paths: dict[str, Any] = document()["paths"]
    return [
        Operation(item[method]["operationId"], method.upper(), path, item[method]["summary"])
        for path, item in paths.items()
        if path in (resource.address, f"{resource.address}{{id}}/")
        for method in _METHODS
        if method in item
    ]


def rows(resource: Resource) -> list[Row]:
    """Return the attributes of a resource."""
    return [_row(attribute) for attribute in resource.attributes]


def _row(attribute: Attribute) -> Row:
    return Row(
        name=attribute.name,
        kind=attribute.kind if not attribute.nullable else f"{attribute.kind}, or null",
        access=attribute.access,
        required=attribute.required,
        limits="; ".join(_limits(attribute)),
        default=_default(attribute),
        help=attribute.help,
        filters=", ".join(sorted(operators_of(attribute))) if attribute.is_filterable else "",
    )


def _limits(attribute: Attribute) -> list[str]:
    found = []
    if attribute.refers_to:
        found.append(f"of {attribute.refers_to}")
    if attribute.max_length:
        found.append(f"at most {attribute.max_length:,} characters")
    if attribute.low is not None and attribute.high is not None:
        found.append(f"{attribute.low:,} to {attribute.high:,}")
    if attribute.choices:
        found.append(", ".join(attribute.choices))
    return found


def _default(attribute: Attribute) -> str:
    if attribute.required or attribute.access is not Access.FULL or attribute.kind is Kind.INSTANT:
        return ""
    text = json.dumps(attribute.default, ensure_ascii=False)
    return text if len(text) <= _LONG else f"{text[:_LONG]}…"


def example(resource: Resource) -> str:
    """Return the example of a body, as JSON on several lines."""
    return json.dumps(dict(resource.example), ensure_ascii=False, indent=2)
