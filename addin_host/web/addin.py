"""What Outlook asks for, per integration: pane, commands page, icon, manifest and the personal VMRs.

And what it tells: that a VMR was put on an appointment.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

from flask import Blueprint, Response, abort, render_template, request

from addin_host.domain.errors import Reason, Refused
from addin_host.domain.integration import Integration
from addin_host.flows import icons, usage
from addin_host.flows.manifest import render_manifest
from addin_host.web.admission import Auth, admits
from addin_host.web.guard import require_bearer, require_enabled, require_on
from addin_host.web.headers import page_kind, pane_policy
from addin_host.web.office import office_context
from addin_host.web.pane_json import json_answer, json_object, text_in
from addin_host.web.services import services

PREFIX = "/api/client/v2/msexchange_schedulers/<reference>"
blueprint = Blueprint("addin", __name__, url_prefix=PREFIX)

_INSERTED = frozenset({"personal", "single-use"})
_counted = usage.Lately(seconds=2)
_A_YEAR = "public, max-age=31536000, immutable"


@blueprint.get("/pane")
@page_kind("pane")
@admits(Auth.PUBLIC)
def pane(reference: str) -> Response:
    """Answer with the task pane."""
    return _office_page(reference, "addin/pane.html")


@blueprint.get("/commands")
@page_kind("pane")
@admits(Auth.PUBLIC)
def commands(reference: str) -> Response:
    """Answer with the function-file page of the ribbon commands."""
    return _office_page(reference, "addin/commands.html")


def _office_page(reference: str, template: str) -> Response:
    host = services()
    integration = host.catalogue.get(reference)
    policy, body, etag = host.catalogue.made(integration, template, lambda: _make_page(integration, template))
    if etag in request.headers.get("If-None-Match", ""):
        return Response(status=304, headers=[("ETag", etag), ("Content-Security-Policy", policy)])
    headers = [("Content-Type", "text/html; charset=utf-8"), ("ETag", etag), ("Content-Security-Policy", policy)]
    return Response(body, headers=headers)


def _make_page(integration: Integration, template: str) -> tuple[str, bytes, str]:
    body = render_template(template, **office_context(integration)).encode()
    return pane_policy(integration, services().deployment), body, _etag(body)


def _etag(body: bytes) -> str:
    return f'"{sha256(body).hexdigest()[:32]}"'


@blueprint.get("/manifest.xml")
@page_kind("manifest")
@admits(Auth.PUBLIC)
def manifest(reference: str) -> Response:
    """Answer with the add-in manifest; it holds no secret."""
    host = services()
    integration = host.catalogue.get(reference)
    body = host.catalogue.made(integration, "manifest", lambda: render_manifest(host.manifest_template, integration))
    return _cached(body, "application/xml", "no-cache")


@blueprint.get("/launch.js")
@page_kind("manifest")
@admits(Auth.PUBLIC)
def launch(reference: str) -> Response:
    """Answer with the script of the check on Send. Its address stands in the manifest, so it never changes."""
    host = services()
    integration = host.catalogue.get(reference)
    script = host.assets.folder / "addin" / "launch.js"
    return _cached(host.catalogue.made(integration, "launch.js", script.read_bytes), "text/javascript", "no-cache")


@blueprint.get("/icon/<int:size>.png")
@page_kind("icon")
@admits(Auth.PUBLIC)
def icon(reference: str, size: int) -> Response:
    """Answer with the integration's icon in one of the sizes that Outlook uses."""
    return _icon_answer(reference, size, "icon", icons.resized_icon)


@blueprint.get("/icon/grey/<int:size>.png")
@page_kind("icon")
@admits(Auth.PUBLIC)
def grey_icon(reference: str, size: int) -> Response:
    """Answer with the icon in grey, for the online meetings of Outlook on phones."""
    return _icon_answer(reference, size, "icon/grey", icons.grey_icon)


def _icon_answer(reference: str, size: int, name: str, resized: Callable[[bytes, int], bytes]) -> Response:
    host = services()
    if size not in icons.ICON_SIZES:
        abort(404)
    integration = host.catalogue.get(reference)
    body = host.catalogue.made(integration, f"{name}/{size}", lambda: resized(_icon(integration), size))
    fixed = request.args.get("v") == integration.icon_hash
    return _cached(body, "image/png", _A_YEAR if fixed else "public, max-age=3600")


def _icon(integration: Integration) -> bytes:
    row = services().database.row("SELECT icon FROM integration WHERE id = ?", integration.id)
    return bytes(row[0]) if row and row[0] else icons.default_icon()


def _cached(body: bytes, content_type: str, cache: str) -> Response:
    etag = _etag(body)
    headers = [("ETag", etag), ("Cache-Control", cache)]
    if etag in request.headers.get("If-None-Match", ""):
        return Response(status=304, headers=headers)
    return Response(body, mimetype=content_type, headers=headers)


@blueprint.get("/personal_vmrs")
@page_kind("api")
@admits(Auth.BEARER)
def personal_vmrs(reference: str) -> Response:
    """Answer with the signed-in person's VMRs, every text rendered."""
    host = services()
    integration = host.catalogue.get(reference)
    require_on(integration)
    held = require_bearer(integration)
    if held.user_id is None:
        raise Refused(Reason.UNAUTHENTICATED, "Sign in to see your VMRs.")
    return json_answer(host.vmrs.list(integration, held.user_id))


@blueprint.post("/insertions")
@page_kind("api")
@admits(Auth.BEARER)
def inserted(reference: str) -> Response:
    """Count that the signed-in person put a VMR on an appointment. Nobody waits for the answer."""
    host = services()
    integration = host.catalogue.get(reference)
    require_enabled(integration)
    held = require_bearer(integration)
    if text_in(json_object(), "kind") not in _INSERTED:
        raise Refused(Reason.INVALID, "Name the kind of VMR that was inserted.")
    if not _counted.again((integration.uuid, held.visit), host.now()):
        with host.database.write() as db:
            usage.count(db, integration.id, usage.Happening.INSERTION, host.now())
    return Response(status=204)
