"""Administrators prove who they are: with a password, a one-time code, or what a provider says (security.md S2-S5).

Each of these opens its own short transactions: failures are counted in one of their own, and no transaction is open
while a password is hashed.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from addin_host.domain.errors import Reason, Refused
from addin_host.flows import accounts, admin_sessions, audit, passwords, platform, second_factor, throttle
from addin_host.flows.admin_sessions import FULL, SECOND_FACTOR, Visit
from addin_host.flows.throttle import Counted
from addin_host.store.db import Database
from addin_host.store.models import AccountRow
from addin_host.store.secrets import SecretBox

WRONG = "Name or password is wrong. Check both and try again."
WRONG_CODE = "The code is not right, or was used before. Wait for the next one and try again."
_WRONG_PASSWORD = "The password is wrong. Try again."  # noqa: S105 - words for people
_OVER = "This sign-in took too long. Begin again with your name."


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that was opened: the value of its cookie, and whether a one-time code is still missing."""

    cookie: str
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Proof:
    """What somebody presents of an account: only one of the two is evaluated, the code first."""

    password: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class _Known:
    """What is stored of the account that somebody claims to be."""

    id: int
    name: str
    password_hash: str | None
    enabled: bool
    has_codes: bool


def with_password(database: Database, name: str, password: str, *, visit: Visit, neighbourhood: str) -> Opened:
    """Sign in by name and password. Raises Refused, in the same words and after the same time whatever is wrong."""
    with database.read() as session:
        if not platform.read(session)["password_sign_in"]:
            raise Refused(Reason.SWITCHED_OFF, "Signing in with a password is switched off. Use your organization's.")
        known = _known(accounts.find(session, name))
    counted = Counted(
        throttle.account_key(name), f"net:{neighbourhood}", visit.network, name=known.name if known else ""
    )
    settles = known is None or not known.has_codes
    with throttle.attempt(database, counted, now=visit.now, settles=settles):
        matches = passwords.verify(known.password_hash if known else None, password)
        if known is None or not matches or not known.enabled:
            raise Refused(Reason.UNAUTHENTICATED, WRONG)
    renewed = passwords.hashed(password) if passwords.is_outdated(known.password_hash or "") else known.password_hash
    with database.write() as session:
        account = accounts.row_of(session, known.id, lock=True)
        if account.password_hash != known.password_hash:  # changed while we compared
            raise Refused(Reason.UNAUTHENTICATED, WRONG)
        account.password_hash = renewed
        return enter(session, account, by="password", visit=visit)


def _known(row: AccountRow | None) -> _Known | None:
    if row is None:
        return None
    return _Known(row.id, row.name, row.password_hash, row.enabled, has_codes=row.sealed_totp is not None)


def enter(session: Session, account: AccountRow, *, by: str, visit: Visit) -> Opened:
    """Open a session for an account whose first proof holds; where codes are on, it waits for one. Raises Refused."""
    if not account.enabled:
        raise Refused(Reason.FORBIDDEN, "Your account is disabled. Ask a platform administrator.")
    stage = FULL if account.sealed_totp is None else SECOND_FACTOR
    cookie = admin_sessions.open_session(
        session,
        account,
        network=visit.network,
        browser=visit.browser,
        now=visit.now,
        stage=stage,
        lifetime=platform.admin_lifetime(session),
    )
    if stage == FULL:
        _signed_in(session, account, by, visit)
    return Opened(cookie, is_complete=stage == FULL)


def _signed_in(session: Session, account: AccountRow, by: str, visit: Visit) -> None:
    account.signed_in_at = visit.now
    caller = admin_sessions.caller_of(account, visit.network)
    audit.record(session, caller, "sign in", accounts.subject(account), now=visit.now, after={"with": by})


def with_code(
    database: Database, cookie: str, code: str, *, box: SecretBox, visit: Visit, neighbourhood: str
) -> Opened:
    """Complete a sign-in that waits for a one-time code or a recovery code. Raises Refused."""
    current = waiting(database, cookie, visit=visit)
    if current is None:
        raise Refused(Reason.CONFLICT, _OVER)
    caller = current.caller
    counted = Counted(throttle.account_key(caller.name), f"net:{neighbourhood}", visit.network, caller.name)
    with throttle.attempt(database, counted, now=visit.now), database.write() as session:
        account = accounts.row_of(session, caller.id, lock=True)
        how = second_factor.accept(account, code, box=box, now=visit.now)
        if how is None:
            raise Refused(Reason.UNAUTHENTICATED, WRONG_CODE)
        renewed = admin_sessions.complete(session, current.id, now=visit.now, lifetime=platform.admin_lifetime(session))
        _signed_in(session, account, how, visit)
    return Opened(renewed, is_complete=True)


def waiting(database: Database, cookie: str, *, visit: Visit) -> admin_sessions.Current | None:
    """Return the session of a cookie that waits for its one-time code, or None."""
    with database.read() as session:
        found = admin_sessions.current(session, cookie, network=visit.network, now=visit.now)
    return found if found is not None and found.stage == SECOND_FACTOR else None


def prove(
    database: Database,
    current: admin_sessions.Current,
    proof: Proof,
    *,
    box: SecretBox,
    visit: Visit,
    neighbourhood: str,
) -> None:
    """Check once more who is in front of a signed-in browser. Raises Refused."""
    with database.read() as session:
        stored = accounts.row_of(session, current.caller.id).password_hash
    name = current.caller.name
    counted = Counted(throttle.account_key(name), f"net:{neighbourhood}", visit.network, name)
    with throttle.attempt(database, counted, now=visit.now):
        if not proof.code and not passwords.verify(stored, proof.password):
            raise Refused(Reason.UNAUTHENTICATED, _WRONG_PASSWORD)
        if proof.code:
            with database.write() as session:
                account = accounts.row_of(session, current.caller.id, lock=True)
                if second_factor.accept(account, proof.code, box=box, now=visit.now) is None:
                    raise Refused(Reason.UNAUTHENTICATED, WRONG_CODE)


def confirmed(session: Session, current: admin_sessions.Current, *, by: str, visit: Visit) -> str:
    """Note that a signed-in person has proved again who they are; returns the session's new cookie."""
    cookie = admin_sessions.confirm(session, current.id, now=visit.now)
    account = accounts.row_of(session, current.caller.id)
    audit.record(session, current.caller, "confirm", accounts.subject(account), now=visit.now, after={"with": by})
    return cookie


def leave(session: Session, cookie: str, *, visit: Visit) -> None:
    """End the session of a cookie; one that is over already is no fault."""
    current = admin_sessions.current(session, cookie, network=visit.network, now=visit.now)
    admin_sessions.close(session, cookie)
    if current is not None and current.stage == FULL:
        account = accounts.row_of(session, current.caller.id)
        audit.record(session, current.caller, "sign out", accounts.subject(account), now=visit.now)


def reopen(session: Session, account_id: int, *, visit: Visit) -> str:
    """Open a session for somebody who was signed in, and has just changed the password; returns the cookie."""
    account = accounts.row_of(session, account_id)
    lifetime = platform.admin_lifetime(session)
    return admin_sessions.open_session(
        session, account, network=visit.network, browser=visit.browser, now=visit.now, lifetime=lifetime
    )
