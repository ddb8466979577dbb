"""One VMR at a time: created, changed and deleted by a form or the REST interface. Files are in directory_import.py."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload

from addin_host.domain import directory_record as record
from addin_host.domain.access import Caller, Permission
from addin_host.domain.directory_values import pin_flaws
from addin_host.domain.errors import Invalid, Misconfigured, Problem, Reason, Refused
from addin_host.flows import audit, meeting_vmrs
from addin_host.flows.audit import Subject
from addin_host.flows.directory import WhichPin, pin_place
from addin_host.flows.vmr_aliases import RACED, holders, of_a_meeting, of_meetings, put_aliases, taken
from addin_host.store.models import ConferenceRow, IdentityProviderGroupRow, IvrThemeRow
from addin_host.store.secrets import SecretBox

_WHICH: tuple[WhichPin, ...] = ("pin", "guest_pin")
_PLAIN = tuple(name for name in record.VMR if name not in (*_WHICH, "aliases"))
_LARGEST_ID = 2**31 - 1
_SOMEBODY_ELSE = (
    "Somebody else changed this VMR since you opened it. Nothing of yours is stored yet: save again to store what "
    "stands here over it."
)


@dataclass(frozen=True, slots=True)
class Pins:
    """Both PINs of a VMR in clear; blank is none."""

    host: str = field(repr=False)
    guest: str = field(repr=False)


def get(session: Session, vmr_id: int, *, to_change: bool = False) -> ConferenceRow:
    """Return a VMR with its aliases. Raises Refused(UNKNOWN) when there is none."""
    statement = select(ConferenceRow).where(ConferenceRow.id == vmr_id).options(selectinload(ConferenceRow.aliases))
    # A row that is about to change is read as it is now, not as this session saw it before.
    locked = statement.with_for_update().execution_options(populate_existing=True)
    row = session.scalar(locked if to_change else statement) if 0 < vmr_id <= _LARGEST_ID else None
    if row is None:
        raise Refused(Reason.UNKNOWN, "There is no such VMR.")
    return row


def save(
    session: Session,
    vmr_id: int | None,
    values: Mapping[str, Any],
    *,
    box: SecretBox,
    caller: Caller,
    now: datetime,
    version: int | None = None,
) -> ConferenceRow:
    """Create a VMR (`vmr_id` None) or change one; what `values` does not name stays, or takes its default.

    Keys are those of `directory_record.VMR`; a blank PIN clears it. `version` is the one that the caller has seen, when
    it matters that nobody else changed the VMR meanwhile. Raises Invalid, Refused(UNKNOWN) and Refused(CONFLICT).
    """
    caller.require(Permission.CHANGE_DIRECTORY)
    given = record.check(record.VMR, values, required=("name",) if vmr_id is None else ())
    row = _new_row(now) if vmr_id is None else get(session, vmr_id, to_change=True)
    if version is not None and row.version != version:
        raise Refused(Reason.CONFLICT, _SOMEBODY_ELSE)
    before = {} if vmr_id is None else seen(row)
    _require_lists(session, given)
    _require_of_no_meeting(session, row, given)
    _require_as_meeting_has_it(session, row, given)
    meeting_vmrs.require_closed(session, row, given, now=now)
    try:
        with session.begin_nested():
            if vmr_id is None:
                session.add(row)
            hidden = _apply(row, given, box, now)
            session.flush()
    except IntegrityError as conflict:
        clashes = list(_clashes(session, vmr_id, given))
        # The driver's error instead of SQLAlchemy's, which would carry the values of the statement into a log.
        raise (Invalid(clashes) if clashes else Refused(Reason.CONFLICT, RACED)) from conflict.orig
    meeting_vmrs.follow(session, row, now=now)
    _note(session, row, before, hidden, caller, now)
    return row


def _note(
    session: Session,
    row: ConferenceRow,
    before: dict[str, Any],
    hidden: frozenset[str],
    caller: Caller,
    now: datetime,
) -> None:
    """Raise the version and write the audit entry, unless nothing has changed."""
    after = seen(row)
    if before:
        after |= {name: "changed" for name in hidden if before[name] == after[name]}
        if after == before:
            return
        row.version += 1
        session.flush()
    audit.record(session, caller, "change" if before else "create", _subject(row), now=now, before=before, after=after)


def seen(row: ConferenceRow) -> dict[str, Any]:
    """Return what the audit log may hold about a VMR: of PINs only whether they are set, of `extra` the names."""
    shown: dict[str, Any] = {name: getattr(row, name) for name in _PLAIN}
    shown["extra"] = sorted(row.extra)
    shown["aliases"] = [alias.alias for alias in sorted(row.aliases, key=lambda alias: alias.view_order)]
    if described := {alias.alias: alias.description for alias in row.aliases if alias.description}:
        shown["alias descriptions"] = described
    return shown | {
        "pin": "set" if row.sealed_pin else "not set",
        "guest_pin": "set" if row.sealed_guest_pin else "not set",
    }


def _subject(row: ConferenceRow) -> Subject:
    return Subject("vmr", row.id, row.name)


def _new_row(now: datetime) -> ConferenceRow:
    return ConferenceRow(
        uuid=str(uuid.uuid4()),
        description="",
        service_type="conference",
        tag="",
        allow_guests=False,
        primary_owner_email_address="",
        non_idp_participants="disallow_all",
        extra={},
        version=1,
        created_at=now,
        aliases=[],
    )


def _apply(row: ConferenceRow, given: Mapping[str, Any], box: SecretBox, now: datetime) -> frozenset[str]:
    """Put the values into the row; return what changed of that which the audit log does not show. Raises Invalid."""
    hidden = {"extra"} if given.get("extra", row.extra) != row.extra else set()
    for name in _PLAIN:
        if name in given and getattr(row, name) != given[name]:
            setattr(row, name, given[name])
    stored = {which: _opened(box, row, which) for which in _WHICH}
    wanted = {which: given.get(which, stored[which]) for which in _WHICH}
    if flaws := list(pin_flaws(wanted["pin"], wanted["guest_pin"], allow_guests=row.allow_guests)):
        raise Invalid([record.problem(name, message) for name, message in flaws])
    for which in _WHICH:
        if wanted[which] != stored[which]:
            sealed = box.seal(pin_place(row.uuid, which), wanted[which]) if wanted[which] else None
            setattr(row, f"sealed_{which}", sealed)
            hidden.add(which)
    if "aliases" in given:
        put_aliases(row, given["aliases"], now=now)
    return frozenset(hidden)


def _opened(box: SecretBox, row: ConferenceRow, which: WhichPin) -> str:
    sealed: str | None = getattr(row, f"sealed_{which}")
    try:
        return box.open(pin_place(row.uuid, which), sealed) if sealed else ""
    except Misconfigured:
        # Sealed with a key that is gone: entering the PIN again mends it, and until then it is not lost by a save.
        return f"unreadable {which}"


def _require_lists(session: Session, given: Mapping[str, Any]) -> None:
    tables = {name: IvrThemeRow if name == "ivr_theme_id" else IdentityProviderGroupRow for name in record.REFERENCES}
    unknown = [
        record.problem(name, "There is no such entry. Choose one from the list.")
        for name, table in tables.items()
        if given.get(name) is not None and session.get(table, given[name], with_for_update={"read": True}) is None
    ]
    if unknown:
        raise Invalid(unknown)


def _require_of_no_meeting(session: Session, row: ConferenceRow, given: Mapping[str, Any]) -> None:
    """Raise Invalid for new aliases that single-use VMRs have; those that the VMR has already are its own."""
    own = {alias.alias.lower() for alias in row.aliases}
    new = [alias for alias, _words in given.get("aliases", ()) if alias.lower() not in own]
    found = of_meetings(session, new)
    if found:
        raise Invalid([record.problem("aliases", of_a_meeting(alias)) for alias in new if alias.lower() in found])


def _require_as_meeting_has_it(session: Session, row: ConferenceRow, given: Mapping[str, Any]) -> None:
    if "aliases" in given:
        meeting_vmrs.require_assigned(session, row, [alias for alias, _words in given["aliases"]])
    if row.is_scheduled and (wrong := [which for which in _WHICH if given.get(which)]):
        raise Invalid([record.problem(which, meeting_vmrs.NO_PIN) for which in wrong])


def _clashes(session: Session, vmr_id: int | None, given: Mapping[str, Any]) -> Iterator[Problem]:
    name = given.get("name")
    holder = session.scalar(select(ConferenceRow.id).where(ConferenceRow.name == name)) if name else None
    if holder is not None and holder != vmr_id:
        yield record.problem("name", f"A VMR named {name!r} exists. Choose another name.")
    for alias, conference_id, owner in holders(session, [alias for alias, _words in given.get("aliases", ())]):
        if conference_id != vmr_id:
            yield taken("aliases", alias, owner)


def delete(session: Session, vmr_id: int, *, caller: Caller, now: datetime) -> None:
    """Delete a VMR with its aliases. One of a meeting: the next update of the meeting is declined. Raises Refused."""
    caller.require(Permission.CHANGE_DIRECTORY)
    row = get(session, vmr_id, to_change=True)
    subject, before = _subject(row), seen(row)
    if row.is_scheduled:
        meeting_vmrs.remove(session, row, now=now)
    else:
        session.delete(row)
    session.flush()
    audit.record(session, caller, "delete", subject, now=now, before=before)


def look_at_pins(session: Session, vmr_id: int, *, box: SecretBox, caller: Caller, now: datetime) -> Pins:
    """Return the PINs of a VMR, and write down who looked. Raises Refused, Misconfigured."""
    caller.require(Permission.SEE_PINS)
    row = get(session, vmr_id)
    host = box.open(pin_place(row.uuid, "pin"), row.sealed_pin) if row.sealed_pin else ""
    guest = box.open(pin_place(row.uuid, "guest_pin"), row.sealed_guest_pin) if row.sealed_guest_pin else ""
    audit.record(session, caller, "look at PINs", _subject(row), now=now)
    return Pins(host, guest)


def named(session: Session, name: str) -> ConferenceRow:
    """Return the VMR of exactly this name. Raises Refused(UNKNOWN)."""
    if (row := session.scalar(select(ConferenceRow).where(ConferenceRow.name == name))) is None:
        raise Refused(Reason.UNKNOWN, f"There is no VMR named {name!r}. See: addin-host directory list --search TEXT")
    return row


def count_owned(session: Session, address: str) -> int:
    """Return how many VMRs the address owns, whatever the case of its letters."""
    owner = func.lower(ConferenceRow.primary_owner_email_address)
    owned = (owner == address.lower(), ~ConferenceRow.is_scheduled)
    return session.scalar(select(func.count()).where(*owned)) or 0
