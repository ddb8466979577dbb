"""The audit log: read by page, filtered, and taken away as a file."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from flask import Blueprint, Response, render_template, request

from addin_host.domain.access import Permission
from addin_host.domain.errors import Problem
from addin_host.domain.fields import BY_NAME
from addin_host.domain.platform import PLATFORM_BY_NAME
from addin_host.flows import audit_log
from addin_host.flows.audit_log import Wanted
from addin_host.web.access import caller
from addin_host.web.admin import filters
from addin_host.web.admission import needs
from addin_host.web.headers import page_kind
from addin_host.web.numbers import row_number
from addin_host.web.services import services

blueprint = Blueprint("admin_audit", __name__, url_prefix="/admin/audit")
_LABELS: Mapping[str, str] = {"since": "From", "until": "Until", "integration": "Integration"}
_HINT = "Enter the number of an integration."
_FILTERS = ("since", "until", "actor", "action", "kind", "integration", "text")
_TYPES: Mapping[str, str] = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}


@blueprint.get("/")
@page_kind("admin")
@needs(Permission.SEE_AUDIT)
def log() -> str:
    """Show a page of the log, newest first."""
    wanted, problems = _wanted()
    with services().database.read() as session:
        page = audit_log.page(session, caller(), wanted, before=_place("before"), after=_place("after"))
        choices, head = audit_log.choices(session, caller()), audit_log.head(session)
    given = {name: request.args[name] for name in _FILTERS if request.args.get(name)}
    return render_template(
        "admin/audit/log.html",
        page=page,
        choices=choices,
        head=head,
        given=given,
        problems=problems,
        label_of=_label_of,
        newer=_address(given, after=page.newer),
        older=_address(given, before=page.older),
        exports={form: f"/admin/audit/export?{urlencode(given | {'format': form})}" for form in _TYPES},
    )


@blueprint.get("/export")
@page_kind("admin")
@needs(Permission.SEE_AUDIT)
def export() -> Response:
    """Send the filtered log as a file, oldest first, while it is being read."""
    form = "csv" if request.args.get("format") == "csv" else "jsonl"
    pieces = audit_log.export(services().database, caller(), _wanted()[0], form=form)
    name = f"audit-{services().now():%Y-%m-%d}.{form}"
    return Response(
        pieces, content_type=_TYPES[form], headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


def _label_of(kind: str, name: str) -> str:
    """Return what the form calls a value of an entry, or "" where no form has it."""
    table = {"integration": BY_NAME, "platform settings": PLATFORM_BY_NAME}.get(kind, {})
    return table[name].label if name in table else ""


def _wanted() -> tuple[Wanted, list[Problem]]:
    problems: list[Problem] = []
    given = {name: request.args.get(name, "").strip() for name in _FILTERS}
    wanted = Wanted(
        since=filters.instant("since", _LABELS["since"], given["since"], problems),
        until=filters.instant("until", _LABELS["until"], given["until"], problems),
        actor=given["actor"],
        action=given["action"],
        kind=given["kind"],
        integration=filters.number("integration", _LABELS["integration"], given["integration"], problems, hint=_HINT),
        text=given["text"][:200],
    )
    return wanted, problems


def _place(name: str) -> int | None:
    return row_number(request.args.get(name, ""))


def _address(given: Mapping[str, str], **where: int | None) -> str:
    ((name, number),) = where.items()
    return f"/admin/audit/?{urlencode({**given, name: number})}" if number is not None else ""
