"""When a room is written to the conference platform, and when it is taken away (design/scheduling.md sections 11, 15).

With the built-in platform nothing is written: external policy answers for the rooms at each call.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import ColumnElement, exists, select, update
from sqlalchemy.orm import Session

from addin_host.domain.room_windows import GAP, Presence, presence
from addin_host.domain.rooms import TAG_PREFIX, Room
from addin_host.flows import conference_platform
from addin_host.flows.scheduling import room_rows
from addin_host.flows.scheduling.queueing import enqueue
from addin_host.store.models import ConferenceRow, MeetingRow, OutboxRow, ScheduledConferenceRow

CONFLICT = "alias_conflict"


def plan(
    session: Session,
    conference_ids: Sequence[int],
    *,
    now: datetime,
    correlation_ids: Mapping[int, str] | None = None,
) -> Mapping[int, int]:
    """Have the platform follow what the tables say of some rooms: to be called after every change of room or windows.

    Returns {conference id: outbox id} of the rooms that are written now: a reply is sent after it (`after_id`).
    `correlation_ids` (by conference) tie what is written to the operation that asked for it.
    """
    if not conference_ids or not conference_platform.is_written(session):
        return {}
    session.flush()
    rooms = conference_platform.rooms(session, conference_ids)
    windows = _windows(session, list(rooms), now)
    rows = room_rows.of_rooms(session, rooms, now)
    being_written: dict[int, int] = {}
    free: list[int] = []
    for conference_id, room in rooms.items():
        row, there = rows[room.tag], presence(windows[conference_id], now)
        row.correlation_id = (correlation_ids or {}).get(conference_id, row.correlation_id)
        _follow(row, _Wish(room, there), now)
        if there.is_there and row.kind == room_rows.ROOM:
            being_written[conference_id] = row.id
        else:
            free.append(row.id)
    session.flush()
    room_rows.release(session, free)
    return being_written


def end(session: Session, tags: Sequence[str], *, now: datetime) -> None:
    """Take rooms off the platform whose conferences are deleted in this transaction; tags are `sched:<uuid>`."""
    rows = room_rows.locked(session, tags)
    for row in rows.values():
        if row.attempted_at is not None:
            room_rows.set_next(row, room_rows.END, {}, "", now)
        else:
            room_rows.drop(row, now)
    session.flush()
    room_rows.release(session, [row.id for row in rows.values()])


def is_refused() -> ColumnElement[bool]:
    """Return the condition that the platform refused the room of a ConferenceRow, having its alias for another one."""
    return exists().where(OutboxRow.key == room_rows.key_of_row(), OutboxRow.error_code == CONFLICT)


def follow_up(session: Session, tags: Sequence[str], *, now: datetime) -> None:
    """Plan what comes next for rooms that were just written or taken away."""
    uuids = [tag.removeprefix(TAG_PREFIX) for tag in tags]
    plan(session, session.scalars(select(ConferenceRow.id).where(ConferenceRow.uuid.in_(uuids))).all(), now=now)


def give_up(session: Session, outbox_id: int, meeting_id: int | None, *, now: datetime) -> None:
    """Withdraw what waits for a room that the platform refused; the meeting is looked at again, to be declined."""
    first = select(OutboxRow.id).where(OutboxRow.after_id == outbox_id, OutboxRow.state == "pending")
    waiting = list(session.scalars(first))
    second = select(OutboxRow.id).where(OutboxRow.after_id.in_(waiting), OutboxRow.state == "pending")
    waiting += session.scalars(second)
    withdrawn = update(OutboxRow).where(OutboxRow.id.in_(waiting), OutboxRow.state == "pending")
    session.execute(
        withdrawn.values(state="cancelled", payload={}, error_code=CONFLICT, finished_at=now),
        execution_options={"synchronize_session": False},
    )
    meeting = session.get(MeetingRow, meeting_id) if meeting_id else None
    if meeting is not None:
        enqueue(
            session,
            meeting.integration_id,
            origin="refresh",
            item_id=meeting.item_id,
            uid=meeting.uid,
            due_at=now,
            starts_at=meeting.start_time,
            key=f"{CONFLICT}:{outbox_id}:{meeting.sequence}",
        )


@dataclass(frozen=True, slots=True)
class _Wish:
    room: Room
    presence: Presence


def _follow(row: OutboxRow, wish: _Wish, now: datetime) -> None:
    payload = asdict(wish.room) | {"aliases": list(wish.room.aliases)}
    digest = sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()
    there, is_pending = wish.presence, row.state == "pending"
    is_same = is_pending and row.kind == room_rows.ROOM and row.payload_hash == digest
    if there.until is not None and _has(row, digest):
        room_rows.set_next(row, room_rows.END, {}, digest, there.until)
    elif there.until is not None and is_same:
        row.due_at = row.due_at if row.tries else now
    elif there.until is not None:
        room_rows.set_next(row, room_rows.ROOM, payload, digest, now)
    elif row.attempted_at is not None:
        if not (is_pending and row.kind == room_rows.END and not row.payload_hash):
            room_rows.set_next(row, room_rows.END, {}, "", now)
    elif there.since is not None:
        room_rows.set_next(row, room_rows.ROOM, payload, digest, there.since)
    else:
        room_rows.drop(row, now)


def _has(row: OutboxRow, digest: str) -> bool:
    """Whether the platform has the room as it is to be, as far as we know."""
    was_written = (row.kind == room_rows.ROOM and row.state == "done") or (
        row.kind == room_rows.END and row.state == "pending" and row.lease_until is None
    )
    return was_written and row.attempted_at is not None and row.payload_hash == digest


def _windows(
    session: Session, conference_ids: Sequence[int], now: datetime
) -> dict[int, list[tuple[datetime, datetime]]]:
    found: dict[int, list[tuple[datetime, datetime]]] = defaultdict(list)
    query = select(
        ScheduledConferenceRow.conference_id, ScheduledConferenceRow.opens_at, ScheduledConferenceRow.closes_at
    ).where(ScheduledConferenceRow.conference_id.in_(conference_ids), ScheduledConferenceRow.closes_at > now - GAP)
    for conference_id, opens_at, closes_at in session.execute(query):
        found[conference_id].append((opens_at, closes_at))
    return found
