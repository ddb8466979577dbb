"""Alarms: what happened, since when, who is affected, and what to do."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Blueprint, flash, redirect, render_template, request
from werkzeug.wrappers import Response

from addin_host.domain.access import Permission
from addin_host.domain.alarms import Level
from addin_host.flows import alarms, integrations
from addin_host.flows.alarms import Wanted
from addin_host.web.access import caller
from addin_host.web.admission import needs
from addin_host.web.headers import page_kind
from addin_host.web.numbers import row_number
from addin_host.web.services import services

blueprint = Blueprint("admin_alarms", __name__, url_prefix="/admin/alarms")

_SIZE = 25


@blueprint.get("/")
@page_kind("admin")
@needs(Permission.SEE_ALARMS)
def page() -> str:
    """Answer with the alarms within the caller's reach, those that stand first."""
    host, who, wanted = services(), caller(), _wanted()
    with host.database.read() as db:
        found = alarms.find(db, wanted, caller=who)
        names = [(one.id, one.name) for one in integrations.overview(db) if who.reaches(one.id)]
    last = max(1, -(-found.total // _SIZE))
    return render_template(
        "admin/alarms/page.html",
        found=found,
        wanted=wanted,
        integrations=sorted(names, key=lambda one: one[1].lower()),
        is_filtered=bool(_query(wanted)),
        query=_query(wanted),
        previous=_address(wanted, wanted.page - 1) if wanted.page > 1 else "",
        next=_address(wanted, wanted.page + 1) if wanted.page < last else "",
    )


@blueprint.post("/<int:alarm_id>/acknowledge")
@page_kind("admin")
@needs(Permission.ACKNOWLEDGE_ALARMS)
def acknowledge(alarm_id: int) -> Response:
    """Note that the caller looks after an alarm."""
    host = services()
    with host.database.write() as db:
        name = alarms.acknowledge(db, alarm_id, caller=caller(), now=host.now())
    flash(f"“{name}” is acknowledged. The alarm ends by itself when its cause is gone.", "success")
    wanted = _wanted()
    return redirect(_address(wanted, wanted.page), 303)


def _wanted() -> Wanted:
    """Read the filter; what it does not know is as good as not asked for."""
    state, level = request.args.get("state", ""), request.args.get("level", "")
    return Wanted(
        state=state if state in alarms.STATES else "",
        level=level if level in list(Level) else "",
        integration_id=row_number(request.args.get("integration", "")),
        page=row_number(request.args.get("page", "")) or 1,
        size=_SIZE,
    )


def _query(wanted: Wanted) -> str:
    given = {"state": wanted.state, "level": wanted.level, "integration": wanted.integration_id}
    return urlencode({name: value for name, value in given.items() if value})


def _address(wanted: Wanted, page_number: int) -> str:
    parts = [part for part in (_query(wanted), f"page={page_number}" if page_number > 1 else "") if part]
    return f"/admin/alarms/?{'&'.join(parts)}" if parts else "/admin/alarms/"
