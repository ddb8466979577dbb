"""An alias for a meeting that was sent with a placeholder: the one that could not be handed out in time."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from addin_host.domain.alias import DrawnAlias, draw_alias
from addin_host.domain.binding import Alias
from addin_host.domain.integration import Integration
from addin_host.flows.single_use import DRAWS, AliasSpaceExhausted, pattern_of
from addin_host.store.models import ConferenceAliasRow, ScheduledAliasRow
from addin_host.store.upsert import insert_missing

_CALLER = "placeholder"
_EXPIRES = timedelta(days=30)


def redeem(session: Session, integration: Integration, promised: Alias, *, now: datetime) -> Alias:
    """Hand out the alias that a placeholder promised, under its uuid. Raises AliasSpaceExhausted."""
    for _draw in range(DRAWS):
        drawn = draw_alias(pattern_of(integration))
        if not _is_answered(session, drawn) and _is_stored(session, integration.id, promised.uuid, drawn, now):
            made = select(ScheduledAliasRow.id).where(ScheduledAliasRow.uuid == promised.uuid)
            return replace(promised, id=session.scalars(made).one(), alias=drawn.alias, numeric=drawn.numeric)
    raise AliasSpaceExhausted("All numbers for meetings are taken. Make the suffix longer.", retry_after=60)


def _is_answered(session: Session, drawn: DrawnAlias) -> bool:
    names = [drawn.alias.lower(), drawn.numeric.lower()]
    found = select(ConferenceAliasRow.id).where(func.lower(ConferenceAliasRow.alias).in_(names)).limit(1)
    return session.scalar(found) is not None


def _is_stored(session: Session, integration_id: int, uuid: str, drawn: DrawnAlias, now: datetime) -> bool:
    row = {
        "uuid": uuid,
        "integration_id": integration_id,
        "alias": drawn.alias,
        "numeric_alias": drawn.numeric,
        "alias_number": drawn.number,
        "is_used": False,
        "caller": _CALLER,
        "visit": "",
        "created_at": now,
        "expires_at": now + _EXPIRES,
    }
    return insert_missing(session, ScheduledAliasRow, row)
