"""Finding the key that secrets are sealed with; making it at the first run only."""

from __future__ import annotations

from pathlib import Path

from addin_host.domain.errors import Misconfigured
from addin_host.store import revision
from addin_host.store.db import Database
from addin_host.store.secrets import SecretBox, create_key_file, read_keys

_SEALED = (
    "SELECT 1 FROM integration_secret LIMIT 1",
    "SELECT 1 FROM conference WHERE sealed_pin IS NOT NULL OR sealed_guest_pin IS NOT NULL LIMIT 1",
)


def secret_box(path: Path, database: Database) -> SecretBox:
    """Return the box for the key file; the file is created while the database holds nothing sealed.

    Raises Misconfigured: a key that is missing although secrets exist is never silently replaced.
    """
    if not path.exists():
        if revision.current(database) is not None and any(database.row(sql) for sql in _SEALED):
            raise Misconfigured(
                f"The key file {path} is missing, but the database holds secrets sealed with it. "
                "Put the file back from where you keep it."
            )
        create_key_file(path)
    return SecretBox(read_keys(path))
