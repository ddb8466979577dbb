"""The rows of occurrences: made to be what the windows of their meetings are (design/scheduling.md 5.1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import bindparam, delete, insert, update
from sqlalchemy.orm import Session

from addin_host.flows.scheduling.tables import OCCURRENCE, AnyRow
from addin_host.flows.scheduling.working import Window

_CHANGING = ("start_time", "end_time", "opens_at", "closes_at", "subject", "scheduled_alias_id")
_LONGEST = 255


@dataclass(frozen=True, slots=True)
class Plan:
    """What the occurrences of one meeting are to be. `subject` is theirs where they have none of their own."""

    meeting_id: int
    conference_id: int
    integration_id: int
    uid: str
    item_id: str
    subject: str
    windows: Mapping[str, Window]
    before: Mapping[str, AnyRow]
    alias_id: int | None = None
    recurring_id: int | None = None
    is_new_room: bool = False


def shortened(item_id: str) -> str:
    """Return an item's id as a column of 255 characters holds it: a longer one by its hash."""
    return item_id if len(item_id) <= _LONGEST else f"H{sha256(item_id.encode()).hexdigest()}"


def put(session: Session, plans: Sequence[Plan], *, now: datetime) -> None:
    """Insert, change and delete rows, so that they are what the plans say. Only what differs is written."""
    new: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    gone: list[int] = []
    for plan in plans:
        before = {} if plan.is_new_room else plan.before  # with the old room its rows went as well
        gone += [row.id for key, row in before.items() if key not in plan.windows]
        for key, window in plan.windows.items():
            values = _values(plan, window)
            if key not in before:
                new.append(values | _identity(plan, key, now))
            elif any(getattr(before[key], name) != value for name, value in values.items()):
                changed.append({"b_id": before[key].id} | {f"b_{name}": value for name, value in values.items()})
    _delete(session, gone)
    if new:
        session.execute(insert(OCCURRENCE), new)
    if changed:
        values = {name: bindparam(f"b_{name}") for name in (*_CHANGING, "recurring_conference_id")}
        session.execute(update(OCCURRENCE).where(OCCURRENCE.c.id == bindparam("b_id")).values(values), changed)


def _delete(session: Session, ids: Iterable[int]) -> None:
    found = list(ids)
    for at in range(0, len(found), 1000):
        session.execute(delete(OCCURRENCE).where(OCCURRENCE.c.id.in_(found[at : at + 1000])))


def _values(plan: Plan, window: Window) -> dict[str, Any]:
    return {
        "start_time": window.start,
        "end_time": window.end,
        "opens_at": window.opens_at,
        "closes_at": window.closes_at,
        "subject": (window.subject or plan.subject)[:_LONGEST],
        "scheduled_alias_id": plan.alias_id,
        "recurring_conference_id": plan.recurring_id,
    }


def _identity(plan: Plan, key: str, now: datetime) -> dict[str, Any]:
    return {
        "meeting_id": plan.meeting_id,
        "conference_id": plan.conference_id,
        "integration_id": plan.integration_id,
        "occurrence": key,
        "ews_item_id": shortened(plan.item_id),
        "ews_item_uid": plan.uid,
        "created_at": now,
    }
