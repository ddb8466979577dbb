"""What the history says of an item that was dealt with."""

from __future__ import annotations

from collections.abc import Iterator

from addin_host.domain.integration import Integration
from addin_host.domain.situation import Outcome, reason_of
from addin_host.flows.scheduling.history import Step
from addin_host.flows.scheduling.working import Work

_QUIET = ("calendar", "refresh", "absence")
_WHY = {  # by the row of design/scheduling.md section 5
    4: "The text has no valid tag of this integration: it was changed, or the mailbox was invited without the add-in.",
    5: "The tag belongs to another meeting: the text was copied from there.",
    6: "The organizer is not of this organization.",
    7: "An administrator removed the alias or its room.",
    9: "The meeting is over.",
    10: "Every meeting of the series is over.",
    11: "Another VMR has the alias by now.",
}


def of(work: Work, integration: Integration) -> Iterator[Step]:
    """Yield the steps of one item: that it was fetched, what was decided, what became of the room."""
    outcome, claimed = work.decision.outcome, work.item.claimed
    if outcome is Outcome.IGNORE and (claimed.origin in _QUIET or work.item.notice is None):
        return  # a look at what was known already
    if work.item.notice is not None:
        yield _step(work, integration, "fetched", work.item.notice.kind.value)
    rejected = outcome is Outcome.REJECT
    yield _step(work, integration, "decided", work.decision.action, error=reason_of(work.decision) if rejected else "")
    if work.changes and work.has_room:
        yield _step(work, integration, "room", "room_written")
    elif work.drops_room:
        yield _step(work, integration, "room", "room_removed")


def _step(work: Work, integration: Integration, step: str, action: str, *, error: str = "") -> Step:
    meeting, known = work.meeting, work.facts.known
    organizer = meeting.organizer.address if meeting is not None else known.organizer.address if known else ""
    return Step(
        correlation_id=work.item.claimed.correlation_id,
        step=step,
        action=action,
        success=not error,
        integration_id=integration.id,
        meeting_id=work.meeting_id or (work.facts.row.id if work.facts.row is not None else None),
        meeting_uid=work.item.uid,
        occurrence=work.decision.occurrence,
        organizer=organizer,
        tag_uuid=work.choice.uuid,
        resource_id=work.conference_id,
        error_code=error,
        error_description=_why(work) if error else "",
    )


def _why(work: Work) -> str:
    known, meeting = work.facts.known, work.meeting
    if work.decision.keeps_room and known is not None and meeting is not None:
        return f"The meeting is {known.organizer.address}'s, and {meeting.organizer.address} sent this."
    return _WHY.get(work.decision.row, f"Row {work.decision.row} of the decisions applies.")
