"""The small lists that integrations and VMRs refer to: themes and identity provider groups of the conference platform.

Both refer to an entry by its id; REST clients know it by its address.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session

from addin_host.domain.access import Caller, Permission
from addin_host.domain.errors import Invalid, Problem, Reason, Refused
from addin_host.flows import audit
from addin_host.flows.audit import Subject
from addin_host.store.models import ConferenceRow, IdentityProviderGroupRow, IntegrationRow, IvrThemeRow

MAX_NAME = 250
_TOO_LARGE = 2**31  # for the id of a row
_NAMED = 5  # so many users of an entry are named in a refusal


class ListKind(StrEnum):
    """A list; the value is the name of its REST resource."""

    IVR_THEME = "ivr_theme"
    IDENTITY_PROVIDER_GROUP = "identity_provider_group"

    @property
    def label(self) -> str:
        """What one entry is called."""
        return "theme" if self is ListKind.IVR_THEME else "identity provider group"


Row = IvrThemeRow | IdentityProviderGroupRow
_ROWS: Mapping[ListKind, type[Any]] = {
    ListKind.IVR_THEME: IvrThemeRow,
    ListKind.IDENTITY_PROVIDER_GROUP: IdentityProviderGroupRow,
}
# The field of an integration's record, and the columns of a VMR, that refer to each list.
_FIELD: Mapping[ListKind, str] = {
    ListKind.IVR_THEME: "ivr_theme",
    ListKind.IDENTITY_PROVIDER_GROUP: "host_identity_provider_group",
}
_COLUMNS: Mapping[ListKind, tuple[InstrumentedAttribute[int | None], ...]] = {
    ListKind.IVR_THEME: (ConferenceRow.ivr_theme_id,),
    ListKind.IDENTITY_PROVIDER_GROUP: (
        ConferenceRow.host_identity_provider_group_id,
        ConferenceRow.guest_identity_provider_group_id,
    ),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a list, and how many integrations and VMRs refer to it (counted by `with_uses` only)."""

    id: int
    name: str
    integrations: int = 0
    vmrs: int = 0


def address(kind: ListKind, entry_id: int) -> str:
    """Return the REST address of an entry."""
    return f"/api/admin/configuration/v1/{kind.value}/{entry_id}/"


def id_of(kind: ListKind, reference: Any) -> int | None:
    """Return the id that a REST address, or an id as text, refers to; None for nothing and for anything else."""
    found = re.fullmatch(rf"(?:.*/{kind.value}/)?([0-9]{{1,9}})/?", str(reference or ""), re.ASCII)
    return int(found[1]) if found else None


def list_(session: Session, kind: ListKind) -> list[Entry]:
    """Return a list by name."""
    rows: Iterable[Row] = session.scalars(select(_ROWS[kind]).order_by(func.lower(_ROWS[kind].name)))
    return [Entry(row.id, row.name) for row in rows]


def with_uses(session: Session, kind: ListKind) -> list[Entry]:
    """Return a list by name, with the numbers of integrations and VMRs that refer to each entry."""
    in_integrations: dict[int, int] = {}
    for entry_id, _name in _referring(session, kind):
        in_integrations[entry_id] = in_integrations.get(entry_id, 0) + 1
    in_vmrs: dict[int, int] = {}
    for column in _COLUMNS[kind]:
        counted = select(column, func.count()).where(column.is_not(None)).group_by(column)
        for used, number in session.execute(counted):
            in_vmrs[used or 0] = in_vmrs.get(used or 0, 0) + number
    return [
        Entry(one.id, one.name, in_integrations.get(one.id, 0), in_vmrs.get(one.id, 0)) for one in list_(session, kind)
    ]


def get(session: Session, kind: ListKind, entry_id: int) -> Entry:
    """Return one entry. Raises Refused when there is none."""
    row = _row(session, kind, entry_id)
    return Entry(row.id, row.name)


