"""Rooms: conferences with their two aliases, as the meetings want them (design/scheduling.md sections 5.1 and 7)."""

from __future__ import annotations

import uuid as uuids
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.orm import Session

from addin_host.domain.binding import Alias
from addin_host.domain.integration import Integration
from addin_host.domain.rooms import TAG_PREFIX
from addin_host.flows.scheduling import names, room_writes
from addin_host.flows.scheduling.facts import is_open
from addin_host.flows.scheduling.names import Wish
from addin_host.flows.scheduling.tables import CONFERENCE, CONFERENCE_ALIAS, AnyRow
from addin_host.flows.scheduling.texts import Texts, words_of
from addin_host.flows.scheduling.working import Work

_DESCRIPTION, _NAME_TEMPLATE = "conference_description_template", "conference_name_template"
_ALIAS_DESCRIPTION = "scheduled_alias_description_template"
_WORDS = ("name", "description", "ivr_theme_id", "host_identity_provider_group_id", "non_idp_participants")


def put(
    session: Session, integration: Integration, works: Sequence[Work], texts: Texts, *, now: datetime
) -> dict[str, datetime]:
    """Make the rooms that are missing and change those that are there; sets `conference_id`.

    Returns when to look again at the meetings whose room is open and keeps its words until then, by uid.
    """
    wanted = {work.item.uid: _wanted(work, integration, texts) for work in works}
    new = [work for work in works if work.facts.room is None]
    later: dict[str, datetime] = {}
    old: list[Work] = []
    for work in works:
        if work.facts.room is None:
            continue
        work.conference_id = work.facts.room.id
        closes = _open_until(work, now) if _differs(work.facts.room, wanted[work.item.uid]) else None
        if closes is None:
            old.append(work)
        else:
            later[work.item.uid] = closes
    _name(session, [*new, *old], wanted)
    _make(session, new, wanted, now)
    _change(session, old, wanted)
    _put_aliases(session, works, texts, now)
    return later


def _wanted(work: Work, integration: Integration, texts: Texts) -> dict[str, Any]:
    assert work.meeting is not None  # noqa: S101 - what has a room has a meeting
    words = words_of(work.meeting, work.alias)
    group = integration["host_identity_provider_group"]
    fallback = work.alias.alias if work.alias else "Meeting"
    return {
        "name": names.cleaned(texts.rendered(_NAME_TEMPLATE, words)) or fallback,
        "description": texts.rendered(_DESCRIPTION, words)[:250],
        "ivr_theme_id": integration["ivr_theme"] or None,
        "host_identity_provider_group_id": group or None,
        "non_idp_participants": str(integration["non_idp_participants"]) if group else "disallow_all",
    }


def _differs(room: AnyRow, wanted: Mapping[str, Any]) -> bool:
    same = all(getattr(room, name) == wanted[name] for name in _WORDS[1:])
    return not (same and names.keeps(room.name, wanted["name"]))


def _open_until(work: Work, now: datetime) -> datetime | None:
    return is_open(((window.opens_at, window.closes_at) for window in (work.windows or {}).values()), now)


def _name(session: Session, works: Sequence[Work], wanted: Mapping[str, dict[str, Any]]) -> None:
    """Give every room a name of its own. In the order of names, so that two workers do not wait for each other."""
    rooms = [(wanted[work.item.uid], work.facts.room) for work in works]
    wishes = [Wish(room["name"], before.name if before else "") for room, before in rooms]
    for (room, _before), name in zip(rooms, names.assign(session, wishes), strict=True):
        room["name"] = name


