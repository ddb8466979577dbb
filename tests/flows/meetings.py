"""Integrations with single-use VMRs, and aliases that were handed out, for tests of flows."""

from __future__ import annotations

from addin_host.domain.access import BY_ITSELF
from addin_host.domain.deployment import Deployment
from addin_host.domain.integration import Integration
from addin_host.flows import integrations, single_use
from addin_host.flows.single_use import Minted
from addin_host.flows.tag_keys import TagKeys
from addin_host.store.db import Database
from addin_host.store.secrets import SecretBox
from tests.conftest import Clock
from tests.single_use import a_single_use_record


def an_integration(database: Database, box: SecretBox, clock: Clock, **changes: object) -> Integration:
    """Store an integration and return it as the house reads it."""
    record = a_single_use_record(**changes)
    draft = integrations.prepare(record, before=None, trial=lambda candidates: [None] * len(candidates))
    with database.write() as session:
        row = integrations.save(session, draft, expected_version=None, caller=BY_ITSELF, box=box, now=clock())
        return integrations.to_value(row, Deployment())


class Desk:
    """Hands out aliases of one integration at the time of the clock."""

    def __init__(self, database: Database, box: SecretBox, clock: Clock, integration: Integration) -> None:
        self.database, self.clock, self.integration = database, clock, integration
        self.keys = TagKeys(database, box)

    def mint(self, caller: str = "user:1", visit: str = "", integration: Integration | None = None) -> Minted:
        chosen = integration or self.integration
        return single_use.mint(self.database, chosen, caller, visit, keys=self.keys, now=self.clock())
