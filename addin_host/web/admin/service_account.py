"""Signing in to the service account: the link to copy, and where the browser comes back to."""

from __future__ import annotations

import re
from urllib.parse import quote, urlencode

from flask import Blueprint, flash, g, redirect, render_template, request
from werkzeug.wrappers import Response

from addin_host.domain.access import Permission
from addin_host.domain.errors import HostError, Misconfigured, Reason, Refused
from addin_host.domain.integration import Integration
from addin_host.domain.service_account import CALLBACK
from addin_host.flows import admin_sessions, service_sign_in
from addin_host.flows.admin_sessions import Current
from addin_host.flows.service_sign_in import Returned
from addin_host.web import access
from addin_host.web.admin.scope import integration_value
from addin_host.web.admission import Auth, admits, needs
from addin_host.web.errors import note
from addin_host.web.guard import refuse_head
from addin_host.web.headers import page_kind
from addin_host.web.services import services

blueprint = Blueprint("admin_service_account", __name__)

_PAGE = "/admin/integrations/<reference>/service-account/"
_ERROR = re.compile(r"[a-z_]{1,40}")
_MAX_CODE, _MAX_ISSUER = 8192, 500


@blueprint.get(_PAGE)
@page_kind("admin")
@needs(Permission.SEE_INTEGRATIONS)
def overview(reference: str) -> str:
    """Answer with the steps, and whether the account has signed in."""
    return _page(integration_value(reference))


@blueprint.post(_PAGE)
@page_kind("admin")
@needs(Permission.CHANGE_INTEGRATIONS)
def begin(reference: str) -> Response | str:
    """Make a link to sign in with and answer with it; it is shown this once."""
    host, integration = services(), integration_value(reference)
    try:
        with host.database.write() as db:
            pending = service_sign_in.begin(db, integration, g.admin_session, box=host.box, now=host.now())
        link = host.outside.service_accounts.authorization_url(integration, pending)
    except Misconfigured as problem:
        flash(problem.message, "danger")
        return redirect(_address(integration.id), 303)
    return _page(integration, link)


@blueprint.get(CALLBACK)
@page_kind("admin")
@admits(Auth.STATE)
def oauth_redirect() -> Response:
    """Take the sign-in service's answer, after the administrator has signed in here where that is needed."""
    refuse_head()
    host, current = services(), access.current_session()
    state, code = request.args.get("state", ""), request.args.get("code", "")[: _MAX_CODE + 1]
    if current is None or current.stage != admin_sessions.FULL:
        with host.database.write() as db:
            service_sign_in.keep_code(db, state=state, code=code, box=host.box, now=host.now())
        page = "signin" if current is None else "signin/code"
        return redirect(f"/admin/{page}?next={quote(_again(state), safe='')}")
    g.caller = current.caller
    with host.database.write() as db:
        returned = service_sign_in.take_back(db, current, state=state, code=code, box=host.box, now=host.now())
    try:
        _complete(returned, current)
        flash("Successfully signed in.", "success")
    except HostError as problem:
        note(problem)
        flash(problem.message, "danger")
    return redirect(_address(returned.integration_id), 303)


def _again(state: str) -> str:
    """Return this address for after the sign-in here. Who answered is told again, the code is not: it is kept."""
    told = {name: request.args[name][:_MAX_ISSUER] for name in ("iss",) if name in request.args}
    return f"{CALLBACK}?{urlencode({'state': state, **told})}"


def _complete(returned: Returned, current: Current) -> None:
    """Exchange the code and store the sign-in. No transaction is open meanwhile."""
    host, integration = services(), services().catalogue.get(str(returned.integration_id))
    if "error" in request.args or not returned.code:
        raise _not_completed(request.args.get("error", ""))
    pending = service_sign_in.pending_of(integration, returned.state, returned.verifier)
    with host.database.read() as db:
        client = service_sign_in.client_of(db, integration.id, box=host.box)
    gained = host.outside.service_accounts.redeem(
        integration, pending, client, code=returned.code, issuer=request.args.get("iss")
    )
    try:
        service_sign_in.require_access(integration, gained)
    except Refused:
        with host.database.write() as db:
            service_sign_in.note_refusal(db, integration, caller=current.caller, now=host.now())
        raise
    with host.database.write() as db:
        service_sign_in.store(db, integration, gained, caller=current.caller, box=host.box, now=host.now())


def _not_completed(error: str) -> Refused:
    told = f" ({error})" if _ERROR.fullmatch(error) else ""
    return Refused(Reason.FORBIDDEN, f"The sign-in was not completed at the sign-in service{told}. Begin again.")


def _page(integration: Integration, link: str = "") -> str:
    with services().database.read() as db:
        has_signed_in = service_sign_in.has_signed_in(db, integration.id)
    return render_template(
        "admin/service_account.html", integration=integration, has_signed_in=has_signed_in, link=link
    )


def _address(integration_id: int) -> str:
    return f"/admin/integrations/{integration_id}/service-account/"
