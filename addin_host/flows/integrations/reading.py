"""Reading integrations: as rows, as the frozen value of the house, as an export, as a list."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from addin_host.domain.deployment import Deployment
from addin_host.domain.errors import Reason, Refused
from addin_host.domain.fields import FIELDS
from addin_host.domain.integration import Integration
from addin_host.flows.icons import default_icon, icon_hash
from addin_host.flows.integrations.drafts import ICON
from addin_host.store.models import AlarmRow, IntegrationRow, IntegrationSecretRow
from addin_host.store.secrets import SecretBox


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


def place_of(integration_id: int, name: str) -> str:
    """Return the place that a secret is sealed to: copied to another row, it does not open."""
    return f"integration:{integration_id}:{name}"


def secret(session: Session, integration_id: int, name: str, *, box: SecretBox) -> str:
    """Return one secret in clear, or "" when it is not set. Raises Misconfigured when it cannot be opened."""
    row = session.get(IntegrationSecretRow, (integration_id, name))
    return box.open(place_of(integration_id, name), row.sealed) if row else ""


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


def export(session: Session, reference: str | int) -> dict[str, Any]:
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


def open_alarms(session: Session) -> dict[int, int]:
    """Return how many alarms stand, by the id of their integration."""
    standing = select(AlarmRow.integration_id, func.count()).where(
        AlarmRow.open_key.is_not(None), AlarmRow.integration_id.is_not(None)
    )
    return {number: count for number, count in session.execute(standing.group_by(AlarmRow.integration_id)) if number}
