"""The form of an integration: new, or one that is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from addin_host.domain.access import Permission
from addin_host.domain.errors import Invalid, Problem, Reason, Refused
from addin_host.domain.fields import BY_NAME, FIELDS, defaults, is_blank
from addin_host.domain.integration import Integration
from addin_host.domain.notices import notices
from addin_host.flows import integrations, references
from addin_host.flows.integrations import Existing, Meanwhile
from addin_host.flows.references import ListKind
from addin_host.web.access import caller, is_confirmed
from addin_host.web.admin.integrations.room import blueprint
from addin_host.web.admin.scope import integration_row
from addin_host.web.admission import needs
from addin_host.web.after_save import saved
from addin_host.web.forms import Filled, cleared_secrets, sections, submitted_record, typed_values
from addin_host.web.headers import page_kind
from addin_host.web.numbers import row_number
from addin_host.web.services import services

_PRIVATE_NETWORKS = "internal_exchange"
Lists = Mapping[str, Sequence[tuple[int, str]]]


@dataclass(frozen=True, slots=True)
class Stored:
    """What the form starts from: nothing but defaults (no `existing`), or an integration as it is stored."""

    lists: Lists
    existing: Existing | None = None
    value: Integration | None = None

    @property
    def record(self) -> Mapping[str, Any] | None:
        """The stored record, None for a new integration."""
        return self.existing.record if self.existing else None

    @property
    def version(self) -> int:
        """The version that a form made from this will be saved over."""
        return self.existing.version if self.existing else 0


def _stored(reference: str | None) -> Stored:
    host = services()
    with host.database.read() as session:
        lists = {
            "ivr_theme": references.list_(session, ListKind.IVR_THEME),
            "host_identity_provider_group": references.list_(session, ListKind.IDENTITY_PROVIDER_GROUP),
        }
        stored = Stored({name: [(one.id, one.name) for one in entries] for name, entries in lists.items()})
        if reference is None:
            return stored
        row = integration_row(session, reference)
        return replace(
            stored, existing=integrations.existing_of(row), value=integrations.to_value(row, host.deployment)
        )


@blueprint.get("/new")
@page_kind("admin with frames")
@needs(Permission.CREATE_INTEGRATIONS)
def new() -> Response:
    """Answer with the form at its defaults."""
    return _page(_stored(None), defaults())


@blueprint.post("/new")
@page_kind("admin with frames")
@needs(Permission.CREATE_INTEGRATIONS)
def create() -> Response:
    """Store a new integration, or show the form again."""
    return _answer(_stored(None))


@blueprint.get("/<reference>/")
@page_kind("admin with frames")
@needs(Permission.SEE_INTEGRATIONS)
def edit(reference: str) -> Response:
    """Answer with the form as the integration is stored; those who may not change it can only read it."""
    stored = _stored(reference)
    return _page(stored, stored.record or {})


@blueprint.post("/<reference>/")
@page_kind("admin with frames")
@needs(Permission.CHANGE_INTEGRATIONS)
def update(reference: str) -> Response:
    """Store a changed integration, or show the form again."""
    return _answer(_stored(reference))


def _answer(stored: Stored) -> Response:
    form = request.form
    typed = typed_values(form, stored.record)
    if "_show" in form or "_default" in form:
        field = BY_NAME.get(form.get("_default", ""))
        return _page(stored, {**typed, field.name: field.default} if field else typed)
    if stored.existing and form.get("version") != str(stored.version):
        return _conflict(stored, typed)
    record = submitted_record(form, stored.record)
    if _is_delicate(stored, record) and not is_confirmed():
        return _page(stored, typed, confirm=True, status=403)
    try:
        number = _save(stored, record)
    except Invalid as invalid:
        return _page(stored, typed, problems=invalid.problems, status=400)
    except Refused as refused:
        if refused.reason is not Reason.CONFLICT or stored.existing is None:
            raise
        return _conflict(_stored(str(stored.existing.id)), typed)
    saved(number)
    flash(f"{record['name']} is saved. Its checks run in the background.", "success")
    return redirect(url_for("admin_integrations.edit", reference=number), 303)


def _save(stored: Stored, record: Mapping[str, Any]) -> int:
    host = services()
    draft = integrations.prepare(
        record, before=stored.existing, trial=host.trial, cleared=cleared_secrets(request.form)
    )
    expected = stored.version if stored.existing else None
    with host.database.write() as session:
        row = integrations.save(
            session, draft, expected_version=expected, caller=caller(), box=host.box, now=host.now()
        )
        return row.id


def _is_delicate(stored: Stored, record: Mapping[str, Any]) -> bool:
    """Whether the change opens private networks, or names another host for a secret (design/security.md 10, U2)."""
    before = stored.existing
    if bool(record[_PRIVATE_NETWORKS]) != bool(before and before.record.get(_PRIVATE_NETWORKS)):
        return True
    return before is not None and bool(integrations.moved_secrets(record, before) & before.secrets_set)


def _conflict(stored: Stored, typed: Mapping[str, Any]) -> Response:
    """Show what somebody else saved beside what was typed. Fields that were left alone take the other's value."""
    version = row_number(request.form.get("version", "")) or 0
    with services().database.read() as session:
        meanwhile = integrations.changes_since(session, stored.existing.id if stored.existing else 0, version)
    merged = dict(typed)
    for change in meanwhile.changes:
        if change.field in merged and _as_sent(merged[change.field]) == _as_sent(change.old):
            merged[change.field] = change.new
    return _page(stored, merged, meanwhile=meanwhile, status=409)


def _as_sent(value: Any) -> Any:
    """Return a value as a browser may send it back: blank is blank, and line ends are all alike."""
    if is_blank(value):
        return ""
    return value.replace("\r\n", "\n") if isinstance(value, str) else value


def _page(
    stored: Stored,
    values: Mapping[str, Any],
    *,
    problems: Sequence[Problem] = (),
    meanwhile: Meanwhile | None = None,
    confirm: bool = False,
    status: int = 200,
) -> Response:
    shown = defaults() | dict(stored.record or {}) | dict(values)
    filled = Filled(
        values=shown,
        stored=stored.record or {},
        secrets_set=stored.existing.secrets_set if stored.existing else (),
        problems=problems,
        dropped_secrets=_typed_secrets(),
        cleared=cleared_secrets(request.form),
    )
    page = render_template(
        "admin/integrations/form.html",
        form_sections=sections(filled, stored.lists),
        values=shown,
        integration=stored.value,
        version=stored.version,
        read_only=not caller().may(Permission.CHANGE_INTEGRATIONS),
        problems=problems,
        notices=notices(stored.value) if stored.value and request.method == "GET" else [],
        meanwhile=meanwhile,
        confirm=confirm,
    )
    return make_response(page, status)


def _typed_secrets() -> frozenset[str]:
    """Return the secrets that were typed and are not sent back."""
    return frozenset(field.name for field in FIELDS if field.is_secret and not is_blank(request.form.get(field.name)))
