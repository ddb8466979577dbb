"""Importing users and VMRs from a file: handed in, examined, confirmed, carried out while one may leave the page."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from typing import Any

from flask import Blueprint, Response, jsonify, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from addin_host.domain.access import Permission
from addin_host.domain.errors import Invalid, Refused
from addin_host.flows import import_jobs
from addin_host.store.models import ImportJobRow
from addin_host.web.access import caller
from addin_host.web.admin.answers import form_again, problems_of
from addin_host.web.admin.downloads import attachment
from addin_host.web.admission import needs
from addin_host.web.headers import page_kind
from addin_host.web.services import services

blueprint = Blueprint("admin_imports", __name__, url_prefix="/admin/imports")

_SHOWN = 50
_ROOM_FOR_FORM = 64 * 1024


@blueprint.get("/")
@page_kind("admin")
@needs(Permission.CHANGE_DIRECTORY)
def index() -> str:
    """Answer with the form for a new file, and the imports of late."""
    return _index({"kind": request.args.get("kind", "vmrs")})


def _index(values: dict[str, Any], refusal: Refused | None = None) -> str:
    with services().database.read() as db:
        jobs = import_jobs.newest(db)
    now = services().now()
    problems = problems_of(refusal)
    return render_template(
        "admin/imports/index.html",
        jobs=[(job, import_jobs.is_stalled(job, now)) for job in jobs],
        values=values,
        problems=problems,
        errors={problem.field: problem.message for problem in problems},
    )


@blueprint.post("/")
@page_kind("admin")
@needs(Permission.CHANGE_DIRECTORY, max_body=import_jobs.MAX_BYTES + _ROOM_FOR_FORM)
def hand_in() -> AnyResponse:
    """Take a file, and find out in the background what importing it would do."""
    host, file, kind = services(), request.files.get("file"), request.form.get("kind", "")
    name, content = (file.filename or "", file.read()) if file else ("", b"")
    try:
        with host.database.write() as db:
            job_id = import_jobs.hand_in(
                db, filename=name, kind=kind, content=content, box=host.box, caller=caller(), now=host.now()
            )
    except Invalid as refusal:
        return form_again(_index({"kind": kind}, refusal), refusal)
    _submit(lambda: import_jobs.examine_file(host.database, job_id, box=host.box, now=host.now))
    return redirect(f"/admin/imports/{job_id}/")


def _submit(work: Callable[[], None]) -> None:
    services().background.submit("a directory import", work)


@blueprint.get("/<int:job_id>/")
@page_kind("admin")
@needs(Permission.CHANGE_DIRECTORY)
def job(job_id: int) -> str:
    """Answer with what the import would do, how far it is, or what became of it."""
    with services().database.read() as db:
        row = import_jobs.get(db, job_id)
        return render_template(
            "admin/imports/job.html",
            job=row,
            shown=row.report[:_SHOWN],
            stalled=import_jobs.is_stalled(row, services().now()),
            busy=row.state in import_jobs.BUSY,
            can_cancel=row.state != import_jobs.RUNNING or not services().database.is_sqlite,
        )


@blueprint.get("/<int:job_id>/state")
@page_kind("api")
@needs(Permission.CHANGE_DIRECTORY)
def state(job_id: int) -> Response:
    """Answer with how far the import is, for the page's script."""
    with services().database.read() as db:
        row = import_jobs.get(db, job_id)
        return jsonify({"state": row.state, "done": row.done_records, "all": row.all_records, "busy": _is_busy(row)})


def _is_busy(row: ImportJobRow) -> bool:
    return row.state in import_jobs.BUSY and not import_jobs.is_stalled(row, services().now())


@blueprint.post("/<int:job_id>/start")
@page_kind("admin")
@needs(Permission.CHANGE_DIRECTORY)
def start(job_id: int) -> AnyResponse:
    """Import the file in the background."""
    host, who = services(), caller()
    with host.database.write() as db:
        import_jobs.start(db, job_id, now=host.now())
    _submit(lambda: import_jobs.carry_out(host.database, job_id, box=host.box, caller=who, now=host.now))
    return redirect(f"/admin/imports/{job_id}/")


@blueprint.post("/<int:job_id>/cancel")
@page_kind("admin")
@needs(Permission.CHANGE_DIRECTORY)
def cancel(job_id: int) -> AnyResponse:
    """End an import, and forget its file."""
    host = services()
    with host.database.write() as db:
        import_jobs.cancel(db, job_id, now=host.now())
    return redirect(f"/admin/imports/{job_id}/")


@blueprint.get("/<int:job_id>/report.csv")
@page_kind("admin")
@needs(Permission.CHANGE_DIRECTORY)
def report(job_id: int) -> Response:
    """Answer with everything that is wrong with the file: row, column, message."""
    with services().database.read() as db:
        rows = import_jobs.get(db, job_id).report
    return attachment(_report(rows), f"import-{job_id}-problems.csv")


def _report(rows: list[Any]) -> Iterator[str]:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(("row", "column", "message"))
    writer.writerows((row or "", column, message) for row, column, message in rows)
    yield out.getvalue()
