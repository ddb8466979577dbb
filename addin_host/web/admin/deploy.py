"""Deploying one integration: manifest, icon, addresses to register, commands."""

from __future__ import annotations

from functools import cache

from flask import Blueprint, Response, flash, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from addin_host.domain.access import Permission
from addin_host.domain.deploy import (
    Setup,
    centralized_deployment,
    conditions,
    exchange_on_premises,
    registrations,
    reverse_proxy_site,
)
from addin_host.domain.errors import Invalid
from addin_host.domain.integration import Integration
from addin_host.domain.notices import notices
from addin_host.flows import deploy, icons, integrations
from addin_host.flows.manifest import published
from addin_host.web.access import caller
from addin_host.web.admin.scope import integration_row, integration_value
from addin_host.web.admission import needs
from addin_host.web.assets import resources
from addin_host.web.headers import page_kind
from addin_host.web.services import services

blueprint = Blueprint("admin_deploy", __name__, url_prefix="/admin/integrations/<reference>/deploy")

_SHOWN_SIZES = (16, 32, 64, 80, 128)
_UPLOAD = 200 * 1024
_CHANGED = "The icon was changed. Download the manifest and deploy it again, so that Outlook shows it."


@blueprint.get("/")
@page_kind("admin")
@needs(Permission.SEE_INTEGRATIONS)
def page(reference: str) -> str:
    """Answer with everything that an administrator does to bring the integration to people."""
    return _page(integration_value(reference))


def _page(integration: Integration, icon_error: str = "") -> str:
    host, outside = services(), published(integration)
    with host.database.read() as db:
        found = deploy.deployable(db, host.manifest_template, integration)
        has_icon = bool(integration_row(db, integration.id).icon_hash)
    setup = Setup(outside, found.file)
    return render_template(
        "admin/deploy/page.html",
        integration=integration,
        found=found,
        has_icon=has_icon,
        icon_error=icon_error,
        sizes=_SHOWN_SIZES,
        conditions=list(conditions(outside)),
        registrations=list(registrations(outside)),
        exchange=list(exchange_on_premises(setup)),
        cloud=list(centralized_deployment(setup)),
        site=reverse_proxy_site(_shipped_site(), outside.fqdn),
        file_path=setup.path,
        about_protocol=[notice for notice in notices(integration) if notice.field == "mailbox_protocol"],
    )


@cache
def _shipped_site() -> str:
    return (resources() / "deploy" / "nginx" / "addin-host.conf").read_text(encoding="utf-8")


@blueprint.get("/manifest.xml")
@page_kind("admin")
@needs(Permission.SEE_INTEGRATIONS)
def manifest(reference: str) -> Response:
    """Answer with the manifest as a file, to look at: reading changes nothing, so it does not count as a download."""
    integration = integration_value(reference)
    return _file(integration, deploy.usable_manifest(services().manifest_template, integration))


@blueprint.post("/manifest.xml")
@page_kind("admin")
@needs(Permission.SEE_INTEGRATIONS)
def download_manifest(reference: str) -> Response:
    """Answer with the manifest as a file, and remember that it was downloaded."""
    host, integration = services(), integration_value(reference)
    with host.database.write() as db:
        xml = deploy.download(db, host.manifest_template, integration, caller=caller(), now=host.now())
    return _file(integration, xml)


def _file(integration: Integration, xml: bytes) -> Response:
    name = f'attachment; filename="{deploy.file_name(integration)}"'
    return Response(xml, mimetype="application/xml", headers=[("Content-Disposition", name)])


@blueprint.get("/icon/<int:size>.png")
@page_kind("admin")
@needs(Permission.SEE_INTEGRATIONS)
def icon(reference: str, size: int) -> Response:
    """Answer with the icon at one size; Outlook's own address may not be reachable for administrators."""
    integration = integration_value(reference)
    with services().database.read() as db:
        png = integration_row(db, integration.id).icon or icons.default_icon()
    return Response(icons.resized_icon(png, size), mimetype="image/png")


@blueprint.post("/icon")
@page_kind("admin")
@needs(Permission.CHANGE_INTEGRATIONS, max_body=_UPLOAD)
def upload_icon(reference: str) -> AnyResponse | tuple[str, int]:
    """Take another icon; whatever is not a PNG of 80 x 80 is refused with the reason."""
    host = services()
    sent = request.files.get("icon")
    png = sent.read() if sent else b""
    if not png:
        return _page(integration_value(reference), "Choose a PNG file first."), 400
    try:
        with host.database.write() as db:
            integrations.set_icon(db, reference, png, caller=caller(), now=host.now())
    except Invalid as refusal:
        return _page(integration_value(reference), refusal.problems[0].message), 400
    return _done(reference, _CHANGED)


@blueprint.post("/icon/remove")
@page_kind("admin")
@needs(Permission.CHANGE_INTEGRATIONS)
def remove_icon(reference: str) -> AnyResponse:
    """Use the built-in icon again."""
    host = services()
    with host.database.write() as db:
        integrations.set_icon(db, reference, None, caller=caller(), now=host.now())
    return _done(reference, _CHANGED)


def _done(reference: str, message: str) -> AnyResponse:
    flash(message, "success")
    return redirect(f"/admin/integrations/{integration_value(reference).id}/deploy/", 303)
