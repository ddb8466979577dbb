"""How the service is doing, as REST resources: alarms, schedulers, and the steps of their work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from addin_host.domain.rest.queries import instant_text
from addin_host.domain.rest.status import ALARM, EXCHANGE_SCHEDULER, SCHEDULING_OPERATION
from addin_host.flows.rest_queries import Table
from addin_host.flows.rest_served import Asking, Served
from addin_host.store.models import AlarmRow, IntegrationRow, MailboxRow, SchedulingOperationRow


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


def _schedulers(session: Session, rows: Sequence[IntegrationRow], _asking: Asking) -> list[dict[str, Any]]:
    wanted = MailboxRow.integration_id.in_([row.id for row in rows])
    processed = dict(session.execute(select(MailboxRow.integration_id, MailboxRow.processed_at).where(wanted)).all())
    return [
        {
            "id": row.id,
            "resource_uri": EXCHANGE_SCHEDULER.uri(row.id),
            "exchange_connector_id": row.id,
            "last_modified_time": instant_text(processed.get(row.id) or row.created_at),
        }
        for row in rows
    ]


def _operations(_session: Session, rows: Sequence[SchedulingOperationRow], _asking: Asking) -> list[dict[str, Any]]:
    return [
        {
            "id": row.id,
            "resource_uri": SCHEDULING_OPERATION.uri(row.id),
            "creation_time": instant_text(row.created_at),
            "transaction_uuid": row.transaction_uuid,
            "success": row.success,
            "error_code": row.error_code,
            "error_description": row.error_description,
            "resource_id": row.resource_id,
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
_processed_at = (
    select(MailboxRow.processed_at)
    .where(MailboxRow.integration_id == IntegrationRow.id)
    .correlate(IntegrationRow)
    .scalar_subquery()
)
_SCHEDULERS = Table(
    IntegrationRow,
    {
        "id": IntegrationRow.id,
        "exchange_connector_id": IntegrationRow.id,
        "last_modified_time": func.coalesce(_processed_at, IntegrationRow.created_at),
    },
    integration=IntegrationRow.id,
)
_STEP = SchedulingOperationRow
_OPERATIONS = Table(
    _STEP,
    {
        "id": _STEP.id,
        "creation_time": _STEP.created_at,
        "transaction_uuid": _STEP.transaction_uuid,
        "success": _STEP.success,
        "error_code": _STEP.error_code,
        "error_description": _STEP.error_description,
        "resource_id": _STEP.resource_id,
    },
    integration=_STEP.integration_id,
)
SERVED = (
    Served(ALARM, _ALARMS, _alarms),
    Served(EXCHANGE_SCHEDULER, _SCHEDULERS, _schedulers),
    Served(SCHEDULING_OPERATION, _OPERATIONS, _operations),
)
