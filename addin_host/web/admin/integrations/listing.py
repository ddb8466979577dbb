"""The list of integrations, and what is done to one of them from there."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from addin_host.domain.access import Permission
from addin_host.flows import integrations
from addin_host.flows.integrations import Summary
from addin_host.flows.scheduling import all_rooms, ending
from addin_host.web.access import caller
from addin_host.web.admin.integrations.room import blueprint
from addin_host.web.admin.scope import integration_row
from addin_host.web.admission import needs
from addin_host.web.headers import page_kind
from addin_host.web.services import services

_SWITCHED_OFF = (
    " Users read in the pane that the service is switched off. Rooms that exist stay; mails about meetings wait in the "
    "equipment mailbox until it is switched on again."
)
_ORDERS: Mapping[str, Callable[[Summary], Any]] = {
    "name": lambda one: one.name.casefold(),
    "host": lambda one: (one.fqdn.casefold(), one.name.casefold()),
    "state": lambda one: (not one.enabled, one.name.casefold()),
}


@blueprint.get("/")
@page_kind("admin")
@needs(Permission.SEE_INTEGRATIONS)
def list_() -> str:
    """Answer with the integrations within reach: searched by name and host, sorted as asked."""
    with services().database.read() as session:
        reached = [one for one in integrations.overview(session) if caller().reaches(one.id)]
        alarms = integrations.open_alarms(session)
    wanted = request.args.get("q", "").strip()
    order = request.args.get("sort", "name")
    order = order if order in _ORDERS else "name"
    found = [one for one in reached if wanted.casefold() in f"{one.name}\n{one.fqdn}\n{one.uuid}".casefold()]
    return render_template(
        "admin/integrations/list.html",
        found=sorted(found, key=_ORDERS[order]),
        total=len(reached),
        alarms=alarms,
        wanted=wanted,
        order=order,
    )


@blueprint.post("/<reference>/duplicate")
@page_kind("admin")
@needs(Permission.CREATE_INTEGRATIONS)
def duplicate(reference: str) -> AnyResponse:
    """Copy an integration and go to the copy."""
    host = services()
    with host.database.write() as session:
        row = integrations.duplicate(session, integration_row(session, reference).id, caller=caller(), now=host.now())
        name, new = row.name, row.id
    flash(
        f"{name} is ready. It is switched off, and has neither secrets nor a mailbox address. "
        "Enter them, then switch it on.",
        "success",
    )
    return redirect(url_for("admin_integrations.edit", reference=new), 303)


@blueprint.post("/<reference>/switch")
@page_kind("admin")
@needs(Permission.CHANGE_INTEGRATIONS)
def switch(reference: str) -> AnyResponse:
    """Switch an integration on or off."""
    host, on = services(), request.form.get("on") == "yes"
    with host.database.write() as session:
        row = integration_row(session, reference)
        name = integrations.set_enabled(session, row.id, on, caller=caller(), now=host.now()).name
    effect = "" if on else _SWITCHED_OFF
    flash(f"{name} is switched {'on' if on else 'off'}.{effect}", "success")
    return redirect(url_for("admin_integrations.list_"), 303)


@blueprint.get("/<reference>/delete")
@page_kind("admin")
@needs(Permission.CREATE_INTEGRATIONS)
def ask_to_delete(reference: str) -> str:
    """Answer with what will be gone."""
    return _deletion_page(reference)


@blueprint.post("/<reference>/delete")
@page_kind("admin")
@needs(Permission.CREATE_INTEGRATIONS)
def delete(reference: str) -> AnyResponse | tuple[str, int]:
    """Delete an integration; one that is switched on only when its name was typed."""
    host = services()
    with host.database.write() as session:
        row = integration_row(session, reference)
        agreed = not row.record["enabled"] or request.form.get("typed_name", "").strip() == row.name.strip()
        if agreed and request.form.get("rooms") == "remove":
            all_rooms.remove(session, row, caller=caller(), now=host.now())
        name = integrations.delete(session, row.id, caller=caller(), now=host.now()) if agreed else ""
    if not agreed:
        return _deletion_page(reference, "The name differs. Type it exactly as it stands above."), 400
    flash(f"{name} is deleted. Remove its add-in from Outlook as well.", "success")
    return redirect(url_for("admin_integrations.list_"), 303)


def _deletion_page(reference: str, error: str = "") -> str:
    with services().database.read() as session:
        row = integration_row(session, reference)
        facts = {"id": row.id, "name": row.name, "fqdn": row.fqdn, "enabled": row.record["enabled"]}
        facts["rooms"] = ending.rooms_of(session, row.id)
    return render_template("admin/integrations/delete.html", integration=facts, error=error)


@blueprint.get("/<reference>/export.json")
@page_kind("admin")
@needs(Permission.SEE_INTEGRATIONS)
def export(reference: str) -> Response:
    """Answer with every field but the secrets, in the form that `addin-host integration import` takes."""
    with services().database.read() as session:
        row = integration_row(session, reference)
        exported, number = integrations.export(session, row.id), row.id
    body = json.dumps(exported, indent=2, ensure_ascii=False)
    file = f'attachment; filename="integration-{number}.json"'
    return Response(body, mimetype="application/json", headers={"Content-Disposition": file})
