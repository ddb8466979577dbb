"""Who reads a mailbox: one thread of one process at a time, under a lease by the database's clock.

The lease is short and renewed by its holder (service.py), so that the mailbox of a killed process is read again within
seconds. Its fence rises with every lease; whoever holds an older one commits nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import select, tuple_, update
from sqlalchemy.orm import Session

from addin_host.domain.integration import Integration
from addin_host.flows.scheduling.claiming import LASTS, LostLease, has_run_out
from addin_host.flows.scheduling.context import Scheduling
from addin_host.store.models import InboxRow, MailboxRow, MeetingRow
from addin_host.store.upsert import insert_missing


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to read an integration's mailbox and to move its cursor."""

    integration_id: int
    fence: int


@dataclass(frozen=True, slots=True)
class MailboxState:
    """How far a mailbox was read, and what is known of it."""

    cursor: str
    swept_at: datetime | None
    fully_swept_at: datetime | None
    sweep_asked: bool
    owned_at: datetime | None
    is_passive: bool
    failures: int


ASKED = datetime(2000, 1, 1, tzinfo=UTC)  # when a mailbox is due that somebody asked to be looked into at once
_STATE = tuple(getattr(MailboxRow, name) for name in MailboxState.__dataclass_fields__)
_ANEW: dict[str, Any] = {
    "cursor": "",
    "swept_at": None,
    "fully_swept_at": None,
    "sweep_asked": True,
    "owned_at": None,
    "is_passive": False,
    "waits_until": None,
    "failures": 0,
    "fault": "",
    "fault_message": "",
}


def identity_of(integration: Integration) -> str:
    """Return what stands for the mailbox itself: its address, and how it is reached."""
    names = ("mailbox_protocol", "url", "room_mailbox_email_address")
    return sha256("\n".join(str(integration[name]).lower() for name in names).encode()).hexdigest()


def take(own: Scheduling, integration: Integration) -> Lease | None:
    """Take the lease of a mailbox; None while somebody else has it. Another mailbox than before begins anew."""
    identity = identity_of(integration)
    now = own.now()
    new = {
        "integration_id": integration.id,
        "identity": identity,
        "begun_at": now,
        "due_at": now,
        "sweep_asked": True,
    }
    with own.database.write() as session:
        insert_missing(session, MailboxRow, new)
        time = own.database.time(session)
        is_free = has_run_out(MailboxRow.lease_until, time)
        taken = (
            update(MailboxRow)
            .where(MailboxRow.integration_id == integration.id, is_free)
            .values(lease_holder=own.holder, lease_until=time + LASTS, fence=MailboxRow.fence + 1, due_at=now)
            .returning(MailboxRow.fence, MailboxRow.identity)
        )
        found = session.execute(taken, execution_options={"synchronize_session": False}).first()
        if found is None:
            return None
        lease = Lease(integration.id, found.fence)
        if found.identity != identity:
            _begin_anew(session, own, lease, identity)
        return lease


def _begin_anew(session: Session, own: Scheduling, lease: Lease, identity: str) -> None:
    """What the mailbox before has listed is of no use, and its meetings are missing here for a good reason."""
    save(session, own, lease, identity=identity, begun_at=own.now(), **_ANEW)
    pending = (InboxRow.integration_id == lease.integration_id, InboxRow.state == "pending")
    listed = InboxRow.origin.in_(("message", "calendar", "absence"))
    session.execute(update(InboxRow).where(*pending, listed).values(state="cancelled", finished_at=own.now()))
    known = MeetingRow.integration_id == lease.integration_id
    session.execute(update(MeetingRow).where(known, MeetingRow.in_calendar).values(in_calendar=False))


def state(own: Scheduling, lease: Lease) -> MailboxState:
    """Return how far the mailbox was read."""
    with own.database.read() as session:
        query = select(*_STATE).where(MailboxRow.integration_id == lease.integration_id)
        return MailboxState(*session.execute(query).one())


def save(session: Session, own: Scheduling, lease: Lease, **values: Any) -> None:
    """Change what is known of the mailbox, and prolong the lease. Raises LostLease."""
    held = (MailboxRow.integration_id == lease.integration_id, MailboxRow.fence == lease.fence)
    statement = update(MailboxRow).where(*held).values(lease_until=own.database.time(session) + LASTS, **values)
    done: Any = session.execute(statement, execution_options={"synchronize_session": False})
    if done.rowcount != 1:
        raise LostLease


def renew(own: Scheduling, leases: Sequence[Lease]) -> None:
    """Prolong leases that are still held."""
    _set(own, leases, is_free=False)


def give_back(own: Scheduling, leases: Sequence[Lease]) -> None:
    """Let others have the leases at once. Those that were lost are somebody else's."""
    _set(own, leases, is_free=True)


def _set(own: Scheduling, leases: Sequence[Lease], *, is_free: bool) -> None:
    held = tuple_(MailboxRow.integration_id, MailboxRow.fence).in_([(one.integration_id, one.fence) for one in leases])
    with own.database.write() as session:
        until = None if is_free else own.database.time(session) + LASTS
        session.execute(
            update(MailboxRow).where(held).values(lease_until=until), execution_options={"synchronize_session": False}
        )
