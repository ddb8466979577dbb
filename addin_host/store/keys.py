"""Finding the key that secrets are sealed with; making it at the first run only."""

from __future__ import annotations

import logging
from pathlib import Path

from addin_host.domain.errors import Misconfigured
from addin_host.store.db import Database
from addin_host.store.sealed import samples
from addin_host.store.secrets import SecretBox, create_key_file

_log = logging.getLogger(__name__)


def secret_box(path: Path, database: Database) -> SecretBox:
    """Return the box for the key file; the file is created while the database holds nothing sealed.

    Raises Misconfigured: a key that is missing although secrets exist is never silently replaced. A key that opens
    none of a few of them is logged: the add-in still works, and an administrator can enter the secrets again.
    """
    with database.read() as session:
        sealed = list(samples(session))
    if not path.exists():
        if sealed:
            raise Misconfigured(
                f"The key file {path} is missing, but the database holds secrets sealed with it. "
                "Put the file back from where you keep it."
            )
        create_key_file(path)
    box = SecretBox.from_file(path)
    if sealed and not any(map(box.knows, sealed)):
        _log.error("the key file %s opens no stored secret: put the file back that they were sealed with", path)
    return box
