"""The platform settings: one form, built from the table like that of an integration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as Redirect

from addin_host.domain.access import Permission
from addin_host.domain.errors import HostError, Invalid, Misconfigured, Problem, Reason, Refused
from addin_host.domain.fields import defaults
from addin_host.domain.platform import PLATFORM_BY_NAME, PLATFORM_FIELDS, PlatformSettings
from addin_host.flows import notify, platform, platform_probe
from addin_host.flows.admin_provider import redirect_uri
from addin_host.web.access import caller
from addin_host.web.admission import needs
from addin_host.web.forms import Filled, cleared_secrets, platform_sections, typed_values
from addin_host.web.headers import page_kind
from addin_host.web.services import services

blueprint = Blueprint("admin_settings", __name__, url_prefix="/admin/settings")
_HERE = "/admin/settings/"


@dataclass(frozen=True, slots=True)
class _Stored:
    settings: PlatformSettings
    version: int


@blueprint.get("/")
@page_kind("admin")
@needs(Permission.CHANGE_SETTINGS, fresh=True)
def show() -> Response:
    """Show the settings."""
    stored = _stored()
    return _page(stored, Filled(stored.settings.values, stored.settings.values, stored.settings.secrets_set))


@blueprint.post("/")
@page_kind("admin")
@needs(Permission.CHANGE_SETTINGS, fresh=True)
def save() -> Response | Redirect:
    """Store what was entered, or show it again with what to do about it."""
    stored = _stored()
    typed = typed_values(request.form, stored.settings.values, PLATFORM_FIELDS)
    typed = _with_default(typed, request.form.get("_default", ""))
    if "_default" in request.form or "_show" in request.form:
        return _page(stored, _filled(stored, typed))
    host = services()
    try:
        with host.database.write() as session:
            platform.change(
                session,
                _changes(typed),
                box=host.box,
                caller=caller(),
                now=host.now(),
                expected_version=request.form.get("version", -1, int),
            )
    except Invalid as invalid:
        return _page(stored, _filled(stored, typed, invalid.problems), status=400)
    except Refused as refusal:
        if refusal.reason is not Reason.CONFLICT:
            raise
        return _page(_stored(), _filled(stored, typed), status=409, meanwhile=True)
    flash("The settings are saved.", "success")
    return redirect(_HERE, 303)


def _changes(typed: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the form changes: values that are available under its switches, secrets typed or to be forgotten."""
    shown = [field for field in PLATFORM_FIELDS if field.is_available(typed)]
    values = {field.name: typed[field.name] for field in shown if not field.is_secret}
    secrets = {
        field.name: request.form[field.name] for field in shown if field.is_secret and request.form.get(field.name)
    }
    return values | dict.fromkeys(cleared_secrets(request.form, PLATFORM_FIELDS), "") | secrets


def _with_default(typed: dict[str, Any], name: str) -> dict[str, Any]:
    return typed | {name: defaults(PLATFORM_FIELDS)[name]} if name in typed else typed


def _filled(stored: _Stored, typed: Mapping[str, Any], problems: tuple[Problem, ...] = ()) -> Filled:
    return Filled(
        values=typed,
        stored=stored.settings.values,
        secrets_set=stored.settings.secrets_set,
        problems=problems,
        dropped_secrets=[f.name for f in PLATFORM_FIELDS if f.is_secret and request.form.get(f.name)],
        cleared=cleared_secrets(request.form, PLATFORM_FIELDS),
    )


@blueprint.post("/test-message")
@page_kind("admin")
@needs(Permission.CHANGE_SETTINGS, fresh=True)
def send_test_message() -> Redirect:
    """Send a test message every way that the stored settings name."""
    host = services()
    try:
        flash(notify.send_test(host.database, box=host.box, outside=host.outside), "success")
    except HostError as problem:
        flash(problem.message, "danger")
    return redirect(_HERE, 303)


@blueprint.post("/test-platform")
@page_kind("admin")
@needs(Permission.CHANGE_SETTINGS, fresh=True)
def test_platform() -> Redirect:
    """Try the management API that the stored settings name."""
    host = services()
    try:
        flash(platform_probe.probe(host.database, box=host.box, outside=host.outside, caller=caller()), "success")
    except HostError as problem:
        flash(problem.message, "danger")
    return redirect(_HERE, 303)


def _stored() -> _Stored:
    with services().database.read() as session:
        return _Stored(platform.read(session), platform.version(session))


def _page(stored: _Stored, filled: Filled, *, status: int = 200, meanwhile: bool = False) -> Response:
    page = render_template(
        "admin/settings/page.html",
        form_sections=platform_sections(filled),
        version=stored.version,
        problems=[problem for problem in filled.problems if problem.field in PLATFORM_BY_NAME],
        meanwhile=meanwhile,
        redirect_address=_redirect_address(stored.settings),
        uses_platform=platform_probe.is_used(stored.settings),
    )
    return make_response(page, status)


def _redirect_address(settings: PlatformSettings) -> str:
    try:
        return redirect_uri(settings)
    except Misconfigured:
        return ""
