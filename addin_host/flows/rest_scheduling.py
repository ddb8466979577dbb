"""What scheduling has stored, as REST resources: `scheduled_alias`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from addin_host.domain.rest.connector import CONNECTOR
from addin_host.domain.rest.queries import instant_text
from addin_host.domain.rest.scheduling import SCHEDULED_ALIAS
from addin_host.flows import rest_connectors
from addin_host.flows.rest_queries import Relation, Table
from addin_host.flows.rest_served import Asking, Served
from addin_host.store.models import IntegrationRow, ScheduledAliasRow

_ROW = ScheduledAliasRow


def _aliases(_session: Session, rows: Sequence[ScheduledAliasRow], _asking: Asking) -> list[dict[str, Any]]:
    return [
        {
            "id": row.id,
            "resource_uri": SCHEDULED_ALIAS.uri(row.id),
            "alias": row.alias,
            "alias_number": row.alias_number,
            "numeric_alias": row.numeric_alias,
            "uuid": row.uuid,
            "exchange_connector": CONNECTOR.uri(row.integration_id),
            "is_used": row.is_used,
            "ews_item_uid": row.ews_item_uid,
            "creation_time": instant_text(row.created_at),
            "conference_deletion_time": _instant(row.conference_deletion_time),
        }
        for row in rows
    ]


def _instant(at: datetime | None) -> str | None:
    return None if at is None else instant_text(at)


_ALIASES = Table(
    _ROW,
    {
        "id": _ROW.id,
        "alias": _ROW.alias,
        "alias_number": _ROW.alias_number,
        "numeric_alias": _ROW.numeric_alias,
        "uuid": _ROW.uuid,
        "exchange_connector": _ROW.integration_id,
        "is_used": _ROW.is_used,
        "ews_item_uid": _ROW.ews_item_uid,
        "creation_time": _ROW.created_at,
        "conference_deletion_time": _ROW.conference_deletion_time,
    },
    related={"exchange_connector": Relation(lambda: rest_connectors.TABLE, IntegrationRow.id, _ROW.integration_id)},
    standing=_ROW.released_at.is_(None),
    integration=_ROW.integration_id,
)
SERVED = (Served(SCHEDULED_ALIAS, _ALIASES, _aliases),)
