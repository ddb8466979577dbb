"""The conference platform where rooms are written, when there is one besides our own answers to policy requests."""

from __future__ import annotations

from addin_host.domain.ports import Outside
from addin_host.domain.rooms import Platform
from addin_host.store.db import Database
from addin_host.store.secrets import SecretBox


def opened(database: Database, box: SecretBox, outside: Outside) -> Platform | None:
    """Return the platform of the settings of the moment; None: rooms are answered for by external policy alone.

    Nothing is called yet. One instance is kept for each version of the settings. Raises Misconfigured.
    """
    del database, box, outside
    return None
