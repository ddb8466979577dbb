"""For those who operate the service: is the process alive, and can it do its work?"""

from __future__ import annotations

from flask import Blueprint, Response

from addin_host.store import revision
from addin_host.web.admission import Auth, admits
from addin_host.web.headers import page_kind
from addin_host.web.services import services

blueprint = Blueprint("health", __name__)


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
