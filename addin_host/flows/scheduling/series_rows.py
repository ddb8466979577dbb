"""The rows that stand for a series as a whole: the cursor over its occurrences (design/scheduling.md 5.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from addin_host.domain.calendar import Series
from addin_host.domain.recurrence import occurrences
from addin_host.flows.scheduling.occurrences import Plan, shortened
from addin_host.flows.scheduling.tables import SERIES
from addin_host.flows.scheduling.working import Work

_LONGEST = 255
_COUNTED = timedelta(days=3660)


def put(session: Session, works: Sequence[Work], plans: Mapping[int, Plan], *, now: datetime) -> dict[int, int]:
    """Give every series its row, take it from what is no series any more; return their ids by meeting."""
    meetings = {work.meeting_id: work for work in works if work.meeting_id in plans}
    ever = [number for number, work in meetings.items() if number is not None and _may_have_row(work)]
    known: dict[int, int] = {}
    if ever:
        query = select(SERIES.c.meeting_id, SERIES.c.id).where(SERIES.c.meeting_id.in_(ever))
        known = dict(session.execute(query).all())
    wanted = {number: plans[number] for number, work in meetings.items() if number is not None and _is_series(work)}
    ended = [number for number in known if number not in wanted]
    if ended:
        session.execute(delete(SERIES).where(SERIES.c.meeting_id.in_(ended)))
    for number in wanted.keys() & known.keys():
        changed = _changing(wanted[number], meetings[number], now)
        session.execute(update(SERIES).where(SERIES.c.id == known[number]).values(changed))
    new = [number for number in wanted if number not in known]
    if new:
        rows = [_row(wanted[number], meetings[number], now) for number in new]
        made = session.execute(insert(SERIES).returning(SERIES.c.id, sort_by_parameter_order=True), rows)
        known |= dict(zip(new, made.scalars(), strict=True))
    return {number: known[number] for number in wanted}


def _is_series(work: Work) -> bool:
    return work.meeting is not None and work.meeting.series is not None


def _may_have_row(work: Work) -> bool:
    return work.facts.row is not None and work.facts.room is not None


def index_at(series: Series, now: datetime) -> int:
    """Return how many occurrences have ended, as far back as is sensible to count."""
    return sum(1 for one in occurrences(series, now - _COUNTED, now) if one.end <= now)


def _changing(plan: Plan, work: Work, now: datetime) -> dict[str, Any]:
    series = work.meeting.series if work.meeting is not None else None
    return {
        "scheduled_alias_id": plan.alias_id,
        "subject": plan.subject[:_LONGEST],
        "current_index": index_at(series, now) if series is not None else 0,
        "is_depleted": False,
    }


def _row(plan: Plan, work: Work, now: datetime) -> dict[str, Any]:
    return _changing(plan, work, now) | {
        "meeting_id": plan.meeting_id,
        "conference_id": plan.conference_id,
        "integration_id": plan.integration_id,
        "ews_item_id": shortened(plan.item_id),
        "created_at": now,
    }
