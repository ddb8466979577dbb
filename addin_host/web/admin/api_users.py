"""Credentials of programs that use the REST API."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from flask import Blueprint, flash, redirect, render_template, request
from werkzeug.wrappers import Response

from addin_host.domain.access import Permission
from addin_host.domain.errors import Invalid, Problem, Refused
from addin_host.flows import api_users
from addin_host.flows.api_users import ApiUser, ApiUserDraft
from addin_host.web import access
from addin_host.web.admin.answers import form_again, problems_of
from addin_host.web.admin.granting import ROLES, chosen_integrations, chosen_role, integration_choices
from addin_host.web.admission import needs
from addin_host.web.headers import page_kind
from addin_host.web.services import services

blueprint = Blueprint("admin_api_users", __name__, url_prefix="/admin/api-users")
HOME = "/admin/api-users/"
_MANAGE = Permission.MANAGE_ACCOUNTS
_USUAL_LIFE = timedelta(days=365)


@blueprint.get("/")
@page_kind("admin")
@needs(_MANAGE)
def page() -> str:
    """All API users."""
    host = services()
    with host.database.read() as db:
        found, names = api_users.overview(db), dict(integration_choices(db))
    return render_template("admin/api_users.html", api_users=found, names=names, now=host.now())


@blueprint.get("/new")
@page_kind("admin")
@needs(_MANAGE, fresh=True)
def new() -> str:
    """The form of a new API user."""
    return _form(ApiUserDraft("", expires_at=services().now() + _USUAL_LIFE), None, [])


def _form(draft: ApiUserDraft, api_user: ApiUser | None, problems: list[Problem]) -> str:
    with services().database.read() as db:
        choices = integration_choices(db)
    return render_template(
        "admin/api_users_form.html", draft=draft, api_user=api_user, problems=problems, roles=ROLES, choices=choices
    )


def _draft(*, enabled: bool) -> ApiUserDraft:
    """Return what the form says. Raises Invalid when the day cannot be read."""
    return ApiUserDraft(
        name=request.form.get("name", "").strip(),
        role=chosen_role(),
        integrations=chosen_integrations(),
        enabled=enabled,
        expires_at=_end_of(request.form.get("expires_at", "").strip()),
    )


def _end_of(day: str) -> datetime | None:
    """Return the end of a day in UTC, or None for no day."""
    try:
        return datetime.combine(date.fromisoformat(day), time(23, 59, 59), UTC) if day else None
    except ValueError as error:
        problem = Problem("expires_at", "Valid until", "is not a day. Enter one such as 2027-12-31, or nothing.")
        raise Invalid([problem]) from error


@blueprint.post("/new")
@page_kind("admin")
@needs(_MANAGE, fresh=True)
def create() -> Response | str:
    """Make an API user and show its token, once."""
    host, draft = services(), ApiUserDraft(request.form.get("name", ""))
    try:
        draft = _draft(enabled=True)
        with host.database.write() as db:
            _number, token = api_users.create(db, draft, caller=access.caller(), now=host.now())
    except Refused as refusal:
        return form_again(_form(draft, None, problems_of(refusal)), refusal)
    return render_template("admin/api_users_token.html", name=draft.name, token=token, is_new=True)


@blueprint.get("/<int:api_user_id>/")
@page_kind("admin")
@needs(_MANAGE, fresh=True)
def edit(api_user_id: int) -> str:
    """One API user."""
    with services().database.read() as db:
        found = api_users.get(db, api_user_id)
    return _form(found.draft, found, [])


@blueprint.post("/<int:api_user_id>/")
@page_kind("admin")
@needs(_MANAGE, fresh=True)
def save(api_user_id: int) -> Response:
    """Change what an API user may do, and until when."""
    host = services()
    with host.database.read() as db:
        found = api_users.get(db, api_user_id)
    draft = found.draft
    try:
        draft = _draft(enabled="enabled" in request.form)
        with host.database.write() as db:
            api_users.change(db, api_user_id, draft, caller=access.caller(), now=host.now())
    except Refused as refusal:
        return form_again(_form(draft, found, problems_of(refusal)), refusal)
    flash(f"The API user {draft.name} is saved.", "success")
    return redirect(HOME, 303)


@blueprint.post("/<int:api_user_id>/token")
@page_kind("admin")
@needs(_MANAGE, fresh=True)
def replace_token(api_user_id: int) -> str:
    """Make a new token; the old one is worth nothing any more."""
    host = services()
    with host.database.write() as db:
        token = api_users.replace_token(db, api_user_id, caller=access.caller(), now=host.now())
        name = api_users.get(db, api_user_id).draft.name
    return render_template("admin/api_users_token.html", name=name, token=token, is_new=False)


@blueprint.post("/<int:api_user_id>/delete")
@page_kind("admin")
@needs(_MANAGE, fresh=True)
def delete(api_user_id: int) -> Response:
    """Revoke an API user for good."""
    host = services()
    with host.database.write() as db:
        name = api_users.delete(db, api_user_id, caller=access.caller(), now=host.now())
    flash(f"The API user {name} is revoked.", "success")
    return redirect(HOME, 303)
