"""What others changed in an integration since an editor read it, from the audit log, which keeps no secrets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from addin_host.domain.fields import BY_NAME
from addin_host.flows.integrations.saving import KIND, VERSION
from addin_host.store.models import AuditRow

_MOST = 100


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs from what the editor saw; of a secret, only words."""

    field: str
    label: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """Who saved last, when, and all that was changed."""

    actor: str
    at: datetime | None
    changes: tuple[Change, ...]


def changes_since(session: Session, integration_id: int, version: int) -> Meanwhile:
    """Return what was changed after `version`; entries of the log that are gone are left out."""
    entries = session.scalars(
        select(AuditRow)
        .where(AuditRow.integration_id == integration_id, AuditRow.object_kind == KIND)
        .order_by(AuditRow.id.desc())
        .limit(_MOST)
    )
    later = [entry for entry in entries if entry.before.get(VERSION, -1) >= version]
    old: dict[str, Any] = {}
    new: dict[str, Any] = {}
    for entry in reversed(later):
        for name in entry.after.keys() & BY_NAME.keys():
            old.setdefault(name, entry.before.get(name))
            new[name] = entry.after[name]
    changes = (Change(name, BY_NAME[name].label, old[name], new[name]) for name in BY_NAME if name in new)
    last = later[0] if later else None
    return Meanwhile(
        last.actor if last else "somebody",
        last.at if last else None,
        tuple(change for change in changes if change.old != change.new),
    )
