"""The directory of users and VMRs: listing, exporting, deleting, and letting an address be bound anew.

Importing is in directory_import.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from addin_host.domain.directory import Kind, User, Vmr
from addin_host.domain.errors import Reason, Refused
from addin_host.flows.identify import by_address
from addin_host.store.models import ConferenceAliasRow, ConferenceRow, DialogSessionRow, EndUserRow, UserSubjectRow
from addin_host.store.secrets import SecretBox

_BATCH = 1000
WhichPin = Literal["pin", "guest_pin"]


@dataclass(frozen=True, slots=True)
class VmrLine:
    """One line of the list of VMRs. Of PINs it tells only whether they are set."""

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
    """Return VMRs by name. `search` is looked for in names, descriptions, owners and aliases, in any case."""
    statement = select(ConferenceRow).order_by(ConferenceRow.name).limit(limit)
    if owner:
        statement = statement.where(func.lower(ConferenceRow.primary_owner_email_address) == owner.lower())
    if search:
        by_alias = select(ConferenceAliasRow.conference_id).where(_contains(ConferenceAliasRow.alias, search))
        own = (ConferenceRow.name, ConferenceRow.description, ConferenceRow.primary_owner_email_address)
        found = [_contains(column, search) for column in own]
        statement = statement.where(or_(*found, ConferenceRow.id.in_(by_alias)))
    rows = session.scalars(statement).all()
    aliases = aliases_of(session, [row.id for row in rows])
    return [_vmr_line(row, aliases.get(row.id, ())) for row in rows]


def _contains(column: InstrumentedAttribute[str], text: str) -> ColumnElement[bool]:
    return func.lower(column).contains(text.lower(), autoescape=True)


def _vmr_line(row: ConferenceRow, aliases: tuple[str, ...]) -> VmrLine:
    return VmrLine(
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
    """Return users by address. `search` is looked for in addresses and names, in any case."""
    bound = select(UserSubjectRow.id).where(UserSubjectRow.user_id == EndUserRow.id).exists()
    statement = select(EndUserRow, bound).order_by(func.lower(EndUserRow.primary_email_address)).limit(limit)
    if search:
        columns = (
            EndUserRow.primary_email_address,
            EndUserRow.first_name,
            EndUserRow.last_name,
            EndUserRow.display_name,
        )
        statement = statement.where(or_(*[_contains(column, search) for column in columns]))
    return [
        UserLine(row.primary_email_address, row.uuid, row.first_name, row.last_name, row.display_name, is_bound)
        for row, is_bound in session.execute(statement)
    ]


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
    return session.scalar(select(func.count()).select_from(_ROWS[kind])) or 0


_ROWS: dict[Kind, type[Any]] = {Kind.VMR: ConferenceRow, Kind.USER: EndUserRow}


def export_vmrs(session: Session, *, box: SecretBox | None) -> Iterator[Vmr]:
    """Yield every VMR in the order of creation, with PINs in clear when a box is given, else without.

    Raises Misconfigured when a stored PIN cannot be opened.
    """
    for rows in _batches(session, ConferenceRow):
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
    for rows in _batches(session, EndUserRow):
        for row in rows:
            yield User(row.primary_email_address, row.first_name, row.last_name, row.display_name)


def _batches(session: Session, table: type[Any]) -> Iterator[Sequence[Any]]:
    last = 0
    while rows := session.scalars(select(table).where(table.id > last).order_by(table.id).limit(_BATCH)).all():
        yield rows
        last = rows[-1].id
        session.expunge_all()  # what was written out need not stay in memory


def delete_vmr(session: Session, *, name: str) -> None:
    """Delete a VMR and its aliases. Raises Refused when there is none of this name."""
    found = session.scalar(select(ConferenceRow.id).where(ConferenceRow.name == name))
    if found is None:
        raise Refused(Reason.UNKNOWN, f"There is no VMR named {name!r}. See: addin-host directory list --search TEXT")
    session.execute(delete(ConferenceRow).where(ConferenceRow.id == found))


def delete_user(session: Session, *, address: str) -> None:
    """Delete a user, and with it the bound accounts and sessions; VMRs stay. Raises Refused when there is none."""
    session.execute(delete(EndUserRow).where(EndUserRow.id == _user_id(session, address)))


def release_sign_in(session: Session, *, address: str) -> Released:
    """Forget the accounts bound to a user and end the sign-in sessions; the next sign-in binds anew. Raises Refused."""
    user_id = _user_id(session, address)
    subjects = select(UserSubjectRow.id).where(UserSubjectRow.user_id == user_id)
    sessions = select(DialogSessionRow.id).where(DialogSessionRow.user_id == user_id)
    released = Released(len(session.scalars(subjects).all()), len(session.scalars(sessions).all()))
    session.execute(delete(UserSubjectRow).where(UserSubjectRow.user_id == user_id))
    session.execute(delete(DialogSessionRow).where(DialogSessionRow.user_id == user_id))
    return released


def _user_id(session: Session, address: str) -> int:
    user = by_address(session, address)
    if user is None:
        text = f"There is no user with the address {address!r}. See: addin-host directory list --kind users"
        raise Refused(Reason.UNKNOWN, text)
    return user.id
