"""The rows of meetings: what was decided on last, and what is needed to decide the next time."""

from __future__ import annotations

import uuid as uuids
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Session

from addin_host.domain.calendar import Meeting
from addin_host.domain.fingerprint import fingerprint
from addin_host.domain.integration import Integration
from addin_host.domain.recurrence import settled
from addin_host.domain.series_record import to_record
from addin_host.domain.situation import ALONE, OVER, Decision, Outcome, State, Version, reason_of
from addin_host.domain.tag import Kind, Tag, print_tag
from addin_host.flows.scheduling import late_instructions
from addin_host.flows.scheduling.context import Scheduling
from addin_host.flows.scheduling.tables import MEETING
from addin_host.flows.scheduling.working import Work
from addin_host.store.models import MeetingRow

_STATES = {Outcome.CANCEL: State.CANCELLED, Outcome.REJECT: State.REJECTED}
_ADMINISTRATORS = 7  # the row that says an administrator removed alias or conference
_LONGEST_SUBJECT, _LONGEST_NAME, _LONGEST_ADDRESS, _LONGEST_ZONE = 255, 250, 320, 100


def put(session: Session, integration: Integration, works: Sequence[Work], own: Scheduling, *, now: datetime) -> None:
    """Insert or change the rows; sets `meeting_id`."""
    new = [work for work in works if work.facts.row is None]
    if new:
        rows = [_blank(work, integration.id, now) | _values(work, own, now) for work in new]
        session.execute(insert(MEETING), rows)
        here = (MEETING.c.integration_id == integration.id, MEETING.c.uid.in_([row["uid"] for row in rows]))
        ids = dict(session.execute(select(MEETING.c.uid, MEETING.c.id).where(*here)).all())
        for work in new:
            work.meeting_id = ids[work.item.uid]
    changes: dict[frozenset[str], list[dict[str, Any]]] = {}
    for work in works:
        if work.facts.row is not None:
            work.meeting_id = work.facts.row.id
            values = _values(work, own, now)
            row = {"b_id": work.meeting_id} | {f"b_{name}": value for name, value in values.items()}
            changes.setdefault(frozenset(values), []).append(row)
    for names, changed in changes.items():
        given = {name: bindparam(f"b_{name}", type_=MEETING.c[name].type) for name in names}
        session.execute(update(MEETING).where(MEETING.c.id == bindparam("b_id")).values(given), changed)


def _blank(work: Work, integration_id: int, now: datetime) -> dict[str, Any]:
    """A row of a meeting that was never accepted, such as a tombstone."""
    return {
        "integration_id": integration_id,
        "uid": work.item.uid,
        "fingerprint": "",
        "organizer": "",
        "organizer_name": "",
        "organizer_others": [],
        "subject": "",
        "item_id": "",
        "message_id": "",
        "start_time": None,
        "end_time": None,
        "zone": "",
        "series": None,
        "in_calendar": False,
        "placeholder_tag": "",
        "alias_id": None,
        "created_at": now,
    }


def _values(work: Work, own: Scheduling, now: datetime) -> dict[str, Any]:
    decision = work.decision
    state = _STATES.get(decision.outcome, State.SCHEDULED)
    if decision.row == _ADMINISTRATORS:
        state = State.REMOVED
    version = decision.version or Version(0, None)
    values: dict[str, Any] = {
        "state": state.value,
        "reason": _reason(work, decision),
        "sequence": version.sequence,
        "critical_change": version.critical_change,
        "conference_id": work.conference_id if work.has_room else None,
        "horizon_until": work.horizon_until if work.has_room else None,
        "updated_at": now,
    }
    if work.meeting is not None and decision.outcome is not Outcome.CANCEL:
        values |= _of_meeting(work.meeting, is_alone=work.alone != "")
    if work.item.notice is not None:
        values["message_id"] = work.item.notice.item_id
    if work.has_room:
        values |= _of_alias(work, own)
    return values


def _reason(work: Work, decision: Decision) -> str:
    if decision.outcome is Outcome.REJECT:
        return reason_of(decision)
    if work.facts.row is not None and work.facts.room is None and work.is_over:
        return str(work.facts.row.reason)
    return OVER if work.is_over else ""


def _of_meeting(meeting: Meeting, *, is_alone: bool) -> dict[str, Any]:
    organizer = meeting.organizer
    return {
        "fingerprint": ALONE if is_alone else fingerprint(meeting),
        "organizer": organizer.address[:_LONGEST_ADDRESS],
        "organizer_name": organizer.name[:_LONGEST_NAME],
        "organizer_others": list(organizer.others),
        "subject": meeting.subject[:_LONGEST_SUBJECT],
        "item_id": meeting.item_id,
        "start_time": meeting.start,
        "end_time": meeting.end,
        "zone": meeting.zone.name[:_LONGEST_ZONE],
        "series": to_record(settled(meeting.series)) if meeting.series is not None else None,
        "in_calendar": meeting.in_calendar,
    }


def _of_alias(work: Work, own: Scheduling) -> dict[str, Any]:
    assert work.alias is not None  # noqa: S101 - what has a room has an alias
    tag = work.choice.tag
    values: dict[str, Any] = {"alias_id": work.alias.id}
    if tag is not None and tag.kind is Kind.PLACEHOLDER:
        values["placeholder_tag"] = print_tag(tag, own.tag_keys.all())
    return values


def instructions(
    session: Session, own: Scheduling, integration: Integration, work: Work, after: int | None, *, now: datetime
) -> tuple[str, int | None]:
    """Return what is appended to the answer of a meeting that came with a placeholder, and after what it is sent."""
    tag, alias = work.choice.tag, work.alias
    if tag is None or alias is None or tag.kind is not Kind.PLACEHOLDER or work.meeting_id is None:
        return "", after
    printed = print_tag(
        Tag(Kind.ALIAS, own.tag_keys.signing(), integration.id, uuids.UUID(alias.uuid)), own.tag_keys.all()
    )
    rewritten = late_instructions.plan(
        session,
        integration,
        session.get_one(MeetingRow, work.meeting_id),
        alias=alias.alias,
        tag=printed,
        correlation_id=work.item.claimed.correlation_id,
        after_id=after,
        now=now,
    )
    if rewritten is not None:
        return "", rewritten
    return late_instructions.reply_text(integration, alias.alias, printed), after
