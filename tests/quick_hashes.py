"""Hashes that take a millisecond, for tests about something else than the strength of hashes."""

from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher

from addin_host.flows import passwords

QUICK = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


@pytest.fixture
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[PasswordHasher]:
    """Let passwords be hashed quickly for the length of a test."""
    monkeypatch.setattr(passwords, "_HASHER", QUICK)
    passwords._of_nobody.cache_clear()
    yield QUICK
    passwords._of_nobody.cache_clear()