def create(session: Session, kind: ListKind, name: str, *, caller: Caller, now: datetime) -> Entry:
    """Add an entry. Raises Refused or Invalid."""
    caller.require(Permission.CHANGE_LISTS)
    row = _ROWS[kind]()
    _name(session, kind, row, name)
    audit.record(session, caller, "create", _subject(kind, row), now=now, after={"name": row.name})
    return Entry(row.id, row.name)


def rename(session: Session, kind: ListKind, entry_id: int, name: str, *, caller: Caller, now: datetime) -> Entry:
    """Give an entry another name; whatever refers to it goes on doing so. Raises Refused or Invalid."""
    caller.require(Permission.CHANGE_LISTS)
    row = _row(session, kind, entry_id, lock=True)
    before = row.name
    _name(session, kind, row, name)
    if row.name != before:
        audit.record(
            session, caller, "change", _subject(kind, row), now=now, before={"name": before}, after={"name": row.name}
        )
    return Entry(entry_id, row.name)


def delete(session: Session, kind: ListKind, entry_id: int, *, caller: Caller, now: datetime) -> str:
    """Delete an entry and return its name. Raises Refused, naming what uses it, while something does."""
    caller.require(Permission.CHANGE_LISTS)
    row = _row(session, kind, entry_id, lock=True)
    name, subject = row.name, _subject(kind, row)
    if users := list(_users(session, kind, entry_id)):
        more = f" and {len(users) - _NAMED} more" if len(users) > _NAMED else ""
        raise Refused(
            Reason.CONFLICT,
            f"The {kind.label} “{name}” is in use by {', '.join(users[:_NAMED])}{more}. "
            "Choose another one there first, then delete it.",
        )
    session.delete(row)
    session.flush()
    audit.record(session, caller, "delete", subject, now=now, before={"name": name})
    return name


def hold(session: Session, kind: ListKind, entry_id: int) -> None:
    """Keep an entry until the transaction ends: something is about to refer to it. Raises Refused."""
    _row(session, kind, entry_id, lock={"read": True})


def _row(session: Session, kind: ListKind, entry_id: int, *, lock: bool | dict[str, bool] = False) -> Row:
    row: Row | None = session.get(_ROWS[kind], entry_id, with_for_update=lock) if 0 < entry_id < _TOO_LARGE else None
    if row is None:
        raise Refused(Reason.UNKNOWN, f"There is no such {kind.label}.")
    return row


def _subject(kind: ListKind, row: Row) -> Subject:
    return Subject(kind.label, row.id, row.name)


def _good(name: str) -> str:
    text = name.strip()
    if not text:
        raise _invalid("is missing. Enter one.")
    if len(text) > MAX_NAME:
        raise _invalid(f"is {len(text)} characters long; at most {MAX_NAME} are allowed.")
    if not text.isprintable():
        raise _invalid("contains control characters. Remove them.")
    return text


def _invalid(message: str) -> Invalid:
    return Invalid([Problem("name", "Name", message)])


def _name(session: Session, kind: ListKind, row: Row, name: str) -> None:
    good = _good(name)
    try:
        with session.begin_nested():
            row.name = good
            session.add(row)
    except IntegrityError as taken:
        raise _invalid(f"is in use by another {kind.label}. Choose another one.") from taken


def _users(session: Session, kind: ListKind, entry_id: int) -> Iterator[str]:
    for used, name in _referring(session, kind):
        if used == entry_id:
            yield f"the integration “{name}”"
    uses = or_(*[column == entry_id for column in _COLUMNS[kind]])
    for name in session.scalars(select(ConferenceRow.name).where(uses).order_by(ConferenceRow.id).limit(1000)):
        yield f"the VMR “{name}”"


def _referring(session: Session, kind: ListKind) -> Iterator[tuple[int, str]]:
    """Yield (id of an entry, name of the integration) for every integration that refers to one."""
    reference = IntegrationRow.record[_FIELD[kind]].as_string()
    chosen = select(IntegrationRow.name, reference).where(reference.is_not(None)).order_by(IntegrationRow.id)
    for name, text in session.execute(chosen):
        if (entry_id := id_of(kind, text)) is not None:
            yield entry_id, name
