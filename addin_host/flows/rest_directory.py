"""The directory as REST resources: `conference`, `conference_alias` and `end_user`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from addin_host.domain.access import Permission
from addin_host.domain.errors import Invalid, Problem
from addin_host.domain.rest.catalogue import BY_RESOURCE
from addin_host.domain.rest.directory import CONFERENCE, CONFERENCE_ALIAS, END_USER
from addin_host.domain.rest.incoming import Incoming
from addin_host.domain.rest.queries import instant_text
from addin_host.domain.rest.resource import Attribute, Kind, Resource
from addin_host.domain.rest.scheduling import SCHEDULED_CONFERENCE
from addin_host.flows import meeting_vmrs, users, vmr_aliases, vmrs
from addin_host.flows.directory import WhichPin, pin_place
from addin_host.flows.rest_lists import GROUPS, THEMES
from addin_host.flows.rest_queries import Expression, Relation, Table
from addin_host.flows.rest_served import Asking, Served, Writing, as_it_is
from addin_host.store.models import (
    ConferenceAliasRow,
    ConferenceRow,
    EndUserRow,
    IdentityProviderGroupRow,
    IvrThemeRow,
)

_PINS: tuple[WhichPin, ...] = ("pin", "guest_pin")
_KEPT_WITH_THE_REST = "automatic_participants"
_REFERENCES: Mapping[str, str] = {
    "host_identity_provider_group": "host_identity_provider_group_id",
    "guest_identity_provider_group": "guest_identity_provider_group_id",
    "ivr_theme": "ivr_theme_id",
    "conference": "conference_id",
}
_ATTRIBUTES: Mapping[str, str] = {column: name for name, column in _REFERENCES.items()} | {"extra": ""}


def _columns(row: type[Any], resource: Resource) -> dict[str, Expression]:
    named = {one.name: getattr(row, one.name, None) for one in resource.attributes}
    return {name: column for name, column in named.items() if column is not None}


def _tied(column: Expression, table: Table, row: type[Any]) -> Relation:
    return Relation(lambda: table, row.id, column)


VMRS: Table = Table(
    ConferenceRow,
    _columns(ConferenceRow, CONFERENCE)
    | {name: getattr(ConferenceRow, column) for name, column in _REFERENCES.items() if name != "conference"}
    | {"creation_time": ConferenceRow.created_at},
    related={
        "ivr_theme": _tied(ConferenceRow.ivr_theme_id, THEMES, IvrThemeRow),
        "host_identity_provider_group": _tied(
            ConferenceRow.host_identity_provider_group_id, GROUPS, IdentityProviderGroupRow
        ),
        "guest_identity_provider_group": _tied(
            ConferenceRow.guest_identity_provider_group_id, GROUPS, IdentityProviderGroupRow
        ),
        "aliases": Relation(lambda: ALIASES, ConferenceAliasRow.conference_id, ConferenceRow.id),
    },
)
_created_with_its_vmr = (
    select(ConferenceRow.created_at)
    .where(ConferenceRow.id == ConferenceAliasRow.conference_id)
    .correlate(ConferenceAliasRow)
    .scalar_subquery()
)
ALIASES: Table = Table(
    ConferenceAliasRow,
    _columns(ConferenceAliasRow, CONFERENCE_ALIAS)
    | {
        "conference": ConferenceAliasRow.conference_id,
        "creation_time": func.coalesce(ConferenceAliasRow.created_at, _created_with_its_vmr),
    },
    related={"conference": Relation(lambda: VMRS, ConferenceRow.id, ConferenceAliasRow.conference_id)},
)
USERS = Table(EndUserRow, _columns(EndUserRow, END_USER))


def show_vmrs(session: Session, rows: Sequence[ConferenceRow], asking: Asking) -> list[dict[str, Any]]:
    """Return VMRs as answers hold them; PINs only to who may see them."""
    aliases: dict[int, list[dict[str, Any]]] = {row.id: [] for row in rows}
    in_order = (ConferenceAliasRow.view_order, ConferenceAliasRow.id)
    chosen = select(ConferenceAliasRow).where(ConferenceAliasRow.conference_id.in_(aliases)).order_by(*in_order)
    created = {row.id: row for row in rows}
    times = meeting_vmrs.occurrences(session, [row.id for row in rows if row.is_scheduled])
    for alias in session.scalars(chosen):
        aliases[alias.conference_id].append(_alias(alias, created[alias.conference_id]))
    return [_vmr(row, aliases[row.id], times.get(row.id, ()), asking) for row in rows]


def _vmr(row: ConferenceRow, aliases: list[dict[str, Any]], times: Sequence[int], asking: Asking) -> dict[str, Any]:
    found = dict(row.extra)
    found |= {one.name: _stored(row, one) for one in CONFERENCE.attributes if one.kind is not Kind.NESTED}
    found |= {which: _pin(row, which, asking) for which in _PINS}
    return found | {
        "resource_uri": CONFERENCE.uri(row.id),
        "aliases": aliases,
        _KEPT_WITH_THE_REST: row.extra.get(_KEPT_WITH_THE_REST, []),
        "scheduled_conferences": [SCHEDULED_CONFERENCE.uri(number) for number in times],
        "scheduled_conferences_count": len(times),
        "creation_time": instant_text(row.created_at),
    }


def _stored(row: Any, attribute: Attribute) -> Any:
    if attribute.kind is Kind.REFERENCE:
        number = getattr(row, _REFERENCES[attribute.name])
        return None if number is None else BY_RESOURCE[attribute.refers_to].uri(number)
    return getattr(row, attribute.name, attribute.default)


def _pin(row: ConferenceRow, which: WhichPin, asking: Asking) -> str:
    sealed: str | None = getattr(row, f"sealed_{which}")
    if not sealed or not asking.caller.may(Permission.SEE_PINS):
        return ""
    return asking.box.open(pin_place(row.uuid, which), sealed)


def _alias(row: ConferenceAliasRow, vmr: ConferenceRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "resource_uri": CONFERENCE_ALIAS.uri(row.id),
        "alias": row.alias,
        "conference": CONFERENCE.uri(row.conference_id),
        "description": row.description,
        "view_order": row.view_order,
        "creation_time": instant_text(row.created_at or vmr.created_at),
    }


def show_aliases(session: Session, rows: Sequence[ConferenceAliasRow], _asking: Asking) -> list[dict[str, Any]]:
    """Return aliases as answers hold them."""
    owners = {row.conference_id for row in rows}
    vmr_of = {row.id: row for row in session.scalars(select(ConferenceRow).where(ConferenceRow.id.in_(owners)))}
    return [_alias(row, vmr_of[row.conference_id]) for row in rows]


def show_users(_session: Session, rows: Sequence[EndUserRow], _asking: Asking) -> list[dict[str, Any]]:
    """Return users as answers hold them."""
    return [
        {one.name: getattr(row, one.name, None) for one in END_USER.attributes} | {"resource_uri": END_USER.uri(row.id)}
        for row in rows
    ]


def save_vmr(session: Session, number: int | None, incoming: Incoming, asking: Asking) -> int:
    """Write a VMR and return its number. Raises Refused and Invalid."""
    values = {_REFERENCES.get(name, name): value for name, value in incoming.values.items()}
    if not asking.caller.may(Permission.SEE_PINS):
        # Who is shown no PIN sends an empty one back without meaning it.
        for which in [name for name in _PINS if values.get(name) == "" and name not in incoming.nulls]:
            del values[which]
    if (kept := values.pop(_KEPT_WITH_THE_REST, None)) is not None or incoming.unknown:
        before = vmrs.get(session, number).extra if number is not None else {}
        values["extra"] = {**before, **incoming.unknown} | ({} if kept is None else {_KEPT_WITH_THE_REST: kept})
    if "aliases" in values:
        values["aliases"] = _alias_entries(session, number, values["aliases"])
    try:
        return vmrs.save(session, number, values, box=asking.box, caller=asking.caller, now=asking.now).id
    except Invalid as refusal:
        raise _renamed(refusal) from refusal


def _alias_entries(session: Session, number: int | None, entries: Sequence[Any]) -> list[Any]:
    """Put the alias in the place of each that is named by number; it must be the VMR's own."""
    numbers = [entry for entry in entries if isinstance(entry, int)]
    own = (
        select(ConferenceAliasRow.id, ConferenceAliasRow.alias)
        .where(ConferenceAliasRow.id.in_(numbers), ConferenceAliasRow.conference_id == number)
        .order_by(ConferenceAliasRow.id)
    )
    known = {found.id: found.alias for found in session.execute(own)}
    if any(entry not in known for entry in numbers):
        text = "names an alias that is not one of this VMR. Send new ones as objects with `alias`."
        raise Invalid([Problem("aliases", "Aliases", text)])
    return [known[entry] if isinstance(entry, int) else entry for entry in entries]


