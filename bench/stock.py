"""What the databases are filled with: an integration, a person with ten VMRs, and any number of others."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from addin_host.domain.access import BY_ITSELF
from addin_host.domain.ports import TemplateCandidate
from addin_host.domain.text import TemplateProblem
from addin_host.flows import bearer, integrations
from addin_host.flows.bearer import Bearer, caller_of_user
from addin_host.flows.directory import pin_place
from addin_host.store.db import Database
from addin_host.store.models import ConferenceAliasRow, ConferenceRow, EndUserRow
from addin_host.store.secrets import SecretBox
from tests.conftest import a_record
from tests.e2e.edge import ADDIN as HOST

__all__ = [
    "ALICE",
    "HOST",
    "PATH",
    "PER_PERSON",
    "a_bearer",
    "add_people",
    "analyse",
    "copy_integrations",
    "fill",
    "numbers_of",
    "untried",
]

ALICE = 1
PER_PERSON = 10
PATH = "/api/client/v2/msexchange_schedulers"
# The time makes a text that is never kept: what rendering costs at every request.
_NEVER_KEPT = {"name": "Never kept", "personal_vmr_name_template": "{{name}} {{pex_now().year}}"}


def fill(database: Database, box: SecretBox) -> None:
    """Add integration 1, integration 2 whose texts are never kept, and Alice with ten VMRs (PINs, three aliases)."""
    now = datetime.now(UTC)
    with database.write() as session:
        for changes in ({}, _NEVER_KEPT):
            record = a_record(addin_server_domain=HOST, **changes)
            draft = integrations.prepare(record, before=None, trial=untried)
            integrations.save(session, draft, expected_version=None, caller=BY_ITSELF, box=box, now=now)
        address = "alice@example.com"
        session.add(EndUserRow(uuid=str(uuid.uuid4()), primary_email_address=address, created_at=now))
        for number in range(PER_PERSON):
            _add_vmr(session, number, address, box, now)


def untried(candidates: Sequence[TemplateCandidate]) -> list[TemplateProblem | None]:
    """Accept templates without trying them."""
    return [None] * len(candidates)


def _add_vmr(session: Session, number: int, owner: str, box: SecretBox, now: datetime) -> None:
    own = str(uuid.uuid4())
    aliases = (f"alice.{number}@vmr.example.com", f"8800{number:02}", f"alice.room.{number}")
    session.add(
        ConferenceRow(
            uuid=own,
            name=f"Alice's meeting room {number}",
            description="For everyday meetings. Guests join with the guest PIN.",
            sealed_pin=box.seal(pin_place(own, "pin"), "258036"),
            sealed_guest_pin=box.seal(pin_place(own, "guest_pin"), "471100"),
            allow_guests=True,
            primary_owner_email_address=owner,
            created_at=now,
            aliases=[ConferenceAliasRow(alias=alias, view_order=order) for order, alias in enumerate(aliases)],
        )
    )


_NUMBERS = {
    "sqlite": "(WITH RECURSIVE numbers(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < :count)"
    " SELECT i FROM numbers) AS n",
    "postgresql": "generate_series(1, :count) AS n(i)",
}
_PEOPLE = """
INSERT INTO end_user (uuid, primary_email_address, first_name, last_name, display_name, created_at)
SELECT 'filler-' || i, 'person' || i || '@example.com', '', '', '', '2026-01-01 00:00:00' FROM {numbers}
"""
_VMRS = """
INSERT INTO conference (uuid, name, description, service_type, allow_guests, primary_owner_email_address, version,
                        created_at)
SELECT 'filler-' || i, 'Room ' || i, 'A room', 'conference', false, 'person' || (1 + (i - 1) / 10) || '@example.com', 1,
       '2026-01-01 00:00:00' FROM {numbers}
"""
_ALIASES = """
INSERT INTO conference_alias (conference_id, alias, view_order)
SELECT id, 'room.' || id || '@vmr.example.com', 0 FROM conference WHERE substr(uuid, 1, 7) = 'filler-'
"""
_INTEGRATIONS = """
INSERT INTO integration (uuid, name, fqdn, version, record, icon_hash, created_at, updated_at)
SELECT 'filler-' || n.i, 'Filler ' || n.i, o.fqdn, 1, o.record, '', o.created_at, o.updated_at
FROM integration AS o, {numbers} WHERE o.id = 1
"""


def add_people(database: Database, vmrs: int) -> list[int]:
    """Add `vmrs` VMRs of one alias and no PIN, ten to a person; return the ids of these people."""
    _run(database, _PEOPLE, vmrs // PER_PERSON)
    _run(database, _VMRS, vmrs)
    _run(database, _ALIASES, 0)
    return [row[0] for row in database.rows("SELECT id FROM end_user WHERE substr(uuid, 1, 7) = 'filler-' ORDER BY id")]


def copy_integrations(database: Database, count: int) -> None:
    """Add copies of integration 1."""
    _run(database, _INTEGRATIONS, count)


def numbers_of(database: Database) -> str:
    """Return the table expression of the numbers from 1 to :count, in a column i."""
    return _NUMBERS["sqlite" if database.is_sqlite else "postgresql"]


def _run(database: Database, statement: str, count: int) -> None:
    numbers = numbers_of(database)
    parameters = {"count": count} if "{numbers}" in statement else {}
    with database.write() as session:
        session.execute(text(statement.format(numbers=numbers)), parameters)
    analyse(database)


def analyse(database: Database) -> None:
    """Give PostgreSQL statistics of what was added."""
    if not database.is_sqlite:
        with database.write() as session:
            session.execute(text("ANALYZE"))  # autovacuum does it on a database in use


def a_bearer(box: SecretBox, user_id: int = ALICE, integration_id: int = 1) -> str:
    """Return a bearer as the pane holds it; good for ten minutes."""
    signed_in = Bearer(caller_of_user(user_id), "bench", user_id, session_id=1)
    keys = box.derived(bearer.PURPOSE)
    return bearer.issue(signed_in, integration_id=integration_id, keys=keys, now=datetime.now(UTC))
