"""Putting things to look at into the queue, each once."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import and_, or_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from addin_host.store.models import InboxRow

_IS_FINISHED = or_(InboxRow.state == "done", InboxRow.state == "cancelled")


def key_of(*parts: object) -> str:
    """Return the key of an item out of what makes it this one."""
    return sha256("\x1f".join(map(str, parts)).encode()).hexdigest()


def row(
    integration_id: int,
    *,
    origin: str,
    item_id: str,
    key: str,
    due_at: datetime,
    received_at: datetime,
    now: datetime,
    **more: Any,
) -> dict[str, Any]:
    """Return a row of the queue; `more` are columns of their own: change_key, kind, uid, starts_at."""
    return {
        "integration_id": integration_id,
        "item_key": key,
        "origin": origin,
        "item_id": item_id,
        "change_key": "",
        "kind": "",
        "uid": "",
        "starts_at": None,
        "received_at": received_at,
        "state": "pending",
        "tries": 0,
        "due_at": due_at,
        "fence": 0,
        "correlation_id": str(uuid.uuid4()),
        "error_code": "",
        "error": "",
        "created_at": now,
    } | more


def add(session: Session, rows: Iterable[Mapping[str, Any]], *, again_since: datetime | None = None) -> None:
    """Put rows into the queue; what is there stays as it is.

    With `again_since` one that was finished before that instant is to be looked at again.
    """
    statement = _insert(session)
    if again_since is None:
        statement = statement.on_conflict_do_nothing(index_elements=_KEY)
    else:
        was_finished = and_(_IS_FINISHED, InboxRow.finished_at <= again_since)
        statement = statement.on_conflict_do_update(index_elements=_KEY, set_=_again(statement), where=was_finished)
    if found := list(rows):
        session.execute(statement, found)


def enqueue(
    session: Session,
    integration_id: int,
    *,
    origin: str,
    item_id: str,
    uid: str = "",
    due_at: datetime,
    starts_at: datetime | None = None,
    key: str,
) -> None:
    """Let something be looked at from `due_at` on. The same key is one item: of two instants the earlier one counts.

    One that was finished begins anew. An item that is being worked at in this moment is finished by who does it: let
    the key of what it is to look at next be another one.
    """
    own = key_of(origin, key)
    found = row(
        integration_id,
        origin=origin,
        item_id=item_id,
        key=own,
        due_at=due_at,
        received_at=due_at,
        now=due_at,
        uid=uid,
        starts_at=starts_at,
    )
    statement = _insert(session)
    is_late = or_(_IS_FINISHED, and_(InboxRow.state == "pending", InboxRow.due_at > due_at))
    session.execute(statement.on_conflict_do_update(index_elements=_KEY, set_=_again(statement), where=is_late), found)


_KEY = ("integration_id", "item_key")
_TAKEN_OVER = ("item_id", "uid", "starts_at", "received_at", "due_at", "correlation_id", "created_at")


def _again(statement: Any) -> dict[str, Any]:
    given = {name: statement.excluded[name] for name in _TAKEN_OVER}
    return given | {"state": "pending", "tries": 0, "finished_at": None, "error_code": "", "error": ""}


def _insert(session: Session) -> Any:
    return (sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert)(InboxRow)
