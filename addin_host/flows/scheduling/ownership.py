"""The mark in a mailbox that says which installation reads it: two that answer the same invitations only do harm."""

from __future__ import annotations

import json
import logging
import uuid
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from addin_host.domain.alarms import Level
from addin_host.domain.integration import Integration
from addin_host.domain.mailbox import OF_THE_MAILBOX, Mailbox, MailboxTrouble, OwnershipMark
from addin_host.flows import alarms
from addin_host.flows.scheduling import leasing
from addin_host.flows.scheduling.context import Scheduling
from addin_host.flows.scheduling.leasing import Lease, MailboxState
from addin_host.store.models import MarkRow
from addin_host.store.upsert import insert_missing

EVERY = timedelta(minutes=5)
STALE_AFTER = timedelta(minutes=30)
ALARM = "mailbox_owned_elsewhere"
_MARK = "installation"
_log = logging.getLogger(__name__)


def installation_id(session: Session) -> str:
    """Return the name of this installation, made once: all processes on this database are one."""
    insert_missing(session, MarkRow, {"name": _MARK, "value": json.dumps({"id": str(uuid.uuid4())})})
    mark = session.get_one(MarkRow, _MARK)
    return str(json.loads(mark.value)["id"])


def is_ours(own: Scheduling, integration: Integration, lease: Lease, mailbox: Mailbox, before: MailboxState) -> bool:
    """Whether this installation reads the mailbox; looked up every five minutes. Raises MailboxTrouble, LostLease.

    A fresh mark of another one makes this one passive, with an alarm; a stale one is replaced.
    """
    now = own.now()
    if before.owned_at is not None and before.owned_at <= now < before.owned_at + EVERY:
        return not before.is_passive
    with own.database.write() as session:
        installation = installation_id(session)
    other = _other(mailbox, OwnershipMark(installation, integration.uuid, now))
    with own.database.write() as session:
        leasing.save(session, own, lease, owned_at=now, is_passive=other is not None)
        _tell(session, integration, other, now)
    return other is None


def _other(mailbox: Mailbox, mark: OwnershipMark) -> OwnershipMark | None:
    """Return the fresh mark of another installation; None once ours stands there. A mark is no reason to stop work."""
    try:
        found = mailbox.owner()
        if _is_fresh(found, mark):
            return found
        mailbox.own(mark)
        found = mailbox.owner()  # two that began in the same moment: the later one has it
        return found if _is_fresh(found, mark) else None
    except MailboxTrouble as trouble:
        if trouble.fault in OF_THE_MAILBOX:
            raise
        _log.warning("the mark in a mailbox cannot be read or written: %s", trouble.message)
        return None


def _is_fresh(found: OwnershipMark | None, own: OwnershipMark) -> bool:
    return (
        found is not None and found.installation != own.installation and abs(own.seen_at - found.seen_at) < STALE_AFTER
    )


def _tell(session: Session, integration: Integration, other: OwnershipMark | None, now: datetime) -> None:
    if other is None:
        alarms.clear(session, ALARM, integration_id=integration.id, now=now)
        return
    alarms.raise_(
        session,
        ALARM,
        integration_id=integration.id,
        level=Level.ERROR,
        details=f"Another installation ({other.installation}) reads {integration['room_mailbox_email_address']}. "
        "This one does nothing with it.",
        next_step="Switch the integration off in one of the two, or give one of them another mailbox. "
        f"This one takes over {STALE_AFTER // timedelta(minutes=1)} minutes after the other one has stopped.",
        now=now,
    )
