"""Looking into mailboxes: what arrived goes into the queue, together with the position up to which it was read.

The mailbox is asked outside of any transaction; rows and cursor are written in one, so a page that is read twice does
no harm, and one that was read is never lost.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, case, exists, or_, select, update
from sqlalchemy.orm import Session

from addin_host.domain.calendar import MessageKind
from addin_host.domain.errors import Misconfigured
from addin_host.domain.integration import Integration
from addin_host.domain.mailbox import Arrival, Arrivals, Fault, Mailbox, MailboxTrouble
from addin_host.flows.scheduling import health, leasing, ownership, queueing, sweeping
from addin_host.flows.scheduling.claiming import has_run_out, is_served
from addin_host.flows.scheduling.context import Scheduling
from addin_host.flows.scheduling.leasing import ASKED, Lease
from addin_host.flows.scheduling.sweeping import Sweep
from addin_host.store.models import InboxRow, IntegrationRow, MailboxRow

QUIET, ACTIVE = timedelta(seconds=60), timedelta(seconds=15)
_LONGEST = timedelta(hours=1)  # no mailbox is due later; one that seems so is of before the clock was set back
_log = logging.getLogger(__name__)
_QUEUED = (MessageKind.REQUEST, MessageKind.CANCELLATION)


def served(session: Session) -> list[int]:
    """Return the integrations whose mailbox is read: those that are switched on and have single-use VMRs."""
    return list(session.scalars(select(IntegrationRow.id).where(is_served()).order_by(IntegrationRow.id)))


def due(own: Scheduling, at_once: Collection[int] = ()) -> list[int]:
    """Return the integrations whose mailbox is to be looked into now; those that wait longest come first.

    Those in `at_once` are, unless their mailbox asked for patience. Settings that were saved since are tried at once.
    """
    with own.database.read() as session:
        now, time = own.now(), own.database.time(session)
        is_new = MailboxRow.integration_id.is_(None)
        is_saved = and_(IntegrationRow.updated_at > MailboxRow.polled_at, MailboxRow.fault != Fault.BUSY.value)
        is_late = or_(MailboxRow.due_at <= now, MailboxRow.due_at > now + _LONGEST, IntegrationRow.id.in_(at_once))
        is_patient = or_(MailboxRow.waits_until.is_(None), MailboxRow.waits_until <= now)
        is_free = has_run_out(MailboxRow.lease_until, time)
        query = (
            select(IntegrationRow.id)
            .outerjoin(MailboxRow, MailboxRow.integration_id == IntegrationRow.id)
            .where(is_served(), or_(is_new, and_(is_free, or_(is_saved, and_(is_late, is_patient)))))
            .order_by(MailboxRow.due_at.is_not(None), MailboxRow.due_at, IntegrationRow.id)
        )
        return list(session.scalars(query))


def ask(session: Session, integration_id: int, *, sweep: bool = False) -> None:
    """Let a mailbox be looked into at once, by whichever process; with its whole calendar when `sweep` is set."""
    values: dict[str, Any] = {"due_at": ASKED} | ({"sweep_asked": True} if sweep else {})
    session.execute(update(MailboxRow).where(MailboxRow.integration_id == integration_id).values(values))


def visit(
    own: Scheduling,
    integration: Integration,
    lease: Lease,
    opened: AbstractContextManager[Mailbox],
    *,
    sweep_since: datetime | None = None,
) -> int:
    """Read what arrived, and sweep when that is due; return how many items were listed. The lease is given back.

    What is wrong with the mailbox is noted, and it is left alone for a while. A sweep of before `sweep_since` is due.
    """
    number = 0
    try:
        with opened as mailbox:
            number = _look(own, integration, lease, mailbox, sweep_since)
    except MailboxTrouble as trouble:
        note_trouble(own, integration, trouble)
    except Misconfigured as error:
        note_trouble(own, integration, MailboxTrouble(Fault.AUTHENTICATION, error.message))
    with own.database.write() as session:
        now = own.now()
        pause = ACTIVE if number or _is_busy(session, integration.id, now) else QUIET
        # Who asked while it was looked into may have done so after that.
        next_time = case((MailboxRow.due_at == ASKED, MailboxRow.due_at), else_=now + pause)
        leasing.save(session, own, lease, due_at=next_time, polled_at=now)
    leasing.give_back(own, [lease])
    return number


def note_trouble(own: Scheduling, integration: Integration, trouble: MailboxTrouble) -> None:
    """Note what is wrong with a mailbox, in a transaction of its own."""
    with own.database.write() as session:
        health.mailbox_trouble(session, integration, trouble, own.now())


def _look(
    own: Scheduling, integration: Integration, lease: Lease, mailbox: Mailbox, sweep_since: datetime | None
) -> int:
    before = leasing.state(own, lease)
    if not ownership.is_ours(own, integration, lease, mailbox, before):
        return 0
    number = sum(read(own, lease, mailbox))
    if before.failures:
        with own.database.write() as session:
            health.mailbox_well(session, integration, own.now())
    swept = leasing.state(own, lease)
    if plan := sweeping.planned(swept, own.now(), sweep_since):
        number += _sweep(own, lease, mailbox, plan)
    return number


def _sweep(own: Scheduling, lease: Lease, mailbox: Mailbox, plan: Sweep) -> int:
    """Sweep, and see between its pages what arrives: that does not wait for the end of a long sweep."""
    number = 0
    try:
        for _page in sweeping.sweep(own, lease, mailbox, plan):
            number += sum(read(own, lease, mailbox))
    except MailboxTrouble as trouble:
        if trouble.fault is not Fault.CURSOR_LOST:
            raise
        _log.info("the calendar changed its positions while it was swept; it is swept again")
    return number


def read(own: Scheduling, lease: Lease, mailbox: Mailbox) -> Iterator[int]:
    """Read page by page what arrived, and yield how many items of each page are new meetings, changes, cancellations.

    A position that the mailbox knows no more begins anew, and asks for a sweep. Raises MailboxTrouble, LostLease.
    """
    cursor, has_more = leasing.state(own, lease).cursor, True
    while has_more:
        page = _page(own, lease, mailbox, cursor)
        listed = [arrival for arrival in page.items if arrival.kind in _QUEUED]
        if listed or page.cursor != cursor:
            with own.database.write() as session:
                now = own.now()
                queueing.add(session, [_row(lease.integration_id, arrival, now) for arrival in listed])
                leasing.save(session, own, lease, cursor=page.cursor)
        cursor, has_more = page.cursor, page.has_more
        yield len(listed)


def _page(own: Scheduling, lease: Lease, mailbox: Mailbox, cursor: str) -> Arrivals:
    try:
        return mailbox.arrivals(cursor)
    except MailboxTrouble as trouble:
        if trouble.fault is not Fault.CURSOR_LOST or not cursor:
            raise
    with own.database.write() as session:
        leasing.save(session, own, lease, cursor="", sweep_asked=True)
    return mailbox.arrivals("")


def _row(integration_id: int, arrival: Arrival, now: datetime) -> dict[str, Any]:
    return queueing.row(
        integration_id,
        origin="message",
        item_id=arrival.item_id,
        key=queueing.key_of("message", arrival.item_id, arrival.change_key),
        due_at=now,
        received_at=arrival.received_at,
        now=now,
        change_key=arrival.change_key,
        kind=arrival.kind.value,
        starts_at=arrival.starts_at,
    )


def _is_busy(session: Session, integration_id: int, now: datetime) -> bool:
    here = and_(InboxRow.integration_id == integration_id, InboxRow.state == "pending", InboxRow.due_at <= now)
    return bool(session.scalar(select(exists().where(here))))
