"""Putting decisions into effect: meetings, rooms, occurrences, aliases and replies, in bulk statements."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, update
from sqlalchemy.orm import Session

from addin_host.domain.fingerprint import fingerprint
from addin_host.domain.integration import Integration
from addin_host.domain.situation import Outcome, State
from addin_host.flows.scheduling import (
    claiming,
    history,
    meeting_rows,
    occurrences,
    placeholders,
    replies,
    room_writes,
    rooms,
    series_rows,
    steps,
)
from addin_host.flows.scheduling.context import Scheduling
from addin_host.flows.scheduling.occurrences import Plan
from addin_host.flows.scheduling.tables import ALIAS, MEETING
from addin_host.flows.scheduling.texts import Texts, words_of
from addin_host.flows.scheduling.working import Work
from addin_host.store.models import MeetingRow

_SUBJECT = "conference_subject_template"
_SOON, _RECENT = timedelta(seconds=30), timedelta(minutes=2)


def converge(
    session: Session, own: Scheduling, integration: Integration, works: Sequence[Work], *, now: datetime
) -> None:
    """Put decisions about different meetings into effect; their keys are locked."""
    texts = Texts(own.catalogue, integration)
    changing = [work for work in works if work.changes]
    with_room = [work for work in changing if work.has_room]
    _redeem(session, integration, with_room, now)
    _remove_rooms(session, [work for work in changing if work.drops_room], now)
    later = rooms.put(session, integration, with_room, texts, now=now) if with_room else {}
    meeting_rows.put(session, integration, changing, own, now=now)
    _bind_aliases(session, changing, now)
    _put_occurrences(session, integration, with_room, texts, now)
    _look_again(session, integration, changing, later, now)
    written = _plan_writes(session, with_room, now)
    _reply(session, own, integration, works, texts, written, now)
    history.notes(session, [step for work in works for step in steps.of(work, integration)], now=now)
    texts.report(session, now)


def _redeem(session: Session, integration: Integration, works: Sequence[Work], now: datetime) -> None:
    for work in works:
        if work.alias is not None and not work.alias.id:
            work.alias = placeholders.redeem(session, integration, work.alias, now=now)


def _remove_rooms(session: Session, works: Sequence[Work], now: datetime) -> None:
    rooms.remove(session, [work.facts.room for work in works if work.facts.room is not None], now=now)


def _bind_aliases(session: Session, works: Sequence[Work], now: datetime) -> None:
    """Tie aliases to their meetings; those that a meeting has no more, or whose room went, begin their quarantine."""
    bound = [(work.alias.id, work.item.uid) for work in works if work.has_room and work.alias and not _is_bound(work)]
    if bound:
        values = {"is_used": True, "ews_item_uid": bindparam("b_uid"), "conference_deletion_time": None}
        statement = update(ALIAS).where(ALIAS.c.id == bindparam("b_id")).values(**values, released_at=None)
        session.execute(statement, [{"b_id": number, "b_uid": uid} for number, uid in sorted(bound)])
    left = [number for work in works if (number := _left_alias(work)) is not None]
    quarantine(session, left, now=now)


def _is_bound(work: Work) -> bool:
    """Whether the alias is the one that the meeting's room has already."""
    known = work.facts.known
    return known is not None and known.has_room and work.alias is not None and known.alias == work.alias.uuid


def _left_alias(work: Work) -> int | None:
    """Return the alias that the meeting had a room with until now."""
    row = work.facts.row
    if row is None or work.facts.room is None or row.alias_id is None:
        return None
    stays = work.has_room and work.alias is not None and work.alias.id == row.alias_id
    number: int | None = None if stays else row.alias_id
    return number


def quarantine(session: Session, alias_ids: Sequence[int], *, now: datetime) -> None:
    """Begin the quarantine of aliases whose conference is deleted."""
    if alias_ids:
        which = ALIAS.c.id.in_(alias_ids)
        session.execute(update(ALIAS).where(which).values(conference_deletion_time=now))


