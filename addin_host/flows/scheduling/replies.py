"""The answers to organizers: rendered when they are decided on, each put into the outbox once (scheduling.md 5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from addin_host.domain.calendar import Meeting, Notice
from addin_host.domain.integration import Integration
from addin_host.domain.mailbox import Reply
from addin_host.domain.meeting import GENERAL
from addin_host.domain.recurrence import occurrence_key
from addin_host.domain.situation import Outcome, Version, version_of
from addin_host.domain.text import one_line
from addin_host.flows.scheduling.reading import Item
from addin_host.flows.scheduling.texts import Texts, times_of, words_of
from addin_host.flows.scheduling.working import Work
from addin_host.store.models import OutboxRow

_LONGEST_SUBJECT = 255


def row(
    work: Work, integration: Integration, texts: Texts, *, suffix: str = "", now: datetime
) -> dict[str, Any] | None:
    """Return the row of the answer to what was decided; None where nobody is answered. `suffix` is appended to it."""
    meeting, decision = work.meeting, work.decision
    if meeting is None or not decision.template or not _can_be_told(meeting, integration):
        return None
    words = words_of(meeting, work.alias) | times_of(meeting, _times(work), integration)
    html = texts.reply(decision.template, words) + suffix
    is_accepted = decision.outcome is Outcome.ACCEPT
    version = _told_version(work.item.notice, meeting)
    key = _key(integration.id, meeting.uid, _told_occurrence(work, meeting), version, is_accepted=is_accepted)
    return _row(work.item, meeting, integration.id, html, key, is_accepted, work.meeting_id, now)


def general_error(item: Item, integration: Integration, texts: Texts, *, now: datetime) -> dict[str, Any] | None:
    """Return the row of the answer to what could not be dealt with (row 17); None where the organizer is not known."""
    meeting = item.meeting
    if meeting is None or meeting.is_cancelled or not _can_be_told(meeting, integration):
        return None
    html = texts.reply(GENERAL, {"correlation_id": item.claimed.correlation_id})
    key = _key(integration.id, meeting.uid, "", _told_version(item.notice, meeting), is_accepted=False)
    return _row(item, meeting, integration.id, html, key, False, None, now)


def _can_be_told(meeting: Meeting, integration: Integration) -> bool:
    """Nobody is told who has no address, and the equipment mailbox never tells itself."""
    own = str(integration["room_mailbox_email_address"] or "").lower()
    return "@" in meeting.organizer.address and own not in meeting.organizer.addresses()


def _times(work: Work) -> tuple[datetime, datetime] | None:
    """Return when the occurrence takes place that the answer is about; it may lie behind what has windows."""
    key, series = work.decision.occurrence, work.meeting.series if work.meeting else None
    window = (work.windows or {}).get(key)
    moved = {occurrence_key(one.original): one for one in series.exceptions} if key and series else {}
    found = window or moved.get(key)
    return (found.start, found.end) if found else None


def _told_occurrence(work: Work, meeting: Meeting) -> str:
    """The occurrence that the answer is about. A message that was overtaken may be about a series that is none now."""
    notice = work.item.notice
    was_overtaken = notice is not None and version_of(notice).is_older_than(version_of(meeting))
    return "" if work.alone and was_overtaken else work.decision.occurrence


def _told_version(notice: Notice | None, meeting: Meeting) -> Version:
    """The version that the answer is about: that of the occurrence, where the message was about one."""
    version = version_of(meeting)
    if notice is None or notice.occurrence is None or version_of(notice).is_older_than(version):
        return version
    return version_of(notice)


def _key(integration_id: int, uid: str, occurrence: str, version: Version, *, is_accepted: bool) -> str:
    changed = version.critical_change.astimezone(UTC).isoformat() if version.critical_change else ""
    about = "|".join((uid, occurrence, str(version.sequence), changed, "accept" if is_accepted else "decline"))
    return f"reply:{integration_id}:{sha256(about.encode()).hexdigest()}"


def _row(
    item: Item,
    meeting: Meeting,
    integration_id: int,
    html: str,
    key: str,
    is_accepted: bool,
    meeting_id: int | None,
    now: datetime,
) -> dict[str, Any]:
    reply = Reply(
        item_id=item.notice.item_id if item.notice else "",
        meeting_item_id=meeting.item_id,
        accept=is_accepted,
        html=html,
        subject=f"{'Accepted' if is_accepted else 'Declined'}: {one_line(meeting.subject)}"[:_LONGEST_SUBJECT],
        organizer_address=meeting.organizer.address,
        organizer_name=meeting.organizer.name,
        correlation_id=item.claimed.correlation_id,
    )
    return {
        "kind": "reply",
        "key": key,
        "integration_id": integration_id,
        "meeting_id": meeting_id,
        "after_id": None,
        "payload": asdict(reply),
        "payload_hash": "",
        "state": "pending",
        "tries": 0,
        "due_at": now,
        "fence": 0,
        "correlation_id": item.claimed.correlation_id,
        "error_code": "",
        "error": "",
        "created_at": now,
    }


def store(session: Session, rows: Iterable[Mapping[str, Any]]) -> None:
    """Put answers into the outbox; who has had one to the same change gets no other."""
    found = list(rows)
    if found:
        insert = (sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert)(OutboxRow)
        session.execute(insert.on_conflict_do_nothing(index_elements=["key"]), found)
