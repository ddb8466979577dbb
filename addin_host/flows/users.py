"""One user at a time: created, changed, deleted, and released from the accounts that signed in."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete as delete_rows
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from addin_host.domain import directory_record as record
from addin_host.domain.access import Caller, Permission
from addin_host.domain.errors import Invalid, Problem, Reason, Refused
from addin_host.flows import audit
from addin_host.flows.audit import Subject
from addin_host.flows.directory import Released
from addin_host.flows.identify import by_address
from addin_host.flows.vmr_aliases import RACED
from addin_host.store.models import DialogSessionRow, EndUserRow, UserSubjectRow

_LARGEST_ID = 2**31 - 1
_TEXTS = ("user_oid", "exchange_user_id", "ms_exchange_guid")


def get(session: Session, user_id: int) -> EndUserRow:
    """Return a user. Raises Refused(UNKNOWN)."""
    row = session.get(EndUserRow, user_id) if 0 < user_id <= _LARGEST_ID else None
    if row is None:
        raise Refused(Reason.UNKNOWN, "There is no such user.")
    return row


def at(session: Session, address: str) -> EndUserRow:
    """Return the user with this address, in any case. Raises Refused(UNKNOWN)."""
    if (row := by_address(session, address)) is None:
        text = f"There is no user with the address {address!r}. See: addin-host directory list --kind users"
        raise Refused(Reason.UNKNOWN, text)
    return row


def save(
    session: Session, user_id: int | None, values: Mapping[str, Any], *, caller: Caller, now: datetime
) -> EndUserRow:
    """Create a user (`user_id` None) or change one; what `values` does not name stays, or takes its default.

    Keys are those of `directory_record.USER`. Raises Invalid, Refused(UNKNOWN) and Refused(CONFLICT).
    """
    caller.require(Permission.CHANGE_DIRECTORY)
    given = record.check(record.USER, values, required=("primary_email_address",) if user_id is None else ())
    row = _new_row(now) if user_id is None else get(session, user_id)
    before = {} if user_id is None else seen(row)
    try:
        with session.begin_nested():
            for name, value in given.items():
                if getattr(row, name) != value:
                    setattr(row, name, value)
            session.add(row)
            session.flush()
    except IntegrityError as conflict:
        clashes = _clashes(session, user_id, given)
        raise (Invalid(clashes) if clashes else Refused(Reason.CONFLICT, RACED)) from conflict.orig
    after = seen(row)
    if after != before:
        audit.record(
            session, caller, "change" if before else "create", _subject(row), now=now, before=before, after=after
        )
    return row


def seen(row: EndUserRow) -> dict[str, Any]:
    """Return what the audit log holds about a user."""
    return {name: getattr(row, name) for name in record.USER}


def _subject(row: EndUserRow) -> Subject:
    return Subject("user", row.id, row.primary_email_address)


def _new_row(now: datetime) -> EndUserRow:
    blank = {name: "" for name in record.USER if name not in (*_TEXTS, "user_groups", "uuid")}
    return EndUserRow(**blank, user_groups=[], uuid=str(uuid.uuid4()), created_at=now)


def _clashes(session: Session, user_id: int | None, given: Mapping[str, Any]) -> list[Problem]:
    found = []
    address = given.get("primary_email_address", "")
    if (other := by_address(session, address)) is not None and other.id != user_id:
        found.append(record.problem("primary_email_address", f"A user with the address {address!r} exists."))
    same = session.scalar(select(EndUserRow.id).where(EndUserRow.uuid == given.get("uuid", "")))
    if same is not None and same != user_id:
        found.append(record.problem("uuid", "Another user has this UUID. Leave it out to get a new one."))
    return found


def delete(session: Session, user_id: int, *, caller: Caller, now: datetime) -> None:
    """Delete a user with its bound accounts and sign-in sessions; the VMRs stay. Raises Refused(UNKNOWN)."""
    caller.require(Permission.CHANGE_DIRECTORY)
    row = get(session, user_id)
    subject, before = _subject(row), seen(row)
    session.delete(row)
    session.flush()
    audit.record(session, caller, "delete", subject, now=now, before=before)


def release(session: Session, user_id: int, *, caller: Caller, now: datetime) -> Released:
    """Forget the accounts bound to a user and end the sign-in sessions; the next sign-in binds anew.

    Raises Refused(UNKNOWN).
    """
    caller.require(Permission.CHANGE_DIRECTORY)
    row = get(session, user_id)
    released = bound(session, user_id)
    session.execute(delete_rows(UserSubjectRow).where(UserSubjectRow.user_id == user_id))
    session.execute(delete_rows(DialogSessionRow).where(DialogSessionRow.user_id == user_id))
    before = {"accounts": released.subjects, "sessions": released.sessions}
    audit.record(session, caller, "release sign-in", _subject(row), now=now, before=before)
    return released


def bound(session: Session, user_id: int) -> Released:
    """Return how many accounts are bound to a user and how many sign-in sessions are open."""
    subjects = select(func.count()).where(UserSubjectRow.user_id == user_id)
    sessions = select(func.count()).where(DialogSessionRow.user_id == user_id)
    return Released(session.scalar(subjects) or 0, session.scalar(sessions) or 0)
