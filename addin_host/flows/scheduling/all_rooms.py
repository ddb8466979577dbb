"""Removing all rooms of an integration that is about to be deleted."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.orm import Session

from addin_host.domain.access import Caller
from addin_host.flows import audit
from addin_host.flows.audit import Subject
from addin_host.flows.scheduling import applying, history, rooms
from addin_host.store.models import IntegrationRow, MeetingRow

REASON = "integration deleted"
_BATCH = 500
_MEETING = MeetingRow


def remove(session: Session, integration: IntegrationRow, *, caller: Caller, now: datetime) -> int:
    """Free the rooms of all meetings of an integration now, and return how many. Their aliases go into quarantine."""
    number = 0
    query = (
        select(_MEETING.id, _MEETING.conference_id, _MEETING.alias_id, _MEETING.uid, _MEETING.organizer)
        .where(_MEETING.integration_id == integration.id, _MEETING.conference_id.is_not(None))
        .limit(_BATCH)
    )
    while found := list(session.execute(query)):
        _remove(session, integration.id, found, now)
        number += len(found)
    subject = Subject("integration", integration.id, integration.name, integration.id)
    audit.record(session, caller, "remove rooms", subject, now=now, after={"rooms": number})
    return number


def _remove(session: Session, integration_id: int, found: Sequence[Row[*tuple[Any, ...]]], now: datetime) -> None:
    ids = [row.id for row in found]
    conferences = [row.conference_id for row in found if row.conference_id is not None]
    rooms.remove(session, rooms.tags_of(session, conferences), now=now)
    applying.quarantine(session, [row.alias_id for row in found if row.alias_id is not None], now=now)
    values = {"state": "removed", "reason": REASON, "conference_id": None, "horizon_until": None, "updated_at": now}
    gone = update(_MEETING).where(_MEETING.id.in_(ids)).values(**values)
    session.execute(gone.execution_options(synchronize_session=False))
    steps = [
        history.Step(
            correlation_id=str(uuid.uuid4()),
            step="room",
            action="room_removed",
            success=True,
            integration_id=integration_id,
            meeting_id=row.id,
            meeting_uid=row.uid,
            organizer=row.organizer,
            error_description=REASON,
        )
        for row in found
    ]
    history.notes(session, steps, now=now)
