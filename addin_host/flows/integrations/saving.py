"""Writing integrations. Every change raises the version, reconciles what repeats the record, and is audited."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from addin_host.domain.access import Caller, Permission
from addin_host.domain.errors import Invalid, Problem, Reason, Refused
from addin_host.domain.fields import BY_NAME, FIELDS
from addin_host.flows import audit, references
from addin_host.flows.audit import Subject
from addin_host.flows.icons import accept_icon, icon_hash
from addin_host.flows.integrations import service_token
from addin_host.flows.integrations.drafts import ICON, Draft
from addin_host.flows.integrations.reading import look_up, place_of
from addin_host.flows.references import ListKind
from addin_host.flows.scheduling import ending
from addin_host.store.models import ExchangeDomainRow, IntegrationRow, IntegrationSecretRow
from addin_host.store.secrets import SecretBox

KIND, VERSION = "integration", "version"
SAVED_MEANWHILE = "Somebody saved this integration meanwhile. Read it again, then change it."
_LISTS: Mapping[str, ListKind] = {
    "ivr_theme": ListKind.IVR_THEME,
    "host_identity_provider_group": ListKind.IDENTITY_PROVIDER_GROUP,
}
_MAX_NAME = BY_NAME["name"].max_length or 250


def save(
    session: Session, draft: Draft, *, expected_version: int | None, caller: Caller, box: SecretBox, now: datetime
) -> IntegrationRow:
    """Write a draft, raise the version and audit the change.

    `expected_version` is the one that the editor has seen, None for that which the draft was merged with. Raises
    Refused (CONFLICT when somebody saved meanwhile) and Invalid (a unique value is taken, a reference leads nowhere).
    """
    row = _to_change(session, draft, expected_version, caller) if draft.replaces else _new(session, caller, now)
    before, record = (_shown(row), dict(row.record)) if draft.replaces else (None, None)
    with session.no_autoflush:  # a new row has nothing in it yet
        _require_references(session, draft.record)
    _write(row, draft, now)
    _flush_unique(session)
    _seal(session, row, draft.secrets, box)
    _reconcile_domains(session, row, now)
    changed_secrets = {name: _secret_word(name, text, before) for name, text in draft.secrets.items()}
    was_given = bool(draft.secrets.get(service_token.REFRESH_TOKEN))
    if service_token.settle(session, row, record, was_given=was_given, now=now):
        changed_secrets[service_token.REFRESH_TOKEN] = "cleared"
    _audit(session, caller, "change" if before else "create", row, now, before=before, secrets=changed_secrets)
    return row


def _new(session: Session, caller: Caller, now: datetime) -> IntegrationRow:
    caller.require(Permission.CREATE_INTEGRATIONS)
    row = IntegrationRow(version=0, created_at=now, icon_hash="")
    session.add(row)
    return row


def _to_change(session: Session, draft: Draft, expected: int | None, caller: Caller) -> IntegrationRow:
    caller.require(Permission.CHANGE_INTEGRATIONS)
    caller.require_reach(draft.replaces)
    row = session.get(IntegrationRow, draft.replaces, with_for_update=True)
    if row is None:
        raise Refused(Reason.UNKNOWN, "There is no such integration.")
    if row.version != draft.version or expected not in (None, row.version):
        raise Refused(Reason.CONFLICT, SAVED_MEANWHILE)
    return row


def _write(row: IntegrationRow, draft: Draft, now: datetime) -> None:
    row.record = dict(draft.record)
    row.uuid, row.name = draft.record["uuid"], draft.record["name"]
    row.fqdn = draft.record["addin_server_domain"].lower()
    row.room_mailbox_email_address = (draft.record["room_mailbox_email_address"] or "").lower() or None
    _advance(row, now)
    if draft.icon is not None:
        row.icon, row.icon_hash = draft.icon, icon_hash(draft.icon)


def _advance(row: IntegrationRow, now: datetime) -> None:
    row.version, row.updated_at = row.version + 1, now


def _require_references(session: Session, record: Mapping[str, Any]) -> None:
    problems = []
    for name, kind in _LISTS.items():
        field, value = BY_NAME[name], record.get(name)
        if value is None or not field.is_available(record):
            continue
        try:
            references.hold(session, kind, value)
        except Refused:
            message = f"names a {kind.label} that is not in the list. Choose another one, or add it to the list first."
            problems.append(Problem(name, field.label, message))
    if problems:
        raise Invalid(problems)


def _flush_unique(session: Session) -> None:
    try:
        with session.begin_nested():
            session.flush()
    except IntegrityError as taken:
        name = next((n for n in ("room_mailbox_email_address", "uuid") if n in str(taken.orig)), "name")
        label = BY_NAME[name].label
        raise Invalid([Problem(name, label, "is in use by another integration. Choose another one.")]) from taken


def _seal(session: Session, row: IntegrationRow, secrets: Mapping[str, str], box: SecretBox) -> None:
    stored = {secret.field: secret for secret in row.secrets}
    for name, text in secrets.items():
        if name in stored:
            row.secrets.remove(stored[name])
            session.flush()
        if text:
            row.secrets.append(IntegrationSecretRow(field=name, sealed=box.seal(place_of(row.id, name), text)))
    session.flush()


def _reconcile_domains(session: Session, row: IntegrationRow, now: datetime) -> None:
    """Keep a row for each entry of `domains`, which REST clients know by its id; one that is in no integration yet is
    taken over."""
    wanted = row.record["domains"] or []
    rows = select(ExchangeDomainRow).order_by(ExchangeDomainRow.id)
    kept = {one.domain: one for one in session.scalars(rows.where(ExchangeDomainRow.integration_id == row.id))}
    for domain in kept.keys() - set(wanted):
        session.delete(kept[domain])
    for domain in wanted:
        if domain in kept:
            continue
        free = rows.where(ExchangeDomainRow.integration_id.is_(None), ExchangeDomainRow.domain == domain).limit(1)
        found = session.scalar(free) or ExchangeDomainRow(domain=domain, created_at=now)
        found.integration_id = row.id
        session.add(found)
    session.flush()


def set_enabled(session: Session, reference: str | int, on: bool, *, caller: Caller, now: datetime) -> IntegrationRow:
    """Switch an integration on or off. Scheduled meetings go on either way. Raises Refused."""
    caller.require(Permission.CHANGE_INTEGRATIONS)
    row = _locked(session, reference, caller)
    before = _shown(row)
    row.record = {**row.record, "enabled": on}
    _advance(row, now)
    if on:
        ending.ask_for_sweep(session, row.id, now=now)
    _audit(session, caller, "switch on" if on else "switch off", row, now, before=before)
    return row


def set_icon(
    session: Session, reference: str | int, png: bytes | None, *, caller: Caller, now: datetime
) -> IntegrationRow:
    """Give an integration a PNG of 80 x 80 as its icon, or the built-in one again (None).

    Raises Refused, with the reason when the picture is another one.
    """
    caller.require(Permission.CHANGE_INTEGRATIONS)
    icon = accept_icon(png) if png is not None else None
    row = _locked(session, reference, caller)
    before, hashed = _shown(row), icon_hash(icon) if icon else ""
    if row.icon_hash != hashed:
        row.icon, row.icon_hash = icon, hashed
        _advance(row, now)
        _audit(session, caller, "change", row, now, before=before)
    return row


def duplicate(session: Session, reference: str | int, *, caller: Caller, now: datetime) -> IntegrationRow:
    """Copy an integration, switched off: without its secrets, and without its mailbox, which serves one integration.

    Raises Refused.
    """
    caller.require(Permission.CREATE_INTEGRATIONS)
    original = _locked(session, reference, caller)
    managed = {field.name: field.default for field in FIELDS if not field.is_editable and not field.is_secret}
    record = {**original.record, **managed, "room_mailbox_email_address": None, "enabled": False}
    record |= {"uuid": str(uuid.uuid4()), "name": _free_name(session, original.name)}
    row = _new(session, caller, now)
    _write(row, Draft(record, {}, original.icon, None, 0), now)
    session.flush()
    _reconcile_domains(session, row, now)
    _audit(session, caller, "create", row, now, more={"copy of": original.id})
    return row


def _free_name(session: Session, name: str) -> str:
    number = 1
    while True:
        ending = " (copy)" if number == 1 else f" (copy {number})"
        wanted = name[: _MAX_NAME - len(ending)] + ending
        if session.scalar(select(IntegrationRow.id).where(IntegrationRow.name == wanted)) is None:
            return wanted
        number += 1


def delete(session: Session, reference: str | int, *, caller: Caller, now: datetime) -> str:
    """Delete an integration and return its name. Its id and uuid are not used again; rooms of meetings stay.

    Raises Refused.
    """
    caller.require(Permission.CREATE_INTEGRATIONS)
    row = _locked(session, reference, caller)
    name, subject, before = row.name, _subject(row), _shown(row)
    ending.cancel_work(session, row.id, now=now)
    session.delete(row)
    session.flush()
    audit.record(session, caller, "delete", subject, now=now, before=_without_defaults(before))
    return name


def _locked(session: Session, reference: str | int, caller: Caller) -> IntegrationRow:
    row = look_up(session, reference)
    if row is None or not caller.reaches(row.id):
        raise Refused(Reason.UNKNOWN, "There is no such integration.")
    session.refresh(row, with_for_update=True)
    return row


def _subject(row: IntegrationRow) -> Subject:
    return Subject(KIND, row.id, row.name, row.id)


def _shown(row: IntegrationRow) -> dict[str, Any]:
    """Return what the log may hold of an integration: of a secret, that it is set; of the icon, its hash."""
    values = {field.name: row.record.get(field.name, field.default) for field in FIELDS if not field.is_secret}
    return (
        values | {ICON: row.icon_hash or None, VERSION: row.version} | {secret.field: "set" for secret in row.secrets}
    )


def _secret_word(name: str, text: str, before: Mapping[str, Any] | None) -> str:
    if not text:
        return "cleared"
    return "set anew" if before and name in before else "set"


def _without_defaults(shown: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in shown.items() if name not in BY_NAME or value != BY_NAME[name].default}


def _audit(
    session: Session,
    caller: Caller,
    action: str,
    row: IntegrationRow,
    now: datetime,
    *,
    before: Mapping[str, Any] | None = None,
    secrets: Mapping[str, str] | None = None,
    more: Mapping[str, Any] | None = None,
) -> None:
    after = _shown(row) if before else _without_defaults(_shown(row))
    session.flush()
    audit.record(
        session,
        caller,
        action,
        _subject(row),
        now=now,
        before=before,
        after={**after, **(secrets or {}), **(more or {})},
    )
