"""The state of the deployment in figures. Nobody is named in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from addin_host.store.models import AlarmRow, IntegrationRow, UsageRow


@dataclass(frozen=True, slots=True)
class State:
    """Open alarms by level and whether they are acknowledged; integrations by whether they are on; and what happened
    today (UTC), by the integration's number and the kind."""

    alarms: Mapping[tuple[str, bool], int]
    integrations: Mapping[bool, int]
    today: Mapping[tuple[int, str], int]


def state(session: Session, *, now: datetime) -> State:
    """Read the figures."""
    acknowledged = case((AlarmRow.acknowledged_at.is_(None), 0), else_=1)
    alarms = session.execute(
        select(AlarmRow.level, acknowledged, func.count())
        .where(AlarmRow.open_key.is_not(None))
        .group_by(AlarmRow.level, acknowledged)
    )
    is_off = IntegrationRow.record["enabled"].as_boolean().is_(False)
    number, off = session.execute(select(func.count(IntegrationRow.id), func.count().filter(is_off))).one()
    today = now.astimezone(UTC).date().isoformat()
    usage = session.execute(
        select(UsageRow.integration_id, UsageRow.kind, UsageRow.number)
        .where(UsageRow.day == today)
        .order_by(UsageRow.integration_id, UsageRow.kind)
    )
    return State(
        alarms={(level, bool(seen)): number for level, seen, number in alarms},
        integrations={True: number - off, False: off},
        today={(integration, kind): number for integration, kind, number in usage},
    )
