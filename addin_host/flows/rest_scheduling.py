"""What scheduling has stored, as REST resources: aliases, meetings and series."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy.orm import Session

from addin_host.domain.rest.connector import CONNECTOR
from addin_host.domain.rest.directory import CONFERENCE
from addin_host.domain.rest.queries import instant_text
from addin_host.domain.rest.resource import Resource
from addin_host.domain.rest.scheduling import RECURRING_CONFERENCE, SCHEDULED_ALIAS, SCHEDULED_CONFERENCE
from addin_host.flows import rest_connectors, rest_directory
from addin_host.flows.rest_queries import Relation, Table
from addin_host.flows.rest_served import Asking, Served
from addin_host.store.models import (
    ConferenceRow,
    IntegrationRow,
    RecurringConferenceRow,
    ScheduledAliasRow,
    ScheduledConferenceRow,
)

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
_ITEM_LENGTH = 255
_ONE, _SERIES = ScheduledConferenceRow, RecurringConferenceRow


def short_id(item_id: str) -> str:
    """Return an id of Exchange as clients can hold it: Graph's are longer than 255, so those are hashed."""
    return item_id if len(item_id) <= _ITEM_LENGTH else f"sha256:{sha256(item_id.encode()).hexdigest()}"


def _conferences(_session: Session, rows: Sequence[ScheduledConferenceRow], _asking: Asking) -> list[dict[str, Any]]:
    return [
        {
            "id": row.id,
            "resource_uri": SCHEDULED_CONFERENCE.uri(row.id),
            "conference": CONFERENCE.uri(row.conference_id),
            "start_time": instant_text(row.start_time),
            "end_time": instant_text(row.end_time),
            "subject": row.subject,
            "ews_item_id": short_id(row.ews_item_id),
            "ews_item_uid": short_id(row.ews_item_uid),
            "recurring_conference": _uri(RECURRING_CONFERENCE, row.recurring_conference_id),
            "scheduled_alias": _uri(SCHEDULED_ALIAS, row.scheduled_alias_id),
        }
        for row in rows
    ]


def _series(_session: Session, rows: Sequence[RecurringConferenceRow], _asking: Asking) -> list[dict[str, Any]]:
    return [
        {
            "id": row.id,
            "resource_uri": RECURRING_CONFERENCE.uri(row.id),
            "conference": CONFERENCE.uri(row.conference_id),
            "current_index": row.current_index,
            "is_depleted": row.is_depleted,
            "ews_item_id": short_id(row.ews_item_id),
            "subject": row.subject,
            "scheduled_alias": _uri(SCHEDULED_ALIAS, row.scheduled_alias_id),
        }
        for row in rows
    ]


def _uri(resource: Resource, number: int | None) -> str | None:
    return None if number is None else resource.uri(number)


_CONFERENCES = Table(
    _ONE,
    {
        "id": _ONE.id,
        "conference": _ONE.conference_id,
        "start_time": _ONE.start_time,
        "end_time": _ONE.end_time,
        "subject": _ONE.subject,
        "ews_item_id": _ONE.ews_item_id,
        "ews_item_uid": _ONE.ews_item_uid,
        "recurring_conference": _ONE.recurring_conference_id,
        "scheduled_alias": _ONE.scheduled_alias_id,
    },
    related={
        "conference": Relation(lambda: rest_directory.VMRS, ConferenceRow.id, _ONE.conference_id),
        "recurring_conference": Relation(lambda: _RECURRING, _SERIES.id, _ONE.recurring_conference_id),
        "scheduled_alias": Relation(lambda: _ALIASES, _ROW.id, _ONE.scheduled_alias_id),
    },
    integration=_ONE.integration_id,
)
_RECURRING: Table = Table(
    _SERIES,
    {
        "id": _SERIES.id,
        "conference": _SERIES.conference_id,
        "current_index": _SERIES.current_index,
        "is_depleted": _SERIES.is_depleted,
        "ews_item_id": _SERIES.ews_item_id,
        "subject": _SERIES.subject,
        "scheduled_alias": _SERIES.scheduled_alias_id,
    },
    related={
        "conference": Relation(lambda: rest_directory.VMRS, ConferenceRow.id, _SERIES.conference_id),
        "scheduled_alias": Relation(lambda: _ALIASES, _ROW.id, _SERIES.scheduled_alias_id),
    },
    integration=_SERIES.integration_id,
)
SERVED = (
    Served(SCHEDULED_ALIAS, _ALIASES, _aliases),
    Served(SCHEDULED_CONFERENCE, _CONFERENCES, _conferences),
    Served(RECURRING_CONFERENCE, _RECURRING, _series),
)
