"""Keeping the directory in step with the conference platform: what the runs did, and a run now."""

from __future__ import annotations

import uuid

from flask import Blueprint, flash, redirect, render_template
from werkzeug.wrappers import Response as AnyResponse

from addin_host.domain.access import Permission
from addin_host.flows import directory_sync, platform
from addin_host.flows.directory_sync import Syncing
from addin_host.web.access import caller
from addin_host.web.admission import needs
from addin_host.web.headers import page_kind
from addin_host.web.services import services

blueprint = Blueprint("admin_directory_sync", __name__, url_prefix="/admin/directory-sync")
_HERE = "/admin/directory-sync/"
_SHOWN = 500


@blueprint.get("/")
@page_kind("admin")
@needs(Permission.SEE_DIRECTORY)
def index() -> str:
    """Answer with the runs of late."""
    with services().database.read() as db:
        return render_template(
            "admin/directory_sync/index.html", runs=directory_sync.runs(db), settings=platform.read(db)
        )


@blueprint.get("/<int:run_id>/")
@page_kind("admin")
@needs(Permission.SEE_DIRECTORY)
def run(run_id: int) -> str:
    """Answer with what one run changed."""
    with services().database.read() as db:
        found = directory_sync.get(db, run_id)
        last = directory_sync.newest(db)
        return render_template(
            "admin/directory_sync/run.html", run=found, shown=found.changes[:_SHOWN], is_last=found is last
        )


@blueprint.post("/start")
@page_kind("admin")
@needs(Permission.CHANGE_DIRECTORY)
def start() -> AnyResponse:
    """Compare now, in the background."""
    return _begin(remove_all=False)


@blueprint.post("/remove")
@page_kind("admin")
@needs(Permission.CHANGE_DIRECTORY, fresh=True)
def remove() -> AnyResponse:
    """Compare now, and remove whatever is gone however much it is."""
    return _begin(remove_all=True)


def _begin(*, remove_all: bool) -> AnyResponse:
    host, who = services(), caller()
    with host.database.read() as db:
        directory_sync.require_on(db)
    syncing = Syncing(host.database, host.box, host.outside, host.now, str(uuid.uuid4()))
    work = lambda: directory_sync.run(syncing, caller=who, remove_all=remove_all)  # noqa: E731
    host.background.submit("synchronising the directory", work)
    flash("The directory is being compared with the conference platform. Load this page again in a moment.", "success")
    return redirect(_HERE, 303)
