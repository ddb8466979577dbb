"""Headers by page kind (design/security.md section 11). Every route declares its kind, or the start fails."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from flask import Flask, Response, current_app, request

from addin_host.domain.deployment import Deployment
from addin_host.domain.identity_kinds import IdentityKind, accepted_kinds
from addin_host.domain.integration import OFFICE_JS, Integration, origin_of
from addin_host.domain.redaction import correlation_id

View = TypeVar("View", bound=Callable[..., Any])

OUTLOOK_ON_THE_WEB = (
    "https://outlook.office.com",
    "https://outlook.office365.com",
    "https://outlook.cloud.microsoft",
    "https://outlook.live.com",
)
_AJAX_CDN = "https://ajax.aspnetcdn.com"
_BASE = "base-uri 'none'; object-src 'none'"
_NOTHING = f"default-src 'none'; {_BASE}; frame-ancestors 'none'"
_SHELL = (
    f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    f"form-action 'self'; frame-ancestors 'none'; {_BASE}"
)

_RENDERED = (
    "sandbox; default-src 'none'; style-src-attr 'unsafe-inline'; img-src data: https:; "
    f"frame-ancestors 'self'; {_BASE}"
)

# Nothing from other servers, and no calls: inside the preview the pane stands in the administrators' own origin.
_FRAMED = (
    "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' data:; "
    f"form-action 'none'; frame-ancestors 'self'; {_BASE}"
)
FRAMED_OUTLOOK = f"{_FRAMED}; frame-src 'self'"

_COMMON: dict[str, str] = {
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_DENIED = {"X-Frame-Options": "DENY"}
_PRIVATE = {"Cache-Control": "no-store"}
_SAME_ORIGIN = {"Cross-Origin-Resource-Policy": "same-origin"}
_OPEN_WINDOW = {"Cross-Origin-Opener-Policy": "unsafe-none"}

# A kind's headers do not replace what the view has set itself: a page per integration brings its own policy.
_BY_KIND: Mapping[str, Mapping[str, str]] = {
    "pane": _COMMON | _SAME_ORIGIN | _OPEN_WINDOW | {"Cache-Control": "no-cache", "Content-Security-Policy": _NOTHING},
    "dialog": _COMMON | _SAME_ORIGIN | _OPEN_WINDOW | _DENIED | _PRIVATE | {"Content-Security-Policy": _SHELL},
    "page": _COMMON | _SAME_ORIGIN | _OPEN_WINDOW | _DENIED | _PRIVATE | {"Content-Security-Policy": _SHELL},
    "admin": _COMMON
    | _SAME_ORIGIN
    | _DENIED
    | _PRIVATE
    | {"Cross-Origin-Opener-Policy": "same-origin", "Content-Security-Policy": _SHELL},
    "admin with frames": _COMMON
    | _SAME_ORIGIN
    | _DENIED
    | _PRIVATE
    | {"Cross-Origin-Opener-Policy": "same-origin", "Content-Security-Policy": f"{_SHELL}; frame-src 'self'"},
    # What stands in a frame of the live preview; rendered texts run nothing.
    "framed pane": _COMMON | _SAME_ORIGIN | _OPEN_WINDOW | _PRIVATE | {"Content-Security-Policy": _FRAMED},
    "framed text": _COMMON | _SAME_ORIGIN | _PRIVATE | {"Content-Security-Policy": _RENDERED},
    "api": _COMMON | _SAME_ORIGIN | _PRIVATE | {"Content-Security-Policy": _NOTHING},
    "manifest": _COMMON | _SAME_ORIGIN | {"Cache-Control": "no-cache", "Content-Security-Policy": _NOTHING},
    "icon": _COMMON | {"Cross-Origin-Resource-Policy": "cross-origin", "Content-Security-Policy": _NOTHING},
    "static": _COMMON | _SAME_ORIGIN | {"Content-Security-Policy": _NOTHING},
    "health": _COMMON | _SAME_ORIGIN | _PRIVATE | {"Content-Security-Policy": _NOTHING},
    "preview": _COMMON
    | _SAME_ORIGIN
    | _DENIED
    | _PRIVATE
    | {"Cross-Origin-Opener-Policy": "unsafe-none", "Content-Security-Policy": f"{_SHELL}; frame-src 'self'"},
}
ERROR_KIND = "page"
_KINDS = "addin_host_page_kinds"


def page_kind(kind: str) -> Callable[[View], View]:
    """Declare what kind of page a view answers with."""
    if kind not in _BY_KIND:
        raise ValueError(f"unknown page kind {kind!r}")

    def declare(view: View) -> View:
        view.page_kind = kind  # type: ignore[attr-defined]
        return view

    return declare


def kinds() -> tuple[str, ...]:
    """Return all kinds that there are."""
    return tuple(_BY_KIND)


def kind_of_request() -> str:
    """Return the declared kind of the view that answers, or that of an error page."""
    kinds: Mapping[str, str] = current_app.extensions[_KINDS]
    return kinds.get(request.endpoint or "", ERROR_KIND)


def install(app: Flask) -> None:
    """Send the headers with every answer. Raises when a route has not declared its kind."""
    kinds = {name: getattr(view, "page_kind", None) for name, view in app.view_functions.items()}
    if undeclared := sorted(name for name, kind in kinds.items() if kind is None):
        raise RuntimeError(f"these routes declare no page kind: {', '.join(undeclared)}")
    headers = {name: tuple(_BY_KIND[kind or ERROR_KIND].items()) for name, kind in kinds.items()}
    for_errors = tuple(_BY_KIND[ERROR_KIND].items())
    app.extensions[_KINDS] = kinds

    @app.after_request
    def add_headers(response: Response) -> Response:
        target = response.headers
        for name, value in headers.get(request.endpoint or "", for_errors):
            if name not in target:
                target.add(name, value)
        target.add("X-Correlation-ID", correlation_id.get())
        return response


def pane_policy(integration: Integration, deployment: Deployment) -> str:
    """Return the policy of the pane and the function file: framed by Outlook, scripts from Office.js and us."""
    ancestors = [*OUTLOOK_ON_THE_WEB, *integration.lines("frame_ancestors")]
    own = "'self'" if deployment.framed_by_self else ""
    return _office_page(integration, deployment, [own, *ancestors], connect=_sign_in_origins(integration))


def dialog_policy(integration: Integration, deployment: Deployment) -> str:
    """Return the policy of the dialog's last page, which loads Office.js and is framed by nobody."""
    return _office_page(integration, deployment, ["'none'"])


