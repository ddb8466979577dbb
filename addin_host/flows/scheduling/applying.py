"""Putting decisions into effect: meetings, rooms, occurrences, aliases and replies, in bulk statements."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from addin_host.flows.scheduling.context import Scheduling
from addin_host.store.models import MeetingRow


def remove_meeting(session: Session, own: Scheduling, meeting: MeetingRow, *, reason: str, now: datetime) -> None:
    """Free the room of a meeting now; its alias goes into quarantine. `reason` is cancelled, or whose doing it was."""
    raise NotImplementedError
