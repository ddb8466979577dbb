"""Accounts of administrators: made, changed and deleted, with somebody always left who can sign in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from addin_host.domain.access import Caller, Permission, Role
from addin_host.domain.accounts import AccountDraft, account_problems
from addin_host.domain.errors import Invalid, Problem, Reason, Refused
from addin_host.flows import admin_sessions, audit, platform
from addin_host.flows.audit import Subject
from addin_host.store.models import AccountRow, IntegrationRow

_KIND = "account"


@dataclass(frozen=True, slots=True)
class Account:
    """An account as administrators see it."""

    id: int
    draft: AccountDraft
    has_password: bool
    has_codes: bool
    recovery_codes_left: int
    issuer: str
    created_at: datetime
    signed_in_at: datetime | None

    @property
    def name(self) -> str:
        """The name that the person signs in with."""
        return self.draft.name


def overview(session: Session) -> list[Account]:
    """List all accounts by name."""
    return [_value(row) for row in session.scalars(select(AccountRow).order_by(func.lower(AccountRow.name)))]


def get(session: Session, account_id: int) -> Account:
    """Return one account. Raises Refused."""
    return _value(row_of(session, account_id))


def exists(session: Session) -> bool:
    """Whether there is any account at all."""
    return session.scalar(select(AccountRow.id).limit(1)) is not None


def find(session: Session, name: str) -> AccountRow | None:
    """Return the account of this name, whatever the case of its letters."""
    return session.scalar(select(AccountRow).where(func.lower(AccountRow.name) == name.strip().lower()))


def row_of(session: Session, account_id: int, *, lock: bool = False) -> AccountRow:
    """Return the row of an account. Raises Refused."""
    row = session.get(AccountRow, account_id, with_for_update=lock)
    if row is None:
        raise Refused(Reason.UNKNOWN, "There is no such account.")
    return row


def create(session: Session, draft: AccountDraft, *, caller: Caller, now: datetime) -> int:
    """Make an account that nobody can sign in to yet, and return its id. Raises Invalid or Refused."""
    caller.require(Permission.MANAGE_ACCOUNTS)
    _check(session, draft, None)
    row = AccountRow(created_at=now, recovery_hashes=[], totp_step=0)
    _write(row, draft)
    session.add(row)
    session.flush()
    audit.record(session, caller, "create", subject(row), now=now, after=_shown(draft))
    return row.id


def change(session: Session, account_id: int, draft: AccountDraft, *, caller: Caller, now: datetime) -> None:
    """Change an account. What takes rights away ends its sessions. Raises Invalid or Refused."""
    caller.require(Permission.MANAGE_ACCOUNTS)
    row = row_of(session, account_id, lock=True)
    before = draft_of(row)
    _check(session, draft, row)
    narrowed = (draft.role, draft.enabled, draft.integrations) != (before.role, before.enabled, before.integrations)
    if is_caller(caller, row) and (draft.role, draft.enabled) != (before.role, before.enabled):
        raise Refused(
            Reason.CONFLICT, "You cannot change your own role or disable yourself. Ask another administrator."
        )
    with _leaving_a_way_in(session):
        _write(row, draft)
    if narrowed:
        admin_sessions.end_all(session, row.id)
    audit.record(session, caller, "change", subject(row), now=now, before=_shown(before), after=_shown(draft))


def change_own(session: Session, caller: Caller, *, display_name: str, email: str, now: datetime) -> None:
    """Change what everybody may change of their own account. Raises Invalid."""
    row = row_of(session, caller.id, lock=True)
    before = draft_of(row)
    draft = replace(before, display_name=display_name, email=email)
    _check(session, draft, row)
    _write(row, draft)
    audit.record(session, caller, "change", subject(row), now=now, before=_shown(before), after=_shown(draft))


def delete(session: Session, account_id: int, *, caller: Caller, now: datetime) -> str:
    """Delete an account with its sessions and links, and return its name. Raises Refused."""
    caller.require(Permission.MANAGE_ACCOUNTS)
    row = row_of(session, account_id, lock=True)
    if is_caller(caller, row):
        raise Refused(Reason.CONFLICT, "You cannot delete your own account. Ask another administrator.")
    before, about = _shown(draft_of(row)), subject(row)
    with _leaving_a_way_in(session):
        session.delete(row)
    audit.record(session, caller, "delete", about, now=now, before=before)
    return about.name


def end_session(session: Session, account_id: int, session_id: int, *, caller: Caller, now: datetime) -> None:
    """End a session of an account: everybody their own, those who manage accounts any. Raises Refused."""
    row = row_of(session, account_id)
    if not is_caller(caller, row):
        caller.require(Permission.MANAGE_ACCOUNTS)
    admin_sessions.end(session, account_id, session_id)
    audit.record(session, caller, "end session", subject(row), now=now)


def end_other_sessions(session: Session, *, caller: Caller, but: int, now: datetime) -> None:
    """End all sessions of the caller but the present one."""
    admin_sessions.end_all(session, caller.id, but=but)
    audit.record(session, caller, "end other sessions", subject(row_of(session, caller.id)), now=now)


def switch_codes_off(session: Session, account_id: int, *, caller: Caller, now: datetime) -> None:
    """Take one-time codes and recovery codes from an account, as for somebody who has lost the phone."""
    row = row_of(session, account_id, lock=True)
    if not is_caller(caller, row):
        caller.require(Permission.MANAGE_ACCOUNTS)
    row.sealed_totp, row.recovery_hashes = None, []
    audit.record(session, caller, "switch off one-time codes", subject(row), now=now)


@contextmanager
def _leaving_a_way_in(session: Session) -> Iterator[None]:
    """Refuse what is done inside when it takes away the last platform administrator who can sign in."""
    there_was_one = _has_a_way_in(session)
    yield
    session.flush()
    if there_was_one and not _has_a_way_in(session):
        raise Refused(
            Reason.CONFLICT,
            "No platform administrator would be left who can sign in. Give another account that role first, "
            "and let that person sign in once.",
        )


def _has_a_way_in(session: Session) -> bool:
    settings = platform.read(session)
    by_password, by_provider = settings["password_sign_in"], settings["oidc_enabled"]
    rows = session.scalars(select(AccountRow).where(AccountRow.role == Role.PLATFORM_ADMIN.value, AccountRow.enabled))
    return any((row.password_hash and by_password) or (row.oidc_subject and by_provider) for row in rows)


def is_caller(caller: Caller, row: AccountRow) -> bool:
    """Whether the account is the caller's own."""
    return caller.kind == "account" and caller.id == row.id