def _make(session: Session, works: Sequence[Work], wanted: Mapping[str, dict[str, Any]], now: datetime) -> None:
    if not works:
        return
    ordered = sorted(works, key=lambda work: str(wanted[work.item.uid]["name"]))
    rows = [_row(wanted[work.item.uid], now) for work in ordered]
    # One statement for each row, prepared once, and a look at the ids: faster than long ones that return them.
    session.execute(insert(CONFERENCE), rows)
    made = select(CONFERENCE.c.uuid, CONFERENCE.c.id).where(CONFERENCE.c.uuid.in_([row["uuid"] for row in rows]))
    ids = dict(session.execute(made).all())
    for work, row in zip(ordered, rows, strict=True):
        work.conference_id = ids[row["uuid"]]


def _row(wanted: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    uuid = str(uuids.uuid4())
    return {
        "uuid": uuid,
        "service_type": "conference",
        "allow_guests": False,
        "primary_owner_email_address": "",
        "tag": f"{TAG_PREFIX}{uuid}",
        "extra": {},
        "is_scheduled": True,
        "sync_tag": "",
        "version": 1,
        "created_at": now,
        **wanted,
    }


def _change(session: Session, works: Sequence[Work], wanted: Mapping[str, dict[str, Any]]) -> None:
    changed = [
        {"b_id": work.conference_id, **{f"b_{name}": wanted[work.item.uid][name] for name in _WORDS}}
        for work in works
        if work.facts.room is not None
        and any(getattr(work.facts.room, name) != wanted[work.item.uid][name] for name in _WORDS)
    ]
    if changed:
        values: dict[str, Any] = {name: bindparam(f"b_{name}") for name in _WORDS}
        statement = update(CONFERENCE).where(CONFERENCE.c.id == bindparam("b_id"))
        session.execute(statement.values(**values, version=CONFERENCE.c.version + 1), changed)


def _put_aliases(session: Session, works: Sequence[Work], texts: Texts, now: datetime) -> None:
    """Have the rooms answer to their aliases: the new ones, and those whose meeting has another alias now."""
    due = [work for work in works if work.facts.room is None or _has_another(work)]
    before = [_known_names(work) for work in due if work.facts.room is not None]
    for conference_id, known in before:
        session.execute(
            delete(CONFERENCE_ALIAS).where(
                CONFERENCE_ALIAS.c.conference_id == conference_id, CONFERENCE_ALIAS.c.alias.in_(known)
            )
        )
    rows: list[dict[str, Any]] = []
    for work in due:
        assert work.meeting is not None and work.alias is not None  # noqa: S101 - it was accepted with one
        described = texts.rendered(_ALIAS_DESCRIPTION, words_of(work.meeting, work.alias))[:250]
        rows += _alias_rows(work.conference_id, work.alias, described, now)
    if rows:
        session.execute(insert(CONFERENCE_ALIAS), rows)


def _has_another(work: Work) -> bool:
    known = work.facts.known
    return known is not None and work.alias is not None and known.alias != work.alias.uuid


def _known_names(work: Work) -> tuple[int | None, list[str]]:
    known = work.facts.known
    own = work.facts.aliases.get(known.alias) if known else None
    return work.conference_id, [own.alias, own.numeric] if own else []


def _alias_rows(conference_id: int | None, alias: Alias, description: str, now: datetime) -> list[dict[str, Any]]:
    common = {"conference_id": conference_id, "description": description, "created_at": now}
    return [common | {"alias": name, "view_order": at} for at, name in enumerate((alias.alias, alias.numeric))]


def remove(session: Session, rooms: Sequence[AnyRow], *, now: datetime) -> None:
    """Delete conferences; their aliases, occurrences and series go with them."""
    if rooms:
        room_writes.end(session, [room.tag for room in rooms], now=now)
        session.execute(delete(CONFERENCE).where(CONFERENCE.c.id.in_([room.id for room in rooms])))


def tags_of(session: Session, conference_ids: Sequence[int]) -> Sequence[AnyRow]:
    """Return id and tag of conferences, as `remove` takes them."""
    return session.execute(select(CONFERENCE.c.id, CONFERENCE.c.tag).where(CONFERENCE.c.id.in_(conference_ids))).all()
