"""Meetings by the words in their subject, organizer, room's name or aliases.

Each table is looked through by itself, which is much quicker than going from each meeting to its room and aliases. A
word that many meetings hold is left to be tested row by row: then a page is full after few rows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal, or_, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session
from sqlalchemy.types import Integer

from addin_host.store.models import ConferenceAliasRow, ConferenceRow, MeetingRow, ScheduledAliasRow

MAX_TEXT = 200
_WORDS = 8
_MANY = 5_000
_MEETING, _ROOM, _OTHER, _ALIAS = MeetingRow, ConferenceRow, ConferenceAliasRow, ScheduledAliasRow
Holds = Callable[..., ColumnElement[bool]]


def chosen(session: Session, search: str) -> list[ColumnElement[bool]]:
    """Return the conditions on meetings that every word stands somewhere in them."""
    rare: set[int] | None = None
    conditions: list[ColumnElement[bool]] = []
    for word in search.lower()[:MAX_TEXT].split()[:_WORDS]:
        holds = _holding(session, word)
        found = _few(session, holds)
        if found is None:
            conditions.append(_holds_somewhere(holds))
        else:
            rare = found if rare is None else rare & found
    return conditions if rare is None else [*conditions, _among(session, rare)]


def _holding(session: Session, word: str) -> Holds:
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    # SQLite's own lower() knows ASCII only; fold() knows all letters but is slow.
    lower = func.fold if is_sqlite and not word.isascii() else func.lower

    def holds(*columns: Any) -> ColumnElement[bool]:
        return or_(*[lower(column).contains(word, autoescape=True) for column in columns])

    return holds


def _few(session: Session, holds: Holds) -> set[int] | None:
    """Return the ids of the meetings that hold a word, or None when they are many."""
    found: set[int] = set()
    for query in _queries(holds):
        ids = session.scalars(query.limit(_MANY + 1)).all()
        found.update(ids)
        if len(ids) > _MANY:
            return None
    return found


def _queries(holds: Holds) -> Sequence[Select[Any]]:
    room, other, alias = (
        select(_ROOM.id).where(_ROOM.is_scheduled, holds(_ROOM.name)),
        select(_OTHER.conference_id).where(holds(_OTHER.alias)),
        select(_ALIAS.id).where(holds(_ALIAS.alias)),
    )
    return (
        select(_MEETING.id).where(holds(_MEETING.subject, _MEETING.organizer, _MEETING.organizer_name)),
        select(_MEETING.id).where(_MEETING.conference_id.in_(room)),
        select(_MEETING.id).where(_MEETING.conference_id.in_(other)),
        select(_MEETING.id).where(_MEETING.alias_id.in_(alias)),
    )


def _holds_somewhere(holds: Holds) -> ColumnElement[bool]:
    return or_(
        holds(_MEETING.subject, _MEETING.organizer, _MEETING.organizer_name),
        *[
            query.correlate(_MEETING).exists()
            for query in (
                select(_ROOM.id).where(_ROOM.id == _MEETING.conference_id, holds(_ROOM.name)),
                select(_OTHER.id).where(_OTHER.conference_id == _MEETING.conference_id, holds(_OTHER.alias)),
                select(_ALIAS.id).where(_ALIAS.id == _MEETING.alias_id, holds(_ALIAS.alias)),
            )
        ],
    )


def _among(session: Session, ids: set[int]) -> ColumnElement[bool]:
    """Return the condition that a meeting is one of some thousands at most, in one parameter."""
    if session.get_bind().dialect.name == "sqlite":
        listed = text("SELECT value FROM json_each(:meetings)").bindparams(meetings=json.dumps(sorted(ids)))
        return _MEETING.id.in_(listed)
    return _MEETING.id == func.any(literal(sorted(ids), ARRAY(Integer)))
