"""The OpenAPI 3.1 document of the REST interface, made from the descriptions that serve it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from addin_host.domain.rest.catalogue import RESOURCES
from addin_host.domain.rest.queries import operators_of
from addin_host.domain.rest.resource import DEFAULT_LIMIT, MAX_LIMIT, ROOT, Attribute, Kind, Resource
from addin_host.domain.rest.schemas import Schema, schemas

ADDRESS = f"{ROOT}/openapi.json"
# A resource with more attributes lists each filter once; the others' comparisons are told in words.
_FEW = 30
_ERRORS: Mapping[str, str] = {
    "400": "The request is refused. Fields at fault are listed under the name of the resource.",
    "401": "Name and token are missing or wrong.",
    "403": "The API user's role does not permit it.",
    "404": "There is no such object, or the API user does not reach it.",
    "409": "Something else was written at the same moment, or refers to the object.",
    "413": "The body is larger than 1 MB.",
    "415": "The body is not application/json.",
    "429": "Too many requests in this minute; Retry-After says when to go on.",
    "503": "The database does not answer; Retry-After says when to try again.",
}
_READ_ERRORS = ("400", "401", "403", "404", "429", "503")


@cache
def document() -> dict[str, Any]:
    """Return the document. It is the same for everybody."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "addin-host REST interface",
            "version": "1",
            "description": "Integrations, directory and status for programs. Addresses end with a slash. "
            "Texts are stored and answered exactly as they are sent; times are UTC.",
        },
        "servers": [{"url": "/"}],
        "security": [{"basic": []}, {"bearer": []}],
        "tags": [{"name": one.name, "description": one.summary} for one in RESOURCES],
        "paths": {path: item for one in RESOURCES for path, item in _paths(one)},
        "components": {
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic", "description": "Name and token of an API user."},
                "bearer": {"type": "http", "scheme": "bearer", "description": "The token of an API user."},
            },
            "schemas": {name: schema for one in RESOURCES for name, schema in schemas(one)} | {"error": _ERROR},
            "responses": {status: _failure(status, words) for status, words in _ERRORS.items()},
            "headers": {"X-Correlation-ID": _CORRELATION},
        },
    }


_CORRELATION: Schema = {
    "description": "The number of this request in the operations log.",
    "schema": {"type": "string", "format": "uuid"},
    "required": True,
}
_ERROR: Schema = {
    "type": "object",
    "properties": {"error": {"type": "string", "description": "What is wrong, and what to do."}},
    "required": ["error"],
    "additionalProperties": {
        "type": "object",
        "description": "By resource: by field, what is wrong with it.",
        "additionalProperties": {"type": "array", "items": {"type": "string"}},
    },
}


def _failure(status: str, words: str) -> Schema:
    headers: Schema = {"X-Correlation-ID": {"$ref": "#/components/headers/X-Correlation-ID"}}
    if status in ("429", "503"):
        headers["Retry-After"] = {"schema": {"type": "integer"}, "required": True, "description": "Seconds."}
    if status == "401":
        headers["WWW-Authenticate"] = {"schema": {"type": "string"}, "required": True, "description": "Basic."}
    return {"description": words, "headers": headers, "content": _json("error")}


def _json(name: str, example: Any = None) -> Schema:
    content: Schema = {"schema": {"$ref": f"#/components/schemas/{name}"}}
    return {"application/json": content | ({"example": example} if example else {})}


def _paths(resource: Resource) -> Iterator[tuple[str, Schema]]:
    whole: Schema = {"get": _operation(resource, "list", "Read the list", "200", f"{resource.name}_list")}
    whole["get"]["parameters"] = list(_filters(resource))
    one: Schema = {
        "parameters": [_ID],
        "get": _operation(resource, "get", "Read one object", "200", resource.name),
    }
    if resource.change is not None:
        _add_writing(resource, whole, one)
    yield resource.address, whole
    yield f"{resource.address}{{id}}/", one


