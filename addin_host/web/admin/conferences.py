"""Scheduled conferences: a day as a picture, all that are to come as a list, and each with its history."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode

from flask import Blueprint, flash, redirect, render_template, request
from werkzeug.wrappers import Response

from addin_host.domain.access import Permission
from addin_host.flows.scheduling import listing, one_meeting, timeline
from addin_host.flows.scheduling.listing import Found, Key, Wanted
from addin_host.flows.scheduling.meeting_search import MAX_TEXT
from addin_host.web.access import caller
from addin_host.web.admission import needs
from addin_host.web.headers import page_kind
from addin_host.web.numbers import row_number
from addin_host.web.services import services

blueprint = Blueprint("admin_conferences", __name__, url_prefix="/admin/conferences")

_HOME, _LIST = "/admin/conferences/", "/admin/conferences/list"
_SIZES = (25, 50, 100)
_LAST_PAGE = 100


@blueprint.get("/")
@page_kind("admin")
@needs(Permission.SEE_INTEGRATIONS)
def day() -> str:
    """Answer with one day as a picture."""
    host, who = services(), caller()
    integration_id, page = row_number(request.args.get("integration", "")), _page()
    with host.database.read() as session:
        zone = timeline.zone_for(session, integration_id, caller=who)
        chosen = _day(request.args.get("day", "")) or host.now().astimezone(zone[0]).date()
        found = timeline.day_of(
            session, chosen, zone=zone, integration_id=integration_id, page=page, caller=who, now=host.now()
        )
        integrations = listing.integrations_of(session, caller=who)
    kept = {"integration": integration_id} if integration_id else {}
    return render_template(
        "admin/conferences/day.html",
        found=found,
        now=host.now(),
        width=timeline.WIDTH,
        integrations=integrations,
        integration=integration_id or "",
        today=_address(_HOME, **kept),
        earlier=_address(_HOME, day=found.day - timedelta(days=1), **kept),
        later=_address(_HOME, day=found.day + timedelta(days=1), **kept),
        previous=_address(_HOME, day=found.day, page=page - 1, **kept) if page > 1 else "",
        next=_address(_HOME, day=found.day, page=page + 1, **kept) if found.has_more else "",
        list_address=_address(_LIST, **kept),
    )


@blueprint.get("/list")
@page_kind("admin")
@needs(Permission.SEE_INTEGRATIONS)
def list_() -> str:
    """Answer with what is to come, and what began within a day, searched as asked."""
    host, who, wanted = services(), caller(), _wanted()
    with host.database.read() as session:
        found = listing.page(session, wanted, caller=who, now=host.now())
        if wanted.before is not None and not found.has_earlier and len(found.lines) < wanted.size:
            wanted = _wanted(from_the_beginning=True)  # fewer than a page are left before
            found = listing.page(session, wanted, caller=who, now=host.now())
        integrations = listing.integrations_of(session, caller=who)
    return render_template(
        "admin/conferences/list.html",
        found=found,
        wanted=wanted,
        now=host.now(),
        sizes=_SIZES,
        integrations=integrations,
        is_filtered=bool(wanted.search or wanted.integration_id),
        day_address=_address(_HOME, integration=wanted.integration_id),
        **_turns(found, wanted),
    )


@blueprint.get("/<int:meeting_id>/")
@page_kind("admin")
@needs(Permission.SEE_INTEGRATIONS)
def one(meeting_id: int) -> str:
    """Answer with one conference and its history."""
    host = services()
    with host.database.read() as session:
        found = one_meeting.find(session, meeting_id, caller=caller(), now=host.now())
    return render_template("admin/conferences/one.html", one=found, now=host.now())


@blueprint.get("/<int:meeting_id>/remove")
@page_kind("admin")
@needs(Permission.CHANGE_CONFERENCES)
def ask_to_remove(meeting_id: int) -> str:
    """Answer with what will be gone."""
    host = services()
    with host.database.read() as session:
        found = one_meeting.find(session, meeting_id, caller=caller(), now=host.now())
    return render_template("admin/conferences/remove.html", one=found)


@blueprint.post("/<int:meeting_id>/remove")
@page_kind("admin")
@needs(Permission.CHANGE_CONFERENCES)
def remove(meeting_id: int) -> Response:
    """Take the room away."""
    host = services()
    with host.database.write() as session:
        name = one_meeting.remove(session, meeting_id, caller=caller(), now=host.now())
    flash(f"The room of “{name}” is removed. Nobody can join it any more.", "success")
    return redirect(f"{_HOME}{meeting_id}/", 303)


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if 1970 < found.year < 9999 else None


def _page() -> int:
    return min(row_number(request.args.get("page", "")) or 1, _LAST_PAGE)


def _wanted(*, from_the_beginning: bool = False) -> Wanted:
    """Read what is asked for; what makes no sense is passed over."""
    size = request.args.get("size", type=int)
    after, before = (None if from_the_beginning else _key(request.args.get(way, "")) for way in ("after", "before"))
    return Wanted(
        search=request.args.get("q", "").replace("\x00", "").strip()[:MAX_TEXT],
        integration_id=row_number(request.args.get("integration", "")),
        after=None if before else after,
        before=before,
        size=size if size in _SIZES else _SIZES[0],
    )


def _key(text: str) -> Key | None:
    at, separator, number = text.partition("~")
    found = row_number(number)
    try:
        start = datetime.fromisoformat(at)
    except ValueError:
        return None
    return (start.replace(tzinfo=UTC), found) if separator and found is not None else None


def _turns(found: Found, wanted: Wanted) -> dict[str, str]:
    kept = {"q": wanted.search, "integration": wanted.integration_id, "size": wanted.size}

    def turn(way: str, key: Key) -> str:
        return _address(_LIST, **kept, **{way: f"{key[0].astimezone(UTC).replace(tzinfo=None).isoformat()}~{key[1]}"})

    return {
        "previous": turn("before", found.lines[0].key) if found.lines and found.has_earlier else "",
        "next": turn("after", found.lines[-1].key) if found.lines and found.has_later else "",
    }


def _address(path: str, **given: object) -> str:
    query = urlencode({name: value for name, value in given.items() if value})
    return f"{path}?{query}" if query else path
