"""Asking the conference platform, where rooms are written to one, whether it has the aliases of new meetings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import select

from addin_host.domain.rooms import Taken
from addin_host.flows import conference_platform
from addin_host.flows.scheduling.context import Scheduling
from addin_host.flows.scheduling.reading import Item
from addin_host.store.models import MeetingRow, ScheduledAliasRow


def taken_elsewhere(own: Scheduling, items: Sequence[Item]) -> Mapping[str, Taken]:
    """Return what the platform has for other services, by uuid of alias; nothing with the built-in platform.

    Asked are the aliases that no meeting has a room with. Raises Upstream: then the items are tried again later.
    """
    uuids = {str(tag.uuid) for item in items for tag in item.tags}
    platform = conference_platform.opened(own.database, own.box, own.outside) if uuids else None
    if platform is None:
        return {}
    row = ScheduledAliasRow
    with own.database.read() as session:
        has_room = select(MeetingRow.id).where(MeetingRow.alias_id == row.id, MeetingRow.conference_id.is_not(None))
        query = select(row.uuid, row.alias, row.numeric_alias).where(row.uuid.in_(uuids), ~has_room.exists())
        asked = session.execute(query).all()
    found = {uuid: platform.taken((alias, numeric), "", "") for uuid, alias, numeric in asked}
    return {uuid: taken for uuid, taken in found.items() if taken.aliases}
