"""Answers that forms of the administration have in common."""

from __future__ import annotations

from flask import Response

from addin_host.domain.errors import HostError, Invalid, Problem, Reason, Refused
from addin_host.web.errors import status_of


def form_again(page: str, error: HostError) -> Response:
    """Return the form that was sent, with what is wrong in it, under the status that belongs to the error."""
    response = Response(page, status_of(error)[0], mimetype="text/html")
    if wait := getattr(error, "retry_after", None):
        response.headers["Retry-After"] = str(wait)
    return response


def problems_of(refusal: Refused | None) -> list[Problem]:
    """Return what is wrong, field by field where it is known; nothing without a refusal."""
    if refusal is None:
        return []
    return list(refusal.problems) if isinstance(refusal, Invalid) else [Problem("", "", refusal.message)]


def is_for_the_form(refusal: Refused) -> bool:
    """Whether whoever sent the form can do something about it there: an entry is wrong, or somebody was faster."""
    return refusal.reason in (Reason.INVALID, Reason.CONFLICT)
