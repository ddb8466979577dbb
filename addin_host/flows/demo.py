"""Filling a database with the demo, and refusing one that holds anything else."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from addin_host.domain.access import BY_ITSELF, Role
from addin_host.domain.demo import ADDED_WITH_SINGLE_USE, IN_DIRECTORY, INTEGRATIONS, PEOPLE, VMRS, DemoVmr
from addin_host.domain.errors import Misconfigured
from addin_host.domain.ports import TemplateCandidate
from addin_host.domain.text import TemplateProblem
from addin_host.flows import integrations, passwords
from addin_host.flows.directory import pin_place
from addin_host.store.models import AccountRow, ConferenceAliasRow, ConferenceRow, EndUserRow, IntegrationRow, MarkRow
from addin_host.store.secrets import SecretBox

ADDRESSES = (
    ("demo with Azure   ", "/demo?integration=1"),
    ("demo with AD FS   ", "/demo?integration=2"),
    ("demo with Exchange", "/demo?integration=3"),
    ("the pane alone    ", "/api/client/v2/msexchange_schedulers/1/pane"),
    ("health            ", "/readyz"),
)
MARK = "demo"
SINGLE_USE_MARK = "demo with single-use VMRs"
ADMINISTRATOR, PASSWORD = "admin", "look around here"


def is_demo(session: Session) -> bool:
    """Whether the database is marked as the demo's."""
    return session.get(MarkRow, MARK) is not None


def require_demo(session: Session) -> None:
    """Raise Misconfigured when the database is neither the demo's nor empty.

    Databases of the first release carry no mark: they are the demo's when they hold nothing else.
    """
    if is_demo(session):
        return
    foreign = (
        set(session.scalars(select(IntegrationRow.uuid))) - {str(one["uuid"]) for one in INTEGRATIONS}
        or set(session.scalars(select(EndUserRow.primary_email_address))) - {person.email for person in PEOPLE}
        or set(session.scalars(select(ConferenceRow.name).limit(1000))) - {vmr.name for vmr in VMRS}
        or session.scalar(select(AccountRow.id).limit(1)) is not None
    )
    if foreign:
        raise Misconfigured(
            "This database holds data that is not the demo's, so the demo does not touch it. "
            "Give the demo a database of its own with DATABASE_URL or ADDIN_HOST_DATA."
        )


def refuse_demo(session: Session) -> None:
    """Raise Misconfigured for a database of the demo: everybody knows its administrator's password."""
    if is_demo(session):
        raise Misconfigured(
            "This database is the demo's, and everybody knows the password of its administrator. "
            "Give this deployment a database of its own with DATABASE_URL or ADDIN_HOST_DATA."
        )


def seed(session: Session, *, box: SecretBox, now: datetime) -> None:
    """Mark a database as the demo's, and fill it; what people have made in a marked one stays as it is.

    One that was made before single-use VMRs gets the integration that shows them, once.
    """
    if not is_demo(session):
        session.add(MarkRow(name=MARK, value=now.isoformat()))
        session.add(_administrator(now))
        if session.scalar(select(IntegrationRow.id)) is None:
            _fill(session, box, now)
    if session.get(MarkRow, SINGLE_USE_MARK) is None:
        session.add(MarkRow(name=SINGLE_USE_MARK, value=now.isoformat()))
        _add(session, ADDED_WITH_SINGLE_USE, box, now)


def _administrator(now: datetime) -> AccountRow:
    return AccountRow(
        name=ADMINISTRATOR,
        display_name="Demo administrator",
        role=Role.PLATFORM_ADMIN.value,
        password_hash=passwords.hashed(PASSWORD),
        created_at=now,
    )


def _fill(session: Session, box: SecretBox, now: datetime) -> None:
    _add(session, INTEGRATIONS, box, now)
    session.add_all(
        EndUserRow(uuid=str(uuid.uuid4()), primary_email_address=one.email, display_name=one.name, created_at=now)
        for one in IN_DIRECTORY
    )
    session.add_all(_row(vmr, box, now) for vmr in VMRS)


def _add(session: Session, records: Sequence[Mapping[str, Any]], box: SecretBox, now: datetime) -> None:
    """Add integrations, but none whose identity or name there is already."""
    for record in records:
        is_there = or_(IntegrationRow.uuid == record["uuid"], IntegrationRow.name == record["name"])
        if session.scalar(select(IntegrationRow.id).where(is_there)) is None:
            draft = integrations.prepare(record, before=None, trial=_no_trial)
            integrations.save(session, draft, expected_version=None, caller=BY_ITSELF, box=box, now=now)


def _no_trial(candidates: Sequence[TemplateCandidate]) -> list[TemplateProblem | None]:
    """The demo has no templates but the defaults."""
    return [None for _candidate in candidates]


def _row(vmr: DemoVmr, box: SecretBox, now: datetime) -> ConferenceRow:
    own = str(uuid.uuid4())
    return ConferenceRow(
        uuid=own,
        name=vmr.name,
        description=vmr.description,
        service_type=vmr.service_type,
        sealed_pin=box.seal(pin_place(own, "pin"), vmr.pin) if vmr.pin else None,
        sealed_guest_pin=box.seal(pin_place(own, "guest_pin"), vmr.guest_pin) if vmr.guest_pin else None,
        allow_guests=vmr.allow_guests,
        primary_owner_email_address=vmr.owner,
        created_at=now,
        aliases=[ConferenceAliasRow(alias=alias, view_order=order) for order, alias in enumerate(vmr.aliases)],
    )
