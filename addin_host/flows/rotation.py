"""Replacing the key that secrets are sealed with, while everything stays readable (design/security.md K2).

The new key is added to the file first and the old ones go last, so a run that is killed at any moment leaves values
that the keys of the file open, and the next run finishes it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import text

from addin_host.store import key_file
from addin_host.store.db import Database
from addin_host.store.sealed import Key, SealedColumn, sealed_columns
from addin_host.store.secrets import sealed_with

_BATCH = 500
_SETTLE_SECONDS = 0.3
_OLDER = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start < :since"


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation did. `resumed`: it finished an earlier one; `unreadable` names values that no key opens."""

    sealed_anew: int
    unreadable: tuple[str, ...]
    resumed: bool
    old_keys_dropped: bool


def rotate(database: Database, path: Path, *, keep_old: bool = False, patience: float = 30.0) -> Rotated:
    """Seal everything with a new key, or with the newest where an earlier run was interrupted.

    `patience` is how many seconds other transactions are waited for that may still bring values sealed with an old
    key; when they take longer, the old keys stay. Raises Misconfigured when the key file cannot be written.
    """
    with key_file.held(path):
        keys = key_file.read_keys(path)
        resumed = len(keys) > 1
        if not resumed:
            keys = (Fernet.generate_key(), *keys)
            key_file.write_keys(path, keys)
        settled = _settled(database, patience)
        number, unreadable = _seal_all(database, keys)
        dropped = settled and not keep_old
        if dropped:
            key_file.write_keys(path, keys[:1])
    return Rotated(number, unreadable, resumed, dropped)


def _settled(database: Database, patience: float) -> bool:
    """Wait until whatever was sealed before the new key was known is stored, where it is seen and sealed anew."""
    time.sleep(_SETTLE_SECONDS)
    if database.is_sqlite:
        with database.write():  # waits for the one writer there can be
            return True
    with database.read() as session:
        since = session.scalar(text("SELECT clock_timestamp()"))
    until = time.monotonic() + patience
    while True:
        with database.read() as session:
            if not session.scalar(text(_OLDER), {"since": since}):
                return True
        if time.monotonic() > until:
            return False
        time.sleep(0.1)


def _seal_all(database: Database, keys: tuple[bytes, ...]) -> tuple[int, tuple[str, ...]]:
    number, unreadable = 0, []
    ring = MultiFernet([Fernet(key) for key in keys])
    for column in sealed_columns():
        for batch in _batches(database, column):
            tried = [(key, old, _anew(ring, old)) for key, old in batch if not sealed_with(keys[0], old)]
            new = [(key, old, anew) for key, old, anew in tried if anew]
            unreadable += [f"{column.place} {key}" for key, _old, anew in tried if not anew]
            if new:
                with database.write() as session:
                    column.exchange(session, new)
            number += len(new)
    return number, tuple(unreadable)


def _batches(database: Database, column: SealedColumn) -> Iterator[list[tuple[Key, str]]]:
    last: Key | None = None
    while True:
        with database.read() as session:
            batch = column.batch(session, last, _BATCH)
        if not batch:
            return
        last = batch[-1][0]
        yield batch


def _anew(ring: MultiFernet, sealed: str) -> str:
    """Return the value sealed with the newest key, or "" when no key opens it."""
    try:
        return ring.rotate(sealed.encode("ascii")).decode("ascii")
    except (InvalidToken, ValueError):
        return ""
