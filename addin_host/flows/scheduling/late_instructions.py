"""Joining instructions for meetings that were sent with a placeholder (design/scheduling.md section 4).

With the option on, the placeholder in the organizer's own appointment gives way to the instructions, and everybody gets
the update. Where that is off or impossible, the reply to the organizer carries them, to be forwarded.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.orm import Session

from addin_host.domain.integration import Integration
from addin_host.domain.mailbox import Rewrite
from addin_host.domain.text import sanitise_html
from addin_host.flows.meeting_texts import meeting_texts
from addin_host.flows.scheduling import room_rows
from addin_host.flows.single_use import pattern_of
from addin_host.store.models import MeetingRow, OutboxRow

NOT_WRITTEN = "The appointment is not in the organizer's calendar, or the instructions stand there already."
KIND = "rewrite"


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
    if not integration["late_instructions"]:
        return None
    rewrite = Rewrite(
        organizer_address=meeting.organizer,
        uid=meeting.uid,
        tag=meeting.placeholder_tag,
        placeholder_html=sanitise_html(str(integration["placeholder_instructions_template"])),
        html=reply_text(integration, alias, tag),
    )
    digest = sha256(f"{meeting.uid}|{meeting.placeholder_tag}".encode()).hexdigest()
    key = f"{KIND}:{integration.id}:{digest}"
    row = {
        "kind": KIND,
        "key": key,
        "integration_id": integration.id,
        "meeting_id": meeting.id,
        "after_id": after_id,
        "payload": asdict(rewrite),
        "due_at": now,
        "correlation_id": correlation_id,
        "created_at": now,
    }
    room_rows.insert_rows(session, [row])
    return session.scalar(select(OutboxRow.id).where(OutboxRow.key == key))


def reply_text(integration: Integration, alias: str, tag: str) -> str:
    """Return the joining instructions of an alias (the whole address) as HTML, to be appended to an accept reply."""
    number, _at, domain = alias.partition("@")
    pattern = pattern_of(integration)
    return meeting_texts(integration, replace(pattern, domain=domain or pattern.domain), number, tag).instructions


def fall_back(session: Session, rewrite_id: int, html: str) -> None:
    """Append the instructions to the replies that wait for a rewrite that came to nothing."""
    waiting = select(OutboxRow).where(
        OutboxRow.after_id == rewrite_id, OutboxRow.kind == "reply", OutboxRow.state == "pending"
    )
    for row in session.scalars(waiting.with_for_update().execution_options(populate_existing=True)):
        row.payload = {**row.payload, "html": f"{row.payload.get('html', '')}\n{html}"}
    session.flush()
