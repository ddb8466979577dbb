"""The JSON that the pane sends and gets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import Response, request

from addin_host.domain.errors import Reason, Refused


def json_object() -> Mapping[str, Any]:
    """Return the object that was sent. Raises Refused for anything else."""
    asked = request.get_json(silent=True)
    if not isinstance(asked, dict):
        raise Refused(Reason.INVALID, "Send a JSON object.")
    return asked


def text_in(asked: Mapping[str, Any], name: str) -> str:
    """Return a text of the object, or "" where there is none."""
    value = asked.get(name)
    return value if isinstance(value, str) else ""


def json_answer(value: Any, status: int = 200) -> Response:
    """Return an answer in JSON."""
    return Response(json.dumps(value, ensure_ascii=False), status, content_type="application/json; charset=utf-8")
