"""VMRs that belong to meetings, as the scheduling service leaves them in the tables."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from addin_host.store.models import (
    ConferenceAliasRow,
    ConferenceRow,
    MeetingRow,
    ScheduledAliasRow,
    ScheduledConferenceRow,
)

BEFORE, AFTER = timedelta(minutes=30), timedelta(minutes=60)


@dataclass(frozen=True)
class Booked:
    """Ids and addresses of a room."""

    conference_id: int
    uuid: str
    meeting_id: int
    alias: str
    numeric_alias: str


def handed_out(session: Session, number: str, now: datetime, **changes: Any) -> ScheduledAliasRow:
    """An alias that nobody has booked yet."""
    values: dict[str, Any] = {
        "uuid": str(uuid.uuid4()),
        "integration_id": 1,
        "alias": f"{number}@video.example.com",
        "numeric_alias": number,
        "alias_number": int(number),
        "caller": "c",
        "created_at": now,
        "expires_at": now + timedelta(days=30),
    }
    row = ScheduledAliasRow(**{**values, **changes})
    session.add(row)
    session.flush()
    return row


def book(
    session: Session, number: str, starts: Sequence[datetime], *, now: datetime, minutes: int = 60, **settings: Any
) -> Booked:
    """A room with its two aliases, and its meeting, which takes place at each of the times."""
    alias = handed_out(session, number, now, is_used=True)
    uid = str(uuid.uuid4())
    plain: dict[str, Any] = {
        "uuid": uid,
        "name": f"Weekly {number}",
        "description": "Scheduled Conference booked by alice@example.com",
        "tag": f"sched:{uid}",
        "is_scheduled": True,
        "created_at": now,
    }
    room = ConferenceRow(**{**plain, **settings})
    room.aliases = [
        ConferenceAliasRow(alias=text, view_order=order, created_at=now)
        for order, text in enumerate((alias.alias, alias.numeric_alias))
    ]
    session.add(room)
    session.flush()
    meeting = MeetingRow(
        integration_id=1,
        uid=uid.replace("-", "").upper(),
        state="scheduled",
        sequence=0,
        organizer="alice@example.com",
        subject="Weekly",
        alias_id=alias.id,
        conference_id=room.id,
        created_at=now,
        updated_at=now,
    )
    session.add(meeting)
    session.flush()
    for start in starts:
        end = start + timedelta(minutes=minutes)
        session.add(
            ScheduledConferenceRow(
                meeting_id=meeting.id,
                conference_id=room.id,
                integration_id=1,
                scheduled_alias_id=alias.id,
                occurrence=f"{start:%Y%m%dT%H%M%SZ}" if len(starts) > 1 else "",
                start_time=start,
                end_time=end,
                opens_at=start - BEFORE,
                closes_at=end + AFTER,
                created_at=now,
            )
        )
    session.flush()
    return Booked(room.id, uid, meeting.id, alias.alias, alias.numeric_alias)
