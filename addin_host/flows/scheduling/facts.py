"""What the database knows of the meetings that some items are about: read in bulk, under their locks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256

from sqlalchemy import func, or_, select, text
from sqlalchemy.orm import Session

from addin_host.domain.binding import Alias
from addin_host.domain.calendar import Meeting, Organizer, Zone
from addin_host.domain.fingerprint import of_times
from addin_host.domain.recurrence import occurrence_key
from addin_host.domain.series_record import from_record
from addin_host.domain.situation import ALONE, TIMES_UNKNOWN, Known, State, Version
from addin_host.flows.scheduling import room_writes
from addin_host.flows.scheduling.reading import Item
from addin_host.flows.scheduling.tables import ALIAS, CONFERENCE, CONFERENCE_ALIAS, MEETING, OCCURRENCE, AnyRow

_LOCK = "SELECT pg_advisory_xact_lock(k) FROM (SELECT unnest(CAST(:keys AS bigint[])) AS k ORDER BY 1) AS sorted"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is stored of one meeting. `windows` are its rows of occurrences, by key; `room` is its conference."""

    row: AnyRow | None = None
    known: Known | None = None
    room: AnyRow | None = None
    windows: Mapping[str, AnyRow] = field(default_factory=dict)
    aliases: Mapping[str, Alias] = field(default_factory=dict)

    def meeting(self) -> Meeting | None:
        """Return the meeting as it is stored, without its text; None where it was never accepted."""
        row, known = self.row, self.known
        if row is None or known is None or not known.is_live or row.start_time is None:
            return None
        return Meeting(
            uid=row.uid,
            item_id=row.item_id,
            sequence=row.sequence,
            critical_change=row.critical_change,
            organizer=known.organizer,
            subject=row.subject,
            body="",
            body_is_html=False,
            start=row.start_time,
            end=row.end_time,
            zone=Zone(row.zone),
            series=known.series,
            in_calendar=row.in_calendar,
        )

    def seen_alone(self, key: str) -> Facts:
        """Return the same, as one occurrence that was invited alone sees it."""
        if not key or self.known is None or self.known.series is not None:
            return self
        window = self.windows.get(key)
        times = of_times(window.start_time, window.end_time) if window else TIMES_UNKNOWN
        return replace(self, known=replace(self.known, fingerprint=times))


