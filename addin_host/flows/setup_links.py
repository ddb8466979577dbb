"""One-time links with which somebody chooses a password: a new account, a forgotten one, the first administrator."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from addin_host.domain.access import ON_THIS_MACHINE, Caller, Permission, Role
from addin_host.domain.accounts import AccountDraft, account_problems
from addin_host.domain.errors import Invalid, Problem, Reason, Refused
from addin_host.domain.passwords import password_problem
from addin_host.flows import accounts, admin_sessions, admin_signin, audit, passwords, platform, throttle
from addin_host.flows.admin_sessions import Visit
from addin_host.flows.admin_signin import Opened
from addin_host.flows.pkce import digest, is_challenge, new_secret
from addin_host.flows.throttle import Counted
from addin_host.store.db import Database
from addin_host.store.models import AccountRow, SetupLinkRow

LIFETIME = timedelta(hours=24)
_GONE = "This link was used before, is too old, or was replaced by a newer one. Ask an administrator for another."


@dataclass(frozen=True, slots=True)
class Link:
    """What a link is for: an account, or (without a name) the first administrator, who chooses the name too."""

    account_id: int | None
    name: str


def issue(session: Session, account_id: int, *, caller: Caller, now: datetime) -> str:
    """Return the token of a new link for an account; older ones are void. Raises Refused."""
    caller.require(Permission.MANAGE_ACCOUNTS)
    row = accounts.row_of(session, account_id)
    token = _stored(session, row.id, now)
    audit.record(session, caller, "issue link", accounts.subject(row), now=now)
    return token


def issue_first(session: Session, *, now: datetime) -> str | None:
    """Return the token of a link for the first administrator, or None when there are accounts already."""
    return None if accounts.exists(session) else _stored(session, None, now)


def _stored(session: Session, account_id: int | None, now: datetime) -> str:
    token = new_secret()
    session.execute(
        delete(SetupLinkRow).where((SetupLinkRow.account_id == account_id) | (SetupLinkRow.expires_at <= now))
    )
    session.add(SetupLinkRow(token_hash=digest(token), account_id=account_id, expires_at=now + LIFETIME))
    return token


def read(database: Database, token: str, *, now: datetime, counted: Counted) -> Link:
    """Return what a link is for. Raises Refused when it is no longer, or never was, one."""
    if not is_challenge(token):  # no token of ours, and no guess either
        raise Refused(Reason.UNAUTHENTICATED, _GONE)
    with throttle.attempt(database, counted, now=now), database.read() as session:
        return _link(session, token, now)


def _link(session: Session, token: str, now: datetime) -> Link:
    row = session.get(SetupLinkRow, digest(token), with_for_update=True)
    if row is None or row.expires_at <= now or (row.account_id is None and accounts.exists(session)):
        raise Refused(Reason.UNAUTHENTICATED, _GONE)
    name = accounts.row_of(session, row.account_id).name if row.account_id is not None else ""
    return Link(row.account_id, name)


def use(database: Database, token: str, name: str, password: str, *, visit: Visit, counted: Counted) -> Opened:
    """Store the chosen password, end the account's sessions and delays, and sign in. Raises Invalid or Refused.

    `name` counts for the first administrator only.
    """
    link = read(database, token, now=visit.now, counted=counted)
    name = (link.name or name).strip()
    require_good(password, name)
    made = passwords.hashed(password)
    with database.write() as session:
        link = _link(session, token, visit.now)
        row = _account(session, link, name, visit.now)
        row.password_hash = made
        session.execute(delete(SetupLinkRow).where(SetupLinkRow.account_id == link.account_id))
        admin_sessions.end_all(session, row.id)
        opened = admin_signin.enter(session, row, by="one-time link", visit=visit)
    throttle.forgive(database, throttle.account_key(name))
    return opened


def _account(session: Session, link: Link, name: str, now: datetime) -> AccountRow:
    if link.account_id is not None:
        return accounts.row_of(session, link.account_id, lock=True)
    draft = AccountDraft(name, role=Role.PLATFORM_ADMIN)
    if problems := account_problems(draft):
        raise Invalid(problems)
    return accounts.row_of(session, accounts.create(session, draft, caller=ON_THIS_MACHINE, now=now))


def require_good(password: str, name: str) -> None:
    """Raise Invalid when a password does not hold to the rules."""
    if problem := password_problem(password, name):
        raise Invalid([Problem("password", "", problem)])


def typed_twice(password: str, again: str) -> str:
    """Return a password that was typed the same way twice. Raises Invalid."""
    if password != again:
        raise Invalid([Problem("again", "", "The two passwords differ. Type the same one twice.")])
    return password


def set_password(database: Database, account_id: int, password: str, *, caller: Caller, now: datetime) -> None:
    """Give an account a password and end its sessions. Raises Invalid."""
    with database.read() as session:
        name = accounts.row_of(session, account_id).name
    require_good(password, name)
    made = passwords.hashed(password)
    with database.write() as session:
        row = accounts.row_of(session, account_id, lock=True)
        row.password_hash = made
        admin_sessions.end_all(session, account_id)
        session.execute(delete(SetupLinkRow).where(SetupLinkRow.account_id == account_id))
        audit.record(session, caller, "set password", accounts.subject(row), now=now)


def address(session: Session, token: str, *, here: str) -> str:
    """Return the address of a link, at the administrators' own address or else `here`."""
    origin = str(platform.read(session)["admin_address"]).rstrip("/") or here
    return f"{origin}/admin/setup?token={token}"
