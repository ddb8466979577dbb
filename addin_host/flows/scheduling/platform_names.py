"""Asking the conference platform, where rooms are written to one, whether it has the aliases of new meetings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import func, or_, select

from addin_host.domain.rooms import Taken
from addin_host.flows import conference_platform
from addin_host.flows.scheduling import room_writes
from addin_host.flows.scheduling.context import Scheduling
from addin_host.flows.scheduling.reading import Item
from addin_host.store.models import ConferenceRow, MeetingRow, ScheduledAliasRow


def taken_elsewhere(own: Scheduling, items: Sequence[Item]) -> Mapping[str, Taken]:
    """Return what the platform has for other services, by uuid of alias; nothing with the built-in platform.

    Asked are the aliases that no meeting has a room with, or whose room the platform refused. Raises Upstream: then the
    items are tried again later.
    """
    uuids = {str(tag.uuid) for item in items for tag in item.tags}
    platform = conference_platform.opened(own.database, own.box, own.outside) if uuids else None
    if platform is None:
        return {}
    row = ScheduledAliasRow
    with own.database.read() as session:
        query = (
            select(row.uuid, row.alias, row.numeric_alias, func.coalesce(ConferenceRow.tag, ""))
            .outerjoin(MeetingRow, MeetingRow.alias_id == row.id)
            .outerjoin(ConferenceRow, ConferenceRow.id == MeetingRow.conference_id)
            .where(row.uuid.in_(uuids), or_(ConferenceRow.id.is_(None), room_writes.is_refused()))
        )
        asked = session.execute(query).all()
    found = {uuid: platform.taken((alias, numeric), "", tag) for uuid, alias, numeric, tag in asked}
    return {uuid: taken for uuid, taken in found.items() if taken.aliases}