def lock(session: Session, integration_id: int, names: Iterable[str]) -> None:
    """Let nobody else decide about these meetings and aliases before this transaction ends.

    SQLite has one writer at a time anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text(_LOCK), {"keys": sorted({_lock_key(integration_id, name) for name in names})})


def _lock_key(integration_id: int, name: str) -> int:
    return int.from_bytes(sha256(f"{integration_id}:{name}".encode()).digest()[:8], signed=True)


def load(session: Session, integration_id: int, items: Sequence[Item]) -> dict[str, Facts]:
    """Return what is stored of the meetings of some items, by uid."""
    uids = {item.uid for item in items}
    query = select(MEETING).where(MEETING.c.integration_id == integration_id, MEETING.c.uid.in_(uids))
    meetings = {row.uid: row for row in session.execute(query)}
    aliases = _aliases(session, {str(tag.uuid) for item in items for tag in item.tags}, meetings.values())
    rooms = _rooms(session, {row.conference_id for row in meetings.values() if row.conference_id})
    windows = _windows(session, [row.id for row in meetings.values()])
    owners = _owners(session, aliases)
    gone = _given_to_others(session, aliases)
    found: dict[str, Facts] = {}
    for item in items:
        meeting, uuids = meetings.get(item.uid), {str(tag.uuid) for tag in item.tags}
        of_meeting = [row for row in aliases if row.uuid in uuids or (meeting and row.id == meeting.alias_id)]
        found[item.uid] = _facts(
            meeting, rooms, windows, [_alias(row, meeting, owners, gone, rooms) for row in of_meeting]
        )
    return found


def of_rows(session: Session, rows: Sequence[AnyRow]) -> dict[int, Facts]:
    """Return what is stored of some meetings, by the ids of their rows; nothing about who else has an alias."""
    rooms = _rooms(session, {row.conference_id for row in rows if row.conference_id})
    windows = _windows(session, [row.id for row in rows])
    return {row.id: _facts(row, rooms, windows, []) for row in rows}


def _aliases(session: Session, uuids: Collection[str], meetings: Iterable[AnyRow]) -> Sequence[AnyRow]:
    ids = {row.alias_id for row in meetings if row.alias_id}
    if not uuids and not ids:
        return []
    return session.execute(select(ALIAS).where(or_(ALIAS.c.uuid.in_(uuids), ALIAS.c.id.in_(ids)))).all()


def _rooms(session: Session, ids: Collection[int]) -> dict[int, AnyRow]:
    if not ids:
        return {}
    query = select(CONFERENCE, room_writes.is_refused().label("is_refused")).where(CONFERENCE.c.id.in_(ids))
    return {row.id: row for row in session.execute(query)}


def _windows(session: Session, meeting_ids: Collection[int]) -> dict[int, dict[str, AnyRow]]:
    found: dict[int, dict[str, AnyRow]] = {}
    if meeting_ids:
        for row in session.execute(select(OCCURRENCE).where(OCCURRENCE.c.meeting_id.in_(meeting_ids))):
            found.setdefault(row.meeting_id, {})[row.occurrence] = row
    return found


def _owners(session: Session, aliases: Iterable[AnyRow]) -> dict[str, int]:
    """Return which conference answers to which of the aliases, in lower case."""
    names = {name.lower() for row in aliases for name in (row.alias, row.numeric_alias)}
    if not names:
        return {}
    lowered = func.lower(CONFERENCE_ALIAS.c.alias)
    query = select(lowered, CONFERENCE_ALIAS.c.conference_id).where(lowered.in_(names))
    return dict(session.execute(query).all())


def _given_to_others(session: Session, aliases: Iterable[AnyRow]) -> set[str]:
    """Return which numbers that were given back somebody else has by now, in lower case."""
    numbers = {row.numeric_alias.lower() for row in aliases if row.released_at is not None}
    if not numbers:
        return set()
    lowered = func.lower(ALIAS.c.numeric_alias)
    return set(session.scalars(select(lowered).where(lowered.in_(numbers), ALIAS.c.released_at.is_(None))))


def _alias(
    row: AnyRow,
    meeting: AnyRow | None,
    owners: Mapping[str, int],
    gone: Collection[str],
    rooms: Mapping[int, AnyRow],
) -> Alias:
    own: int | None = meeting.conference_id if meeting else None
    room = rooms.get(own) if own is not None else None
    is_refused = room is not None and room.is_refused and meeting is not None and meeting.alias_id == row.id
    answers = [owners.get(name.lower()) for name in (row.alias, row.numeric_alias)]
    others = [owner not in (None, own) for owner in answers]
    was_released = row.released_at is not None
    is_gone = was_released and (any(others) or row.numeric_alias.lower() in gone)
    # An alias is bound from the moment that a meeting was accepted with it.
    return Alias(
        row.id,
        row.uuid,
        row.alias,
        row.numeric_alias,
        row.ews_item_uid or "",
        is_gone=is_gone,
        is_taken=any(others) or is_refused,
        is_answered=own is not None and answers == [own, own],
    )


def _facts(
    meeting: AnyRow | None,
    rooms: Mapping[int, AnyRow],
    windows: Mapping[int, Mapping[str, AnyRow]],
    aliases: Iterable[Alias],
) -> Facts:
    by_uuid = {alias.uuid: alias for alias in aliases}
    if meeting is None:
        return Facts(aliases=by_uuid)
    room = rooms.get(meeting.conference_id) if meeting.conference_id else None
    own = next((alias for alias in by_uuid.values() if alias.id == meeting.alias_id), None)
    known = Known(
        state=State(meeting.state),
        version=Version(meeting.sequence, meeting.critical_change),
        reason=meeting.reason,
        fingerprint=meeting.fingerprint,
        organizer=Organizer(meeting.organizer, meeting.organizer_name, tuple(meeting.organizer_others)),
        subject=meeting.subject,
        alias=own.uuid if own else "",
        has_room=room is not None and own is not None and own.is_answered,
        in_calendar=meeting.in_calendar,
        series=from_record(meeting.series) if meeting.series else None,
    )
    return Facts(meeting, known, room, windows.get(meeting.id, {}), by_uuid)


def key_alone(item: Item, facts: Facts) -> str:
    """Return the key of the occurrence that was invited alone, blank where it is a meeting or a series.

    What is known as a whole stays one: a message may be about an occurrence of the series that it once was. Without a
    message the times tell which of the occurrences was read.
    """
    known = facts.known
    if known is not None and known.is_live and known.fingerprint != ALONE:
        return ""
    if item.notice is None:
        return _key_by_times(item.meeting or facts.meeting(), facts)
    return occurrence_key(item.notice.occurrence) if item.alone and item.notice.occurrence else ""


def _key_by_times(meeting: Meeting | None, facts: Facts) -> str:
    if meeting is None or meeting.series is not None:
        return ""
    same = (key for key, row in facts.windows.items() if (row.start_time, row.end_time) == (meeting.start, meeting.end))
    return next(same, "")


def is_one_of_several(item: Item, facts: Facts, alone: str) -> bool:
    """Whether it is an occurrence, nobody knows which, of a meeting that was invited to by occurrences."""
    known, meeting = facts.known, item.meeting
    is_by_occurrences = known is not None and known.is_live and known.fingerprint == ALONE
    return is_by_occurrences and not alone and item.notice is None and meeting is not None and meeting.series is None


def is_open(windows: Iterable[tuple[datetime, datetime]], now: datetime) -> datetime | None:
    """Return when the last of the windows closes that are open at this moment, None when none is."""
    return max((closes for opens, closes in windows if opens <= now <= closes), default=None)
