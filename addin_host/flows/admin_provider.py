"""Administrators signing in at the organization's provider: out, back, and which account that is."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from addin_host.domain.access import Role
from addin_host.domain.accounts import MAX_NAME, name_problems, role_from
from addin_host.domain.errors import Misconfigured, Reason, Refused
from addin_host.domain.platform import PlatformSettings
from addin_host.domain.ports import AdminPerson, AdminProvider, PendingSignIn
from addin_host.domain.validation import is_email
from addin_host.flows import accounts, admin_sessions, admin_signin, audit, platform
from addin_host.flows.admin_sessions import Current, Visit
from addin_host.flows.admin_signin import Opened
from addin_host.flows.pkce import digest, new_secret
from addin_host.flows.signin import PENDING_LIFETIME
from addin_host.store.models import AccountRow, AdminSignInRow
from addin_host.store.secrets import SecretBox

CALLBACK = "/admin/signin/callback"
_AGAIN = "again."  # begins the state of a sign-in that confirms who is signed in already
_NO_ROLE = "You are known to your organization, but none of your roles lets you in here. Ask a platform administrator."
_WITH = "OpenID Connect"


@dataclass(frozen=True, slots=True)
class Returned:
    """A sign-in that came back with a state of ours. `again`: it confirms who is signed in already."""

    pending: PendingSignIn
    next_path: str
    again: bool


def provider_of(settings: PlatformSettings) -> AdminProvider:
    """Return the provider that the settings name. Raises Refused when this way in is switched off."""
    if not settings["oidc_enabled"]:
        raise Refused(Reason.SWITCHED_OFF, "Signing in with OpenID Connect is switched off.")
    return AdminProvider(
        issuer=settings["oidc_issuer"],
        client_id=settings["oidc_client_id"],
        scopes=settings["oidc_scopes"],
        role_claim=settings["oidc_role_claim"],
        is_internal=settings["oidc_internal"],
        ca_bundle=settings["oidc_ca_bundle"],
        web_proxy=settings["web_proxy"],
    )


def begin(
    session: Session, *, browser: str, next_path: str, again: bool, box: SecretBox, now: datetime
) -> PendingSignIn:
    """Remember a sign-in that is about to leave. `browser` is the value of a cookie of its own."""
    session.execute(delete(AdminSignInRow).where(AdminSignInRow.expires_at <= now))
    state = (_AGAIN if again else "") + new_secret()
    pending = PendingSignIn(state, new_secret(), new_secret(), redirect_uri(platform.read(session)))
    session.add(
        AdminSignInRow(
            state_hash=digest(state),
            browser_hash=digest(browser),
            nonce=pending.nonce,
            sealed_verifier=box.seal(f"admin_signin:{digest(state)}", pending.verifier),
            next_path=next_path,
            expires_at=now + PENDING_LIFETIME,
        )
    )
    return pending


def redirect_uri(settings: PlatformSettings) -> str:
    """Return the address to register at the provider. Raises Misconfigured when the pages have no address yet."""
    if not settings["admin_address"]:
        raise Misconfigured('Enter the "Address of these pages" in the platform settings first.')
    return str(settings["admin_address"]).rstrip("/") + CALLBACK


def take_back(session: Session, *, state: str, browser: str, box: SecretBox, now: datetime) -> Returned:
    """Take the remembered sign-in, once. Raises Refused for a state that is not this browser's, used or expired."""
    key = digest(state)
    row = session.get(AdminSignInRow, key, with_for_update=True)
    if row is None or row.expires_at <= now or not secrets.compare_digest(row.browser_hash, digest(browser)):
        raise Refused(Reason.INVALID, "This sign-in is no longer valid. Begin again.")
    session.delete(row)
    verifier = box.open(f"admin_signin:{key}", row.sealed_verifier)
    pending = PendingSignIn(state, row.nonce, verifier, redirect_uri(platform.read(session)))
    return Returned(pending, row.next_path, again=state.startswith(_AGAIN))


