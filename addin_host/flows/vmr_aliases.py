"""The aliases of VMRs: as a whole list with the VMR, or one at a time as the REST interface has them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from addin_host.domain import directory_record as record
from addin_host.domain.access import Caller
from addin_host.domain.errors import Invalid, Problem, Reason, Refused
from addin_host.flows import audit, meeting_vmrs
from addin_host.flows.audit import Subject
from addin_host.store.models import ConferenceAliasRow, ConferenceRow, ScheduledAliasRow

RACED = "Somebody else changed the directory at the same moment. Try again."
_LARGEST_ID = 2**31 - 1
_SHOWN = ("alias", "description", "view_order")


def put_aliases(row: ConferenceRow, wanted: Sequence[tuple[str, str | None]], *, now: datetime) -> None:
    """Give a VMR these aliases (alias, description or None to keep it) in this order; what stays keeps its id."""
    stored = {alias.alias.lower(): alias for alias in row.aliases}
    kept = {name.lower() for name, _description in wanted}
    for key in stored.keys() - kept:
        row.aliases.remove(stored.pop(key))
    for order, (name, description) in enumerate(wanted):
        alias = stored.get(name.lower())
        if alias is None:
            alias = ConferenceAliasRow(description="", created_at=now)
            row.aliases.append(alias)
        alias.alias, alias.view_order = name, order
        if description is not None:
            alias.description = description


def holders(session: Session, aliases: Sequence[str]) -> Iterator[tuple[str, int, str]]:
    """Yield alias, id and name of the VMR for those of the aliases that are stored, in any case."""
    wanted = [alias.lower() for alias in aliases]
    statement = (
        select(ConferenceAliasRow.alias, ConferenceRow.id, ConferenceRow.name)
        .join(ConferenceRow, ConferenceRow.id == ConferenceAliasRow.conference_id)
        .where(func.lower(ConferenceAliasRow.alias).in_(wanted))
        .order_by(ConferenceAliasRow.id)
    )
    if wanted:
        yield from ((row.alias, row.id, row.name) for row in session.execute(statement))


def of_meetings(session: Session, aliases: Collection[str]) -> set[str]:
    """Return, in lower case, those of the aliases that were handed out for meetings and are not given back."""
    found: set[str] = set()
    wanted = {alias.lower() for alias in aliases}
    for column in (ScheduledAliasRow.alias, ScheduledAliasRow.numeric_alias):
        # What has a domain is never a number to dial, so each is asked for in one of the two indexes only.
        some = [alias for alias in wanted if ("@" in alias) is (column is ScheduledAliasRow.alias)]
        if some:
            lower = func.lower(column)
            found.update(session.scalars(select(lower).where(lower.in_(some), ScheduledAliasRow.released_at.is_(None))))
    return found


def of_a_meeting(alias: str) -> str:
    """Return what is wrong with an alias that a meeting has."""
    return f"{alias!r} was handed out for a meeting, and stays with it for a while. Choose another alias."


def taken(name: str, alias: str, owner: str) -> Problem:
    """Return the problem of an alias that another VMR has; `name` is the attribute it was entered in."""
    text = f"{alias!r} belongs to the VMR {owner!r}. Choose another alias, or give that VMR another one."
    return record.problem(name, text)


def get_alias(session: Session, alias_id: int) -> ConferenceAliasRow:
    """Return an alias. Raises Refused(UNKNOWN)."""
    row = session.get(ConferenceAliasRow, alias_id) if 0 < alias_id <= _LARGEST_ID else None
    if row is None:
        raise Refused(Reason.UNKNOWN, "There is no such alias.")
    return row


def save_alias(
    session: Session, alias_id: int | None, values: Mapping[str, Any], *, caller: Caller, now: datetime
) -> ConferenceAliasRow:
    """Create an alias (`alias_id` None) or change one; what `values` does not name stays.

    Keys: alias, description, conference_id (both required for a new one), view_order (the end of the list by default).
    Raises Invalid, Refused(UNKNOWN) and Refused(CONFLICT).
    """
    given = record.check(record.ALIAS, values, required=("alias", "conference_id") if alias_id is None else ())
    row = ConferenceAliasRow(description="", created_at=now) if alias_id is None else get_alias(session, alias_id)
    _require_of_no_meeting(session, row, given.get("alias", row.alias))
    before = {} if alias_id is None else seen(session, row)
    former = row.conference_id if before else None
    if before and (given.get("alias", row.alias), given.get("conference_id", former)) != (row.alias, former):
        meeting_vmrs.require_free(session, session.get(ConferenceRow, former), row.alias)
    vmr = _require_vmr(session, given["conference_id"]) if "conference_id" in given else None
    if alias_id is None and "view_order" not in given:
        given["view_order"] = _next_order(session, given["conference_id"])
    try:
        with session.begin_nested():
            for name, value in given.items():
                setattr(row, name, value)
            session.add(row)
            session.flush()
    except IntegrityError as conflict:
        clashes = [taken("alias", found, owner) for found, _id, owner in holders(session, [given.get("alias", "")])]
        raise (Invalid(clashes) if clashes else Refused(Reason.CONFLICT, RACED)) from conflict.orig
    after = seen(session, row)
    if after != before:
        _raise_versions(session, {former, row.conference_id, vmr.id if vmr else None}, now)
        action = "change" if before else "create"
        audit.record(session, caller, action, Subject("alias", row.id, row.alias), now=now, before=before, after=after)
    return row


def _require_of_no_meeting(session: Session, row: ConferenceAliasRow, alias: str) -> None:
    if alias.lower() != (row.alias or "").lower() and of_meetings(session, [alias]):
        raise Invalid([record.problem("alias", of_a_meeting(alias))])


def delete_alias(session: Session, alias_id: int, *, caller: Caller, now: datetime) -> None:
    """Delete an alias. Raises Refused(UNKNOWN), and Refused(CONFLICT) for one that a meeting was given."""
    row = get_alias(session, alias_id)
    meeting_vmrs.require_free(session, session.get(ConferenceRow, row.conference_id), row.alias)
    subject, before = Subject("alias", row.id, row.alias), seen(session, row)
    conference_id = row.conference_id
    session.delete(row)
    session.flush()
    _raise_versions(session, {conference_id}, now)
    audit.record(session, caller, "delete", subject, now=now, before=before)


def seen(session: Session, row: ConferenceAliasRow) -> dict[str, Any]:
    """Return what the audit log holds about an alias."""
    vmr = session.get(ConferenceRow, row.conference_id)
    return {name: getattr(row, name) for name in _SHOWN} | {"vmr": vmr.name if vmr else ""}


def _require_vmr(session: Session, conference_id: int) -> ConferenceRow:
    vmr = session.get(ConferenceRow, conference_id)
    if vmr is None:
        raise Invalid([record.problem("conference_id", "There is no such VMR.")])
    return vmr


def _next_order(session: Session, conference_id: int) -> int:
    last = select(func.max(ConferenceAliasRow.view_order)).where(ConferenceAliasRow.conference_id == conference_id)
    highest = session.scalar(last)
    return 0 if highest is None else highest + 1


def _raise_versions(session: Session, conference_ids: set[int | None], now: datetime) -> None:
    """Texts that were rendered with these VMRs are to be rendered anew, and the conference platform follows."""
    for row in session.scalars(select(ConferenceRow).where(ConferenceRow.id.in_(conference_ids - {None}))):
        row.version += 1
        session.expire(row, ["aliases"])
        meeting_vmrs.follow(session, row, now=now)
    session.flush()
