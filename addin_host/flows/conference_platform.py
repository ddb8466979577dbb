"""The conference platform where rooms are written, when there is one besides our own answers to policy requests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from weakref import WeakKeyDictionary

from sqlalchemy import select
from sqlalchemy.orm import Session

from addin_host.domain.ports import Outside
from addin_host.domain.rooms import TAG_PREFIX, Platform, PlatformAddress, Room
from addin_host.flows import platform, references
from addin_host.flows.references import ListKind
from addin_host.store.db import Database
from addin_host.store.models import ConferenceAliasRow, ConferenceRow, MeetingRow
from addin_host.store.secrets import SecretBox

_Kept = tuple[Outside, int, Platform | None]
_KEPT: WeakKeyDictionary[Database, _Kept] = WeakKeyDictionary()


def is_written(session: Session) -> bool:
    """Whether rooms are written to a platform at the moment."""
    return bool(platform.read(session)["conference_platform"] == "MANAGEMENT_API")


def opened(database: Database, box: SecretBox, outside: Outside) -> Platform | None:
    """Return the platform of the settings of the moment; None: rooms are answered for by external policy alone.

    Nothing is called yet. One instance is kept for each version of the settings. Raises Misconfigured.
    """
    kept = _KEPT.get(database)
    with database.read() as session:
        version = platform.version(session)
        if kept is None or kept[0] is not outside or kept[1] != version:
            address = _address(session, box)
            kept = (outside, version, outside.platforms.open(address) if address else None)
            _KEPT[database] = kept
    return kept[2]


def _address(session: Session, box: SecretBox) -> PlatformAddress | None:
    settings = platform.read(session)
    if settings["conference_platform"] != "MANAGEMENT_API":
        return None
    return PlatformAddress(
        url=settings["platform_url"],
        username=settings["platform_username"],
        password=platform.secret(session, "platform_password", box=box),
        internal=settings["platform_internal"],
        ca_bundle=settings["platform_ca_bundle"],
        web_proxy=settings["web_proxy"],
    )


def rooms(session: Session, conference_ids: Sequence[int]) -> dict[int, Room]:
    """Return what the platform is to have of some scheduled conferences, by id; those that are gone are left out."""
    if not conference_ids:
        return {}
    themes, groups = _names(session, ListKind.IVR_THEME), _names(session, ListKind.IDENTITY_PROVIDER_GROUP)
    aliases = _aliases(session, conference_ids)
    found = session.execute(
        select(ConferenceRow, MeetingRow.organizer)
        .outerjoin(MeetingRow, MeetingRow.conference_id == ConferenceRow.id)
        .where(ConferenceRow.id.in_(conference_ids), ConferenceRow.is_scheduled)
        .execution_options(populate_existing=True)
    )
    return {
        row.id: Room(
            tag=TAG_PREFIX + row.uuid,
            name=row.name,
            description=row.description,
            aliases=tuple(aliases[row.id]),
            ivr_theme=themes.get(row.ivr_theme_id, ""),
            host_identity_provider_group=groups.get(row.host_identity_provider_group_id, ""),
            non_idp_participants=row.non_idp_participants,
            owner=organizer or "",
        )
        for row, organizer in found
    }


def _names(session: Session, kind: ListKind) -> dict[int | None, str]:
    return {entry.id: entry.name for entry in references.list_(session, kind)}


def _aliases(session: Session, conference_ids: Sequence[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    query = select(ConferenceAliasRow.conference_id, ConferenceAliasRow.alias).where(
        ConferenceAliasRow.conference_id.in_(conference_ids)
    )
    ordered = query.order_by(ConferenceAliasRow.view_order, ConferenceAliasRow.id)
    for conference_id, alias in session.execute(ordered):
        found[conference_id].append(alias)
    return found
