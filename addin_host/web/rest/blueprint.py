"""What all routes of the REST interface share: the slash at the end, and the limit of requests."""

from __future__ import annotations

from typing import cast

from flask import Blueprint, abort, current_app, redirect, request
from werkzeug.wrappers import Response

from addin_host.domain.rest.resource import ROOT
from addin_host.flows.request_limits import RequestLimits
from addin_host.web.access import caller
from addin_host.web.services import services

LIMITS = "addin_host_rest_limits"
blueprint = Blueprint("rest", __name__, url_prefix=ROOT)


@blueprint.before_request
def count_and_check_slash() -> Response | None:
    """Count the request; send a GET without the slash on, and refuse a write, whose body a redirect would lose."""
    limits = cast(RequestLimits, current_app.extensions[LIMITS])
    limits.count(caller().id, now=services().now())
    if request.path.endswith("/") or request.path.endswith(".json"):
        return None
    if request.method not in ("GET", "HEAD"):
        abort(404)
    query = request.query_string.decode("latin-1")
    return redirect(f"{request.path}/{'?' if query else ''}{query}", 301)
