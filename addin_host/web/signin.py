"""The sign-in dialog: out to the provider, back, and over to the pane."""

from __future__ import annotations

import logging
import re
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from addin_host.domain.errors import HostError, Reason, Refused
from addin_host.domain.integration import Integration
from addin_host.domain.ports import Person
from addin_host.flows import identify, integrations, platform, signin, usage
from addin_host.flows.pkce import is_challenge, new_secret
from addin_host.flows.signin import Pane, Returned
from addin_host.web.admission import Auth, admits
from addin_host.web.guard import refuse_head, require_dialog
from addin_host.web.headers import dialog_policy, page_kind
from addin_host.web.office import office_context
from addin_host.web.services import services

_log = logging.getLogger(__name__)
blueprint = Blueprint("signin", __name__, url_prefix="/api/client/v2/msexchange_schedulers/<reference>/signin")

_NONCE = re.compile(r"[A-Za-z0-9_-]{16,128}")
_CLIENT_SECRET = "personal_vmr_oauth_client_secret"  # noqa: S105 - the name of a field


@blueprint.get("", strict_slashes=False)
@page_kind("dialog")
@admits(Auth.PUBLIC)
def start(reference: str) -> AnyResponse:
    """Begin a sign-in for a pane, or finish it at once for a person who signed in before."""
    refuse_head()
    integration = services().catalogue.get(reference)
    require_dialog(integration)
    pane = Pane(request.args.get("hash", ""), request.args.get("nonce", ""))
    if not is_challenge(pane.hash) or not _NONCE.fullmatch(pane.nonce):
        raise Refused(Reason.INVALID, "Open this page with the sign-in button of the add-in.")
    return _resume(integration, pane) or _leave(integration, pane)


def _resume(integration: Integration, pane: Pane) -> Response | None:
    host = services()
    cookie = request.cookies.get(_cookie_name(integration, "session"), "")
    with host.database.write() as db:
        found = signin.current_session(db, integration_id=integration.id, cookie=cookie, now=host.now())
        if found is None:
            return None
        code = signin.hand_over(db, integration_id=integration.id, pane=pane, session_id=found.id, now=host.now())
    return _done(integration, pane, code=code)


def _leave(integration: Integration, pane: Pane) -> AnyResponse:
    host = services()
    name = _cookie_name(integration, "dialog")
    browser = request.cookies.get(name) or new_secret()
    with host.database.write() as db:
        pending = signin.begin(
            db,
            integration_id=integration.id,
            pane=pane,
            browser=browser,
            redirect_uri=redirect_uri(integration),
            box=host.box,
            now=host.now(),
        )
    try:
        response = redirect(host.identity.authorization_url(integration, pending))
    except HostError as problem:
        return _refused(integration, pane, problem)
    _set_cookie(response, integration, "dialog", browser, signin.PENDING_LIFETIME)
    return response


def redirect_uri(integration: Integration) -> str:
    """Return the address to register at the provider."""
    return f"{integration.base_url}/signin/callback"


@blueprint.get("/callback")
@page_kind("dialog")
@admits(Auth.STATE)
def callback(reference: str) -> Response:
    """Take the provider's answer: redeem its code and hand a one-time code of ours to the pane."""
    refuse_head()
    host = services()
    integration = host.catalogue.get(reference)
    require_dialog(integration)
    with host.database.write() as db:
        returned = signin.take_back(
            db,
            integration_id=integration.id,
            state=request.args.get("state", ""),
            browser=request.cookies.get(_cookie_name(integration, "dialog"), ""),
            redirect_uri=redirect_uri(integration),
            box=host.box,
            now=host.now(),
        )
    try:
        return _finish(integration, returned, _person(integration, returned))
    except HostError as problem:
        return _refused(integration, returned.pane, problem)


def _person(integration: Integration, returned: Returned) -> Person:
    """Ask the provider who signed in. No transaction is open meanwhile."""
    host = services()
    if "error" in request.args or not request.args.get("code"):
        raise Refused(Reason.FORBIDDEN, "The sign-in was not completed at your organization's sign-in page.")
    with host.database.read() as db:
        client_secret = integrations.secret(db, integration.id, _CLIENT_SECRET, box=host.box)
    return host.identity.redeem(
        integration,
        returned.pending,
        code=request.args["code"],
        issuer=request.args.get("iss"),
        client_secret=client_secret,
    )


def _finish(integration: Integration, returned: Returned, person: Person) -> Response:
    host = services()
    with host.database.write() as db:
        user = identify.identify(db, person, allow_new_users=integration["allow_new_users"], now=host.now())
        lifetime = timedelta(hours=platform.read(db)["signin_session_hours"])
        session, cookie = signin.open_session(
            db, integration_id=integration.id, user=user, lifetime=lifetime, now=host.now()
        )
        code = signin.hand_over(
            db, integration_id=integration.id, pane=returned.pane, session_id=session.id, now=host.now()
        )
        usage.count(db, integration.id, usage.Happening.SIGN_IN, host.now())
        _log.info("User %d signed in to integration %d by %s", user.id, integration.id, person.path)
    response = _done(integration, returned.pane, code=code)
    _set_cookie(response, integration, "session", cookie, lifetime)
    return response


def _refused(integration: Integration, pane: Pane, problem: HostError) -> Response:
    host = services()
    _log.warning("A sign-in to integration %d was refused: %s", integration.id, problem.message)
    with host.database.write() as db:
        signin.hand_refusal(db, integration_id=integration.id, pane=pane, message=problem.message, now=host.now())
        usage.count(db, integration.id, usage.Happening.REFUSAL, host.now())
    return _done(integration, pane, error="refused", message=problem.message)


def _done(integration: Integration, pane: Pane, **outcome: str) -> Response:
    page = render_template(
        "signin/done.html",
        **office_context(integration),
        outcome={**outcome, "nonce": pane.nonce, "origin": integration.origin},
    )
    return Response(
        page,
        headers=[("Content-Security-Policy", dialog_policy(integration, services().deployment))],
        mimetype="text/html",
    )


def _cookie_name(integration: Integration, purpose: str) -> str:
    return f"{'__Host-' if _is_secure(integration) else ''}addin-{purpose}-{integration.id}"


def _set_cookie(response: AnyResponse, integration: Integration, purpose: str, value: str, lifetime: timedelta) -> None:
    flags: dict[str, Any] = {"httponly": True, "samesite": "Lax", "secure": _is_secure(integration), "path": "/"}
    response.set_cookie(_cookie_name(integration, purpose), value, max_age=lifetime, **flags)


def _is_secure(integration: Integration) -> bool:
    """Whether the origin is https; only the demo's is not, where browsers would drop a Secure cookie."""
    return integration.origin.startswith("https://")
