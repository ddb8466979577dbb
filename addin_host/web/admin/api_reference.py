"""The REST interface explained to people, from the description that serves it; its OpenAPI document to take away."""

from __future__ import annotations

import json

from flask import Blueprint, Response, abort, render_template

from addin_host.domain.rest import reading
from addin_host.domain.rest.catalogue import BY_RESOURCE, RESOURCES
from addin_host.domain.rest.openapi import document
from addin_host.domain.rest.resource import DEFAULT_LIMIT, MAX_LIMIT
from addin_host.flows import platform
from addin_host.web.admission import needs
from addin_host.web.headers import page_kind
from addin_host.web.services import services

blueprint = Blueprint("admin_api_reference", __name__, url_prefix="/admin/api")
_SOMEWHERE = "https://addin-host.example.com"


@blueprint.get("/")
@page_kind("admin")
@needs(None)
def page() -> str:
    """How the interface is used, and its resources."""
    with services().database.read() as session:
        settings = platform.read(session)
    return render_template(
        "admin/api/index.html",
        resources=RESOURCES,
        origin=_origin(),
        limit=settings["api_requests_per_minute"],
        page_size=DEFAULT_LIMIT,
        max_page=MAX_LIMIT,
    )


@blueprint.get("/<resource>/")
@page_kind("admin")
@needs(None)
def resource(resource: str) -> str:
    """One resource: what it can be asked, and its attributes."""
    found = BY_RESOURCE.get(resource)
    if found is None:
        abort(404)
    return render_template(
        "admin/api/resource.html",
        resource=found,
        operations=reading.operations(found),
        rows=reading.rows(found),
        example=reading.example(found),
        origin=_origin(),
    )


@blueprint.get("/openapi.json")
@page_kind("admin")
@needs(None)
def download() -> Response:
    """The OpenAPI document as a file."""
    response = Response(json.dumps(document(), indent=1), mimetype="application/json")
    response.headers["Content-Disposition"] = 'attachment; filename="addin-host-openapi.json"'
    return response


def _origin() -> str:
    """Return the scheme and host that programs call, or an example while no address is set."""
    with services().database.read() as session:
        return str(platform.read(session)["admin_address"]).rstrip("/") or _SOMEWHERE
