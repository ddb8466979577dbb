"""The history of meetings, step by step: what administrators read in the operations log (design/scheduling.md 14).

What was committed is in the log of the process as well, under the same correlation id.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import event, insert
from sqlalchemy.orm import Session

from addin_host.domain.redaction import correlation_id as current_id
from addin_host.flows.scheduling.tables import OPERATION

STEPS = ("fetched", "decided", "room", "reply", "rewrite")
_MAX_DESCRIPTION = 250
_USER = "schedulingservice"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an operation. `step` is one of STEPS; a description holds no subject, PIN or text of a mail."""

    correlation_id: str
    step: str
    action: str
    success: bool
    integration_id: int
    meeting_id: int | None = None
    meeting_uid: str = ""
    occurrence: str = ""
    organizer: str = ""
    tag_uuid: str = ""
    resource_id: int | None = None
    error_code: str = ""
    error_description: str = ""


def notes(session: Session, steps: Sequence[Step], *, now: datetime) -> None:
    """Store some steps, in their order, in one statement."""
    if steps:
        session.execute(insert(OPERATION), [_row(step, now) for step in steps])
        event.listen(session, "after_commit", lambda _session: _tell(steps))


def _tell(steps: Sequence[Step]) -> None:
    """Log one line for each operation: no address, and no word of a mail."""
    for (own_id, integration_id), of_it in groupby(steps, lambda step: (step.correlation_id, step.integration_id)):
        found = list(of_it)
        said = ", ".join(f"{step.step} {step.action} {step.error_code}".rstrip() for step in found)
        # A decline is an ordinary answer; what could not be sent or written is not.
        is_well = all(step.success or step.step == "decided" for step in found)
        meeting = next((f", meeting {step.meeting_id}" for step in found if step.meeting_id), "")
        outer = current_id.set(own_id)
        _log.log(
            logging.INFO if is_well else logging.WARNING,
            "%s, integration %d%s: %s",
            _USER,
            integration_id,
            meeting,
            said,
        )
        current_id.reset(outer)


def note(
    session: Session,
    *,
    correlation_id: str,
    step: str,
    action: str,
    success: bool,
    integration_id: int,
    now: datetime,
    **about: Any,
) -> None:
    """Store one step; `about` is the rest of `Step`."""
    notes(session, [Step(correlation_id, step, action, success, integration_id, **about)], now=now)


_SAME_NAMES = tuple(name for name in Step.__slots__ if name not in ("correlation_id", "error_description", "organizer"))


def _row(step: Step, now: datetime) -> dict[str, Any]:
    row = {name: getattr(step, name) for name in _SAME_NAMES}
    row["transaction_uuid"] = step.correlation_id
    row["error_description"] = step.error_description[:_MAX_DESCRIPTION]
    row["organizer"] = step.organizer[:320]
    row["created_at"] = now
    return row
