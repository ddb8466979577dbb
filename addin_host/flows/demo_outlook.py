"""The organizer's side of the demo: what was sent is kept, so that a demo that starts again has the same mailboxes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from addin_host.domain.calendar import Meeting, MessageKind
from addin_host.domain.demo_outlook import Appointment, meeting_of, read_appointment
from addin_host.domain.errors import Reason, Refused
from addin_host.store.models import IntegrationRow, MarkRow

_PREFIX = "demo sent "


class Delivery(Protocol):
    """Where meetings are delivered: Exchange in memory."""

    def deliver(self, address: str, meeting: Meeting, kind: MessageKind = ...) -> str:
        """Put a version of a meeting into a mailbox."""
        ...


@dataclass(frozen=True, slots=True)
class Sent:
    """One press of Send, or of Cancel."""

    number: int
    appointment: Appointment
    at: datetime
    is_cancelled: bool


def send(
    session: Session, appointment: Appointment, exchange: Delivery, *, is_cancelled: bool = False, now: datetime
) -> tuple[str, ...]:
    """Send an appointment to the equipment mailboxes that it invites, and return their addresses.

    A mailbox that was invited before and is not any more gets a cancellation. Raises Refused.
    """
    earlier = [sent for sent in _all(session) if sent.appointment.id == appointment.id]
    if earlier and earlier[-1].appointment.organizer != appointment.organizer:
        raise Refused(Reason.FORBIDDEN, "Somebody else is the organizer of this appointment.")
    if is_cancelled and not earlier:
        raise Refused(Reason.INVALID, "This appointment was not sent yet.")
    sent = Sent(_next_number(session), appointment, now, is_cancelled)
    kept = {**appointment.record(), "at": now.isoformat(), "is_cancelled": is_cancelled}
    session.add(MarkRow(name=f"{_PREFIX}{sent.number:06}", value=json.dumps(kept)))
    return _deliver(sent, earlier, exchange, _known(session))


def replay(session: Session, exchange: Delivery) -> None:
    """Deliver everything that was ever sent once more, in the same order."""
    known = _known(session)
    by_id: dict[str, list[Sent]] = {}
    for sent in _all(session):
        earlier = by_id.setdefault(sent.appointment.id, [])
        _deliver(sent, earlier, exchange, known)
        earlier.append(sent)


def _deliver(sent: Sent, earlier: list[Sent], exchange: Delivery, known: frozenset[str]) -> tuple[str, ...]:
    before = frozenset(earlier[-1].appointment.invited) if earlier and not earlier[-1].is_cancelled else frozenset()
    now_invited = frozenset() if sent.is_cancelled else frozenset(sent.appointment.invited)
    meeting = meeting_of(sent.appointment, sequence=len(earlier), sent_at=sent.at)
    for address in sorted(known & now_invited):
        exchange.deliver(address, meeting)
    for address in sorted(known & (before - now_invited)):
        exchange.deliver(address, replace(meeting, is_cancelled=True), MessageKind.CANCELLATION)
    return tuple(sorted(known & (now_invited | before)))


def mailboxes(session: Session) -> list[tuple[str, str]]:
    """Return address and name of every equipment mailbox."""
    rows = session.scalars(select(IntegrationRow).order_by(IntegrationRow.id))
    return [
        (row.room_mailbox_email_address.lower(), str(row.record["room_mailbox_name"]))
        for row in rows
        if row.room_mailbox_email_address
    ]


def integration_ids(session: Session, addresses: tuple[str, ...]) -> list[int]:
    """Return the integrations that read these mailboxes."""
    rows = session.execute(select(IntegrationRow.id, IntegrationRow.room_mailbox_email_address))
    return [number for number, address in rows if (address or "").lower() in addresses]


def _known(session: Session) -> frozenset[str]:
    return frozenset(address for address, _name in mailboxes(session))


def _all(session: Session) -> Iterator[Sent]:
    kept = session.scalars(select(MarkRow).where(MarkRow.name.startswith(_PREFIX)).order_by(MarkRow.name))
    for mark in kept:
        given = json.loads(mark.value)
        number = int(mark.name.removeprefix(_PREFIX))
        yield Sent(number, read_appointment(given), datetime.fromisoformat(given["at"]), given["is_cancelled"])


def _next_number(session: Session) -> int:
    return max((sent.number for sent in _all(session)), default=0) + 1