def _renamed(refusal: Invalid) -> Invalid:
    """Return the same problems under the names that a REST client knows."""
    return Invalid(list(_under_rest_names(refusal.problems)))


def _under_rest_names(problems: Iterable[Problem]) -> Iterable[Problem]:
    for problem in problems:
        yield Problem(_ATTRIBUTES.get(problem.field, problem.field), problem.label, problem.message, problem.line)


def delete_vmr(session: Session, number: int, asking: Asking) -> None:
    """Delete a VMR. Raises Refused."""
    vmrs.delete(session, number, caller=asking.caller, now=asking.now)


def save_alias(session: Session, number: int | None, incoming: Incoming, asking: Asking) -> int:
    """Write an alias and return its number. Raises Refused and Invalid."""
    values = {_REFERENCES.get(name, name): value for name, value in incoming.values.items()}
    try:
        return vmr_aliases.save_alias(session, number, values, caller=asking.caller, now=asking.now).id
    except Invalid as refusal:
        raise _renamed(refusal) from refusal


def delete_alias(session: Session, number: int, asking: Asking) -> None:
    """Delete an alias. Raises Refused."""
    vmr_aliases.delete_alias(session, number, caller=asking.caller, now=asking.now)


def save_user(session: Session, number: int | None, incoming: Incoming, asking: Asking) -> int:
    """Write a user and return its number. Raises Refused and Invalid."""
    values = {name: value for name, value in incoming.values.items() if name != "uuid" or value}
    return users.save(session, number, values, caller=asking.caller, now=asking.now).id


def delete_user(session: Session, number: int, asking: Asking) -> None:
    """Delete a user. Raises Refused."""
    users.delete(session, number, caller=asking.caller, now=asking.now)


SERVED = (
    Served(CONFERENCE, VMRS, show_vmrs, Writing(as_it_is, save_vmr, delete_vmr)),
    Served(CONFERENCE_ALIAS, ALIASES, show_aliases, Writing(as_it_is, save_alias, delete_alias)),
    Served(END_USER, USERS, show_users, Writing(as_it_is, save_user, delete_user)),
)
