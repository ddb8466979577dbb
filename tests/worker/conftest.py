"""A scheduling service over both databases, a clock and Exchange in memory."""

from __future__ import annotations

import pytest

from addin_host.domain.deployment import Deployment
from addin_host.domain.integration import Integration
from addin_host.flows.catalogue import Catalogue
from addin_host.flows.scheduling.context import Scheduling
from addin_host.flows.tag_keys import TagKeys
from addin_host.gateways.memory_mailbox import MemoryExchange
from addin_host.gateways.outside import no_outside
from addin_host.store.db import Database
from addin_host.store.secrets import SecretBox
from tests.conftest import Clock
from tests.flows.meetings import an_integration


@pytest.fixture
def exchange(clock: Clock) -> MemoryExchange:
    return MemoryExchange(clock)


def a_worker(database: Database, box: SecretBox, clock: Clock, exchange: MemoryExchange) -> Scheduling:
    catalogue = Catalogue(database, Deployment())
    return Scheduling(database, box, catalogue, TagKeys(database, box), no_outside(exchange), clock)


@pytest.fixture
def own(database: Database, box: SecretBox, clock: Clock, exchange: MemoryExchange) -> Scheduling:
    return a_worker(database, box, clock, exchange)


@pytest.fixture
def integration(database: Database, box: SecretBox, clock: Clock) -> Integration:
    return an_integration(database, box, clock)
