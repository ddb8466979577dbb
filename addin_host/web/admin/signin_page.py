"""The sign-in page, and where it leads: shared by the ways in."""

from __future__ import annotations

from urllib.parse import quote

from flask import redirect, render_template, request
from werkzeug.wrappers import Response

from addin_host.flows import platform
from addin_host.flows.admin_signin import Opened
from addin_host.web import access
from addin_host.web.returning import safe_next
from addin_host.web.services import services


def sign_in_page(name: str = "", problem: str = "", next_path: str | None = None) -> str:
    """Return the page with the ways in that are switched on."""
    with services().database.read() as db:
        settings = platform.read(db)
    return render_template(
        "admin/signin.html", settings=settings, name=name, problem=problem, next=next_path or asked_next()
    )


def asked_next() -> str:
    """Return where the person wants to go on to, if that is a page of ours."""
    return safe_next(request.values.get("next", ""))


def entered(opened: Opened, next_path: str) -> Response:
    """Go on with a new session: to the page that was asked for, or first to the one-time code."""
    target = next_path if opened.is_complete else f"/admin/signin/code?next={quote(next_path, safe='')}"
    return access.keep_session(redirect(target, 303), opened.cookie)
