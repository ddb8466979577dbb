"""Which schema the database has, and which one this program needs; asked often, so without loading Alembic."""

from __future__ import annotations

from sqlalchemy import inspect, text

from addin_host.domain.errors import Misconfigured
from addin_host.store.db import Database

NEEDED = "0005"


def current(database: Database) -> str | None:
    """Return the revision the database is at, or None for an empty one. Raises Upstream."""
    with database.read() as session:
        if not inspect(session.connection()).has_table("alembic_version"):
            return None
        found: str | None = session.scalar(text("SELECT version_num FROM alembic_version"))
        return found


def require_current(database: Database) -> None:
    """Raise Misconfigured unless the database is at the revision this program needs."""
    if (found := current(database)) != NEEDED:
        raise Misconfigured(
            f"The database is at revision {found or 'none'}, this program needs {NEEDED}. Run: addin-host db upgrade"
        )
