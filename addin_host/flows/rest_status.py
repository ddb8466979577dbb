"""How the service is doing, as REST resources: `alarm` and `exchange_scheduler`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from addin_host.domain.rest.queries import instant_text
from addin_host.domain.rest.status import ALARM, EXCHANGE_SCHEDULER
from addin_host.flows.rest_queries import Table
from addin_host.flows.rest_served import Asking, Served
from addin_host.store.models import AlarmRow, IntegrationRow


def _alarms(_session: Session, rows: Sequence[AlarmRow], _asking: Asking) -> list[dict[str, Any]]:
    return [
        {
            "id": row.id,
            "resource_uri": ALARM.uri(row.id),
            "identifier": row.identifier,
            "name": row.name,
            "level": row.level,
            "node": "",
            "instance": row.instance,
            "details": row.details,
            "time_raised": instant_text(row.raised_at),
            "acknowledged": row.acknowledged_at is not None,
        }
        for row in rows
    ]


def _schedulers(_session: Session, rows: Sequence[IntegrationRow], _asking: Asking) -> list[dict[str, Any]]:
    return [
        {
            "id": row.id,
            "resource_uri": EXCHANGE_SCHEDULER.uri(row.id),
            "exchange_connector_id": row.id,
            "last_modified_time": instant_text(row.created_at),
        }
        for row in rows
    ]


_ALARMS = Table(
    AlarmRow,
    {
        "id": AlarmRow.id,
        "identifier": AlarmRow.identifier,
        "name": AlarmRow.name,
        "level": AlarmRow.level,
        "instance": AlarmRow.instance,
        "details": AlarmRow.details,
        "time_raised": AlarmRow.raised_at,
        "acknowledged": AlarmRow.acknowledged_at.is_not(None),
    },
    standing=AlarmRow.open_key.is_not(None),
    integration=AlarmRow.integration_id,
)
_SCHEDULERS = Table(
    IntegrationRow,
    {
        "id": IntegrationRow.id,
        "exchange_connector_id": IntegrationRow.id,
        "last_modified_time": IntegrationRow.created_at,
    },
    integration=IntegrationRow.id,
)
SERVED = (Served(ALARM, _ALARMS, _alarms), Served(EXCHANGE_SCHEDULER, _SCHEDULERS, _schedulers))