def _put_occurrences(
    session: Session, integration: Integration, works: Sequence[Work], texts: Texts, now: datetime
) -> None:
    plans = [plan for work in works if (plan := _plan(work, integration, texts)) is not None]
    recurring = series_rows.put(session, works, {plan.meeting_id: plan for plan in plans}, now=now)
    occurrences.put(session, [replace(plan, recurring_id=recurring.get(plan.meeting_id)) for plan in plans], now=now)


def _plan(work: Work, integration: Integration, texts: Texts) -> Plan | None:
    if work.windows is None or work.meeting is None or work.meeting_id is None or work.conference_id is None:
        return None
    return Plan(
        meeting_id=work.meeting_id,
        conference_id=work.conference_id,
        integration_id=integration.id,
        uid=work.item.uid,
        item_id=work.meeting.item_id,
        subject=texts.rendered(_SUBJECT, words_of(work.meeting, work.alias)),
        windows=work.windows,
        before=work.facts.windows,
        alias_id=work.alias.id if work.alias else None,
        is_new_room=work.facts.room is None,
    )


def _look_again(
    session: Session, integration: Integration, works: Sequence[Work], later: Mapping[str, datetime], now: datetime
) -> None:
    """Have meetings looked at again: those whose room is open, so that it gets its new words when it closes, and those
    of which two reads of one version differed a moment ago: which of them came first, nobody knows.
    """
    for work in works:
        due = later.get(work.item.uid) or (now + _SOON if _may_have_crossed(work, now) else None)
        if due is not None:
            key = f"{work.item.uid}:{due.isoformat()}"
            claiming.enqueue(
                session, integration.id, origin="refresh", item_id="", uid=work.item.uid, due_at=due, key=key
            )


def _may_have_crossed(work: Work, now: datetime) -> bool:
    row, known, meeting = work.facts.row, work.facts.known, work.meeting
    if row is None or known is None or meeting is None or not work.has_room or work.alone:
        return False
    is_recent = now - row.updated_at < _RECENT and work.item.claimed.origin != "refresh"
    return is_recent and known.version == work.decision.version and known.fingerprint != fingerprint(meeting)


def _plan_writes(session: Session, works: Sequence[Work], now: datetime) -> Mapping[int, int]:
    ids = {work.conference_id: work.item.claimed.correlation_id for work in works if work.conference_id is not None}
    return room_writes.plan(session, list(ids), now=now, correlation_ids=ids) if ids else {}


def _reply(
    session: Session,
    own: Scheduling,
    integration: Integration,
    works: Sequence[Work],
    texts: Texts,
    written: Mapping[int, int],
    now: datetime,
) -> None:
    rows: list[dict[str, Any]] = []
    for work in works:
        suffix, after = "", written.get(work.conference_id or 0)
        if work.decision.outcome is Outcome.ACCEPT and work.decision.row in (12, 13):
            suffix, after = meeting_rows.instructions(session, own, integration, work, after, now=now)
        row = replies.row(work, integration, texts, suffix=suffix, now=now)
        if row is not None:
            rows.append(row | {"after_id": after})
    replies.store(session, rows)


def remove_meeting(session: Session, meeting: MeetingRow, *, reason: str, now: datetime) -> None:
    """Free the room of a meeting now; its alias goes into quarantine.

    `reason` is `cancelled`, or says whose doing it was: then the meeting is removed, and its organizer's next update is
    declined.
    """
    session.flush()
    if meeting.conference_id is not None:
        rooms.remove(session, rooms.tags_of(session, [meeting.conference_id]), now=now)
        quarantine(session, [meeting.alias_id] if meeting.alias_id else [], now=now)
    state = State.CANCELLED if reason == "cancelled" else State.REMOVED
    values = {"state": state.value, "reason": reason[:50], "conference_id": None, "horizon_until": None}
    session.execute(update(MEETING).where(MEETING.c.id == meeting.id).values(**values, updated_at=now))
    session.expire(meeting)
    history.note(
        session,
        correlation_id=str(uuid.uuid4()),
        step="room",
        action="room_removed",
        success=True,
        integration_id=meeting.integration_id,
        now=now,
        meeting_id=meeting.id,
        meeting_uid=meeting.uid,
        organizer=meeting.organizer,
        error_description=reason,
    )
