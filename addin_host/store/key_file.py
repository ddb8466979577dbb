"""A file of keys: one Fernet key a line, newest first, readable by its owner alone, replaced as a whole."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cryptography.fernet import Fernet, MultiFernet

from addin_host.domain.errors import Misconfigured

Stamp = tuple[int, int, int]


def stamp_of(path: Path) -> Stamp | None:
    """Return what changes when the file is replaced or written; None when it is not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


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


def write_keys(path: Path, keys: Sequence[bytes]) -> None:
    """Replace the keys of the file in one step that survives a power cut. Raises Misconfigured when it may not be."""
    path = path.resolve()
    new = path.with_name(f".{path.name}.new")
    try:
        owner = path.stat()
        if not owner.st_mode & stat.S_IWUSR:
            raise PermissionError(f"its mode is {stat.S_IMODE(owner.st_mode):04o}")
        new.unlink(missing_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            os.fchown(descriptor, owner.st_uid, owner.st_gid)  # root rotates, the service's user reads
            file.write(b"".join(key + b"\n" for key in keys))
            file.flush()
            os.fsync(descriptor)
        new.replace(path)
        _sync_folder(path.parent)
    except OSError as problem:
        raise Misconfigured(f"The key file {path} cannot be written: {problem}. Nothing was changed.") from problem


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Keep other rotations of the same key file away. Raises Misconfigured when one is under way."""
    descriptor = os.open(path.resolve().parent, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as taken:
        raise Misconfigured(f"The key file {path} is being rotated already. Wait until that is done.") from taken
    finally:
        os.close(descriptor)
