"""Signing in to the service account: out with a link, back with a code (design/scheduling.md 12, security.md C1-C10).

Only the administrator who asked for the link completes it: in the same session, or in one opened since, as in a private
window or after the session has ended.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from addin_host.domain import service_account
from addin_host.domain.access import Caller, Permission
from addin_host.domain.errors import Misconfigured, Reason, Refused
from addin_host.domain.integration import Integration
from addin_host.domain.mailbox import Fault
from addin_host.domain.ports import PendingSignIn, ServiceAccess, ServiceClient
from addin_host.flows import audit, integrations, platform
from addin_host.flows.admin_sessions import Current
from addin_host.flows.audit import Subject
from addin_host.flows.integrations.reading import place_of
from addin_host.flows.integrations.service_token import REFRESH_TOKEN, end_alarm, find_token
from addin_host.flows.pkce import challenge, digest, new_secret
from addin_host.flows.signin import PENDING_LIFETIME
from addin_host.store.models import (
    AdminSessionRow,
    IntegrationRow,
    IntegrationSecretRow,
    MailboxRow,
    ServiceSignInRow,
)
from addin_host.store.secrets import SecretBox

_OVER = "This sign-in is no longer valid. Begin again on the integration's page."


@dataclass(frozen=True, slots=True)
class Returned:
    """A sign-in that came back with a state of ours. `code` is blank when the sign-in service sent none."""

    integration_id: int
    state: str
    verifier: str
    code: str


def has_signed_in(session: Session, integration_id: int) -> bool:
    """Whether the account of an integration has signed in."""
    return find_token(session, integration_id) is not None


def require_used(integration: Integration) -> None:
    """Raise Refused unless the integration reads its mailbox as a service account that signs in."""
    if not service_account.is_used(integration.values):
        raise Refused(Reason.CONFLICT, "This integration does not use OAuth with a service account.")


def begin(
    session: Session, integration: Integration, current: Current, *, box: SecretBox, now: datetime
) -> PendingSignIn:
    """Remember a sign-in that is about to leave; those that the administrator began before are over. Raises Refused."""
    current.caller.require(Permission.CHANGE_INTEGRATIONS)
    current.caller.require_reach(integration.id)
    require_used(integration)
    state, verifier = new_secret(), new_secret()
    mine = (ServiceSignInRow.integration_id == integration.id, ServiceSignInRow.account_id == current.caller.id)
    session.execute(delete(ServiceSignInRow).where(*mine))
    session.add(
        ServiceSignInRow(
            state_hash=digest(state),
            integration_id=integration.id,
            account_id=current.caller.id,
            session_hash=_session_hash(current.id),
            sealed_verifier=box.seal(_place(state, "verifier"), verifier),
            expires_at=now + PENDING_LIFETIME,
        )
    )
    return pending_of(integration, state, verifier)


def pending_of(integration: Integration, state: str, verifier: str) -> PendingSignIn:
    """Return what binds a sign-in together. The nonce follows from the state, which nobody else has seen."""
    return PendingSignIn(state, challenge(f"nonce {state}"), verifier, str(integration["oauth_redirect_uri"] or ""))


def keep_code(session: Session, *, state: str, code: str, box: SecretBox, now: datetime) -> None:
    """Keep a code while the administrator signs in again. Raises Refused for a state that is not ours or is over."""
    row = session.get(ServiceSignInRow, digest(state), with_for_update=True)
    if row is None or row.expires_at <= now:
        raise Refused(Reason.INVALID, _OVER)
    row.sealed_code = box.seal(_place(state, "code"), code)


def take_back(session: Session, current: Current, *, state: str, code: str, box: SecretBox, now: datetime) -> Returned:
    """Take the remembered sign-in, once. Raises Refused for a state that is somebody else's, used or expired."""
    current.caller.require(Permission.CHANGE_INTEGRATIONS)
    row = session.get(ServiceSignInRow, digest(state), with_for_update=True)
    if row is None or row.expires_at <= now or row.account_id != current.caller.id:
        raise Refused(Reason.INVALID, _OVER)
    current.caller.require_reach(row.integration_id)
    if not _is_bound(session, row, current):
        raise Refused(Reason.INVALID, "This sign-in was begun in another browser. Open the link where you made it.")
    session.delete(row)
    kept = box.open(_place(state, "code"), row.sealed_code) if row.sealed_code else ""
    verifier = box.open(_place(state, "verifier"), row.sealed_verifier)
    return Returned(row.integration_id, state, verifier, code or kept)


