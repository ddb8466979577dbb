"""Passwords of people as argon2id hashes (design/security.md S3)."""

from __future__ import annotations

from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from addin_host.domain.errors import Reason, Refused
from addin_host.domain.passwords import MAX_LENGTH

_HASHER = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=4)
# Of a random password that nobody knows: unknown names are compared with it, so that they take as long as known ones.
_OF_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$025i7EU4/NL/599O3h97fQ$Uh4CdoHYjF6VU85fJLT0W38flEceoYTSV5xKnUIO9+0"
_AT_ONCE = BoundedSemaphore(2)  # each takes 64 MiB and two processors
_PATIENCE_SECONDS = 10.0


def hashed(password: str) -> str:
    """Return the hash to store."""
    _take_turn()
    try:
        return _HASHER.hash(password)
    finally:
        _AT_ONCE.release()


def verify(stored: str | None, password: str) -> bool:
    """Whether the password is the stored one. Without a stored hash it is not, and that takes the same time."""
    against, given = stored or _OF_NOBODY, password[:MAX_LENGTH]
    _take_turn()
    try:
        _HASHER.verify(against, given)
    except (VerificationError, InvalidHashError):
        return False
    finally:
        _AT_ONCE.release()
    return stored is not None and len(password) <= MAX_LENGTH


def is_outdated(stored: str) -> bool:
    """Whether the hash was made with other parameters than today's, and is to be made anew."""
    return _HASHER.check_needs_rehash(stored)


def _take_turn() -> None:
    if not _AT_ONCE.acquire(timeout=_PATIENCE_SECONDS):
        raise Refused(Reason.RATE_LIMITED, "Too many people sign in at the moment. Try again soon.", retry_after=5)
