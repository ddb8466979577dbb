"""The JSON schemas of the REST resources, one for each way in which an object is read or sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from addin_host.domain.rest.resource import Attribute, Kind, Resource

Schema = dict[str, Any]
_INSTANT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}$"


def schemas(resource: Resource) -> Iterator[tuple[str, Schema]]:
    """Return the schemas of a resource by name: as it is read, listed, created, changed, and several at once."""
    shown = {one.name: _read_schema(one) for one in resource.attributes if one.is_shown}
    yield (
        resource.name,
        {
            "type": "object",
            "description": resource.summary,
            "properties": shown,
            "required": list(shown),
            "additionalProperties": resource.is_open,
        },
    )
    yield f"{resource.name}_list", _list_schema(resource)
    if resource.change is not None:
        for form, creating in ((f"{resource.name}_create", True), (f"{resource.name}_change", False)):
            yield form, _write_schema(resource, creating=creating)
        yield f"{resource.name}_several", _several_schema(resource)


def _list_schema(resource: Resource) -> Schema:
    number, address = {"type": "integer", "minimum": 0}, {"type": ["string", "null"]}
    meta = {"limit": number, "offset": number, "total_count": number, "next": address, "previous": address}
    return {
        "type": "object",
        "properties": {
            "meta": {"type": "object", "properties": meta, "required": list(meta), "additionalProperties": False},
            "objects": {"type": "array", "items": {"$ref": f"#/components/schemas/{resource.name}"}},
        },
        "required": ["meta", "objects"],
        "additionalProperties": False,
    }


def _write_schema(resource: Resource, *, creating: bool) -> Schema:
    taken = [one for one in resource.attributes if one.is_taken(creating=creating)]
    schema: Schema = {
        "type": "object",
        "properties": {one.name: _sent_schema(one) for one in taken},
        "additionalProperties": True,
    }
    required = [one.name for one in taken if one.required] if creating else []
    return schema | ({"required": required} if required else {})


def _several_schema(resource: Resource) -> Schema:
    return {
        "type": "object",
        "properties": {
            "objects": {
                "type": "array",
                "maxItems": resource.bulk,
                "items": {"$ref": f"#/components/schemas/{resource.name}_change"},
                "description": "Changed when they carry resource_uri or id, created otherwise.",
            },
            "deleted_objects": {"type": "array", "items": {"type": "string"}, "description": "Addresses of objects."},
        },
    }


def _read_schema(attribute: Attribute) -> Schema:
    schema = _words(attribute) | _READ[attribute.kind](attribute)
    if attribute.kind is Kind.NESTED and attribute.nullable:
        schema["type"] = ["array", "null"]
    return schema


def _read_text(attribute: Attribute) -> Schema:
    if attribute.choices:
        return {"type": "string", "enum": list(attribute.choices)}
    return {"type": ["string", "null"] if attribute.nullable else "string"}


def _read_int(attribute: Attribute) -> Schema:
    return {"type": ["integer", "null"] if attribute.nullable else "integer", "format": "int64"}


def _nested(attribute: Attribute) -> Schema:
    return {"type": "array", "items": {"$ref": f"#/components/schemas/{attribute.refers_to}"}}


_READ: Mapping[Kind, Callable[[Attribute], Schema]] = {
    Kind.TEXT: _read_text,
    Kind.BOOL: lambda _one: {"type": "boolean"},
    Kind.INT: _read_int,
    Kind.INSTANT: lambda _one: {"type": "string", "pattern": _INSTANT, "examples": ["2026-11-23T12:00:00"]},
    Kind.REFERENCE: lambda one: {"type": ["string", "null"] if one.nullable else "string"},
    Kind.NESTED: _nested,
    Kind.WORDS: lambda _one: {"type": "array", "items": {"type": "string"}},
}


def _sent_schema(attribute: Attribute) -> Schema:
    schema = _words(attribute) | _SENT[attribute.kind](attribute)
    if not attribute.is_shown:
        schema["writeOnly"] = True
    elif not attribute.required:
        schema["default"] = list(attribute.default) if isinstance(attribute.default, tuple) else attribute.default
    return schema


def _sent_text(attribute: Attribute) -> Schema:
    if attribute.choices:
        return {"type": ["string", "null"], "enum": [*attribute.choices, "", None]}
    limit = {"maxLength": attribute.max_length} if attribute.max_length else {}
    return {"type": "string"} | limit if attribute.required else {"type": ["string", "null"]} | limit


def _sent_int(attribute: Attribute) -> Schema:
    limits = {"minimum": attribute.low, "maximum": attribute.high}
    return {"type": ["integer", "null"]} | {name: limit for name, limit in limits.items() if limit is not None}


def _sent_reference(attribute: Attribute) -> Schema:
    pattern = f"^/api/admin/configuration/v1/{attribute.refers_to}/[0-9]{{1,9}}/$"
    return {"type": "string" if attribute.required else ["string", "null"], "pattern": pattern}


def _sent_words(attribute: Attribute) -> Schema:
    choices = {"enum": list(attribute.choices)} if attribute.choices else {"minLength": 1, "maxLength": 1000}
    return {"type": ["array", "null"], "maxItems": 1000, "items": {"type": "string"} | choices}


_SENT: Mapping[Kind, Callable[[Attribute], Schema]] = {
    Kind.TEXT: _sent_text,
    Kind.BOOL: lambda _one: {"type": ["boolean", "null"]},
    Kind.INT: _sent_int,
    Kind.REFERENCE: _sent_reference,
    Kind.NESTED: lambda _one: {"type": ["array", "null"], "maxItems": 1000, "items": {"type": ["string", "object"]}},
    Kind.WORDS: _sent_words,
}


def _words(attribute: Attribute) -> Schema:
    found = {"title": attribute.label, "description": attribute.help}
    return {name: text for name, text in found.items() if text}
