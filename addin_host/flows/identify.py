"""From what a provider says to the user of the directory (design/outlook.md 4.6).

The address links a person to a user once. From then on the immutable subject decides, so that whoever is given the
address later is not let in.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import and_, func, not_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from addin_host.domain.errors import Reason, Refused
from addin_host.domain.ports import Person
from addin_host.store.models import EndUserRow, UserSubjectRow

ENTRA = frozenset({"AZURE", "NAA", "SSO"})  # one provider, which calls a person the same on each of these paths


def identify(session: Session, person: Person, *, allow_new_users: bool, now: datetime) -> EndUserRow:
    """Return the user, linked or created at the first sign-in. Raises Refused."""
    try:
        with session.begin_nested():
            return _identify(session, person, allow_new_users, now)
    except IntegrityError:
        # Two first sign-ins of one person at the same moment: the other one has made the link by now.
        return _identify(session, person, allow_new_users, now)


def _identify(session: Session, person: Person, allow_new_users: bool, now: datetime) -> EndUserRow:
    if user := by_subject(session, person):
        return user
    user = by_address(session, person.email)
    if user is None:
        user = _new_user(session, person, allow_new_users, now)
    elif _is_bound_to_another(session, user, person):
        raise Refused(
            Reason.FORBIDDEN,
            f"The address {person.email} belongs to another account that signed in before. "
            "Ask your administrator to release it.",
        )
    elif same := by_subject(session, person):  # linked since we looked, by another sign-in of the same person
        return same
    session.add(
        UserSubjectRow(
            user_id=user.id, path=person.path, issuer=person.issuer, subject=person.subject, first_seen_at=now
        )
    )
    session.flush()
    return user


def by_subject(session: Session, person: Person) -> EndUserRow | None:
    """Return the user whom this person is bound to."""
    return session.scalar(
        select(EndUserRow)
        .join(UserSubjectRow, UserSubjectRow.user_id == EndUserRow.id)
        .where(
            UserSubjectRow.path == person.path,
            UserSubjectRow.issuer == person.issuer,
            UserSubjectRow.subject == person.subject,
        )
    )


def by_address(session: Session, email: str) -> EndUserRow | None:
    """Return the user with this address, whatever the case of its letters."""
    return session.scalar(select(EndUserRow).where(func.lower(EndUserRow.primary_email_address) == email.lower()))


def _is_bound_to_another(session: Session, user: EndUserRow, person: Person) -> bool:
    """Whether the user is somebody else to the person's provider, whichever of its ways in either of them took."""
    own = and_(UserSubjectRow.issuer == person.issuer, UserSubjectRow.subject == person.subject)
    paths = ENTRA if person.path in ENTRA else {person.path}
    bound = select(UserSubjectRow.id).where(
        UserSubjectRow.user_id == user.id, UserSubjectRow.path.in_(paths), not_(own)
    )
    return session.scalar(bound.limit(1)) is not None


def _new_user(session: Session, person: Person, allow_new_users: bool, now: datetime) -> EndUserRow:
    if not allow_new_users:
        raise Refused(
            Reason.FORBIDDEN,
            f"There is no user with the address {person.email}. Ask your administrator to add you.",
        )
    user = EndUserRow(
        uuid=str(uuid.uuid4()), primary_email_address=person.email, display_name=person.name[:250], created_at=now
    )
    session.add(user)
    session.flush()
    return user
