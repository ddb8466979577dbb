"""Administrators at the organization's provider: leaving for it, and coming back. signin.py has the addresses."""

from __future__ import annotations

import logging

from flask import redirect, request
from werkzeug.wrappers import Response

from addin_host.domain.errors import HostError, Reason, Refused
from addin_host.domain.ports import AdminPerson
from addin_host.flows import admin_provider, admin_sessions, platform
from addin_host.flows.admin_provider import Returned
from addin_host.flows.pkce import new_secret
from addin_host.flows.signin import PENDING_LIFETIME
from addin_host.web import access
from addin_host.web.admin.answers import form_again
from addin_host.web.admin.signin_page import asked_next, entered, sign_in_page
from addin_host.web.admission import Auth, admits
from addin_host.web.guard import refuse_head
from addin_host.web.headers import page_kind
from addin_host.web.services import services

_log = logging.getLogger(__name__)


@page_kind("admin")
@admits(Auth.PUBLIC)
def start() -> Response:
    """Send the browser to the provider; `again` asks who is signed in already to prove it once more."""
    refuse_head()
    host, again = services(), "again" in request.args
    browser = request.cookies.get(_cookie_name()) or new_secret()
    try:
        with host.database.write() as db:
            provider = admin_provider.provider_of(platform.read(db))
            pending = admin_provider.begin(
                db, browser=browser, next_path=asked_next(), again=again, box=host.box, now=host.now()
            )
        response = redirect(host.admin_identity.authorization_url(provider, pending, again=again))
    except HostError as problem:
        return _refused(problem, asked_next())
    response.set_cookie(
        _cookie_name(),
        browser,
        max_age=PENDING_LIFETIME,
        secure=access.is_secure(),
        httponly=True,
        samesite="Lax",
        path="/",
    )
    return response


@page_kind("admin")
@admits(Auth.STATE)
def callback() -> Response:
    """Take the provider's answer: sign the person in, or note that whoever is signed in has proved it."""
    refuse_head()
    host, next_path = services(), ""
    try:
        with host.database.write() as db:
            returned = admin_provider.take_back(
                db,
                state=request.args.get("state", ""),
                browser=request.cookies.get(_cookie_name(), ""),
                box=host.box,
                now=host.now(),
            )
        next_path = returned.next_path
        person = _person(returned)
        return _confirmed(returned, person) if returned.again else _entered(returned, person)
    except HostError as problem:
        return _refused(problem, next_path)


def _person(returned: Returned) -> AdminPerson:
    """Ask the provider who signed in. No transaction is open meanwhile."""
    host = services()
    if "error" in request.args or not request.args.get("code"):
        raise Refused(Reason.FORBIDDEN, "The sign-in was not completed at your organization's sign-in page.")
    with host.database.read() as db:
        provider = admin_provider.provider_of(platform.read(db))
        client_secret = platform.secret(db, "oidc_client_secret", box=host.box)
    return host.admin_identity.redeem(
        provider,
        returned.pending,
        code=request.args["code"],
        issuer=request.args.get("iss"),
        client_secret=client_secret,
        again=returned.again,
    )


def _entered(returned: Returned, person: AdminPerson) -> Response:
    with services().database.write() as db:
        opened = admin_provider.enter(db, person, visit=access.visit())
    if opened is None:
        raise admin_provider.refused()
    return entered(opened, returned.next_path)


def _confirmed(returned: Returned, person: AdminPerson) -> Response:
    current = access.current_session()
    if current is None or current.stage != admin_sessions.FULL:
        raise Refused(Reason.UNAUTHENTICATED, "Your session ended meanwhile. Sign in.")
    with services().database.write() as db:
        cookie = admin_provider.confirm(db, current, person, visit=access.visit())
    return access.keep_session(redirect(returned.next_path), cookie)


def _refused(problem: HostError, next_path: str) -> Response:
    _log.warning("A sign-in of an administrator was refused: %s", problem.message)
    return form_again(sign_in_page(problem=problem.message, next_path=next_path), problem)


def _cookie_name() -> str:
    return "__Host-addin-provider" if access.is_secure() else "addin-provider"
