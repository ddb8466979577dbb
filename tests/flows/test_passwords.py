"""How passwords are kept, and that looking one up tells nobody whether it is there."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from argon2 import PasswordHasher

from addin_host.domain.errors import Reason, Refused
from addin_host.flows import passwords
from tests.quick_hashes import quick_hashes

__all__ = ["quick_hashes"]
PARAMETERS = "$argon2id$v=19$m=65536,t=3,p=4$"


def test_passwords_are_kept_as_argon2id_with_64_mib(box):
    stored = passwords.hashed("a lamp for tuesday")
    assert stored.startswith(PARAMETERS)
    assert passwords.verify(stored, "a lamp for tuesday")
    assert not passwords.verify(stored, "a lamp for wednesday")
    assert not passwords.is_outdated(stored)
    assert passwords.is_outdated(PasswordHasher(time_cost=2, memory_cost=65536, parallelism=4).hash("x"))


def test_without_a_stored_password_the_same_work_is_done(box):
    assert passwords._OF_NOBODY.startswith(PARAMETERS)
    assert not passwords.verify(None, "a lamp for tuesday")


def test_what_is_stored_may_be_broken(quick_hashes):
    assert not passwords.verify("not a hash", "a lamp for tuesday")
    assert not passwords.verify(quick_hashes.hash("x" * 256), "x" * 257)


class Counting:
    """Counts how many hashes are being made at once."""

    def __init__(self):
        self.now = self.most = 0

    def hash(self, _password):
        self.now += 1
        self.most = max(self.most, self.now)
        time.sleep(0.02)
        self.now -= 1
        return "hash"


def test_two_at_once_at_most(monkeypatch):
    counting = Counting()
    monkeypatch.setattr(passwords, "_HASHER", counting)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(passwords.hashed, ["x"] * 16))
    assert counting.most == 2


def test_who_waits_too_long_is_told_to_come_again(monkeypatch):
    monkeypatch.setattr(passwords, "_PATIENCE_SECONDS", 0.01)
    with passwords._AT_ONCE, passwords._AT_ONCE, pytest.raises(Refused) as caught:
        passwords.hashed("x")
    assert (caught.value.reason, caught.value.retry_after) == (Reason.RATE_LIMITED, 5)
