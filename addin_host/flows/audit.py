"""The audit log: who changed what, each entry chained to the one before (design/security.md B1)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Protocol

from sqlalchemy.orm import Session

from addin_host.domain.access import Caller
from addin_host.domain.redaction import correlation_id
from addin_host.store import marks
from addin_host.store.models import AuditRow

HEAD = "audit_head"
START = "0" * 64
_COVERED = (
    "actor",
    "actor_kind",
    "network",
    "action",
    "object_kind",
    "object_id",
    "object_name",
    "integration_id",
    "before",
    "after",
    "correlation_id",
)


class Hashed(Protocol):
    """A row of the log, or what was selected of it."""

    @property
    def at(self) -> datetime:
        """When the entry was made."""
        ...

    @property
    def previous_hash(self) -> str:
        """The hash of the entry before."""
        ...


@dataclass(frozen=True, slots=True)
class Subject:
    """What an entry is about: its kind (`integration`, `account`, `vmr`, …), its id, and the name it has now."""

    kind: str
    id: int | str
    name: str
    integration_id: int | None = None


def record(
    session: Session,
    caller: Caller,
    action: str,
    subject: Subject,
    *,
    now: datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Append an entry to the log, in the caller's transaction. Of `before` and `after` only what differs is kept.

    Never hand in a secret: say that one was set, not what it is. The entries are serialised by the row that holds the
    newest hash, so call this last in a transaction.
    """
    old, new = _as_stored(before), _as_stored(after)
    changed = [name for name in {**old, **new} if old.get(name) != new.get(name) or (name in old) != (name in new)]
    head = marks.locked(session, HEAD, START)
    row = AuditRow(
        at=now.astimezone(UTC).replace(microsecond=0),
        actor=caller.name[:250],
        actor_kind=caller.kind,
        network=caller.network[:64],
        action=action,
        object_kind=subject.kind,
        object_id=str(subject.id),
        object_name=subject.name[:250],
        integration_id=subject.integration_id,
        before={name: old[name] for name in changed if name in old},
        after={name: new[name] for name in changed if name in new},
        correlation_id=correlation_id.get(),
        previous_hash=head.value,
    )
    row.hash = hash_of(row)
    session.add(row)
    head.value = row.hash
    session.flush()


def _as_stored(values: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the values as they will be read from the database, so that the hash is the same then."""
    found: dict[str, Any] = json.loads(json.dumps(dict(values or {}), default=str))
    return found


def hash_of(row: Hashed) -> str:
    """Return the hash of an entry over all its columns and the hash before it."""
    covered = {name: getattr(row, name) for name in _COVERED} | {"at": row.at.astimezone(UTC).isoformat()}
    text = json.dumps([row.previous_hash, covered], sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return sha256(text.encode("ascii")).hexdigest()
