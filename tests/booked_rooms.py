"""Rooms of meetings as the scheduling service leaves them, put straight into the tables."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from addin_host.store.models import (
    ConferenceAliasRow,
    ConferenceRow,
    InboxRow,
    MailboxRow,
    MeetingRow,
    OutboxRow,
    RecurringConferenceRow,
    ScheduledAliasRow,
    ScheduledConferenceRow,
    SchedulingOperationRow,
)

BEFORE, AFTER = timedelta(minutes=30), timedelta(minutes=60)


def book(
    session: Session,
    integration_id: int,
    subject: str,
    starts: Sequence[datetime],
    *,
    now: datetime,
    number: str = "",
    minutes: int = 30,
    organizer: str = "ada@example.com",
    organizer_name: str = "Ada Example",
    **changes: Any,
) -> MeetingRow:
    """Store a meeting with its room: a single one, or a series when it has several starts."""
    number = number or f"79{uuid.uuid4().int % 10**8:08}"
    alias = _alias(session, integration_id, number, now)
    room = ConferenceRow(
        uuid=str(uuid.uuid4()), name=f"{subject} ({organizer_name}) {number}", description=f"Booked by {organizer}",
        is_scheduled=True, created_at=now,
        aliases=[
            ConferenceAliasRow(alias=text, view_order=place, created_at=now)
            for place, text in enumerate((alias.alias, alias.numeric_alias))
        ],
    )  # fmt: skip
    room.tag = f"sched:{room.uuid}"
    session.add(room)
    session.flush()
    end = starts[0] + timedelta(minutes=minutes)
    meeting = MeetingRow(**{
        "integration_id": integration_id, "uid": uuid.uuid4().hex.upper(), "state": "scheduled", "sequence": 0,
        "organizer": organizer, "organizer_name": organizer_name, "subject": subject, "start_time": starts[0],
        "end_time": end, "zone": "W. Europe Standard Time", "series": {"any": 1} if len(starts) > 1 else None,
        "alias_id": alias.id, "conference_id": room.id, "created_at": now, "updated_at": now,
    } | changes)  # fmt: skip
    session.add(meeting)
    session.flush()
    alias.ews_item_uid, alias.is_used = meeting.uid, True
    _occurrences(session, meeting, starts, minutes, now)
    return meeting


def _alias(session: Session, integration_id: int, number: str, now: datetime) -> ScheduledAliasRow:
    row = ScheduledAliasRow(
        uuid=str(uuid.uuid4()), integration_id=integration_id, alias=f"{number}@vmr.example.com", numeric_alias=number,
        alias_number=int(number[2:]), caller="user:1", created_at=now, expires_at=now + timedelta(days=30),
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def _occurrences(
    session: Session, meeting: MeetingRow, starts: Sequence[datetime], minutes: int, now: datetime
) -> None:
    common: dict[str, Any] = {
        "meeting_id": meeting.id, "conference_id": meeting.conference_id, "integration_id": meeting.integration_id,
        "scheduled_alias_id": meeting.alias_id, "subject": meeting.subject, "created_at": now,
    }  # fmt: skip
    series_id = None
    if meeting.series is not None:
        series = RecurringConferenceRow(**common, ews_item_id="item")
        session.add(series)
        session.flush()
        series_id = series.id
    for start in starts:
        end = start + timedelta(minutes=minutes)
        occurrence = start.strftime("%Y%m%dT%H%M%SZ") if series_id else ""
        session.add(
            ScheduledConferenceRow(
                **common, recurring_conference_id=series_id, occurrence=occurrence, start_time=start, end_time=end,
                opens_at=start - BEFORE, closes_at=end + AFTER, ews_item_id="item", ews_item_uid=meeting.uid,
            )
        )  # fmt: skip
    session.flush()


def step(session: Session, meeting: MeetingRow, *, now: datetime, correlation_id: str, **changes: Any) -> None:
    """Store a line of the history of a meeting."""
    values = {
        "created_at": now, "transaction_uuid": correlation_id, "success": True, "step": "decided",
        "action": "accept_new_single_meeting", "integration_id": meeting.integration_id, "meeting_id": meeting.id,
        "meeting_uid": meeting.uid, "organizer": meeting.organizer,
    }  # fmt: skip
    session.add(SchedulingOperationRow(**(values | changes)))
    session.flush()


def arrived(session: Session, integration_id: int, *, now: datetime, **changes: Any) -> InboxRow:
    """Store a row of the inbox."""
    values = {
        "integration_id": integration_id, "item_key": uuid.uuid4().hex, "origin": "message", "item_id": "i",
        "kind": "request", "received_at": now, "due_at": now, "correlation_id": str(uuid.uuid4()), "created_at": now,
    }  # fmt: skip
    row = InboxRow(**(values | changes))
    session.add(row)
    session.flush()
    return row


def to_send(session: Session, integration_id: int, *, now: datetime, **changes: Any) -> OutboxRow:
    """Store a row of the outbox."""
    values = {
        "integration_id": integration_id, "kind": "reply", "key": uuid.uuid4().hex, "payload": {"html": "<p>Hi</p>"},
        "due_at": now, "correlation_id": str(uuid.uuid4()), "created_at": now,
    }  # fmt: skip
    row = OutboxRow(**(values | changes))
    session.add(row)
    session.flush()
    return row


def read_mailbox(session: Session, integration_id: int, *, now: datetime, **changes: Any) -> MailboxRow:
    """Store the state of a mailbox."""
    row = MailboxRow(**{"integration_id": integration_id, "identity": "x", "due_at": now} | changes)
    session.add(row)
    session.flush()
    return row
