"""The stage, over both databases and over the faster one alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from addin_host.store import migrate
from addin_host.store.db import Database
from addin_host.store.secrets import SecretBox
from tests.conftest import Clock, empty
from tests.flows.scheduling.stage import Stage, a_stage


@pytest.fixture
def stage(database: Database, box: SecretBox, clock: Clock) -> Stage:
    """On SQLite and on PostgreSQL."""
    return a_stage(database, box, clock)


@pytest.fixture(scope="session")
def _quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('quick') / 'quick.db'}")
    migrate.upgrade(database)
    yield database
    database.close()


@pytest.fixture
def quick(_quick: Database) -> Database:
    """On SQLite, where the database does not matter."""
    empty(_quick)
    return _quick


@pytest.fixture
def play(quick: Database, box: SecretBox, clock: Clock) -> Stage:
    return a_stage(quick, box, clock)
