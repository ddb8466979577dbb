"""What waits in the queues of the scheduling service: about one meeting, and at each integration."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from addin_host.domain.mailbox import Fault
from addin_host.flows.scheduling.repair import Item, Queue, read
from addin_host.store.models import InboxRow, IntegrationRow, MailboxRow, MeetingRow, OutboxRow

_OPEN = ("pending", "dead")
_SHOWN = 50
_FAULTS: Mapping[str, str] = {
    Fault.UNREACHABLE: "Not reached",
    Fault.BUSY: "Told to wait",
    Fault.AUTHENTICATION: "Sign-in refused",
    Fault.SIGN_IN_NEEDED: "Sign in again",
    Fault.MAILBOX_UNKNOWN: "Mailbox not known",
    Fault.DENIED: "Access denied",
}


def unfinished(session: Session, meeting: MeetingRow, operations: Collection[str]) -> list[Item]:
    """Return what is not dealt with, or was given up, about a meeting, by its uid and its operations' ids."""
    about = or_(InboxRow.uid == meeting.uid, InboxRow.correlation_id.in_(operations))
    arrived = [InboxRow.integration_id == meeting.integration_id, InboxRow.state.in_(_OPEN), about]
    to_send = [OutboxRow.meeting_id == meeting.id, OutboxRow.state.in_(_OPEN)]
    found = [
        *read(session, Queue.INBOX, arrived, size=_SHOWN),
        *read(session, Queue.OUTBOX, to_send, size=_SHOWN),
    ]
    return sorted(found, key=lambda item: item.since)


@dataclass(frozen=True, slots=True)
class Health:
    """How scheduling is doing at one integration. `waiting` counts what was read and not dealt with, `to_send` answers
    and rooms; `oldest` is since when the oldest of both waits."""

    integration_id: int
    name: str
    is_on: bool
    protocol: str
    has_been_read: bool
    processed_at: datetime | None
    waiting: int
    to_send: int
    oldest: datetime | None
    given_up: int
    fault: str
    fault_message: str
    waits_until: datetime | None
    is_passive: bool
    sign_in: str

    def standing(self, now: datetime) -> tuple[str, str]:
        """Return how its state looks, and the words for it."""
        if not self.is_on:
            return "neutral", "Off"
        if self.is_passive:
            return "warning", "Another installation reads it"
        if self.sign_in == "missing":
            return "bad", "Sign in to the service account"
        if self.fault:
            look = "warning" if self.fault == Fault.BUSY else "bad"
            return look, _FAULTS.get(self.fault, "Not usable")
        if self.waits_until is not None and self.waits_until > now:
            return "warning", "Told to wait"
        return ("good", "Read") if self.has_been_read else ("neutral", "Not read yet")


def health(session: Session, integration_ids: Sequence[int], *, now: datetime) -> list[Health]:
    """Return how scheduling is doing at those of some integrations that have single-use VMRs, in their order."""
    query = select(IntegrationRow).where(IntegrationRow.id.in_(integration_ids))
    rows = {row.id: row for row in session.scalars(query) if row.record.get("enable_dynamic_vmrs")}
    boxes = {row.integration_id: row for row in session.scalars(select(MailboxRow).where(_at(MailboxRow, rows)))}
    arrived, to_send = (_figures(session, row, rows, now) for row in (InboxRow, OutboxRow))
    return [_health(rows[number], boxes.get(number), arrived, to_send) for number in integration_ids if number in rows]


def _at(row: Any, integrations: Collection[int]) -> Any:
    return row.integration_id.in_(list(integrations))


Figures = Mapping[tuple[int, str], tuple[int, datetime | None]]


def _figures(session: Session, row: Any, integrations: Collection[int], now: datetime) -> Figures:
    """Return number and oldest instant by integration and state; what is planned for later does not wait."""
    chosen = select(row.integration_id, row.state, func.count(), func.min(row.created_at)).where(
        _at(row, integrations), row.state.in_(_OPEN), or_(row.state == "dead", row.due_at <= now, row.tries > 0)
    )
    found = session.execute(chosen.group_by(row.integration_id, row.state))
    return {(number, state): (count, oldest) for number, state, count, oldest in found}


def _health(row: IntegrationRow, box: MailboxRow | None, arrived: Figures, to_send: Figures) -> Health:
    def of(figures: Figures, state: str) -> tuple[int, datetime | None]:
        return figures.get((row.id, state), (0, None))

    waiting, sending = of(arrived, "pending"), of(to_send, "pending")
    return Health(
        integration_id=row.id,
        name=row.name,
        is_on=bool(row.record.get("enabled", True)),
        protocol=str(row.record.get("mailbox_protocol") or "EWS"),
        has_been_read=box is not None and box.polled_at is not None,
        processed_at=box.processed_at if box else None,
        waiting=waiting[0],
        to_send=sending[0],
        oldest=min((at for _count, at in (waiting, sending) if at is not None), default=None),
        given_up=of(arrived, "dead")[0] + of(to_send, "dead")[0],
        fault=box.fault if box else "",
        fault_message=box.fault_message if box else "",
        waits_until=box.waits_until if box else None,
        is_passive=bool(box and box.is_passive),
        sign_in=_sign_in(row),
    )


def _sign_in(row: IntegrationRow) -> str:
    """Return whether the service account is signed in: `done`, `missing`, or "" where nobody has to."""
    record = row.record
    if record.get("mailbox_protocol", "EWS") != "EWS" or record.get("authentication_method") != "OAUTH":
        return ""
    return "done" if any(secret.field == "oauth_refresh_token" for secret in row.secrets) else "missing"
