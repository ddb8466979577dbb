"""Checks of one integration, with their progress."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from addin_host.domain.access import Permission
from addin_host.domain.checks import CHECKS
from addin_host.flows import check_runs, checks
from addin_host.flows.check_runs import Run
from addin_host.web.access import caller
from addin_host.web.admin.scope import integration_value
from addin_host.web.admission import needs
from addin_host.web.headers import page_kind
from addin_host.web.services import services

blueprint = Blueprint("admin_checks", __name__, url_prefix="/admin/integrations/<reference>/checks")


@blueprint.get("/")
@page_kind("admin")
@needs(Permission.SEE_INTEGRATIONS)
def overview(reference: str) -> str:
    """Answer with the newest run, and those before."""
    return _page(reference, None)


@blueprint.post("/")
@page_kind("admin")
@needs(Permission.RUN_CHECKS)
def start(reference: str) -> Response:
    """Start the checks in the background, unless they are at work already; lead to their page."""
    host, integration = services(), integration_value(reference)
    with host.database.write() as db:
        run_id, is_new = checks.begin(db, integration.id, asked_by=caller().name, now=host.now())
    if is_new:
        inspection = host.inspection
        host.background.submit("checks", lambda: checks.carry_out(inspection, run_id))
    return redirect(f"/admin/integrations/{integration.id}/checks/{run_id}", 303)


@blueprint.get("/<int:run_id>")
@page_kind("admin")
@needs(Permission.SEE_INTEGRATIONS)
def run(reference: str, run_id: int) -> str:
    """Answer with one run; while it is at work the page follows it."""
    return _page(reference, run_id)


def _page(reference: str, run_id: int | None) -> str:
    host, integration = services(), integration_value(reference)
    with host.database.read() as db:
        runs = check_runs.latest(db, integration.id, now=host.now())
        wanted = run_id if run_id is not None else runs[0].id if runs else None
        shown = _run(db, integration.id, wanted) if wanted else None
    return render_template(
        "admin/checks/page.html", integration=integration, run=shown, runs=runs, catalogue=CHECKS, steps=_steps(shown)
    )


def _run(db: Session, integration_id: int, run_id: int) -> Run:
    host = services()
    return check_runs.find(db, integration_id, run_id, deployment=host.deployment, now=host.now())


@blueprint.get("/<int:run_id>/progress")
@page_kind("admin")
@needs(Permission.SEE_INTEGRATIONS)
def progress(reference: str, run_id: int) -> dict[str, Any]:
    """Answer with a run as JSON, for the page that follows it."""
    host, integration = services(), integration_value(reference)
    with host.database.read() as db:
        found = _run(db, integration.id, run_id)
    return {
        "state": found.state,
        "done": found.done,
        "planned": len(found.results),
        "summary": summary(found),
        "kind": found.outcome.kind,
        "steps": _steps(found),
    }


def _steps(run: Run | None) -> list[dict[str, Any]]:
    return [
        {
            "title": result.title,
            "kind": result.outcome.kind,
            "label": result.outcome.label,
            "message": result.message,
            "next_step": result.next_step,
            "seconds": f"{result.seconds:.1f} s" if result.seconds >= 0.05 else "",
        }
        for result in (run.results if run else ())
    ]


def summary(run: Run) -> str:
    """Return one sentence about a run."""
    if run.state == "running":
        return f"The checks are at work: {run.done} of {len(run.results)} are through."
    if run.state == "broken off":
        return "The checks were broken off, because the process that ran them ended. Check again."
    parts = [f"{run.count(name)} {words}" for name, words in _COUNTED if run.count(name)]
    return f"{', '.join(parts) or 'Nothing was checked'}."


_COUNTED = (("failed", "failed"), ("warning", "with a warning"), ("ok", "passed"), ("skipped", "left out"))


@blueprint.app_template_filter("check_summary")
def _summary(run: Run) -> str:
    return summary(run)
