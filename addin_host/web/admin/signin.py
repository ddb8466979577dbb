"""Administrators signing in and out: password, one-time code, one-time links, and proving again who they are."""

from __future__ import annotations

from urllib.parse import quote

from flask import Blueprint, flash, g, redirect, render_template, request
from werkzeug.wrappers import Response

from addin_host.domain.errors import Problem, Refused
from addin_host.flows import accounts, admin_sessions, admin_signin, platform, setup_links
from addin_host.flows.admin_signin import Proof
from addin_host.flows.throttle import Counted
from addin_host.web import access
from addin_host.web.admin import provider_signin
from addin_host.web.admin.answers import form_again, problems_of
from addin_host.web.admin.signin_page import asked_next, entered, sign_in_page
from addin_host.web.admission import Auth, admits, needs
from addin_host.web.headers import page_kind
from addin_host.web.services import services

blueprint = Blueprint("admin_signin", __name__, url_prefix="/admin")
blueprint.add_url_rule("/signin/start", "start", provider_signin.start)
blueprint.add_url_rule("/signin/callback", "callback", provider_signin.callback)


@blueprint.get("/signin")
@page_kind("admin")
@admits(Auth.PUBLIC)
def page() -> Response | str:
    """The sign-in page; who is signed in goes on."""
    found = access.current_session()
    is_in = found is not None and found.stage == admin_sessions.FULL
    return redirect(asked_next()) if is_in else sign_in_page()


@blueprint.post("/signin")
@page_kind("admin")
@admits(Auth.PUBLIC)
def sign_in() -> Response:
    """Sign in by name and password."""
    name, password = request.form.get("name", ""), request.form.get("password", "")
    try:
        opened = admin_signin.with_password(
            services().database, name, password, visit=access.visit(), neighbourhood=_neighbourhood()
        )
    except Refused as refusal:
        return form_again(sign_in_page(name, refusal.message), refusal)
    return entered(opened, asked_next())


@blueprint.get("/signin/code")
@page_kind("admin")
@admits(Auth.STATE)
def code_page() -> Response | str:
    """Ask for the one-time code of a sign-in that waits for it."""
    if admin_signin.waiting(services().database, access.session_cookie(), visit=access.visit()) is None:
        return redirect(f"/admin/signin?next={quote(asked_next(), safe='')}")
    return _code_page("")


def _code_page(problem: str) -> str:
    return render_template("admin/signin_code.html", problem=problem, next=asked_next())


@blueprint.post("/signin/code")
@page_kind("admin")
@admits(Auth.STATE)
def send_code() -> Response:
    """Complete a sign-in with a one-time code or a recovery code."""
    host = services()
    try:
        opened = admin_signin.with_code(
            host.database,
            access.session_cookie(),
            request.form.get("code", ""),
            box=host.box,
            visit=access.visit(),
            neighbourhood=_neighbourhood(),
        )
    except Refused as refusal:
        return form_again(_code_page(refusal.message), refusal)
    return entered(opened, asked_next())


@blueprint.post("/signout")
@page_kind("admin")
@admits(Auth.STATE)
def sign_out() -> Response:
    """End the session of this browser."""
    with services().database.write() as db:
        admin_signin.leave(db, access.session_cookie(), visit=access.visit())
    response = access.drop_session(redirect("/admin/signin", 303))
    flash("You are signed out.", "success")
    return response


@blueprint.get("/setup")
@page_kind("admin")
@admits(Auth.STATE)
def setup_page() -> Response | str:
    """Let whoever holds a one-time link choose a password."""
    token = request.args.get("token", "")
    try:
        link = setup_links.read(services().database, token, now=services().now(), counted=_by_network())
    except Refused as refusal:
        return form_again(_setup_page("", None, [Problem("", "", refusal.message)]), refusal)
    return _setup_page(token, link, [])


def _setup_page(token: str, link: setup_links.Link | None, problems: list[Problem]) -> str:
    name = link.name if link is not None and link.name else request.form.get("name", "")
    return render_template("admin/signin_setup.html", token=token, link=link, name=name, problems=problems)


@blueprint.post("/setup")
@page_kind("admin")
@admits(Auth.STATE)
def set_up() -> Response:
    """Store the chosen password and sign in."""
    host, form, link = services(), request.form, None
    token = form.get("token", "")
    try:
        link = setup_links.read(host.database, token, now=host.now(), counted=_by_network())
        password = setup_links.typed_twice(form.get("password", ""), form.get("again", ""))
        opened = setup_links.use(
            host.database, token, form.get("name", ""), password, visit=access.visit(), counted=_by_network()
        )
    except Refused as refusal:
        return form_again(_setup_page(token, link, problems_of(refusal)), refusal)
    return entered(opened, asked_next())


@blueprint.get("/confirm")
@page_kind("admin")
@needs(None)
def confirm_page() -> str:
    """Ask who is in front of this browser, before something that matters."""
    return _confirm_page("")


def _confirm_page(problem: str) -> str:
    with services().database.read() as db:
        account, settings = accounts.get(db, access.caller().id), platform.read(db)
    return render_template(
        "admin/signin_confirm.html", account=account, settings=settings, problem=problem, next=asked_next()
    )


@blueprint.post("/confirm")
@page_kind("admin")
@needs(None)
def confirm() -> Response:
    """Take a password or a one-time code as proof, and go on."""
    host, visit = services(), access.visit()
    proof = Proof(request.form.get("password", ""), request.form.get("code", ""))
    try:
        admin_signin.prove(
            host.database, g.admin_session, proof, box=host.box, visit=visit, neighbourhood=_neighbourhood()
        )
    except Refused as refusal:
        return form_again(_confirm_page(refusal.message), refusal)
    with host.database.write() as db:
        by = "one-time code" if proof.code else "password"
        cookie = admin_signin.confirmed(db, g.admin_session, by=by, visit=visit)
    return access.keep_session(redirect(asked_next(), 303), cookie)


def _neighbourhood() -> str:
    return access.neighbourhood(access.network())


def _by_network() -> Counted:
    return Counted("", f"net:{_neighbourhood()}", access.network())
