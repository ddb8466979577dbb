"""Creating, changing, exporting and deleting integrations.

Saving has two steps, so that templates are tried outside the transaction: `prepare` judges a submitted record,
`store` writes it.
"""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from addin_host.domain.deployment import Deployment
from addin_host.domain.errors import Invalid, Problem, Reason, Refused
from addin_host.domain.fields import BY_NAME, FIELDS, Field, defaults, is_blank
from addin_host.domain.integration import Integration
from addin_host.domain.ports import TemplateCandidate, TemplateTrial
from addin_host.domain.validation import check_record, unknown_names
from addin_host.flows.icons import accept_icon, default_icon, icon_hash
from addin_host.store.models import IntegrationRow, IntegrationSecretRow
from addin_host.store.secrets import SecretBox

ICON = "addin_icon"
# A secret goes to the host of this address; when the host changes, it must be entered again (security.md U2).
_SENT_TO: Mapping[str, str] = {
    "password": "url",
    "oauth_client_secret": "oauth_token_endpoint",
    "oauth_refresh_token": "oauth_token_endpoint",
    "personal_vmr_oauth_client_secret": "personal_vmr_oauth_token_endpoint",
}


@dataclass(frozen=True, slots=True)
class Existing:
    """What is stored of an integration before a change: its fields, and which secrets it has."""

    id: int
    record: Mapping[str, Any]
    secrets_set: frozenset[str]


@dataclass(frozen=True, slots=True)
class Draft:
    """A record that was found good. `icon` is None when it stays as it is; a secret of "" is cleared."""

    record: Mapping[str, Any]
    secrets: Mapping[str, str]
    icon: bytes | None
    replaces: int | None


@dataclass(frozen=True, slots=True)
class Summary:
    """One line of the list of integrations."""

    id: int
    uuid: str
    name: str
    version: int
    fqdn: str
    enabled: bool
    single_use: bool
    personal: bool


def look_up(session: Session, reference: str | int) -> IntegrationRow | None:
    """Return the row by integer id or uuid, or None."""
    text = str(reference)
    by_id = text.isascii() and text.isdigit() and len(text) <= 9
    clause = IntegrationRow.id == int(text) if by_id else IntegrationRow.uuid == text.lower()
    return session.scalar(select(IntegrationRow).where(clause))


def find(session: Session, reference: str | int) -> IntegrationRow:
    """Return the row by integer id or uuid. Raises Refused."""
    row = look_up(session, reference)
    if row is None:
        raise Refused(Reason.UNKNOWN, f"There is no integration {str(reference)[:60]!r}.")
    return row


def existing(session: Session, submitted: Mapping[str, Any]) -> Existing | None:
    """Return what is stored under the submitted uuid, if anything."""
    row = session.scalar(select(IntegrationRow).where(IntegrationRow.uuid == str(submitted.get("uuid") or "").lower()))
    return _existing(row) if row else None


def _existing(row: IntegrationRow) -> Existing:
    return Existing(row.id, row.record, frozenset(secret.field for secret in row.secrets))


def prepare(submitted: Mapping[str, Any], *, before: Existing | None, trial: TemplateTrial) -> Draft:
    """Judge a submitted record: what is not submitted keeps its value, or its default. Raises Invalid."""
    problems = unknown_names(submitted)
    record = {**defaults(), **(before.record if before else {})}
    record |= {name: value for name, value in submitted.items() if name in BY_NAME and BY_NAME[name].is_editable}
    _settle_uuid(record, submitted, before, problems)
    secrets = {field.name: record.pop(field.name) for field in FIELDS if field.is_secret}
    kept = _kept_secrets(record, before)
    problems += check_record(record | secrets, secrets_set=kept)
    icon = _icon(record.pop(ICON, None), problems)
    if not problems:
        problems += _template_problems(record, trial)
    if problems:
        raise Invalid(problems)
    given = {name: str(value) for name, value in secrets.items() if not is_blank(value)}
    lost = (before.secrets_set if before else frozenset()) - kept
    return Draft(record, dict.fromkeys(lost, "") | given, icon, before.id if before else None)


def _settle_uuid(
    record: dict[str, Any], submitted: Mapping[str, Any], before: Existing | None, problems: list[Problem]
) -> None:
    wanted = submitted.get("uuid") or (before.record["uuid"] if before else str(uuid.uuid4()))
    try:
        record["uuid"] = str(uuid.UUID(str(wanted)))
    except ValueError:
        problems.append(Problem("uuid", BY_NAME["uuid"].label, "must be a UUID, or left out for a new one."))


