"""Alarms: raised once while their cause stands, ended by themselves, acknowledged by people."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from addin_host.domain.access import Caller, Permission
from addin_host.domain.alarms import CHECKS, Alarm, Level, open_key, words_for
from addin_host.domain.errors import Reason, Refused
from addin_host.flows import audit
from addin_host.flows.audit import Subject
from addin_host.store.models import AlarmRow, IntegrationRow

STATES = ("open", "acknowledged", "ended")
_MAX_DETAILS, _MAX_STEP, _MAX_INSTANCE = 8096, 1000, 250


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which alarms a list shows; "" and None are all. `page` counts from 1."""

    state: str = ""
    level: str = ""
    integration_id: int | None = None
    page: int = 1
    size: int = 25


@dataclass(frozen=True, slots=True)
class Found:
    """One page of a list, and how many alarms there are in all."""

    alarms: Sequence[Alarm]
    total: int


def raise_(
    session: Session,
    identifier: str,
    *,
    integration_id: int | None,
    level: Level,
    details: str,
    next_step: str = "",
    instance: str = "",
    now: datetime,
) -> None:
    """Raise an alarm, or bring the one that stands for the same trouble up to date. Its name is that in ALARMS."""
    key = open_key(identifier, integration_id, instance)
    row = session.scalar(select(AlarmRow).where(AlarmRow.open_key == key).with_for_update())
    if row is None:
        row = AlarmRow(
            identifier=identifier,
            open_key=key,
            integration_id=integration_id,
            instance=instance[:_MAX_INSTANCE],
            raised_at=now,
        )
    row.name, row.level = words_for(identifier).name, level.value
    row.details, row.next_step = details[:_MAX_DETAILS], next_step[:_MAX_STEP]
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        return  # another process raised it in this instant


def clear(session: Session, identifier: str, *, integration_id: int | None, instance: str = "", now: datetime) -> None:
    """End an alarm, if it stands."""
    _end(session, AlarmRow.open_key == open_key(identifier, integration_id, instance), now=now)


def clear_checks(
    session: Session, integration_id: int, *, but: Collection[tuple[str, str]] = (), now: datetime
) -> None:
    """End the alarms of an integration's checks, but for those of some (check, instance)."""
    kept = {open_key(f"{CHECKS}{name}", integration_id, instance) for name, instance in but}
    _end(
        session,
        AlarmRow.integration_id == integration_id,
        AlarmRow.identifier.startswith(CHECKS, autoescape=True),
        AlarmRow.open_key.is_not(None),
        AlarmRow.open_key.not_in(kept),
        now=now,
    )


def clear_integration(session: Session, integration_id: int, *, now: datetime) -> None:
    """End every alarm of an integration that was switched off."""
    _end(session, AlarmRow.integration_id == integration_id, AlarmRow.open_key.is_not(None), now=now)


def _end(session: Session, *where: Any, now: datetime) -> None:
    session.execute(update(AlarmRow).where(*where).values(open_key=None, cleared_at=now))


def acknowledge(session: Session, alarm_id: int, *, caller: Caller, now: datetime) -> str:
    """Note that somebody looks after an alarm, and return its name. Raises Refused."""
    caller.require(Permission.ACKNOWLEDGE_ALARMS)
    row = session.get(AlarmRow, alarm_id, with_for_update=True)
    if row is None or not caller.reaches(row.integration_id):
        raise Refused(Reason.UNKNOWN, "There is no such alarm.")
    if row.open_key is not None and row.acknowledged_at is None:
        row.acknowledged_at, row.acknowledged_by = now, caller.name[:250]
        subject = Subject("alarm", row.id, row.name, row.integration_id)
        audit.record(session, caller, "acknowledge", subject, now=now)
    return row.name


def find(session: Session, wanted: Wanted, *, caller: Caller) -> Found:
    """Return the alarms that the caller reaches: those that stand first, unacknowledged before the others."""
    where = _conditions(wanted, caller)
    query = (
        select(AlarmRow, IntegrationRow.name)
        .outerjoin(IntegrationRow, IntegrationRow.id == AlarmRow.integration_id)
        .where(*where)
        .order_by(
            AlarmRow.cleared_at.is_not(None),
            AlarmRow.acknowledged_at.is_not(None),
            AlarmRow.raised_at.desc(),
            AlarmRow.id.desc(),
        )
    )
    return Found(
        _alarms(session, query.limit(wanted.size).offset((max(wanted.page, 1) - 1) * wanted.size)),
        session.scalar(select(func.count()).select_from(AlarmRow).where(*where)) or 0,
    )


def unacknowledged(session: Session, *, caller: Caller) -> int:
    """Return how many alarms within the caller's reach stand and are not acknowledged."""
    where = _conditions(Wanted(state="open"), caller)
    return session.scalar(select(func.count()).select_from(AlarmRow).where(*where)) or 0


def by_ids(session: Session, ids: Collection[int]) -> list[Alarm]:
    """Return some alarms by id, whoever asks."""
    query = select(AlarmRow, IntegrationRow.name).outerjoin(
        IntegrationRow, IntegrationRow.id == AlarmRow.integration_id
    )
    return _alarms(session, query.where(AlarmRow.id.in_(ids)).order_by(AlarmRow.id))


def _conditions(wanted: Wanted, caller: Caller) -> list[Any]:
    where: list[Any] = [] if caller.integrations is None else [AlarmRow.integration_id.in_(caller.integrations)]
    by_state: dict[str, list[Any]] = {
        "open": [AlarmRow.open_key.is_not(None), AlarmRow.acknowledged_at.is_(None)],
        "acknowledged": [AlarmRow.open_key.is_not(None), AlarmRow.acknowledged_at.is_not(None)],
        "ended": [AlarmRow.open_key.is_(None)],
    }
    where += by_state.get(wanted.state, [])
    if wanted.level:
        where.append(AlarmRow.level == wanted.level)
    if wanted.integration_id is not None:
        where.append(AlarmRow.integration_id == wanted.integration_id)
    return where


def _alarms(session: Session, query: Any) -> list[Alarm]:
    return [_value(row, name or "") for row, name in session.execute(query)]


def _value(row: AlarmRow, integration: str) -> Alarm:
    return Alarm(
        id=row.id,
        identifier=row.identifier,
        name=row.name,
        level=Level(row.level),
        integration_id=row.integration_id,
        integration=integration,
        instance=row.instance,
        details=row.details,
        next_step=row.next_step,
        raised_at=row.raised_at,
        cleared_at=row.cleared_at,
        acknowledged_at=row.acknowledged_at,
        acknowledged_by=row.acknowledged_by,
    )
