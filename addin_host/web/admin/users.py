"""Users of the directory: people who may own VMRs, and whether an account is bound to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from addin_host.domain.access import Permission
from addin_host.domain.directory import Kind
from addin_host.domain.directory_record import LABELS
from addin_host.domain.errors import Refused
from addin_host.flows import directory, users, vmrs
from addin_host.flows.directory_search import USERS
from addin_host.store.models import EndUserRow
from addin_host.web.access import caller
from addin_host.web.admin.answers import form_again, is_for_the_form, problems_of
from addin_host.web.admin.downloads import csv_download
from addin_host.web.admin.listing import listing
from addin_host.web.admission import needs
from addin_host.web.headers import page_kind
from addin_host.web.services import services

blueprint = Blueprint("admin_users", __name__, url_prefix="/admin/users")

_OWNED = 50
_PLAIN = ("primary_email_address", "display_name", "first_name", "last_name")
_FURTHER = (
    "title",
    "department",
    "telephone_number",
    "mobile_number",
    "description",
    "avatar_url",
    "user_oid",
    "exchange_user_id",
    "ms_exchange_guid",
    "sync_tag",
)


@blueprint.get("/")
@page_kind("admin")
@needs(Permission.SEE_DIRECTORY)
def index() -> str:
    """Answer with one page of the users that hold the words searched for."""
    with services().database.read() as db:
        page = listing(db, USERS, "users")
        lines = directory.user_lines(db, page.ids)
    return render_template("admin/users/list.html", page=page, lines=lines)


@blueprint.get("/<int:user_id>/")
@page_kind("admin")
@needs(Permission.SEE_DIRECTORY)
def detail(user_id: int) -> str:
    """Answer with one user, the VMRs owned, and whether somebody signed in as this user."""
    with services().database.read() as db:
        row = users.get(db, user_id)
        return render_template(
            "admin/users/detail.html",
            user=row,
            bound=users.bound(db, user_id),
            owned=directory.list_vmrs(db, owner=row.primary_email_address, limit=_OWNED),
            owns=vmrs.count_owned(db, row.primary_email_address),
            further=[(LABELS[name], getattr(row, name)) for name in _FURTHER if getattr(row, name)],
        )


@blueprint.route("/new", methods=["GET", "POST"])
@page_kind("admin")
@needs(Permission.CHANGE_DIRECTORY)
def new() -> str | AnyResponse:
    """Create a user."""
    return _form(None, {}) if request.method == "GET" else _save(None)


@blueprint.route("/<int:user_id>/edit", methods=["GET", "POST"])
@page_kind("admin")
@needs(Permission.CHANGE_DIRECTORY)
def edit(user_id: int) -> str | AnyResponse:
    """Change a user."""
    with services().database.read() as db:
        row = users.get(db, user_id)
    if request.method == "POST":
        return _save(row)
    return _form(row, {name: getattr(row, name) or "" for name in (*_PLAIN, *_FURTHER)})


def _save(row: EndUserRow | None) -> AnyResponse:
    host = services()
    values = {name: request.form.get(name, "") for name in (*_PLAIN, *_FURTHER)}
    try:
        with host.database.write() as db:
            saved = users.save(db, row.id if row else None, values, caller=caller(), now=host.now())
            saved_id, address = saved.id, saved.primary_email_address
    except Refused as refusal:
        if not is_for_the_form(refusal):
            raise
        return form_again(_form(row, values, refusal), refusal)
    flash(f"{address} is saved.", "success")
    return redirect(f"/admin/users/{saved_id}/")


def _form(row: EndUserRow | None, values: Mapping[str, Any], refusal: Refused | None = None) -> str:
    problems = problems_of(refusal)
    return render_template(
        "admin/users/form.html",
        user=row,
        values=values,
        problems=problems,
        errors={problem.field: problem.message for problem in problems},
        further=_FURTHER,
        labels=LABELS,
    )


@blueprint.route("/<int:user_id>/delete", methods=["GET", "POST"])
@page_kind("admin")
@needs(Permission.CHANGE_DIRECTORY)
def delete(user_id: int) -> str | AnyResponse:
    """Say what will be gone, then delete."""
    host = services()
    if request.method == "GET":
        with host.database.read() as db:
            row = users.get(db, user_id)
            owns, bound = vmrs.count_owned(db, row.primary_email_address), users.bound(db, user_id)
            return render_template("admin/users/delete.html", user=row, owns=owns, bound=bound)
    with host.database.write() as db:
        address = users.get(db, user_id).primary_email_address
        users.delete(db, user_id, caller=caller(), now=host.now())
    flash(f"{address} is deleted.", "success")
    return redirect("/admin/users/")


@blueprint.post("/<int:user_id>/release")
@page_kind("admin")
@needs(Permission.CHANGE_DIRECTORY)
def release(user_id: int) -> AnyResponse:
    """Forget the accounts that signed in as this user."""
    host = services()
    with host.database.write() as db:
        released = users.release(db, user_id, caller=caller(), now=host.now())
    text = f"The sign-in is released: {released.subjects} accounts forgotten, {released.sessions} sessions ended."
    flash(text, "success")
    return redirect(f"/admin/users/{user_id}/")


@blueprint.post("/export.csv")
@page_kind("admin")
@needs(Permission.SEE_DIRECTORY)
def export() -> Response:
    """Answer with all users as CSV."""
    return csv_download(Kind.USER, "users.csv", with_pins=False)