def _office_page(
    integration: Integration, deployment: Deployment, ancestors: Iterable[str], *, connect: Iterable[str] = ()
) -> str:
    office = [] if deployment.stand_in else _office_origins(integration)
    parts = {
        "default-src": ["'none'"],
        "script-src": ["'self'", *office, *integration.lines("script_hosts")],
        "style-src": ["'self'", *map(origin_of, integration.style_urls), *integration.lines("style_hosts")],
        "style-src-attr": ["'unsafe-inline'"],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'", *connect, *integration.lines("connect_hosts")],
        "frame-src": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ancestors,
        "base-uri": ["'none'"],
        "object-src": ["'none'"],
    }
    return "; ".join(f"{name} {' '.join(_unique(values))}" for name, values in parts.items())


def _unique(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(value.rstrip("/") for value in values if value))


def _office_origins(integration: Integration) -> list[str]:
    # Office.js loads MicrosoftAjax.js from its CDN unless a stand-in came first (design/outlook.md 2.2).
    ajax = [_AJAX_CDN] if integration.office_js_url == OFFICE_JS else []
    return [*map(origin_of, (integration.office_js_url, *integration.script_urls)), *ajax]


def _sign_in_origins(integration: Integration) -> list[str]:
    """Return whom the library of nested app authentication may ask: the authority, and where its metadata stands."""
    if IdentityKind.NAA not in accepted_kinds(integration):
        return []
    urls = (integration["addin_authority_url"], integration["addin_oidc_metadata_url"])
    return [origin_of(url) for url in urls if url]
