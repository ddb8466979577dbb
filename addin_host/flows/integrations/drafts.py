"""Judging a submitted record, outside of any transaction."""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from addin_host.domain import receivers
from addin_host.domain.errors import Invalid, Problem, Refused
from addin_host.domain.fields import BY_NAME, FIELDS, Field, defaults, is_blank
from addin_host.domain.ports import TemplateCandidate, TemplateTrial
from addin_host.domain.validation import check_record, unknown_names
from addin_host.flows.icons import accept_icon
from addin_host.store.models import IntegrationRow

ICON = "addin_icon"
_SENT_TO: Mapping[str, str] = {
    "password": "url",
    "oauth_client_secret": "oauth_token_endpoint",
    "oauth_refresh_token": "oauth_token_endpoint",
    "personal_vmr_oauth_client_secret": "personal_vmr_oauth_token_endpoint",
}


@dataclass(frozen=True, slots=True)
class Existing:
    """What is stored of an integration before a change: its fields, which secrets it has, and its version."""

    id: int
    record: Mapping[str, Any]
    secrets_set: frozenset[str]
    version: int


@dataclass(frozen=True, slots=True)
class Draft:
    """A record that was found good. `icon` is None when it stays as it is; a secret of "" is cleared.

    `replaces` is the id of the integration that is changed, `version` the one of it that the record was merged with.
    """

    record: Mapping[str, Any]
    secrets: Mapping[str, str]
    icon: bytes | None
    replaces: int | None
    version: int


def existing(session: Session, submitted: Mapping[str, Any]) -> Existing | None:
    """Return what is stored under the submitted uuid, if anything."""
    row = session.scalar(select(IntegrationRow).where(IntegrationRow.uuid == str(submitted.get("uuid") or "").lower()))
    return existing_of(row) if row else None


def existing_of(row: IntegrationRow) -> Existing:
    """Return what is stored of an integration."""
    return Existing(row.id, row.record, frozenset(secret.field for secret in row.secrets), row.version)


def prepare(
    submitted: Mapping[str, Any],
    *,
    before: Existing | None,
    trial: TemplateTrial,
    cleared: Collection[str] = frozenset(),
) -> Draft:
    """Judge a submitted record: what is not submitted keeps its value, or its default. Raises Invalid.

    A blank secret is kept as it is, unless its name is among `cleared`.
    """
    problems = unknown_names(submitted)
    record = {**defaults(), **(before.record if before else {})}
    record |= {name: value for name, value in submitted.items() if name in BY_NAME and BY_NAME[name].is_editable}
    _settle_uuid(record, submitted, before, problems)
    secrets = {field.name: record.pop(field.name) for field in FIELDS if field.is_secret}
    record["domains"] = _without_repetition(record["domains"])
    kept = _kept_secrets(record, before) - frozenset(cleared)
    problems += check_record(record | secrets, secrets_set=kept)
    icon = _icon(record.pop(ICON, None), problems)
    if not problems:
        problems += _template_problems(record, trial)
    if problems:
        raise Invalid(problems)
    given = {name: str(value) for name, value in secrets.items() if not is_blank(value)}
    lost = (before.secrets_set if before else frozenset()) - kept
    return Draft(
        record,
        dict.fromkeys(lost, "") | given,
        icon,
        before.id if before else None,
        before.version if before else 0,
    )


def _without_repetition(entries: Any) -> Any:
    good = isinstance(entries, list) and all(isinstance(entry, str) for entry in entries)
    return list(dict.fromkeys(entries)) if good else entries


def _settle_uuid(
    record: dict[str, Any], submitted: Mapping[str, Any], before: Existing | None, problems: list[Problem]
) -> None:
    wanted = submitted.get("uuid") or (before.record["uuid"] if before else str(uuid.uuid4()))
    try:
        record["uuid"] = str(uuid.UUID(str(wanted)))
    except ValueError:
        problems.append(Problem("uuid", BY_NAME["uuid"].label, "must be a UUID, or left out for a new one."))


def _kept_secrets(record: Mapping[str, Any], before: Existing | None) -> frozenset[str]:
    return before.secrets_set - moved_secrets(record, before) if before else frozenset()


def moved_secrets(record: Mapping[str, Any], before: Existing) -> frozenset[str]:
    """Return the secrets that would be sent to another host than before if the record were saved."""
    return receivers.moved_secrets(_SENT_TO, before.record, record)


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
        Problem(field.name, field.label, str(problem) + ("" if problem.message.endswith("?") else "."), problem.line)
        for field, problem in zip(fields, found, strict=True)
        if problem
    ]


def _worth_trying(field: Field, record: Mapping[str, Any]) -> bool:
    return field.is_template and field.is_available(record) and record[field.name] not in ("", None, field.default)
