"""What the commands are given by the composition root; everything is opened only when a command needs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from flask import Flask

from addin_host.domain.ports import TemplateTrial
from addin_host.settings import Settings
from addin_host.store import keys, revision
from addin_host.store.db import Database
from addin_host.store.secrets import SecretBox


@dataclass(frozen=True, slots=True)
class Wiring:
    """The way from a command to settings, database, key and application."""

    load_settings: Callable[..., Settings]
    make_app: Callable[[Settings], Flask]
    make_demo: Callable[[Settings, str], Flask]
    trial: TemplateTrial
    now: Callable[[], datetime]

    def any_database(self) -> Database:
        """Open the database whatever its schema is."""
        return Database(self.load_settings().database_url, pool_size=4)

    def database(self) -> Database:
        """Open the database. Raises Misconfigured unless its schema is the one this program needs."""
        database = self.any_database()
        revision.require_current(database)
        return database

    def secret_box(self) -> SecretBox:
        """Return the sealing box; makes the key file at the first run."""
        return keys.secret_box(self.load_settings().key_file, self.database())
