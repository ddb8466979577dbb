"""What happens without anybody asking: alarm messages, checks that are due, and deleting what has expired."""

from __future__ import annotations

import json
import logging
import uuid
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session

from addin_host.domain.alarms import CHECKS, MESSAGES, Level
from addin_host.domain.errors import Misconfigured
from addin_host.domain.ports import Outside
from addin_host.flows import alarms, alias_reaping, checks, directory_sync, leases, notify
from addin_host.flows.checks import Inspection
from addin_host.flows.cleaning import clean
from addin_host.flows.directory_sync import Syncing
from addin_host.flows.scheduling import attendance
from addin_host.store.models import AlarmRow, CheckRunRow, IntegrationRow, MarkRow

LEASE = "upkeep"
DONE = "upkeep_done"
LEASE_LASTS = timedelta(minutes=5)
EVERY = timedelta(hours=24)
WITH_ALARM_EVERY = timedelta(minutes=10)
CLEAN_EVERY = timedelta(hours=1)
_SECONDS_FOR_CHECKS = 120.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What upkeep works with, and the name that this process holds the lease under."""

    inspection: Inspection
    outside: Outside
    holder: str = field(default_factory=lambda: str(uuid.uuid4()))


def tick(upkeep: Upkeep) -> bool:
    """Do what is due now; call it every minute or so. False when another process is at it.

    What one part raises keeps none of the others from being done.
    """
    if not _take(upkeep):
        return False
    with ExitStack() as parts:  # which calls the last of them first
        parts.callback(_synchronise, upkeep)
        parts.callback(_clean, upkeep)
        parts.callback(_check, upkeep)
        parts.callback(_tell, upkeep)
        parts.callback(_look_for_a_worker, upkeep)
    return True


def _take(upkeep: Upkeep) -> bool:
    with upkeep.inspection.database.write() as session:
        now = upkeep.inspection.now()
        return leases.take(session, LEASE, holder=upkeep.holder, lasts=LEASE_LASTS, now=now)


def stop(upkeep: Upkeep) -> None:
    """Let another process take over at once."""
    with upkeep.inspection.database.write() as session:
        leases.give_back(session, LEASE, holder=upkeep.holder, now=upkeep.inspection.now())


def _tell(upkeep: Upkeep) -> None:
    """Send what is pending. A secret of the settings that cannot be opened is an alarm of its own."""
    own = upkeep.inspection
    try:
        notify.send_pending(own.database, box=own.box, outside=upkeep.outside, now=own.now())
    except Misconfigured as error:
        with own.database.write() as session:
            alarms.raise_(
                session,
                MESSAGES,
                integration_id=None,
                level=Level.ERROR,
                details=error.message,
                next_step="Enter it again in the settings.",
                now=own.now(),
            )
        return
    with own.database.write() as session:
        alarms.clear(session, MESSAGES, integration_id=None, now=own.now())


def _look_for_a_worker(upkeep: Upkeep) -> None:
    with upkeep.inspection.database.write() as session:
        attendance.look(session, upkeep.inspection.now())


def _check(upkeep: Upkeep) -> None:
    own = upkeep.inspection
    began = own.elapsed()
    with own.database.read() as session:
        due = due_for_checks(session, now=own.now())
    for integration_id in due:
        if own.elapsed() - began > _SECONDS_FOR_CHECKS or not _take(upkeep):
            return  # the rest has its turn in the next minutes
        checks.by_itself(own, integration_id)


def due_for_checks(session: Session, *, now: datetime) -> list[int]:
    """Return the integrations whose checks are due: daily, and every ten minutes while one of them has an alarm."""
    last = (
        select(CheckRunRow.integration_id, func.max(CheckRunRow.started_at).label("at"))
        .group_by(CheckRunRow.integration_id)
        .subquery()
    )
    alarmed = exists().where(
        AlarmRow.integration_id == IntegrationRow.id,
        AlarmRow.open_key.is_not(None),
        AlarmRow.identifier.startswith(CHECKS, autoescape=True),
    )
    query = (
        select(IntegrationRow.id)
        .outerjoin(last, last.c.integration_id == IntegrationRow.id)
        .where(
            IntegrationRow.record["enabled"].as_boolean().is_(True),
            or_(last.c.at.is_(None), last.c.at <= now - EVERY, alarmed & (last.c.at <= now - WITH_ALARM_EVERY)),
        )
        .order_by(last.c.at.is_not(None), last.c.at)
    )
    return list(session.scalars(query))


def _synchronise(upkeep: Upkeep) -> None:
    """Keep the directory in step; it comes last, since it may take long, and has a lease of its own."""
    own = upkeep.inspection
    directory_sync.due(Syncing(own.database, own.box, upkeep.outside, own.now, upkeep.holder))


def _clean(upkeep: Upkeep) -> None:
    now = upkeep.inspection.now()
    with upkeep.inspection.database.write() as session:
        row = session.get(MarkRow, DONE)
        if row is not None and datetime.fromisoformat(json.loads(row.value)["cleaned"]) > now - CLEAN_EVERY:
            return
        number = clean(session, now=now)
        session.merge(MarkRow(name=DONE, value=json.dumps({"cleaned": now.isoformat()})))
    released = alias_reaping.reap(upkeep.inspection.database, now=now)
    _log.info("%d rows that had expired were deleted, %d numbers of meetings given back", number, released)
