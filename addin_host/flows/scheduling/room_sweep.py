"""Comparing the conference platform with the tables, in both directions (design/scheduling.md section 15).

The platform belongs to this installation: rooms with our tag that nobody here knows are what is left of a database that
was lost, and go. What has no tag of ours is not even listed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from addin_host.domain.errors import Misconfigured, Upstream
from addin_host.domain.room_windows import GAP
from addin_host.domain.rooms import TAG_PREFIX
from addin_host.flows import conference_platform
from addin_host.flows.scheduling import platform_waits, room_rows, room_writes
from addin_host.flows.scheduling.context import Scheduling
from addin_host.store import marks
from addin_host.store.models import ConferenceRow, OutboxRow, ScheduledConferenceRow

EVERY = timedelta(hours=1)
_SOON = timedelta(hours=2)  # the next sweep comes before that
_AT_ONCE = 500
_MARK, _NEVER = "conference_platform_swept", "1970-01-01T00:00:00+00:00"
_T = TypeVar("_T")


def sweep_when_due(own: Scheduling) -> int:
    """Sweep unless that was done within the hour, or the platform is left alone; return how many rooms were wrong."""
    with own.database.read() as session:
        now = own.now()
        is_due = datetime.fromisoformat(marks.value(session, _MARK, _NEVER)) <= now - EVERY
        if not is_due or not conference_platform.is_written(session) or platform_waits.until(session) > now:
            return 0
    try:
        number = sweep(own)
    except (Upstream, Misconfigured) as trouble:
        with own.database.write() as session:
            platform_waits.begin(session, trouble, now=own.now())
        return 0
    with own.database.write() as session:
        marks.locked(session, _MARK, _NEVER).value = now.isoformat()
        platform_waits.over(session, now=now)
    return number


def sweep(own: Scheduling) -> int:
    """Plan what is missing on the platform and what is too much; return how many. Raises Upstream or Misconfigured."""
    platform = conference_platform.opened(own.database, own.box, own.outside)
    if platform is None:
        return 0
    with own.database.read() as session:
        written = _written(session)
    there = set(platform.tags())
    missing = [tag for tag in written if tag not in there]
    number = sum(_repair(own, part, written, there) for part in _parts([*missing, *sorted(there)]))
    with own.database.read() as session:
        soon = _soon(session, own.now())
    for part in _parts(soon):
        with own.database.write() as session:
            room_writes.plan(session, part, now=own.now())
    return number


def _written(session: Session) -> dict[str, int]:
    """Return the tags of rooms that the platform has, as far as we know, with the fence of their rows."""
    query = select(OutboxRow.key, OutboxRow.fence).where(
        OutboxRow.kind == room_rows.END,
        OutboxRow.state == "pending",
        OutboxRow.payload_hash != "",
        OutboxRow.lease_until.is_(None),
    )
    return {room_rows.tag_of(key): fence for key, fence in session.execute(query)}


def _repair(own: Scheduling, tags: Sequence[str], written: Mapping[str, int], there: set[str]) -> int:
    """Correct what the rows of some rooms say of the platform, and plan what follows from it; return how many."""
    with own.database.write() as session:
        now = own.now()
        known = room_rows.locked(session, tags)
        room_rows.insert_rows(session, [room_rows.new_row(tag, (None, 0), now) for tag in tags if tag not in known])
        wrong: list[OutboxRow] = []
        for tag, row in room_rows.locked(session, tags).items():
            if tag in there and row.attempted_at is None:
                row.attempted_at = now
                wrong.append(row)
            elif tag not in there and row.fence == written[tag]:
                row.payload_hash = "unknown"
                wrong.append(row)
        uuids = [room_rows.tag_of(row.key).removeprefix(TAG_PREFIX) for row in wrong]
        ours = dict(session.execute(select(ConferenceRow.uuid, ConferenceRow.id).where(_named(uuids))).all())
        for row, uuid in zip(wrong, uuids, strict=True):
            if uuid not in ours:
                room_rows.set_next(row, room_rows.END, {}, "", now)
        session.flush()
        room_writes.plan(session, list(ours.values()), now=now)
        return len(wrong)


def _soon(session: Session, now: datetime) -> list[int]:
    """Return the conferences with a window now or soon: their rows may be missing since the settings were changed."""
    query = select(ScheduledConferenceRow.conference_id).where(
        ScheduledConferenceRow.closes_at > now - GAP, ScheduledConferenceRow.opens_at < now + _SOON
    )
    return sorted(set(session.scalars(query)))


def _parts(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for start in range(0, len(items), _AT_ONCE):
        yield items[start : start + _AT_ONCE]


def _named(uuids: Sequence[str]) -> Any:
    return and_(ConferenceRow.uuid.in_(uuids), ConferenceRow.is_scheduled)
