"""Brings the schema to where this version of the program needs it. Loads Alembic, which no web process needs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from addin_host.store.db import Database

_ADVISORY_LOCK = 0x616464696E  # one number for this program; only one node migrates at a time
_FOLDER = Path(__file__).parent / "migrations"


def upgrade(database: Database, revision: str = "head") -> None:
    """Apply every migration up to the revision."""
    _run(database, lambda config: command.upgrade(config, revision))


def downgrade(database: Database, revision: str) -> None:
    """Undo migrations down to the revision; `base` undoes all of them and their data."""
    _run(database, lambda config: command.downgrade(config, revision))


def _run(database: Database, action: Callable[[Config], None]) -> None:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    with database.write() as session:
        connection = session.connection()
        _lock(connection, database)
        config.attributes["connection"] = connection
        action(config)


def _lock(connection: Connection, database: Database) -> None:
    if not database.is_sqlite:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
