"""From an identity token that Outlook gave to a session of the pane (design/outlook.md 4.6, 4.7).

Who proves to be somebody may use single-use VMRs, known to the directory or not. Personal VMRs belong to users of the
directory: NAA and SSO tokens name an address, which links once; Exchange's name none, so its person is linked to the
user who signs in through the dialog of the same pane.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from addin_host.domain.access import BY_ITSELF
from addin_host.domain.errors import Refused
from addin_host.domain.integration import Integration
from addin_host.domain.ports import Person
from addin_host.flows import audit, identify, signin
from addin_host.flows.audit import Subject
from addin_host.flows.bearer import Bearer, caller_of_user
from addin_host.flows.pkce import new_secret
from addin_host.store.models import EndUserRow, SeenTokenRow, UserSubjectRow
from addin_host.store.upsert import insert_missing

EXCHANGE = "EXCHANGE"
SEEN_FOR = timedelta(hours=36)  # no token is accepted for longer
NO_ADDRESS = "Your account has no e-mail address here, so your VMRs are not found. Ask your administrator."


@dataclass(frozen=True, slots=True)
class PaneIdentity:
    """What an identity token was exchanged for; `refusal` says why personal VMRs are not to be had, where it is known.

    Name and address are the user's, blank for somebody whom the directory does not know.
    """

    bearer: Bearer
    name: str = ""
    email: str = ""
    refusal: str = ""


class Sighting(Enum):
    """Where a token was seen before."""

    FIRST = auto()
    AGAIN = auto()
    ELSEWHERE = auto()


def caller_of(person: Person, user_id: int | None) -> str:
    """Return who stands behind a person in bearers and quotas: the user, else this identity at this issuer."""
    if user_id is not None:
        return caller_of_user(user_id)
    named = "\0".join((person.path, person.issuer, person.subject))
    return f"person:{sha256(named.encode()).hexdigest()[:32]}"


def exchange(
    session: Session, integration: Integration, person: Person, *, held: Bearer | None, now: datetime
) -> PaneIdentity:
    """Return the pane's session. `held` is the bearer that the pane has already.

    One of a dialog session that is still open stays: an Exchange person is linked to its user, if neither has another.
    """
    signed_in = _dialog_session(session, integration, held, now)
    if signed_in is not None:
        if person.path == EXCHANGE:
            _link(session, integration, person, signed_in.bearer.user_id, now)
        return PaneIdentity(signed_in.bearer, signed_in.name, signed_in.email)
    user, refusal = _user(session, integration, person, now)
    if user is None:
        return PaneIdentity(Bearer(caller_of(person, None), new_secret()), refusal=refusal)
    return PaneIdentity(
        Bearer(caller_of(person, user.id), new_secret(), user.id), user.display_name, user.primary_email_address
    )


def _dialog_session(
    session: Session, integration: Integration, held: Bearer | None, now: datetime
) -> signin.SignedIn | None:
    if held is None or held.session_id is None:
        return None
    try:
        return signin.renew(session, integration_id=integration.id, bearer=held, now=now)
    except Refused:
        return None


def _user(session: Session, integration: Integration, person: Person, now: datetime) -> tuple[EndUserRow | None, str]:
    """Return the user, or why there is none. Without personal VMRs nobody has to be a user, and none is made."""
    if not integration["enable_personal_vmrs"]:
        return None, ""
    if person.path == EXCHANGE:
        return identify.by_subject(session, _linked(integration, person)), ""
    if not person.email:
        user = identify.by_subject(session, person)
        return user, "" if user else NO_ADDRESS
    try:
        return identify.identify(session, person, allow_new_users=integration["allow_new_users"], now=now), ""
    except Refused as refusal:
        return None, refusal.message


def _linked(integration: Integration, person: Person) -> Person:
    """Return an Exchange person as links know it: a user may have one at each integration, as its issuer differs."""
    return replace(person, path=f"{EXCHANGE} {integration.id}")


def _link(session: Session, integration: Integration, person: Person, user_id: int | None, now: datetime) -> None:
    """Bind an Exchange person to a user once. Whoever is bound stays so until an administrator releases the user."""
    known = _linked(integration, person)
    bound = select(UserSubjectRow.id).where(UserSubjectRow.user_id == user_id, UserSubjectRow.path == known.path)
    if identify.by_subject(session, known) is not None or session.scalar(bound) is not None:
        return
    row = UserSubjectRow(
        user_id=user_id, path=known.path, issuer=known.issuer, subject=known.subject, first_seen_at=now
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        return  # another pane of the same person was faster, or the person is bound by now


def see(session: Session, integration: Integration, token: str, *, network: str, now: datetime) -> Sighting:
    """Note that a token was exchanged, and where from (security.md X7). `network` is what one person stays within."""
    row = {
        "token_hash": sha256(f"{integration.id}:{token}".encode()).hexdigest(),
        "integration_id": integration.id,
        "network": network[:64],
        "expires_at": now + SEEN_FOR,
    }
    if insert_missing(session, SeenTokenRow, row):
        return Sighting.FIRST
    first = session.scalar(select(SeenTokenRow.network).where(SeenTokenRow.token_hash == row["token_hash"]))
    return Sighting.AGAIN if first in (None, row["network"]) else Sighting.ELSEWHERE


def report_elsewhere(session: Session, integration: Integration, caller: str, *, network: str, now: datetime) -> None:
    """Note in the audit log that a token came from a second network. Call it last in the transaction.

    Nobody is kept out: Outlook caches tokens, and a laptop goes from one network to the next.
    """
    audit.record(
        session,
        replace(BY_ITSELF, network=network),
        "token from another network",
        Subject("sign-in", "", caller, integration.id),
        now=now,
    )
