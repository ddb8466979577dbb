"""The administrators' pages: one room for each kind of page, all below /admin."""

from __future__ import annotations

from typing import Any, cast

from flask import Flask, Response, g
from flask_bootstrap import Bootstrap5

from addin_host.domain.access import Caller, Permission
from addin_host.flows import alarms as alarm_flows
from addin_host.web.admin import (
    accounts,
    alarms,
    api_reference,
    api_users,
    audit,
    checks,
    conferences,
    dashboard,
    deploy,
    directory_sync,
    imports,
    integrations,
    live_preview,
    operations,
    profile,
    references,
    service_account,
    settings,
    signin,
    users,
    vmrs,
)
from addin_host.web.admission import Auth, admits
from addin_host.web.headers import page_kind
from addin_host.web.services import services

_ROOMS = (
    accounts,
    alarms,
    api_reference,
    api_users,
    audit,
    checks,
    conferences,
    dashboard,
    deploy,
    directory_sync,
    imports,
    integrations,
    live_preview,
    operations,
    profile,
    references,
    service_account,
    settings,
    signin,
    users,
    vmrs,
)


def register(app: Flask) -> None:
    """Open all rooms, and serve Bootstrap from its package."""
    for room in _ROOMS:
        app.register_blueprint(room.blueprint)
    app.context_processor(_context)
    app.config["BOOTSTRAP_SERVE_LOCAL"] = True
    Bootstrap5(app)
    serve = app.view_functions["bootstrap.static"]

    @page_kind("static")
    @admits(Auth.PUBLIC)
    def bootstrap_file(filename: str) -> Response:
        response = cast(Response, serve(filename=filename))
        response.headers["Cache-Control"] = "public, max-age=86400"
        return response

    app.view_functions["bootstrap.static"] = bootstrap_file


def _context() -> dict[str, Any]:
    """Return what every template may ask for; without an administrator, nothing is looked up."""
    who: Caller | None = g.get("caller")
    return {
        "caller": who,
        "may": lambda name: who is not None and who.may(Permission[name]),
        "open_alarms": lambda: _open_alarms() if who is not None and who.may(Permission.SEE_ALARMS) else 0,
    }


def _open_alarms() -> int:
    with services().database.read() as session:
        return alarm_flows.unacknowledged(session, caller=g.caller)
