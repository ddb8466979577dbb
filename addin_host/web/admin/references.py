"""Small lists that integrations and VMRs refer to: themes and identity provider groups."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from addin_host.domain.access import Permission
from addin_host.domain.errors import Invalid, Refused
from addin_host.flows import references
from addin_host.flows.references import ListKind
from addin_host.web.access import caller
from addin_host.web.admission import needs
from addin_host.web.headers import page_kind
from addin_host.web.services import services

blueprint = Blueprint("admin_references", __name__, url_prefix="/admin/lists")

_HOME = "/admin/lists/"


@blueprint.get("/")
@page_kind("admin")
@needs(Permission.SEE_DIRECTORY)
def page() -> str:
    """Answer with both lists, and how often each entry is used."""
    return _page()


def _page(**problem: Any) -> str:
    with services().database.read() as db:
        lists = [(kind, references.with_uses(db, kind)) for kind in ListKind]
    return render_template("admin/lists/page.html", lists=lists, problem=problem)


@blueprint.post("/<kind>/")
@page_kind("admin")
@needs(Permission.CHANGE_LISTS)
def create(kind: str) -> AnyResponse | tuple[str, int]:
    """Add an entry."""
    wanted, name = _kind(kind), request.form.get("name", "")
    try:
        with services().database.write() as db:
            made = references.create(db, wanted, name, caller=caller(), now=services().now())
    except Invalid as refusal:
        return _page(kind=wanted, entry=None, name=name, message=refusal.problems[0].message), 400
    return _back(f"The {wanted.label} “{made.name}” was added.")


@blueprint.post("/<kind>/<int:entry>/rename")
@page_kind("admin")
@needs(Permission.CHANGE_LISTS)
def rename(kind: str, entry: int) -> AnyResponse | tuple[str, int]:
    """Give an entry another name."""
    wanted, name = _kind(kind), request.form.get("name", "")
    try:
        with services().database.write() as db:
            made = references.rename(db, wanted, entry, name, caller=caller(), now=services().now())
    except Invalid as refusal:
        return _page(kind=wanted, entry=entry, name=name, message=refusal.problems[0].message), 400
    return _back(f"The {wanted.label} is called “{made.name}” now.")


@blueprint.post("/<kind>/<int:entry>/delete")
@page_kind("admin")
@needs(Permission.CHANGE_LISTS)
def delete(kind: str, entry: int) -> AnyResponse:
    """Delete an entry that nothing refers to."""
    wanted = _kind(kind)
    try:
        with services().database.write() as db:
            name = references.delete(db, wanted, entry, caller=caller(), now=services().now())
    except Refused as refusal:
        return _back(refusal.message, "danger")
    return _back(f"The {wanted.label} “{name}” was deleted.")


def _kind(text: str) -> ListKind:
    try:
        return ListKind(text)
    except ValueError:
        abort(404)


def _back(message: str, category: str = "success") -> AnyResponse:
    flash(message, category)
    return redirect(_HOME, 303)
