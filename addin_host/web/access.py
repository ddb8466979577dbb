"""Who is let in: every route declares how it knows its caller, and what the caller must be allowed to do.

A route that declares nothing stops the start (design/security.md S6, 15.2, 15.3).
"""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, abort, g, redirect, request
from flask import session as form_session
from werkzeug.wrappers import Response

from addin_host.domain.access import Caller
from addin_host.domain.deployment import Deployment
from addin_host.domain.errors import Reason, Refused
from addin_host.flows import admin_sessions, api_users, platform, throttle
from addin_host.flows.admin_sessions import Visit
from addin_host.web.admission import Admission, Auth
from addin_host.web.returning import here
from addin_host.web.services import services

CONFIRMED_FOR = timedelta(minutes=15)
_OWNER = "account"
_UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def install(app: Flask) -> None:
    """Let in who may come in. Raises RuntimeError when a route has declared nothing."""
    found = {name: getattr(view, "admission", None) for name, view in app.view_functions.items()}
    if undeclared := sorted(name for name, admission in found.items() if admission is None):
        raise RuntimeError(f"these routes do not declare who may come in: {', '.join(undeclared)}")

    @app.before_request
    def admit() -> Response | None:
        admission = found.get(request.endpoint or "")
        if request.path.startswith("/admin/"):
            _refuse_other_sites()
        if admission is None or admission.auth not in (Auth.SESSION, Auth.API):
            return None
        if admission.auth is Auth.API:
            admit_program(admission)
            return None
        return _admit_administrator(admission)


def raise_body_limit(app: Flask) -> None:
    """Allow the larger bodies that some routes declare; must be installed before anything reads the body."""

    @app.before_request
    def allow() -> None:
        admission = getattr(app.view_functions.get(request.endpoint or ""), "admission", None)
        if admission is not None and admission.max_body is not None:
            request.max_content_length = admission.max_body
            request.max_form_memory_size = admission.max_body


def _admit_administrator(admission: Admission) -> Response | None:
    host, now = services(), services().now()
    found = current_session()
    if found is None:
        return _ask_for("signin", "You are signed out, so nothing was changed. Sign in in another tab.")
    if found.stage != admin_sessions.FULL:
        return _ask_for("signin/code", "The one-time code is still missing. Enter it in another tab.")
    if found.stale:
        with host.database.write() as db:
            admin_sessions.touch(db, found.id, now=now)
    g.caller, g.admin_session = found.caller, found
    if admission.permission is not None:
        found.caller.require(admission.permission)
    if admission.fresh and not is_confirmed():
        return _ask_to_confirm()
    return None


def is_confirmed() -> bool:
    """Whether the signed-in person has proved lately who they are."""
    return bool(g.admin_session.confirmed_at + CONFIRMED_FOR > services().now())


def _ask_to_confirm() -> Response:
    """Lead to the page that asks for a proof. A form that somebody filled in is not lost for it: it waits."""
    if set(request.form) <= {"csrf_token"}:
        return redirect(f"/admin/confirm?next={here()}")
    g.way_in = "/admin/confirm"
    raise Refused(Reason.FORBIDDEN, "Nothing was changed yet. Confirm in another tab that it is you.")


def current_session() -> admin_sessions.Current | None:
    """Return the administrator's session of this request, whatever its stage, or None."""
    return _session_of(session_cookie())


def _session_of(cookie: str) -> admin_sessions.Current | None:
    with services().database.read() as db:
        return admin_sessions.current(
            db,
            cookie,
            network=network(),
            now=services().now(),
            lifetime=platform.admin_lifetime(db) if cookie else None,
        )


def _ask_for(page: str, otherwise: str) -> Response:
    if request.method in ("GET", "HEAD") and request.accept_mimetypes.accept_html:
        return redirect(f"/admin/{page}?next={here()}")
    g.way_in = f"/admin/{page}"
    raise Refused(Reason.UNAUTHENTICATED, otherwise)


def _refuse_other_sites() -> None:
    """Refuse what another site's page sends; the token of the form is checked besides (security.md S1)."""
    if request.method not in _UNSAFE:
        return
    site = request.headers.get("Sec-Fetch-Site")
    origin = urlsplit(request.headers.get("Origin") or "").hostname
    if site not in (None, "same-origin") or (
        site is None and origin not in (None, urlsplit(request.host_url).hostname)
    ):
        abort(400)


def admit_program(admission: Admission) -> None:
    """Let a program in. A failure counts in a transaction of its own, against its name and its network."""
    host, now = services(), services().now()
    given = api_users.credentials_of(request.headers.get("Authorization", ""))
    counted = api_users.counted(given, network=network(), neighbourhood=neighbourhood(network()))
    with host.database.read() as db:
        throttle.require_open(db, counted, now=now)
        found = api_users.authenticate(db, given, network=network(), now=now)
    if found is None:
        throttle.failed(host.database, counted, now=now)
        raise Refused(Reason.UNAUTHENTICATED, api_users.UNAUTHENTICATED)
    g.caller = found
    api_users.note_use(host.database, found, now=now)
    if admission.permission is not None:
        found.require(admission.permission)


def caller() -> Caller:
    """Return who asks; only for routes with an administrator's session or API credentials."""
    found: Caller = g.caller
    return found


def network() -> str:
    """Return the address that the request came from, as far as the configured number of proxies is trusted."""
    return request.remote_addr or ""


def neighbourhood(address: str) -> str:
    """Return the /24 or /64 of an address: what one person can easily change within."""
    try:
        version = ip_address(address).version
    except ValueError:
        return address
    return str(ip_network(f"{address}/{24 if version == 4 else 64}", strict=False))


def visit() -> Visit:
    """Return where and when this request comes from."""
    return Visit(network(), request.user_agent.string, services().now())


def session_cookie() -> str:
    """Return the value of the session cookie that came with the request, or ""."""
    return request.cookies.get(cookie_name(), "")


def keep_session(response: Response, cookie: str) -> Response:
    """Give the browser its new session. Forms that the same person has open can still be sent, nobody else's."""
    opened = _session_of(cookie)
    owner = opened.caller.id if opened is not None else None
    if form_session.get(_OWNER) != owner:
        form_session.clear()
    form_session[_OWNER] = owner
    response.set_cookie(cookie_name(), cookie, secure=is_secure(), httponly=True, samesite="Lax", path="/")
    return response


def drop_session(response: Response) -> Response:
    """Take the session from the browser."""
    form_session.clear()
    response.delete_cookie(cookie_name(), secure=is_secure(), httponly=True, samesite="Lax", path="/")
    return response


def cookie_name() -> str:
    """Return the name of the session cookie; only the demo, which has no https, goes without the prefix."""
    return "__Host-addin-admin" if is_secure() else "addin-admin"


def is_secure() -> bool:
    """Whether this deployment's addresses are https."""
    return services().deployment.origin.startswith("https://")


def cookie_settings(deployment: Deployment) -> dict[str, Any]:
    """Return Flask's settings for the cookie that the tokens of forms are bound to."""
    secure = deployment.origin.startswith("https://")
    return {
        "SESSION_COOKIE_NAME": "__Host-addin-form" if secure else "addin-form",
        "SESSION_COOKIE_SECURE": secure,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_PATH": "/",
        "WTF_CSRF_TIME_LIMIT": None,  # a token lives as long as the session it is bound to
        "WTF_CSRF_SSL_STRICT": False,  # access.py checks Sec-Fetch-Site and Origin; no page of ours sends a Referer
    }