def _kept_secrets(record: Mapping[str, Any], before: Existing | None) -> frozenset[str]:
    if before is None:
        return frozenset()
    moved = {
        name
        for name, target in _SENT_TO.items()
        if _host(before.record.get(target, "")) != _host(record.get(target, ""))
    }
    return before.secrets_set - moved


def _host(url: Any) -> str:
    return (urlsplit(url).netloc if isinstance(url, str) else "").lower()


def _icon(encoded: Any, problems: list[Problem]) -> bytes | None:
    if is_blank(encoded):
        return None
    try:
        return accept_icon(encoded if isinstance(encoded, bytes) else base64.b64decode(encoded, validate=True))
    except (binascii.Error, TypeError, ValueError):
        message = "is not base64. Give the PNG file in base64, or leave the field out."
    except Refused as refusal:
        message = refusal.message
    problems.append(Problem(ICON, BY_NAME[ICON].label, message))
    return None


def _template_problems(record: Mapping[str, Any], trial: TemplateTrial) -> list[Problem]:
    """Try the templates in use that differ from the defaults, which the tests have tried."""
    fields = [field for field in FIELDS if _worth_trying(field, record)]
    found = trial([TemplateCandidate(record[f.name], f.kind, f.variables, f.must_print) for f in fields])
    return [
        Problem(field.name, field.label, f"line {problem.line}: {problem.message}.", problem.line)
        for field, problem in zip(fields, found, strict=True)
        if problem
    ]


def _worth_trying(field: Field, record: Mapping[str, Any]) -> bool:
    return field.is_template and field.is_available(record) and record[field.name] not in ("", None, field.default)


def store(session: Session, draft: Draft, *, box: SecretBox, now: datetime) -> IntegrationRow:
    """Write a draft and raise the version. Raises Invalid when a unique value is taken."""
    row = session.get(IntegrationRow, draft.replaces, with_for_update=True) if draft.replaces else None
    if row is None:
        row = IntegrationRow(version=0, created_at=now, icon_hash="")
        session.add(row)
    row.record = dict(draft.record)
    row.uuid, row.name = draft.record["uuid"], draft.record["name"]
    row.fqdn = draft.record["addin_server_domain"].lower()
    row.room_mailbox_email_address = (draft.record["room_mailbox_email_address"] or "").lower() or None
    row.version, row.updated_at = row.version + 1, now
    if draft.icon is not None:
        row.icon, row.icon_hash = draft.icon, icon_hash(draft.icon)
    _flush_unique(session)
    _seal(session, row, draft.secrets, box)
    return row


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
            row.secrets.append(IntegrationSecretRow(field=name, sealed=box.seal(_place(row.id, name), text)))
    session.flush()


def _place(integration_id: int, name: str) -> str:
    return f"integration:{integration_id}:{name}"


def secret(session: Session, integration_id: int, name: str, *, box: SecretBox) -> str:
    """Return one secret in clear, or "" when it is not set. Raises Misconfigured when it cannot be opened."""
    row = session.get(IntegrationSecretRow, (integration_id, name))
    return box.open(_place(integration_id, name), row.sealed) if row else ""


def to_value(row: IntegrationRow, deployment: Deployment) -> Integration:
    """Return the frozen value of a row; fields that are newer than the row have their defaults."""
    values = {field.name: row.record.get(field.name, field.default) for field in FIELDS if not field.is_secret}
    return Integration(
        id=row.id,
        version=row.version,
        values=values,
        origin=deployment.origin.format(fqdn=str(values["addin_server_domain"]).lower()),
        icon_hash=row.icon_hash or icon_hash(default_icon()),
        secrets_set=frozenset(secret.field for secret in row.secrets),
    )


def export(session: Session, reference: str) -> dict[str, Any]:
    """Return every field of an integration but its secrets, as `import` takes it."""
    row = find(session, reference)
    exported = {f.name: row.record.get(f.name, f.default) for f in FIELDS if not f.is_secret and f.name != ICON}
    return exported | {ICON: base64.b64encode(row.icon).decode("ascii") if row.icon else None}


def overview(session: Session) -> list[Summary]:
    """List all integrations by id."""
    return [
        Summary(
            id=row.id,
            uuid=row.uuid,
            name=row.name,
            version=row.version,
            fqdn=row.record["addin_server_domain"],
            enabled=row.record["enabled"],
            single_use=row.record["enable_dynamic_vmrs"],
            personal=row.record["enable_personal_vmrs"],
        )
        for row in session.scalars(select(IntegrationRow).order_by(IntegrationRow.id))
    ]


def delete(session: Session, reference: str) -> str:
    """Delete an integration and return its name. Its id and uuid are not used again."""
    row = find(session, reference)
    session.delete(row)
    return row.name
