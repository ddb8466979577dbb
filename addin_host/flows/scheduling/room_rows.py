"""The row that each room has in the outbox: what is to be done next about it at the conference platform.

`kind` is `room` while the room, or a change of it, is to be written; `room_end` afterwards, due when its windows are
over. `payload_hash` is of the state that is written or about to be; `attempted_at` is set as long as the platform may
have the room. Whoever changes a row raises its fence, so that a call that is under way marks nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from addin_host.domain.rooms import TAG_PREFIX, Room
from addin_host.store.models import ConferenceRow, MeetingRow, OutboxRow

ROOM, END = "room", "room_end"
KINDS = (ROOM, END)
_PREFIX = "room:"


def tag_of(key: str) -> str:
    """Return the tag of the room whose row has this key."""
    return TAG_PREFIX + key.removeprefix(_PREFIX)


def key_of(tag: str) -> str:
    """Return the key of the row of the room with this tag."""
    return _PREFIX + tag.removeprefix(TAG_PREFIX)


def key_of_row() -> ColumnElement[str]:
    """Return the same as an expression, of the ConferenceRow of a statement."""
    return literal(_PREFIX) + ConferenceRow.uuid


def release(session: Session, outbox_ids: Sequence[int]) -> None:
    """Let go what waits for some rows."""
    if outbox_ids:
        waiting = update(OutboxRow).where(OutboxRow.after_id.in_(outbox_ids), OutboxRow.state == "pending")
        session.execute(waiting.values(after_id=None), execution_options={"synchronize_session": False})


def set_next(row: OutboxRow, kind: str, payload: Mapping[str, Any], digest: str, due_at: datetime) -> None:
    """Let something be the next thing to do; what is being called at this moment does not count any more."""
    is_known = (row.state, row.kind, row.payload_hash, row.due_at) == ("pending", kind, digest, due_at)
    if is_known and row.lease_until is None:
        return
    row.kind, row.payload, row.payload_hash, row.due_at = kind, dict(payload), digest, due_at
    row.state, row.tries, row.finished_at, row.error_code, row.error = "pending", 0, None, "", ""
    row.fence, row.lease_until = row.fence + 1, None


def drop(row: OutboxRow, now: datetime) -> None:
    """Let nothing be done."""
    if row.state == "pending":
        row.state, row.payload, row.payload_hash, row.finished_at = "cancelled", {}, "", now
        row.fence, row.lease_until = row.fence + 1, None


def of_rooms(session: Session, rooms: Mapping[int, Room], now: datetime) -> dict[str, OutboxRow]:
    """Return the row of each room by its tag, locked; one that is missing is made, with nothing to do."""
    tags = [room.tag for room in rooms.values()]
    found = locked(session, tags)
    if len(found) < len(tags):
        _make(session, {number: room for number, room in rooms.items() if room.tag not in found}, now)
        found = locked(session, tags)
    return found


def locked(session: Session, tags: Sequence[str]) -> dict[str, OutboxRow]:
    """Return the rows of rooms by their tags, locked; those that are missing are left out."""
    keys = [key_of(tag) for tag in tags]
    query = select(OutboxRow).where(OutboxRow.key.in_(keys)).order_by(OutboxRow.id).with_for_update()
    rows = session.scalars(query.execution_options(populate_existing=True))
    return {tag_of(row.key): row for row in rows}


def _make(session: Session, rooms: Mapping[int, Room], now: datetime) -> None:
    query = select(MeetingRow.conference_id, MeetingRow.id, MeetingRow.integration_id)
    meetings = {row[0]: (row[1], row[2]) for row in session.execute(query.where(MeetingRow.conference_id.in_(rooms)))}
    insert_rows(session, [new_row(room.tag, meetings.get(number, (None, 0)), now) for number, room in rooms.items()])


def new_row(tag: str, whose: tuple[int | None, int], now: datetime) -> dict[str, Any]:
    """Return the row of a room with which nothing is to be done; `whose` is (id of the meeting, integration)."""
    return {
        "kind": END,
        "key": key_of(tag),
        "integration_id": whose[1],
        "meeting_id": whose[0],
        "payload": {},
        "payload_hash": "",
        "state": "done",
        "due_at": now,
        "correlation_id": str(uuid.uuid4()),
        "created_at": now,
        "finished_at": now,
    }


def insert_rows(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows of the outbox whose keys are not there yet."""
    if rows:
        dialect: Any = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
        session.execute(dialect.insert(OutboxRow).on_conflict_do_nothing(index_elements=("key",)), list(rows))
