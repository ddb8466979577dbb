"""Accounts of administrators."""

from __future__ import annotations

from flask import Blueprint, flash, g, redirect, render_template, request
from werkzeug.wrappers import Response

from addin_host.domain.access import Permission
from addin_host.domain.accounts import AccountDraft
from addin_host.domain.errors import Problem, Refused
from addin_host.flows import accounts, admin_sessions, platform, setup_links
from addin_host.flows.accounts import Account
from addin_host.web import access
from addin_host.web.admin.answers import form_again, problems_of
from addin_host.web.admin.granting import ROLES, chosen_integrations, chosen_role, integration_choices
from addin_host.web.admission import needs
from addin_host.web.headers import page_kind
from addin_host.web.services import services

blueprint = Blueprint("admin_accounts", __name__, url_prefix="/admin/accounts")
HOME = "/admin/accounts/"
_MANAGE = Permission.MANAGE_ACCOUNTS


@blueprint.get("/")
@page_kind("admin")
@needs(_MANAGE)
def page() -> str:
    """All accounts."""
    with services().database.read() as db:
        found, names = accounts.overview(db), dict(integration_choices(db))
    return render_template("admin/accounts.html", accounts=found, names=names)


@blueprint.get("/new")
@page_kind("admin")
@needs(_MANAGE, fresh=True)
def new() -> str:
    """The form of a new account."""
    return _form(AccountDraft(""), None, [])


def _form(draft: AccountDraft, account: Account | None, problems: list[Problem]) -> str:
    host = services()
    with host.database.read() as db:
        choices = integration_choices(db)
        lifetime = platform.admin_lifetime(db)
        sessions = admin_sessions.of_account(db, account.id, now=host.now(), lifetime=lifetime) if account else []
    return render_template(
        "admin/accounts_form.html",
        draft=draft,
        account=account,
        problems=problems,
        roles=ROLES,
        choices=choices,
        sessions=sessions,
        present=g.admin_session.id,
        is_own=account is not None and account.id == access.caller().id,
    )


def _draft() -> AccountDraft:
    form = request.form
    return AccountDraft(
        name=form.get("name", "").strip(),
        display_name=form.get("display_name", "").strip(),
        email=form.get("email", "").strip(),
        role=chosen_role(),
        integrations=chosen_integrations(),
        enabled="enabled" in form,
    )


@blueprint.post("/new")
@page_kind("admin")
@needs(_MANAGE, fresh=True)
def create() -> Response | str:
    """Make an account, and show the one-time link with which its owner chooses a password."""
    host, draft, caller = services(), _draft(), access.caller()
    try:
        with host.database.write() as db:
            number = accounts.create(db, draft, caller=caller, now=host.now())
            token = setup_links.issue(db, number, caller=caller, now=host.now())
            link = setup_links.address(db, token, here=request.host_url.rstrip("/"))
    except Refused as refusal:
        return form_again(_form(draft, None, problems_of(refusal)), refusal)
    return render_template("admin/accounts_link.html", name=draft.name, link=link, is_new=True)


@blueprint.get("/<int:account_id>/")
@page_kind("admin")
@needs(_MANAGE, fresh=True)
def edit(account_id: int) -> str:
    """One account, with its sessions."""
    with services().database.read() as db:
        account = accounts.get(db, account_id)
    return _form(account.draft, account, [])


@blueprint.post("/<int:account_id>/")
@page_kind("admin")
@needs(_MANAGE, fresh=True)
def save(account_id: int) -> Response:
    """Change an account."""
    host, draft = services(), _draft()
    with host.database.read() as db:
        account = accounts.get(db, account_id)
    try:
        with host.database.write() as db:
            accounts.change(db, account_id, draft, caller=access.caller(), now=host.now())
    except Refused as refusal:
        return form_again(_form(draft, account, problems_of(refusal)), refusal)
    flash(f"The account {draft.name} is saved.", "success")
    return redirect(HOME, 303)


@blueprint.post("/<int:account_id>/delete")
@page_kind("admin")
@needs(_MANAGE, fresh=True)
def delete(account_id: int) -> Response:
    """Delete an account."""
    host = services()
    with host.database.read() as db:
        account = accounts.get(db, account_id)
    try:
        with host.database.write() as db:
            accounts.delete(db, account_id, caller=access.caller(), now=host.now())
    except Refused as refusal:
        return form_again(_form(account.draft, account, problems_of(refusal)), refusal)
    flash(f"The account {account.name} is deleted.", "success")
    return redirect(HOME, 303)


@blueprint.post("/<int:account_id>/link")
@page_kind("admin")
@needs(_MANAGE, fresh=True)
def link(account_id: int) -> str:
    """Make a one-time link for somebody who has no password, or has forgotten it."""
    host = services()
    with host.database.write() as db:
        account = accounts.get(db, account_id)
        token = setup_links.issue(db, account_id, caller=access.caller(), now=host.now())
        address = setup_links.address(db, token, here=request.host_url.rstrip("/"))
    return render_template("admin/accounts_link.html", name=account.name, link=address, is_new=False)


@blueprint.post("/<int:account_id>/codes-off")
@page_kind("admin")
@needs(_MANAGE, fresh=True)
def codes_off(account_id: int) -> Response:
    """Switch one-time codes off for somebody who has lost the phone and the recovery codes."""
    host = services()
    with host.database.write() as db:
        accounts.switch_codes_off(db, account_id, caller=access.caller(), now=host.now())
    flash("One-time codes are switched off for this account.", "success")
    return redirect(f"{HOME}{account_id}/", 303)


@blueprint.post("/<int:account_id>/sessions/<int:session_id>/end")
@page_kind("admin")
@needs(_MANAGE, fresh=True)
def end_session(account_id: int, session_id: int) -> Response:
    """End somebody's session."""
    host = services()
    with host.database.write() as db:
        accounts.end_session(db, account_id, session_id, caller=access.caller(), now=host.now())
    flash("The session is ended.", "success")
    return redirect(f"{HOME}{account_id}/", 303)
