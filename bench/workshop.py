"""The folder and the databases that a run works with; everything is gone afterwards."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path

from addin_host.store import keys, migrate
from addin_host.store.db import Database
from addin_host.store.secrets import SecretBox
from tests.conftest import Cluster

KINDS = ("sqlite", "postgresql")


class Workshop:
    """One run's place to work. PostgreSQL is started when it is first asked for."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self._stack = stack
        self._numbers = itertools.count(1)

    @property
    def key_file(self) -> Path:
        """Where the key is that all databases of the run are sealed with."""
        return self.folder / "key"

    @cached_property
    def _cluster(self) -> Cluster:
        # A short path: a socket's name may have 107 characters at most.
        place = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="pg", dir="/tmp")))
        place.chmod(0o755)
        cluster = Cluster(place)
        self._stack.callback(cluster.stop)
        return cluster

    def new_folder(self, name: str) -> Path:
        """Return a new empty folder."""
        folder = self.folder / f"{name}-{next(self._numbers)}"
        folder.mkdir()
        return folder

    def new_database(self, kind: str) -> Database:
        """Return a migrated, empty database of the kind."""
        name = f"bench{next(self._numbers)}"
        url = f"sqlite:///{self.folder / name}.db" if kind == "sqlite" else self._cluster.create(name)
        database = Database(url)
        self._stack.callback(database.close)
        migrate.upgrade(database)
        return database

    def box(self, database: Database) -> SecretBox:
        """Return the box of the run's key."""
        return keys.secret_box(self.key_file, database)


@contextmanager
def opened() -> Iterator[Workshop]:
    """Give a workshop; close and remove all of it at the end."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench")))
        yield Workshop(folder, stack)


def url_of(database: Database) -> str:
    """Return the address of a database as the environment of a server names it."""
    return database.url.render_as_string(hide_password=False)
