"""The sign-in dialog: leave for the provider, come back, hand over to the pane (design/outlook.md 4.4).

No token passes through an address or a message: the pane gets a one-time code and proves with its verifier that it
asked. Everything that waits in the database is keyed by a hash of what only the other side holds.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from addin_host.domain.errors import Reason, Refused
from addin_host.domain.ports import PendingSignIn
from addin_host.flows.bearer import Bearer, caller_of_user
from addin_host.flows.pkce import challenge, digest, new_secret
from addin_host.store.models import DialogSessionRow, EndUserRow, PendingSignInRow, SignInResultRow
from addin_host.store.secrets import SecretBox

PENDING_LIFETIME = timedelta(minutes=10)
RESULT_LIFETIME = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Pane:
    """The pane that asked: `hash` is the base64url SHA-256 of its verifier, `nonce` comes back in the message."""

    hash: str
    nonce: str


@dataclass(frozen=True, slots=True)
class Returned:
    """A sign-in that came back from the provider with a state of ours."""

    pending: PendingSignIn
    pane: Pane


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What the pane's verifier was exchanged for."""

    bearer: Bearer
    name: str
    email: str


def begin(
    session: Session, *, integration_id: int, pane: Pane, browser: str, redirect_uri: str, box: SecretBox, now: datetime
) -> PendingSignIn:
    """Remember a sign-in that is about to leave. `browser` is the value of the dialog's own cookie."""
    _tidy(session, now)
    pending = PendingSignIn(new_secret(), new_secret(), new_secret(), redirect_uri)
    session.add(
        PendingSignInRow(
            state_hash=digest(pending.state),
            integration_id=integration_id,
            browser_hash=digest(browser),
            nonce=pending.nonce,
            sealed_verifier=box.seal(f"pending_signin:{digest(pending.state)}", pending.verifier),
            pane_hash=pane.hash,
            pane_nonce=pane.nonce,
            expires_at=now + PENDING_LIFETIME,
        )
    )
    return pending


def _tidy(session: Session, now: datetime) -> None:
    for table in (PendingSignInRow, SignInResultRow, DialogSessionRow):
        session.execute(delete(table).where(table.expires_at < now))


def take_back(
    session: Session, *, integration_id: int, state: str, browser: str, redirect_uri: str, box: SecretBox, now: datetime
) -> Returned:
    """Take the remembered sign-in, once. Raises Refused for a state that is not this browser's, used or expired."""
    key = digest(state)
    row = session.get(PendingSignInRow, key, with_for_update=True)
    if row is None or row.expires_at <= now or row.integration_id != integration_id:
        raise Refused(Reason.INVALID, "This sign-in is no longer valid. Close this window and sign in again.")
    if not secrets.compare_digest(row.browser_hash, digest(browser)):
        raise Refused(Reason.INVALID, "This sign-in was begun in another browser. Close this window and sign in again.")
    session.delete(row)
    verifier = box.open(f"pending_signin:{key}", row.sealed_verifier)
    return Returned(PendingSignIn(state, row.nonce, verifier, redirect_uri), Pane(row.pane_hash, row.pane_nonce))


def open_session(
    session: Session, *, integration_id: int, user: EndUserRow, lifetime: timedelta, now: datetime
) -> tuple[DialogSessionRow, str]:
    """Start a dialog session and return it with the value of its cookie."""
    cookie = new_secret()
    row = DialogSessionRow(
        cookie_hash=digest(cookie),
        integration_id=integration_id,
        user_id=user.id,
        created_at=now,
        expires_at=now + lifetime,
    )
    session.add(row)
    session.flush()
    return row, cookie


def current_session(session: Session, *, integration_id: int, cookie: str, now: datetime) -> DialogSessionRow | None:
    """Return the session of the cookie, if it is still open at this integration."""
    row = session.scalar(select(DialogSessionRow).where(DialogSessionRow.cookie_hash == digest(cookie)))
    open_here = row is not None and row.integration_id == integration_id and row.expires_at > now
    return row if open_here else None


