"""Sealing: what must not be readable in a copy of the database.

The key file holds one Fernet key a line, newest first. Every sealed value carries the place it belongs to, which is
compared when it is opened: a ciphertext copied from row to row opens nowhere (design/security.md I3, K1-K3).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from addin_host.domain.errors import Misconfigured
from addin_host.store.key_file import Stamp, create_key_file, read_keys, stamp_of

__all__ = ["SecretBox", "create_key_file", "read_keys"]
_log = logging.getLogger(__name__)


class SecretBox:
    """Seals and opens texts, and derives keys for one purpose each.

    With a key file it follows the file: a key that another process has added is used from the next value on, so that
    nothing is sealed with a key that is about to go. Safe to share between threads.
    """

    def __init__(self, keys: Sequence[bytes], *, file: Path | None = None, stamp: Stamp | None = None) -> None:
        self._keys = tuple(keys)
        self._fernet = MultiFernet([Fernet(key) for key in keys])
        self._file, self._stamp, self._lock = file, stamp, Lock()

    @classmethod
    def from_file(cls, path: Path) -> SecretBox:
        """Return a box that follows a key file. Raises Misconfigured when it cannot be used."""
        stamp = stamp_of(path)  # taken before the keys: what is written in between is read once more
        return cls(read_keys(path), file=path, stamp=stamp)

    def seal(self, place: str, text: str) -> str:
        """Seal a text for one place, such as `integration:7:password`."""
        self._follow()
        return self._fernet.encrypt(json.dumps([place, text]).encode()).decode("ascii")

    def open(self, place: str, sealed: str) -> str:
        """Return the text. Raises Misconfigured when the key is another one or the value belongs elsewhere."""
        try:
            found, text = json.loads(self._decrypted(sealed))
        except (InvalidToken, ValueError) as problem:
            raise Misconfigured(
                f"A stored secret ({place}) cannot be opened. Put the key file back that it was sealed with, "
                "or enter the secret again."
            ) from problem
        if found != place:
            raise Misconfigured(f"A stored secret was moved to another place ({place}). Enter it again.")
        return str(text)

    def _decrypted(self, sealed: str) -> bytes:
        tried = self._fernet
        try:
            return tried.decrypt(sealed.encode("ascii"))
        except InvalidToken:
            self._follow()
            if self._fernet is tried:
                raise
            return self._fernet.decrypt(sealed.encode("ascii"))

    def _follow(self) -> None:
        """Read the key file again when it is another one than before."""
        if self._file is None or stamp_of(self._file) == self._stamp:
            return
        with self._lock:
            if (stamp := stamp_of(self._file)) == self._stamp:
                return
            try:
                keys = read_keys(self._file)
                self._keys, self._fernet = keys, MultiFernet([Fernet(key) for key in keys])
            except (Misconfigured, OSError) as problem:
                _log.error("the key file has changed and cannot be read; the keys of before stay in use: %s", problem)
            self._stamp = stamp

    def knows(self, sealed: str) -> bool:
        """Whether a value was sealed with one of the keys."""
        return any(sealed_with(key, sealed) for key in self._keys)

    def derived(self, purpose: str) -> tuple[bytes, ...]:
        """Return a 32-byte key for the purpose from each key of the file, newest first."""
        return tuple(
            HKDF(algorithm=SHA256(), length=32, salt=None, info=f"addin-host {purpose}".encode()).derive(key)
            for key in self._keys
        )


def sealed_with(key: bytes, sealed: str) -> bool:
    """Whether a value was sealed with this key; only its signature is checked."""
    try:
        Fernet(key).extract_timestamp(sealed.encode("ascii"))
    except (InvalidToken, ValueError):
        return False
    return True
