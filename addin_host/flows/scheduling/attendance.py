"""Whether any worker reads the mailboxes. The web processes look: a worker that does not run cannot say so itself."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from addin_host.domain.alarms import WORKER_ABSENT, Level
from addin_host.flows import alarms
from addin_host.flows.scheduling.claiming import is_served
from addin_host.store.models import IntegrationRow, MailboxRow

ABSENT_AFTER = timedelta(minutes=10)


def look(session: Session, now: datetime) -> None:
    """Raise the alarm when there are mailboxes to read and none was looked into for ten minutes; else end it."""
    since = now - ABSENT_AFTER
    if _is_awaited(session, since) and not _is_there(session, since):
        alarms.raise_(
            session,
            WORKER_ABSENT,
            integration_id=None,
            level=Level.ERROR,
            details="No equipment mailbox was looked into for more than ten minutes.",
            next_step="Start the worker (addin-host worker) beside the web process, and see in its log why it ended.",
            now=now,
        )
    else:
        alarms.clear(session, WORKER_ABSENT, integration_id=None, now=now)


def _is_awaited(session: Session, since: datetime) -> bool:
    """Whether a mailbox is to be read, and was before."""
    return bool(session.scalar(select(exists().where(is_served(), IntegrationRow.updated_at <= since))))


def _is_there(session: Session, since: datetime) -> bool:
    """Whether somebody looked into a mailbox, is at it, or was told by it to come back later."""
    signs = or_(MailboxRow.polled_at > since, MailboxRow.lease_until > since, MailboxRow.waits_until > since)
    return bool(session.scalar(select(exists().where(signs))))
