"""Answers that forms of the administration have in common."""

from __future__ import annotations

from flask import Response

from addin_host.domain.errors import HostError
from addin_host.web.errors import status_of


def form_again(page: str, error: HostError) -> Response:
    """Return the form that was sent, with what is wrong in it, under the status that belongs to the error."""
    response = Response(page, status_of(error)[0], mimetype="text/html")
    if wait := getattr(error, "retry_after", None):
        response.headers["Retry-After"] = str(wait)
    return response