def enter(session: Session, person: AdminPerson, *, visit: Visit) -> Opened | None:
    """Sign a person in whom the provider named: role and name are what it says today.

    Returns None when none of the person's roles lets them in; what the account had open is ended then. Raises Refused.
    """
    lines = platform.read(session).lines("oidc_roles")
    row = _row_of(session, person)
    granted = role_from(lines, person.roles)
    if row is None and granted is not None:
        row = _created(session, person, granted, visit)
    elif row is not None and granted is not None:
        _updated(session, row, person, granted, visit)
    elif row is not None and lines:
        _shut_out(session, row, visit)
        return None
    return admin_signin.enter(session, row, by=_WITH, visit=visit) if row is not None else None


def refused() -> Refused:
    """Return what a person is told whom the provider knows and nobody lets in."""
    return Refused(Reason.FORBIDDEN, _NO_ROLE)


def confirm(session: Session, current: Current, person: AdminPerson, *, visit: Visit) -> str:
    """Take the provider's word that the signed-in person is there; returns the session's new cookie. Raises Refused."""
    row = accounts.row_of(session, current.caller.id)
    if (row.oidc_issuer, row.oidc_subject) != (person.issuer, person.subject):
        raise Refused(Reason.FORBIDDEN, "That was somebody else's account. Confirm with the one you signed in with.")
    return admin_signin.confirmed(session, current, by=_WITH, visit=visit)


def _row_of(session: Session, person: AdminPerson) -> AccountRow | None:
    return session.scalar(
        select(AccountRow)
        .where(AccountRow.oidc_issuer == person.issuer, AccountRow.oidc_subject == person.subject)
        .with_for_update()
    )


def _created(session: Session, person: AdminPerson, granted: tuple[Role, tuple[int, ...]], visit: Visit) -> AccountRow:
    row = AccountRow(
        name=_free_name(session, person),
        display_name=person.name[:250],
        email=person.email if is_email(person.email) else "",
        role=granted[0].value,
        integrations=list(granted[1]),
        oidc_issuer=person.issuer,
        oidc_subject=person.subject,
        created_at=visit.now,
    )
    session.add(row)
    session.flush()
    caller = admin_sessions.caller_of(row, visit.network)
    audit.record(session, caller, "create", accounts.subject(row), now=visit.now, after=_shown(row))
    return row


def _free_name(session: Session, person: AdminPerson) -> str:
    """Return the login, or a name that shows whose it is where somebody else has it: names link nobody."""
    short = sha256(f"{person.issuer} {person.subject}".encode()).hexdigest()[:8]
    login = person.login.strip()[: MAX_NAME - 10]
    if list(name_problems(login)):
        login = "account"
    return login if login != "account" and accounts.find(session, login) is None else f"{login}-{short}"


def _updated(
    session: Session,
    row: AccountRow,
    person: AdminPerson,
    granted: tuple[Role, tuple[int, ...]],
    visit: Visit,
) -> None:
    before = _shown(row)
    row.display_name, row.email = person.name[:250], person.email if is_email(person.email) else ""
    if (Role(row.role), tuple(sorted(row.integrations))) != granted:
        row.role, row.integrations = granted[0].value, list(granted[1])
        admin_sessions.end_all(session, row.id)
    if _shown(row) != before:
        caller = admin_sessions.caller_of(row, visit.network)
        audit.record(session, caller, "change", accounts.subject(row), now=visit.now, before=before, after=_shown(row))


def _shut_out(session: Session, row: AccountRow, visit: Visit) -> None:
    admin_sessions.end_all(session, row.id)
    caller = admin_sessions.caller_of(row, visit.network)
    audit.record(
        session, caller, "refuse", accounts.subject(row), now=visit.now, after={"because": "no role at the provider"}
    )


def _shown(row: AccountRow) -> dict[str, object]:
    return {
        "display_name": row.display_name,
        "email": row.email,
        "role": row.role,
        "integrations": list(row.integrations),
    }
