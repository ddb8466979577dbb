"""What the scheduling service did, by correlation id, and what it has given up."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from flask import Blueprint, flash, redirect, render_template, request
from werkzeug.wrappers import Response

from addin_host.domain.access import Permission
from addin_host.domain.errors import Problem, Reason, Refused
from addin_host.flows.scheduling import listing, operations, repair
from addin_host.flows.scheduling.operations import Wanted
from addin_host.flows.scheduling.repair import Queue
from addin_host.web.access import caller
from addin_host.web.admin import filters
from addin_host.web.admission import needs
from addin_host.web.headers import page_kind
from addin_host.web.numbers import row_number
from addin_host.web.services import services

blueprint = Blueprint("admin_operations", __name__, url_prefix="/admin/operations")

_HOME = "/admin/operations/"
_FILTERS = ("id", "meeting", "organizer", "tag", "integration", "success", "since", "until")
_LABELS: Mapping[str, str] = {"since": "From", "until": "Until", "meeting": "Conference"}
_HINT = "Enter the one in the conference's address."
_MAX_TEXT = 500


@blueprint.get("/")
@page_kind("admin")
@needs(Permission.SEE_INTEGRATIONS)
def log() -> str:
    """Show a page of the log, newest first."""
    host, who = services(), caller()
    wanted, problems = _wanted()
    before, after = (row_number(request.args.get(way, "")) for way in ("before", "after"))
    keys = host.tag_keys.all() if wanted.tag else {}
    with host.database.read() as session:
        page = operations.page(session, who, wanted, keys=keys, before=before, after=after)
        integrations = listing.integrations_of(session, caller=who)
        stuck = repair.count(session, caller=who)
    given = {name: request.args[name] for name in _FILTERS if request.args.get(name)}
    return render_template(
        "admin/operations/log.html",
        page=page,
        given=given,
        problems=problems,
        integrations=integrations,
        stuck=stuck,
        newer=_address(given, after=page.newer),
        older=_address(given, before=page.older),
    )


@blueprint.get("/given-up")
@page_kind("admin")
@needs(Permission.SEE_INTEGRATIONS)
def given_up() -> str:
    """Show what the service has given up."""
    with services().database.read() as session:
        found = repair.given_up(session, caller=caller())
    return render_template("admin/operations/given_up.html", found=found)


@blueprint.post("/given-up/<queue>/<int:item_id>/again")
@page_kind("admin")
@needs(Permission.CHANGE_CONFERENCES)
def try_again(queue: str, item_id: int) -> Response:
    """Put something back into its queue."""
    host = services()
    with host.database.write() as session:
        words = repair.try_again(session, _queue(queue), item_id, caller=caller(), now=host.now())
    flash(f"{words}: the service tries it again now.", "success")
    return redirect(f"{_HOME}given-up", 303)


@blueprint.post("/given-up/<queue>/<int:item_id>/let-go")
@page_kind("admin")
@needs(Permission.CHANGE_CONFERENCES)
def let_go(queue: str, item_id: int) -> Response:
    """Close something for good."""
    host = services()
    with host.database.write() as session:
        words = repair.let_go(session, _queue(queue), item_id, caller=caller(), now=host.now())
    flash(f"{words}: let go. Nothing more will be done about it.", "success")
    return redirect(f"{_HOME}given-up", 303)


def _queue(text: str) -> Queue:
    if text not in list(Queue):
        raise Refused(Reason.UNKNOWN, "There is no such item.")
    return Queue(text)


def _wanted() -> tuple[Wanted, list[Problem]]:
    problems: list[Problem] = []
    given = {name: request.args.get(name, "").replace("\x00", "").strip()[:_MAX_TEXT] for name in _FILTERS}
    wanted = Wanted(
        since=filters.instant("since", _LABELS["since"], given["since"], problems),
        until=filters.instant("until", _LABELS["until"], given["until"], problems),
        correlation_id=given["id"],
        meeting_id=filters.number("meeting", _LABELS["meeting"], given["meeting"], problems, hint=_HINT),
        integration_id=row_number(given["integration"]),
        organizer=given["organizer"],
        tag=given["tag"],
        success={"yes": True, "no": False}.get(given["success"]),
    )
    return wanted, problems


def _address(given: Mapping[str, str], **where: int | None) -> str:
    ((name, number),) = where.items()
    return f"{_HOME}?{urlencode({**given, name: number})}" if number is not None else ""
