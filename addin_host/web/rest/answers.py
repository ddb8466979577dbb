"""Answers of the REST interface: JSON objects, and errors in the words that its clients look for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from flask import Response

from addin_host.domain.errors import Problem
from addin_host.domain.rest.resource import ROOT

PREFIX = f"{ROOT}/"
_CONTENT_TYPE = "application/json; charset=utf-8"
_RESOURCE = re.compile(r"/api/admin/[a-z]+/v1/([a-z_]+)/")
# Clients take any text with these words for "the object is gone" (rest.md section 3).
_GONE: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"not found", re.IGNORECASE), "missing"),
    (re.compile("404"), "4-0-4"),
)


def answer(found: Mapping[str, Any], status: int = 200) -> Response:
    """Return a JSON object."""
    body = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    return Response(body.encode("utf-8"), status, content_type=_CONTENT_TYPE)


def failure(path: str, status: int, message: str, problems: Iterable[Problem] = ()) -> Response:
    """Return an error; `problems` are listed by field under the name of the resource that the path is of."""
    found: dict[str, Any] = {"error": _plain(message, status)}
    fields: dict[str, list[str]] = {}
    for problem in problems:
        fields.setdefault(problem.field or "__all__", []).append(_plain(problem.message, status))
    named = _RESOURCE.match(path)
    if fields and named:
        found[named[1]] = fields
    response = answer(found, status)
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="api"'
    return response


def _plain(text: str, status: int) -> str:
    if status != 404:
        for gone, instead in _GONE:
            text = gone.sub(instead, text)
    return text
