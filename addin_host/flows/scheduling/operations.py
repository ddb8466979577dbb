"""The operations log: what the scheduling service did about meetings, newest first, by correlation id and filters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from addin_host.domain.access import Caller
from addin_host.domain.tag import Keys, find_tags
from addin_host.flows.scheduling.listing import reached
from addin_host.store.models import IntegrationRow, MeetingRow, SchedulingOperationRow

PAGE = 50
_STEP = SchedulingOperationRow
STEPS = {
    "fetched": "Mail",
    "decided": "Decision",
    "room": "Room",
    "reply": "Answer",
    "rewrite": "Instructions",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which steps are asked for; "" and None ask for all. `since` is part of the range, `until` is not.

    `tag` is the uuid of an alias, or text with a whole tag in it.
    """

    since: datetime | None = None
    until: datetime | None = None
    correlation_id: str = ""
    meeting_id: int | None = None
    integration_id: int | None = None
    organizer: str = ""
    tag: str = ""
    success: bool | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """One step. `meeting_id` is None where nothing is known of a meeting."""

    id: int
    at: datetime
    correlation_id: str
    step: str
    action: str
    success: bool
    error_code: str
    error_description: str
    integration_id: int
    integration: str
    meeting_id: int | None
    organizer: str
    occurrence: str
    resource_id: int | None

    @property
    def part(self) -> str:
        """Which part of the way from mail to answer it belongs to, as a word."""
        return STEPS.get(self.step, self.step)

    @property
    def words(self) -> str:
        """What was done, in words."""
        return self.action.replace("_", " ").capitalize() or self.part


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the log. `newer` and `older` name the steps to go on from, where there are more."""

    operations: Sequence[Operation]
    newer: int | None
    older: int | None


def page(
    session: Session,
    caller: Caller,
    wanted: Wanted,
    *,
    keys: Keys,
    before: int | None = None,
    after: int | None = None,
    size: int = PAGE,
) -> Page:
    """Return the newest steps within the caller's reach, or those before or after one."""
    conditions = [*reached(_STEP.integration_id, caller, wanted.integration_id), *_conditions(wanted, keys)]
    if after is not None:
        found = _read(session, [*conditions, _STEP.id > after], size + 1, newest_first=False)
        shown, more_newer, more_older = found[:size][::-1], len(found) > size, True
    else:
        older = [*conditions, _STEP.id < before] if before is not None else conditions
        found = _read(session, older, size + 1)
        shown, more_newer, more_older = found[:size], before is not None, len(found) > size
    if not shown:
        return Page((), None, None)
    return Page(shown, shown[0].id if more_newer else None, shown[-1].id if more_older else None)


def of_meeting(session: Session, meeting: MeetingRow, *, size: int) -> list[Operation]:
    """Return the newest steps of one meeting, the oldest of them first."""
    return _read(session, [_STEP.meeting_id == meeting.id], size)[::-1]


def _conditions(wanted: Wanted, keys: Keys) -> Iterator[ColumnElement[bool]]:
    if wanted.since:
        yield _STEP.created_at >= wanted.since
    if wanted.until:
        yield _STEP.created_at < wanted.until
    if wanted.correlation_id:
        yield _STEP.transaction_uuid == wanted.correlation_id.lower()
    if wanted.meeting_id is not None:
        yield _STEP.meeting_id == wanted.meeting_id
    if wanted.organizer:
        yield func.lower(_STEP.organizer) == wanted.organizer.lower()
    if wanted.tag:
        yield _STEP.tag_uuid.in_(_uuids(wanted.tag, keys))
    if wanted.success is not None:
        yield _STEP.success.is_(wanted.success)


def _uuids(text: str, keys: Keys) -> list[str]:
    return [str(tag.uuid) for tag in find_tags(text, keys, is_html=False)] or [text.lower()]


def _read(
    session: Session, conditions: Sequence[ColumnElement[bool]], size: int, *, newest_first: bool = True
) -> list[Operation]:
    query = (
        select(_STEP, IntegrationRow.name)
        .outerjoin(IntegrationRow, IntegrationRow.id == _STEP.integration_id)
        .where(*conditions)
        .order_by(_STEP.id.desc() if newest_first else _STEP.id)
        .limit(size)
    )
    return [_value(row, name or "") for row, name in session.execute(query)]


def _value(row: SchedulingOperationRow, integration: str) -> Operation:
    return Operation(
        id=row.id,
        at=row.created_at,
        correlation_id=row.transaction_uuid,
        step=row.step,
        action=row.action,
        success=row.success,
        error_code=row.error_code,
        error_description=row.error_description,
        integration_id=row.integration_id,
        integration=integration,
        meeting_id=row.meeting_id,
        organizer=row.organizer,
        occurrence=row.occurrence,
        resource_id=row.resource_id,
    )
