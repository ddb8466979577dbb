"""For those who operate the service: is the process alive, and can it do its work?"""

from __future__ import annotations

from flask import Blueprint, Response, request

from addin_host.store import revision
from addin_host.web import access
from addin_host.web import metrics as prometheus
from addin_host.web.admission import Admission, Auth, admits
from addin_host.web.headers import page_kind
from addin_host.web.services import services

blueprint = Blueprint("health", __name__)
_HERE = frozenset({"", "127.0.0.1", "::1"})
_PASSED_ON = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via")


@blueprint.get("/livez")
@page_kind("health")
@admits(Auth.PUBLIC)
def livez() -> Response:
    """Answer as long as the process runs."""
    return Response("ok\n", mimetype="text/plain")


@blueprint.get("/readyz")
@page_kind("health")
@admits(Auth.PUBLIC)
def readyz() -> Response:
    """Answer 200 when the database answers and has the schema this program needs; 503 or 500 otherwise."""
    revision.require_current(services().database)
    return Response("ready\n", mimetype="text/plain")


@blueprint.get("/metrics")
@page_kind("health")
@admits(Auth.PUBLIC)
def metrics() -> Response:
    """Answer with figures for Prometheus: to a program on this machine, and to an API user of any role elsewhere."""
    if not _is_local():
        access.admit_program(Admission(Auth.API))
    return Response(prometheus.figures(), content_type=prometheus.CONTENT_TYPE)


def _is_local() -> bool:
    """Whether the request was made on this machine, to this machine, and not passed on by a proxy."""
    name = request.host.rsplit(":", 1)[0]
    passed_on = any(header in request.headers for header in _PASSED_ON)
    return (request.remote_addr or "") in _HERE and name in ("127.0.0.1", "localhost", "[::1]") and not passed_on
