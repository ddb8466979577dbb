"""Hashes that take a millisecond, for tests about something else than the strength of hashes."""

import pytest
from argon2 import PasswordHasher

from addin_host.flows import passwords

QUICK = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


@pytest.fixture
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> PasswordHasher:
    """Let passwords be hashed quickly for the length of a test."""
    monkeypatch.setattr(passwords, "_HASHER", QUICK)
    monkeypatch.setattr(passwords, "_OF_NOBODY", QUICK.hash("nobody"))
    return QUICK
