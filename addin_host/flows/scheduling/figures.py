"""How scheduling is doing, in figures for Prometheus. Nobody is named in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from addin_host.store.models import InboxRow, MailboxRow, OutboxRow


@dataclass(frozen=True, slots=True)
class SchedulingFigures:
    """`waiting` and `oldest` (seconds): what is due, by queue and integration. `dead`: what was given up, the same way.

    `faults`: what is wrong with the mailbox of an integration, blank while all is well; `processed_at`: when it was
    last dealt with.
    """

    waiting: Mapping[tuple[str, int], int]
    oldest: Mapping[tuple[str, int], float]
    dead: Mapping[tuple[str, int], int]
    faults: Mapping[int, str]
    processed_at: Mapping[int, datetime]


def scheduling_figures(session: Session, *, now: datetime) -> SchedulingFigures:
    """Read the figures."""
    waiting: dict[tuple[str, int], int] = {}
    oldest: dict[tuple[str, int], float] = {}
    dead: dict[tuple[str, int], int] = {}
    queues: tuple[tuple[str, type[InboxRow] | type[OutboxRow]], ...] = (("inbox", InboxRow), ("outbox", OutboxRow))
    for name, table in queues:
        due = select(table.integration_id, func.count(), func.min(table.due_at)).where(
            table.state == "pending", table.due_at <= now
        )
        for integration_id, number, since in session.execute(due.group_by(table.integration_id)):
            waiting[name, integration_id] = number
            oldest[name, integration_id] = (now - since).total_seconds()
        given_up = select(table.integration_id, func.count()).where(table.state == "dead")
        for integration_id, number in session.execute(given_up.group_by(table.integration_id)):
            dead[name, integration_id] = number
    mailboxes = session.execute(select(MailboxRow.integration_id, MailboxRow.fault, MailboxRow.processed_at)).all()
    return SchedulingFigures(
        waiting,
        oldest,
        dead,
        faults={one.integration_id: one.fault for one in mailboxes},
        processed_at={one.integration_id: one.processed_at for one in mailboxes if one.processed_at is not None},
    )