def _is_bound(session: Session, row: ServiceSignInRow, current: Current) -> bool:
    """Whether it is the session that began, or one that the same administrator has opened since."""
    if secrets.compare_digest(row.session_hash, _session_hash(current.id)):
        return True
    opened = session.get(AdminSessionRow, current.id)
    return opened is not None and opened.created_at >= row.expires_at - PENDING_LIFETIME


def client_of(session: Session, integration_id: int, *, box: SecretBox) -> ServiceClient:
    """Return what the integration's application shows the sign-in service."""
    secret = integrations.secret(session, integration_id, "oauth_client_secret", box=box)
    return ServiceClient(secret, str(platform.read(session)["web_proxy"]))


def require_access(integration: Integration, access: ServiceAccess) -> None:
    """Raise Refused for another account than the configured one, Misconfigured where the access does not last."""
    if not service_account.is_account(str(integration["username"] or ""), access.names):
        raise Refused(
            Reason.FORBIDDEN,
            f"Another account than {integration['username']} signed in, so nothing was stored. "
            "Sign out of all Microsoft accounts, then sign in as the service account.",
        )
    if not access.refresh_token:
        raise Misconfigured("The sign-in service gave no refresh token. Look at the app registration's permissions.")


def store(
    session: Session,
    integration: Integration,
    access: ServiceAccess,
    *,
    caller: Caller,
    box: SecretBox,
    now: datetime,
) -> None:
    """Store a sign-in, end its alarm, and let the mailbox be read at once. Raises Refused."""
    row = session.get(IntegrationRow, integration.id, with_for_update=True)
    if row is None:
        raise Refused(Reason.UNKNOWN, "There is no such integration.")
    if not _is_as_begun(row, integration):
        raise Refused(Reason.CONFLICT, "Somebody changed the integration meanwhile. Begin again.")
    sealed = box.seal(place_of(row.id, REFRESH_TOKEN), access.refresh_token)
    session.merge(IntegrationSecretRow(integration_id=row.id, field=REFRESH_TOKEN, sealed=sealed))
    end_alarm(session, row.id, now=now)
    waits = (MailboxRow.integration_id == row.id, MailboxRow.fault == Fault.SIGN_IN_NEEDED.value)
    session.execute(update(MailboxRow).where(*waits).values(waits_until=None, due_at=now))
    session.flush()
    subject = Subject("integration", row.id, row.name, row.id)
    audit.record(
        session, caller, "sign in service account", subject, now=now, after={"account": row.record["username"]}
    )


def note_refusal(session: Session, integration: Integration, *, caller: Caller, now: datetime) -> None:
    """Note in the log that somebody signed in with another account."""
    subject = Subject("integration", integration.id, str(integration["name"]), integration.id)
    because = {"because": "another account than the service account signed in"}
    audit.record(session, caller, "refuse service account", subject, now=now, after=because)


def _is_as_begun(row: IntegrationRow, integration: Integration) -> bool:
    began, now = (service_account.signed_in_with(values) for values in (integration.values, row.record))
    return service_account.is_used(row.record) and began == now


def _session_hash(number: int) -> str:
    return digest(f"admin session {number}")


def _place(state: str, part: str) -> str:
    return f"service_sign_in:{digest(state)}:{part}"
