"""What meeting_details is measured with: integrations, aliases that were handed out before, and people who ask."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from datetime import UTC, datetime

from sqlalchemy import text

from addin_host.domain.access import BY_ITSELF
from addin_host.flows import bearer, integrations
from addin_host.flows.bearer import Bearer
from addin_host.store.db import Database
from addin_host.store.secrets import SecretBox
from bench.load import Request
from bench.stock import HOST, PATH, analyse, copy_integrations, numbers_of, untried
from tests.single_use import a_single_use_record

INTEGRATIONS = 200  # each hands out 300 an hour: the limits stay as they are
_ASKING = itertools.count(1)
# Months ago, so that no quota counts them; taken numbers lie between those that are free.
_ALIASES = """
INSERT INTO scheduled_alias (uuid, integration_id, alias, numeric_alias, alias_number, is_used, caller, visit,
                             created_at, expires_at)
SELECT 'filler-' || i, 1 + i % {integrations}, '80' || (100000000 + i * 13) || '@vmr.example.com',
       '80' || (100000000 + i * 13), 100000000 + i * 13, true, 'user:' || i % 50000, '', '2026-01-01 00:00:00',
       '2026-02-01 00:00:00' FROM {numbers}
"""


def fill(database: Database, box: SecretBox, aliases: int) -> None:
    """Add the integrations, numbers of nine digits each, and aliases of meetings before."""
    record = a_single_use_record(addin_server_domain=HOST, scheduled_alias_suffix_length=9)
    draft = integrations.prepare(record, before=None, trial=untried)
    with database.write() as session:
        integrations.save(session, draft, expected_version=None, caller=BY_ITSELF, box=box, now=datetime.now(UTC))
    copy_integrations(database, INTEGRATIONS - 1)
    if aliases:
        statement = _ALIASES.format(integrations=INTEGRATIONS, numbers=numbers_of(database))
        with database.write() as session:
            session.execute(text(statement), {"count": aliases})
        analyse(database)


def asking(box: SecretBox, number: int) -> Request:
    """Return the request of so many people, one after the other, each from a pane of their own."""
    turns = tuple(itertools.islice(people(box), number))
    path, token = turns[0]
    return Request(path, {"Host": HOST, "Authorization": f"Bearer {token}"}, turns=turns[1:])


def people(box: SecretBox) -> Iterator[tuple[str, str]]:
    """Yield path and bearer of one person after the other."""
    keys = box.derived(bearer.PURPOSE)
    while True:
        integration = random.randrange(INTEGRATIONS) + 1
        who = Bearer(f"person:{next(_ASKING)}-{random.getrandbits(32)}", f"visit-{random.getrandbits(64)}")
        token = bearer.issue(who, integration_id=integration, keys=keys, now=datetime.now(UTC))
        yield f"{PATH}/{integration}/meeting_details", token