_ID: Schema = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "The number of the object.",
    "schema": {"type": "integer", "minimum": 1, "maximum": 2**31 - 1},
    "example": 1,
}
_IDEMPOTENCY: Schema = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "A request that is sent again with the same key within 24 hours is carried out once.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]+$"},
}


def _add_writing(resource: Resource, whole: Schema, one: Schema) -> None:
    name = resource.name
    whole["post"] = _operation(resource, "create", "Create an object", "201", name, body=f"{name}_create")
    whole["post"]["parameters"] = [_IDEMPOTENCY]
    whole["post"]["responses"]["201"]["headers"]["Location"] = {
        "schema": {"type": "string"},
        "required": True,
        "description": "The address of the new object.",
    }
    several = f"{name}_several"
    whole["patch"] = _operation(
        resource, "change_several", "Change, create and delete several objects, or none", "200", several, body=several
    )
    whole["patch"]["responses"]["200"]["content"] = {"application/json": {"schema": _objects(name)}}
    body = f"{name}_change"
    one["put"] = _operation(resource, "put", "Change what is sent; the rest stays", "200", name, body=body)
    one["patch"] = _operation(resource, "change", "Change what is sent; the rest stays", "200", name, body=body)
    one["delete"] = _operation(resource, "delete", "Delete an object", "204", "", writes=True)


def _objects(name: str) -> Schema:
    items = {"type": "array", "items": {"$ref": f"#/components/schemas/{name}"}}
    return {"type": "object", "properties": {"objects": items}, "required": ["objects"]}


def _operation(
    resource: Resource, verb: str, summary: str, status: str, answer: str, *, body: str = "", writes: bool = False
) -> Schema:
    errors = tuple(_ERRORS) if body else (*_READ_ERRORS, "409") if writes else _READ_ERRORS
    good: Schema = {
        "description": summary,
        "headers": {"X-Correlation-ID": {"$ref": "#/components/headers/X-Correlation-ID"}},
    }
    if answer:
        good["content"] = _json(answer)
    operation: Schema = {
        "tags": [resource.name],
        "operationId": f"{resource.name}_{verb}",
        "summary": summary,
        "responses": {status: good} | {code: {"$ref": f"#/components/responses/{code}"} for code in errors},
    }
    if body:
        example = resource.example if verb == "create" else None
        operation["requestBody"] = {"required": True, "content": _json(body, dict(example) if example else None)}
    return operation


def _filters(resource: Resource) -> Iterator[Schema]:
    counted = {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}
    yield _parameter("limit", counted | {"default": DEFAULT_LIMIT}, f"Objects a page; 0 is {MAX_LIMIT:,}, the most.")
    yield _parameter("offset", counted | {"default": 0}, "How many objects to pass over.")
    yield _parameter("order_by", {"type": "string"}, "An attribute, with a minus sign before it for the other way.")
    for attribute in resource.attributes:
        if attribute.is_filterable:
            yield from _comparisons(attribute, few=len(resource.attributes) <= _FEW)


def _comparisons(attribute: Attribute, *, few: bool) -> Iterator[Schema]:
    others = sorted(operators_of(attribute) - {"exact"})
    words = f"Equal to this. Also with {', '.join(f'__{name}' for name in others)} after the name."
    yield _parameter(attribute.name, _compared(attribute), words)
    for operator in others if few or attribute.name == "name" else ():
        schema = {"type": "boolean"} if operator == "isnull" else _compared(attribute)
        yield _parameter(f"{attribute.name}__{operator}", schema, "")


def _compared(attribute: Attribute) -> Schema:
    if attribute.kind in (Kind.INT, Kind.REFERENCE, Kind.NESTED):
        return {"type": "integer"}
    if attribute.kind is Kind.BOOL:
        return {"type": "boolean"}
    return {"type": "string"}


def _parameter(name: str, schema: Schema, words: str) -> Schema:
    return {"name": name, "in": "query", "schema": schema} | ({"description": words} if words else {})
