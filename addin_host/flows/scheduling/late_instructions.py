"""Joining instructions for meetings that were sent with a placeholder (design/scheduling.md section 4)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from addin_host.domain.integration import Integration
from addin_host.store.models import MeetingRow


def plan(
    session: Session,
    integration: Integration,
    meeting: MeetingRow,
    *,
    alias: str,
    tag: str,
    correlation_id: str,
    after_id: int | None = None,
    now: datetime,
) -> int | None:
    """Have the placeholder in the organizer's appointment replaced, and return the outbox id; None: the option is off.

    `meeting` has its id, organizer and placeholder_tag; `alias` is the whole address, `tag` the printed PXPS tag.
    `after_id` is the room's write. A reply that is sent after the returned id gets the instructions appended by itself
    when the appointment could not be changed; with None the caller appends `reply_text`.
    """
    del session, integration, meeting, alias, tag, correlation_id, after_id, now
    return None


def reply_text(integration: Integration, alias: str, tag: str) -> str:
    """Return the joining instructions of an alias (the whole address) as HTML, to be appended to an accept reply."""
    del integration, alias, tag
    return ""
