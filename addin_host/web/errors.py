"""The one place where the error families become HTTP answers."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence

from flask import Flask, Response, g, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from addin_host.domain.errors import HostError, Problem, Reason, Refused, Upstream
from addin_host.domain.redaction import correlation_id
from addin_host.web.headers import ERROR_KIND, kind_of_request
from addin_host.web.rest import answers

_log = logging.getLogger(__name__)

_STATUS: Mapping[Reason, int] = {
    Reason.INVALID: 400,
    Reason.UNAUTHENTICATED: 401,
    Reason.FORBIDDEN: 403,
    Reason.SWITCHED_OFF: 403,
    Reason.UNKNOWN: 404,
    Reason.CONFLICT: 409,
    Reason.RATE_LIMITED: 429,
}
_ADMINISTRATION = frozenset({"admin", "admin with frames"})
_PAGES = _ADMINISTRATION | {"dialog", "page", "pane", "preview", "framed pane", "framed text"}


def install(app: Flask) -> None:
    """Answer every error in the form that its page kind asks for."""
    app.register_error_handler(HostError, _host_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)


def _host_error(error: HostError) -> Response:
    status, code = status_of(error)
    note(error)
    response = _answer(status, code, error.message, getattr(error, "problems", ()))
    retry_after = getattr(error, "retry_after", None) or (5 if status == 503 else None)
    if retry_after:
        response.headers["Retry-After"] = str(retry_after)
    return response


def note(error: HostError) -> None:
    """Write to the log what is not the asker's own fault."""
    if status_of(error)[0] >= 500:
        _log.warning("%s %s: %s (cause: %s)", request.method, request.path, error.message, error.__cause__)


def status_of(error: HostError) -> tuple[int, str]:
    """Return the HTTP status and the code of an error."""
    if isinstance(error, Refused):
        return _STATUS[error.reason], error.reason.value
    return (503, "upstream") if isinstance(error, Upstream) else (500, "misconfigured")


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    words = _NOT_OURS if isinstance(error, CSRFError) else _WORDS.get(status, error.name)
    response = _answer(status, error.name.lower().replace(" ", "_"), words)
    for name, value in error.get_headers():
        if name in ("Allow", "Location", "Retry-After"):
            response.headers[name] = value
    return response


_WORDS = {
    400: "The request cannot be understood.",
    404: "There is nothing at this address.",
    405: "This address does not accept that method.",
    413: "The request is too large.",
    415: "Send JSON: Content-Type must be application/json, in UTF-8.",
}


_NOT_OURS = (
    "Nothing was changed. Somebody signed out while this form was open, or another site sent it. "
    "Open the page again and send the form from there."
)


def _unexpected(error: Exception) -> Response:
    _log.error("%s %s failed", request.method, request.path, exc_info=error)
    return _answer(
        500, "internal", "Something went wrong here. Try again, or tell your administrator the number below."
    )


def _answer(status: int, code: str, message: str, problems: Sequence[Problem] = ()) -> Response:
    number = correlation_id.get()
    if request.path.startswith(answers.PREFIX):
        return answers.failure(request.path, status, message, problems)
    if kind_of_request() in _PAGES:
        return Response(_page(status, message, number), status, mimetype="text/html")
    error = {"code": code, "message": message, "correlation_id": number}
    body = json.dumps({"status": "failed", "result": message, "error": error})
    return Response(body, status, mimetype="application/json")


def _page(status: int, message: str, number: str) -> str:
    title = "This page is not available" if status < 500 else "Something went wrong"
    kind = kind_of_request()
    if kind not in _ADMINISTRATION and not (kind == ERROR_KIND and request.path.startswith("/admin/")):
        return render_template("errors/error.html", title=title, message=message, correlation_id=number)
    return render_template(
        "errors/admin.html",
        title=_TITLES.get(status, title),
        message=message,
        correlation_id=number,
        way_in=g.get("way_in"),
        open_alarms=lambda: 0,  # the database may be what is away
    )


_TITLES = {
    400: "The form was not accepted",
    401: "Sign in first",
    403: "You may not do this",
    404: "There is no such page",
    409: "This cannot be done now",
    413: "This is too large",
    429: "Too many attempts",
}
