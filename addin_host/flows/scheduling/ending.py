"""An integration that is deleted, switched off or on again: what becomes of its work that is pending.

Rooms stay either way: they belong to meetings (all_rooms.py removes them when somebody chooses so). What waits for the
conference platform is done even after the integration is gone.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from addin_host.store.models import InboxRow, MailboxRow, MeetingRow, OutboxRow, ServiceSignInRow

_OPEN = ("pending", "dead")
_MAILS = ("reply", "rewrite")


def cancel_work(session: Session, integration_id: int, *, now: datetime) -> None:
    """Cancel what was read and what is to be sent, and forget the mailbox. Whoever is at it commits nothing more."""
    for row, conditions in ((InboxRow, []), (OutboxRow, [OutboxRow.kind.in_(_MAILS)])):
        values = {"state": "cancelled", "finished_at": now, "lease_until": None, "fence": row.fence + 1}
        if row is OutboxRow:
            values["payload"] = {}
        mine = (row.integration_id == integration_id, row.state.in_(_OPEN), *conditions)
        session.execute(update(row).where(*mine).values(**values).execution_options(synchronize_session=False))
    for table in (MailboxRow, ServiceSignInRow):
        session.execute(delete(table).where(table.integration_id == integration_id))


def ask_for_sweep(session: Session, integration_id: int, *, now: datetime) -> None:
    """Have the whole calendar compared: while the integration was off, nobody looked."""
    wanted = update(MailboxRow).where(MailboxRow.integration_id == integration_id)
    session.execute(wanted.values(due_at=now, sweep_asked=True))


def rooms_of(session: Session, integration_id: int) -> int:
    """Return how many meetings of an integration have a room."""
    having = (MeetingRow.integration_id == integration_id, MeetingRow.conference_id.is_not(None))
    return session.scalar(select(func.count()).select_from(MeetingRow).where(*having)) or 0
