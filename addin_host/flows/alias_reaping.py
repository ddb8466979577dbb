"""Giving numbers back: aliases that no meeting was sent with, and those whose quarantine is over.

The row stays as a tombstone, so that the tag of a meeting that arrives late still leads to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, exists, or_, select, update
from sqlalchemy.orm import Session

from addin_host.domain.alarms import ALIASES_EXHAUSTED
from addin_host.flows import alarms, platform
from addin_host.store.db import Database
from addin_host.store.models import AlarmRow, ScheduledAliasRow

GRACE = timedelta(hours=24)
_BATCH = 1000


def reap(database: Database, *, now: datetime) -> int:
    """Give back the numbers that are free by now; return how many. Commits batch by batch."""
    quarantine = timedelta(days=platform.numbers(database, ["alias_quarantine_days"])["alias_quarantine_days"])
    due = _due(now, quarantine)
    number = last = 0
    while ids := _ids(database, due, last):
        last = ids[-1]
        with database.write() as session:
            # Looked at again: a meeting may have arrived for one of them since.
            released = update(ScheduledAliasRow).where(ScheduledAliasRow.id.in_(ids), due).values(released_at=now)
            number += int(getattr(session.execute(released), "rowcount", 0))
    with database.write() as session:
        _end_alarms(session, now=now)
    return number


def _due(now: datetime, quarantine: timedelta) -> ColumnElement[bool]:
    row = ScheduledAliasRow
    unclaimed = and_(row.is_used.is_(False), row.conference_deletion_time.is_(None), row.expires_at <= now - GRACE)
    return and_(row.released_at.is_(None), or_(unclaimed, row.conference_deletion_time <= now - quarantine))


def _ids(database: Database, due: ColumnElement[bool], after: int) -> Sequence[int]:
    chosen = select(ScheduledAliasRow.id).where(ScheduledAliasRow.id > after, due).order_by(ScheduledAliasRow.id)
    with database.read() as session:
        return session.scalars(chosen.limit(_BATCH)).all()


def _end_alarms(session: Session, *, now: datetime) -> None:
    """End the alarms of integrations that have handed out an alias since there was no number left."""
    minted = exists().where(
        ScheduledAliasRow.integration_id == AlarmRow.integration_id, ScheduledAliasRow.created_at > AlarmRow.raised_at
    )
    standing = select(AlarmRow.integration_id).where(
        AlarmRow.identifier == ALIASES_EXHAUSTED, AlarmRow.open_key.is_not(None), minted
    )
    for integration_id in session.scalars(standing).all():
        alarms.clear(session, ALIASES_EXHAUSTED, integration_id=integration_id, now=now)
