"""What tests of the outbox share."""

from __future__ import annotations

import pytest

from addin_host.store.db import Database
from addin_host.store.secrets import SecretBox
from tests.conftest import Clock
from tests.flows.sending.post_office import Office


@pytest.fixture
def office(database: Database, box: SecretBox, clock: Clock) -> Office:
    return Office(database, box, clock)