def subject(row: AccountRow) -> Subject:
    """Return how the audit log names an account."""
    return Subject(_KIND, row.id, row.name)


def draft_of(row: AccountRow) -> AccountDraft:
    """Return what can be changed of an account."""
    return AccountDraft(
        row.name, row.display_name, row.email, Role(row.role), tuple(sorted(row.integrations)), row.enabled
    )


def _check(session: Session, draft: AccountDraft, row: AccountRow | None) -> None:
    problems = account_problems(draft)
    same = find(session, draft.name)
    if same is not None and same is not row:
        problems.append(Problem("name", "Name", "another account has this name. Choose a different one."))
    problems += unknown_integrations(session, draft.integrations)
    if problems:
        raise Invalid(problems)


def unknown_integrations(session: Session, numbers: tuple[int, ...]) -> list[Problem]:
    """Return a problem when a number names no integration."""
    known = set(session.scalars(select(IntegrationRow.id).where(IntegrationRow.id.in_(numbers))))
    missing = [str(number) for number in numbers if number not in known]
    words = f"there is no integration {', '.join(missing)}. Choose among those that exist."
    return [Problem("integrations", "Integrations", words)] if missing else []


def _write(row: AccountRow, draft: AccountDraft) -> None:
    row.name, row.display_name, row.email = draft.name, draft.display_name, draft.email
    row.role, row.integrations, row.enabled = draft.role.value, list(draft.integrations), draft.enabled


def _shown(draft: AccountDraft) -> dict[str, Any]:
    return {**asdict(draft), "role": draft.role.value, "integrations": list(draft.integrations)}


def _value(row: AccountRow) -> Account:
    return Account(
        row.id,
        draft_of(row),
        has_password=row.password_hash is not None,
        has_codes=row.sealed_totp is not None,
        recovery_codes_left=len(row.recovery_hashes),
        issuer=row.oidc_issuer or "",
        created_at=row.created_at,
        signed_in_at=row.signed_in_at,
    )
