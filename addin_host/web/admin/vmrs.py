"""VMRs of the directory. PINs are write-only here; showing them is an act of its own that the audit log keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from addin_host.domain.access import Permission
from addin_host.domain.directory import Kind
from addin_host.domain.directory_record import PINS
from addin_host.domain.directory_values import SERVICE_TYPES
from addin_host.domain.errors import Refused
from addin_host.flows import directory, meeting_vmrs, references, vmrs
from addin_host.flows.directory_search import VMRS
from addin_host.flows.references import ListKind
from addin_host.store.models import ConferenceRow
from addin_host.web.access import caller
from addin_host.web.admin.answers import form_again, is_for_the_form, problems_of
from addin_host.web.admin.downloads import csv_download
from addin_host.web.admin.listing import listing
from addin_host.web.admission import needs
from addin_host.web.headers import page_kind
from addin_host.web.services import services

blueprint = Blueprint("admin_vmrs", __name__, url_prefix="/admin/vmrs")

_TEXTS = (
    "name",
    "description",
    "service_type",
    "tag",
    "participant_limit",
    "primary_owner_email_address",
    "host_identity_provider_group_id",
    "guest_identity_provider_group_id",
    "ivr_theme_id",
    "non_idp_participants",
)


@blueprint.get("/")
@page_kind("admin")
@needs(Permission.SEE_DIRECTORY)
def index() -> str:
    """Answer with one page of the VMRs that hold the words searched for."""
    with services().database.read() as db:
        page = listing(db, VMRS, "VMRs")
        lines = directory.vmr_lines(db, page.ids)
    return render_template("admin/vmrs/list.html", page=page, lines=lines)


@blueprint.get("/<int:vmr_id>/")
@page_kind("admin")
@needs(Permission.SEE_DIRECTORY)
def detail(vmr_id: int) -> str:
    """Answer with one VMR; of its PINs only whether they are set."""
    with services().database.read() as db:
        row = vmrs.get(db, vmr_id)
        meeting = meeting_vmrs.meeting_of(db, row.id) if row.is_scheduled else None
        number = meeting.id if meeting else None
        return render_template("admin/vmrs/detail.html", vmr=row, lists=_lists(db), meeting=number)


@blueprint.route("/new", methods=["GET", "POST"])
@page_kind("admin")
@needs(Permission.CHANGE_DIRECTORY)
def new() -> str | AnyResponse:
    """Create a VMR."""
    if request.method == "GET":
        return _form(None, {"primary_owner_email_address": request.args.get("owner", "")[:100]})
    return _save(None)


@blueprint.route("/<int:vmr_id>/edit", methods=["GET", "POST"])
@page_kind("admin")
@needs(Permission.CHANGE_DIRECTORY)
def edit(vmr_id: int) -> str | AnyResponse:
    """Change a VMR."""
    with services().database.read() as db:
        row = vmrs.get(db, vmr_id)
        stored = {name: getattr(row, name) for name in _TEXTS}
        stored |= {"allow_guests": row.allow_guests, "aliases": "\n".join(alias.alias for alias in row.aliases)}
    return _form(row, stored) if request.method == "GET" else _save(row)


def _save(row: ConferenceRow | None) -> AnyResponse:
    """Save what the form holds, or answer with the form and what is wrong with it."""
    host, form = services(), request.form
    values: dict[str, Any] = {name: form.get(name, "") for name in _TEXTS}
    values |= {"allow_guests": "allow_guests" in form, "aliases": form.get("aliases", "").replace(",", " ").split()}
    values |= {name: "" for name in PINS if f"clear_{name}" in form}
    values |= {name: form[name] for name in PINS if form.get(name, "").strip()}
    seen = form.get("version", type=int) if row else None
    try:
        with host.database.write() as db:
            saved = vmrs.save(
                db, row.id if row else None, values, box=host.box, caller=caller(), now=host.now(), version=seen
            )
            saved_id, name = saved.id, saved.name
    except Refused as refusal:
        if not is_for_the_form(refusal):
            raise
        shown = {**values, "aliases": form.get("aliases", "")}
        return form_again(_form(row, shown, refusal), refusal)
    flash(f"{name} is saved.", "success")
    return redirect(f"/admin/vmrs/{saved_id}/")


def _form(row: ConferenceRow | None, values: Mapping[str, Any], refusal: Refused | None = None) -> str:
    problems = problems_of(refusal)
    with services().database.read() as db:
        lists = _lists(db)
    return render_template(
        "admin/vmrs/form.html",
        vmr=row,
        values={name: value for name, value in values.items() if name not in PINS},
        problems=problems,
        errors={problem.field: problem.message for problem in problems},
        typed_pins=[name for name in PINS if refusal and request.form.get(name)],
        lists=lists,
        service_types=[(kind, kind.replace("_", " ")) for kind in SERVICE_TYPES],
    )


def _lists(db: Session) -> dict[str, list[tuple[int | str, str]]]:
    """Return the choices of the fields that refer to a list."""
    blank: tuple[int | str, str] = ("", "None")
    themes, groups = (
        [blank, *((entry.id, entry.name) for entry in references.list_(db, kind))]
        for kind in (ListKind.IVR_THEME, ListKind.IDENTITY_PROVIDER_GROUP)
    )
    return {
        "ivr_theme_id": themes,
        "host_identity_provider_group_id": groups,
        "guest_identity_provider_group_id": groups,
    }


@blueprint.route("/<int:vmr_id>/delete", methods=["GET", "POST"])
@page_kind("admin")
@needs(Permission.CHANGE_DIRECTORY)
def delete(vmr_id: int) -> str | AnyResponse:
    """Say what will be gone, then delete."""
    host = services()
    if request.method == "GET":
        with host.database.read() as db:
            return render_template("admin/vmrs/delete.html", vmr=vmrs.get(db, vmr_id))
    with host.database.write() as db:
        name = vmrs.get(db, vmr_id).name
        vmrs.delete(db, vmr_id, caller=caller(), now=host.now())
    flash(f"{name} is deleted.", "success")
    return redirect("/admin/vmrs/")


@blueprint.route("/<int:vmr_id>/pins", methods=["GET", "POST"])
@page_kind("admin")
@needs(Permission.SEE_PINS, fresh=True)
def pins(vmr_id: int) -> str:
    """Ask whether the PINs are to be shown; when sent, show them once and write that down."""
    host = services()
    if request.method == "GET":
        with host.database.read() as db:
            return render_template("admin/vmrs/pins.html", vmr=vmrs.get(db, vmr_id), pins=None)
    with host.database.write() as db:
        found = vmrs.look_at_pins(db, vmr_id, box=host.box, caller=caller(), now=host.now())
    with host.database.read() as db:
        return render_template("admin/vmrs/pins.html", vmr=vmrs.get(db, vmr_id), pins=found)


@blueprint.get("/export")
@page_kind("admin")
@needs(Permission.SEE_DIRECTORY)
def export() -> str:
    """Offer the export, without PINs and with them."""
    return render_template("admin/vmrs/export.html")


@blueprint.post("/export.csv")
@page_kind("admin")
@needs(Permission.SEE_DIRECTORY)
def export_plain() -> Response:
    """Answer with all VMRs as CSV, without PINs."""
    return csv_download(Kind.VMR, "vmrs.csv", with_pins=False)


@blueprint.route("/export-with-pins", methods=["GET", "POST"])
@page_kind("admin")
@needs(Permission.SEE_PINS, fresh=True)
def export_with_pins() -> AnyResponse:
    """Answer with all VMRs and their PINs as CSV; whoever comes from proving who they are asks once more."""
    if request.method == "GET":
        return redirect("/admin/vmrs/export")
    return csv_download(Kind.VMR, "vmrs-with-pins.csv", with_pins=True)
