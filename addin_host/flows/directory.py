"""The directory of users and VMRs: listing and exporting. Importing is in directory_import.py, single records are in
vmrs.py and users.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import func, select, true
from sqlalchemy.orm import Session

from addin_host.domain.access import Caller
from addin_host.domain.directory import Kind, User, Vmr
from addin_host.domain.directory_words import sought
from addin_host.flows import audit
from addin_host.flows.audit import Subject
from addin_host.flows.directory_search import USERS, VMRS, Query, find
from addin_host.store.models import ConferenceAliasRow, ConferenceRow, EndUserRow, UserSubjectRow
from addin_host.store.secrets import SecretBox

_BATCH = 1000
WhichPin = Literal["pin", "guest_pin"]


@dataclass(frozen=True, slots=True)
class VmrLine:
    """One line of the list of VMRs. Of PINs it tells only whether they are set."""

    id: int
    name: str
    uuid: str
    description: str
    service_type: str
    owner: str
    aliases: tuple[str, ...]
    allow_guests: bool
    pin_set: bool
    guest_pin_set: bool
    version: int


@dataclass(frozen=True, slots=True)
class UserLine:
    """One line of the list of users. `bound` tells whether somebody signed in as this user before."""

    id: int
    primary_email_address: str
    uuid: str
    first_name: str
    last_name: str
    display_name: str
    bound: bool


@dataclass(frozen=True, slots=True)
class Released:
    """What a release took away: accounts that were bound, and sign-in sessions that were open."""

    subjects: int
    sessions: int


def pin_place(conference_uuid: str, which: WhichPin) -> str:
    """Return the place that a PIN of a VMR is sealed for (store/secrets.py)."""
    return f"conference:{conference_uuid}:{which}"


def list_vmrs(session: Session, *, owner: str = "", search: str = "", limit: int) -> list[VmrLine]:
    """Return VMRs by name: those of an owner, those that hold every word of `search`, or all."""
    if not owner:
        return vmr_lines(session, find(session, VMRS, Query(search, limit)).ids)
    owned = func.lower(ConferenceRow.primary_owner_email_address) == owner.lower()
    statement = (
        select(ConferenceRow)
        .where(owned, ~ConferenceRow.is_scheduled)
        .order_by(func.lower(ConferenceRow.name), ConferenceRow.id)
    )
    rows = session.scalars(statement.limit(_BATCH)).all()
    aliases = aliases_of(session, [row.id for row in rows])
    lines = [_vmr_line(row, aliases.get(row.id, ())) for row in rows]
    wanted = sought(search)
    return [line for line in lines if wanted is None or _holds(line, wanted.words)][:limit]


def _holds(line: VmrLine, words: Sequence[str]) -> bool:
    held = "\n".join((line.name, line.description, line.owner, *line.aliases)).lower()
    return all(word in held for word in words)


def vmr_lines(session: Session, ids: Sequence[int]) -> list[VmrLine]:
    """Return the VMRs of these ids in this order; what is gone is left out."""
    rows = {row.id: row for row in session.scalars(select(ConferenceRow).where(ConferenceRow.id.in_(ids)))}
    aliases = aliases_of(session, ids)
    return [_vmr_line(rows[one], aliases.get(one, ())) for one in ids if one in rows]


def _vmr_line(row: ConferenceRow, aliases: tuple[str, ...]) -> VmrLine:
    return VmrLine(
        id=row.id,
        name=row.name,
        uuid=row.uuid,
        description=row.description,
        service_type=row.service_type,
        owner=row.primary_owner_email_address,
        aliases=aliases,
        allow_guests=row.allow_guests,
        pin_set=row.sealed_pin is not None,
        guest_pin_set=row.sealed_guest_pin is not None,
        version=row.version,
    )


def list_users(session: Session, *, search: str = "", limit: int) -> list[UserLine]:
    """Return users by address: all, or those that hold every word of `search`."""
    return user_lines(session, find(session, USERS, Query(search, limit)).ids)


def user_lines(session: Session, ids: Sequence[int]) -> list[UserLine]:
    """Return the users of these ids in this order; what is gone is left out."""
    bound = select(UserSubjectRow.id).where(UserSubjectRow.user_id == EndUserRow.id).exists()
    found = session.execute(select(EndUserRow, bound).where(EndUserRow.id.in_(ids))).all()
    rows = {row.id: (row, is_bound) for row, is_bound in found}
    return [_user_line(*rows[one]) for one in ids if one in rows]


def _user_line(row: EndUserRow, bound: bool) -> UserLine:
    return UserLine(row.id, row.primary_email_address, row.uuid, row.first_name, row.last_name, row.display_name, bound)


def aliases_of(session: Session, conference_ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """Return the aliases of VMRs in the order in which they are shown, by the id of the VMR."""
    found: dict[int, tuple[str, ...]] = {}
    if not conference_ids:
        return found
    statement = (
        select(ConferenceAliasRow.conference_id, ConferenceAliasRow.alias)
        .where(ConferenceAliasRow.conference_id.in_(conference_ids))
        .order_by(ConferenceAliasRow.conference_id, ConferenceAliasRow.view_order, ConferenceAliasRow.id)
    )
    for conference_id, alias in session.execute(statement):
        found[conference_id] = (*found.get(conference_id, ()), alias)
    return found


def count(session: Session, kind: Kind) -> int:
    """Return how many records of a kind there are."""
    table, own = _ROWS[kind]
    return session.scalar(select(func.count()).select_from(table).where(own)) or 0


# VMRs of meetings come and go by themselves: they are no part of the directory.
_ROWS: dict[Kind, tuple[type[Any], Any]] = {
    Kind.VMR: (ConferenceRow, ~ConferenceRow.is_scheduled),
    Kind.USER: (EndUserRow, true()),
}


def export_vmrs(session: Session, *, box: SecretBox | None) -> Iterator[Vmr]:
    """Yield every VMR in the order of creation, with PINs in clear when a box is given, else without.

    Raises Misconfigured when a stored PIN cannot be opened.
    """
    for rows in _batches(session, Kind.VMR):
        aliases = aliases_of(session, [row.id for row in rows])
        for row in rows:
            yield Vmr(
                name=row.name,
                description=row.description,
                service_type=row.service_type,
                pin=_opened(box, row.uuid, "pin", row.sealed_pin),
                guest_pin=_opened(box, row.uuid, "guest_pin", row.sealed_guest_pin),
                allow_guests=row.allow_guests,
                owner=row.primary_owner_email_address,
                aliases=aliases.get(row.id, ()),
            )


def _opened(box: SecretBox | None, conference_uuid: str, which: WhichPin, sealed: str | None) -> str | None:
    if box is None:
        return None
    return box.open(pin_place(conference_uuid, which), sealed) if sealed else ""


def export_users(session: Session) -> Iterator[User]:
    """Yield every user in the order of creation."""
    for rows in _batches(session, Kind.USER):
        for row in rows:
            yield User(row.primary_email_address, row.first_name, row.last_name, row.display_name)


def _batches(session: Session, kind: Kind) -> Iterator[Sequence[Any]]:
    (table, own), last = _ROWS[kind], 0
    while rows := session.scalars(select(table).where(table.id > last, own).order_by(table.id).limit(_BATCH)).all():
        yield rows
        last = rows[-1].id
        session.expunge_all()  # what was written out need not stay in memory


def note_export(session: Session, filename: str, *, with_pins: bool, caller: Caller, now: datetime) -> None:
    """Write down in the audit log that the directory was exported."""
    subject = Subject("directory", "", filename)
    audit.record(session, caller, "export with PINs" if with_pins else "export", subject, now=now)
