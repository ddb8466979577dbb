"""Sealing: what must not be readable in a copy of the database.

The key file holds one Fernet key a line, newest first. Every sealed value carries the place it belongs to, which is
compared when it is opened: a ciphertext copied from row to row opens nowhere (design/security.md I3, K1-K3).
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from addin_host.domain.errors import Misconfigured


class SecretBox:
    """Seals and opens texts, and derives keys for one purpose each."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = tuple(keys)
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def seal(self, place: str, text: str) -> str:
        """Seal a text for one place, such as `integration:7:password`."""
        return self._fernet.encrypt(json.dumps([place, text]).encode()).decode("ascii")

    def open(self, place: str, sealed: str) -> str:
        """Return the text. Raises Misconfigured when the key is another one or the value belongs elsewhere."""
        try:
            found, text = json.loads(self._fernet.decrypt(sealed.encode("ascii")))
        except (InvalidToken, ValueError) as problem:
            raise Misconfigured(
                f"A stored secret ({place}) cannot be opened. Put the key file back that it was sealed with, "
                "or enter the secret again."
            ) from problem
        if found != place:
            raise Misconfigured(f"A stored secret was moved to another place ({place}). Enter it again.")
        return str(text)

    def derived(self, purpose: str) -> tuple[bytes, ...]:
        """Return a 32-byte key for the purpose from each key of the file, newest first."""
        return tuple(
            HKDF(algorithm=SHA256(), length=32, salt=None, info=f"addin-host {purpose}".encode()).derive(key)
            for key in self._keys
        )


def read_keys(path: Path) -> tuple[bytes, ...]:
    """Return the keys of the file, newest first. Raises Misconfigured when others may read it or it holds no keys."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise Misconfigured(f"The key file {path} can be read by others (mode {mode:04o}). Run: chmod 600 {path}")
    keys = tuple(line.strip().encode() for line in path.read_text(encoding="ascii").splitlines() if line.strip())
    try:
        MultiFernet([Fernet(key) for key in keys])
    except ValueError as problem:
        raise Misconfigured(f"The key file {path} holds no valid keys. Restore it from where you keep it.") from problem
    return keys


def create_key_file(path: Path) -> None:
    """Write a new key with mode 0600. A file that exists is left as it is."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "wb") as file:
        file.write(Fernet.generate_key() + b"\n")
