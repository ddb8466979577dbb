"""Finding one scheduled conference by what an administrator has at hand: an alias, its number, or its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from addin_host.domain.access import Caller
from addin_host.domain.errors import Reason, Refused
from addin_host.flows.scheduling.listing import reached
from addin_host.store.models import ConferenceAliasRow, ConferenceRow, MeetingRow, ScheduledAliasRow

_LARGEST = 2**31
_Way = Callable[[Session, str, Caller], Sequence[int]]


def named(session: Session, text: str, *, caller: Caller) -> int:
    """Return the number of the conference with this alias, number or name. Raises Refused: none, or several."""
    for way in (_by_alias, _by_number, _by_name):
        found = way(session, text.strip(), caller)
        if len(found) > 1:
            numbers = ", ".join(map(str, sorted(found)))
            raise Refused(Reason.CONFLICT, f"Several conferences are called so. Give the number of one: {numbers}.")
        if found:
            return found[0]
    raise Refused(Reason.UNKNOWN, "There is no such conference. To see them: addin-host conference list")


def _by_alias(session: Session, text: str, caller: Caller) -> Sequence[int]:
    alias = text.lower()
    rooms = select(ConferenceAliasRow.conference_id).where(func.lower(ConferenceAliasRow.alias) == alias)
    had = select(ScheduledAliasRow.id).where(
        or_(func.lower(ScheduledAliasRow.alias) == alias, func.lower(ScheduledAliasRow.numeric_alias) == alias)
    )
    about = or_(MeetingRow.conference_id.in_(rooms), MeetingRow.alias_id.in_(had))
    return session.scalars(select(MeetingRow.id).where(about, *reached(MeetingRow.integration_id, caller))).all()


def _by_number(session: Session, text: str, caller: Caller) -> Sequence[int]:
    if not (text.isascii() and text.isdigit() and int(text) < _LARGEST):
        return []
    mine = reached(MeetingRow.integration_id, caller)
    return session.scalars(select(MeetingRow.id).where(MeetingRow.id == int(text), *mine)).all()


def _by_name(session: Session, text: str, caller: Caller) -> Sequence[int]:
    rooms = select(ConferenceRow.id).where(func.lower(ConferenceRow.name) == text.lower())
    mine = reached(MeetingRow.integration_id, caller)
    return session.scalars(select(MeetingRow.id).where(MeetingRow.conference_id.in_(rooms), *mine)).all()