def hand_over(session: Session, *, integration_id: int, pane: Pane, session_id: int, now: datetime) -> str:
    """Leave a session for the pane to fetch, and return the one-time code for the message."""
    code = new_secret()
    session.merge(_result(integration_id, pane, now, code_hash=digest(code), session_id=session_id))
    return code


def hand_refusal(session: Session, *, integration_id: int, pane: Pane, message: str, now: datetime) -> None:
    """Leave the reason of a refusal for a pane that cannot be told by message."""
    session.merge(_result(integration_id, pane, now, refusal=message[:1000]))


def _result(
    integration_id: int,
    pane: Pane,
    now: datetime,
    *,
    code_hash: str = "",
    session_id: int | None = None,
    refusal: str = "",
) -> SignInResultRow:
    return SignInResultRow(
        pane_hash=pane.hash,
        integration_id=integration_id,
        code_hash=code_hash,
        session_id=session_id,
        refusal=refusal,
        expires_at=now + RESULT_LIFETIME,
    )


def redeem(session: Session, *, integration_id: int, verifier: str, code: str | None, now: datetime) -> SignedIn | None:
    """Exchange the pane's verifier, with the code or polling without it. None: nothing has arrived yet.

    Raises Refused: UNAUTHENTICATED for a code that is used, expired or not this pane's, FORBIDDEN when the sign-in
    itself was refused.
    """
    row = session.get(SignInResultRow, challenge(verifier), with_for_update=True)
    if row is None or row.integration_id != integration_id or row.expires_at <= now:
        if code is None:
            return None
        raise _stale()
    if code is not None and not secrets.compare_digest(row.code_hash, digest(code)):
        raise _stale()
    if row.refusal:
        # Not consumed: raising undoes this transaction, and the row is gone in a minute anyway.
        raise Refused(Reason.FORBIDDEN, row.refusal)
    session.delete(row)
    return _signed_in(session, row.session_id, new_secret())


def _stale() -> Refused:
    return Refused(Reason.UNAUTHENTICATED, "This sign-in is no longer valid. Sign in again.")


def _signed_in(session: Session, session_id: int | None, visit: str) -> SignedIn:
    row = session.get(DialogSessionRow, session_id) if session_id else None
    user = session.get(EndUserRow, row.user_id) if row else None
    if row is None or user is None:
        raise _stale()
    return SignedIn(
        Bearer(caller_of_user(user.id), visit, user.id, row.id), user.display_name, user.primary_email_address
    )


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A dialog session as an administrator sees it."""

    id: int
    integration_id: int
    email: str
    created_at: datetime
    expires_at: datetime


def open_sessions(session: Session, *, now: datetime) -> list[OpenSession]:
    """List the sessions that are open, the newest first."""
    found = session.execute(
        select(DialogSessionRow, EndUserRow.primary_email_address)
        .join(EndUserRow, EndUserRow.id == DialogSessionRow.user_id)
        .where(DialogSessionRow.expires_at > now)
        .order_by(DialogSessionRow.id.desc())
    )
    return [OpenSession(row.id, row.integration_id, email, row.created_at, row.expires_at) for row, email in found]


def end_session(session: Session, session_id: int) -> None:
    """End a session: its cookie and the renewal of its bearers are over. Raises Refused."""
    row = session.get(DialogSessionRow, session_id)
    if row is None:
        raise Refused(Reason.UNKNOWN, f"There is no session {session_id}.")
    session.delete(row)


def renew(session: Session, *, integration_id: int, bearer: Bearer, now: datetime) -> SignedIn:
    """Return the session a bearer stands for, if it is still open. Raises Refused."""
    row = session.get(DialogSessionRow, bearer.session_id) if bearer.session_id else None
    if row is None or row.integration_id != integration_id or row.expires_at <= now or row.user_id != bearer.user_id:
        raise Refused(Reason.UNAUTHENTICATED, "Your sign-in has expired. Sign in again.")
    return _signed_in(session, row.id, bearer.visit)
