"""What is known of a provider, while somebody waits for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from addin_host.domain.addresses import AddressPolicy, Peer
from addin_host.domain.errors import Upstream
from addin_host.gateways.http import Outbound, Route
from addin_host.gateways.identity.authority import Authorities, Authority, Source

SOURCE = Source(Peer("https", "login.example.com", 443), "https://login.example.com/keys")
ROUTE = Route(AddressPolicy())
LATE = 10.0  # a deadline that only a waiter meets


class Provider:
    """Answers at once; or, once it hangs, when it is let go. Then it fails if it is dead."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 12, tzinfo=UTC)
        self.hangs, self.dead, self.asked = False, False, 0
        self.reached, self.let_go = threading.Event(), threading.Event()
        self.authorities = Authorities(Outbound(), lambda: self.now, self.read)

    def read(self, *_where: Any) -> Authority:
        self.asked += 1
        if self.hangs:
            self.reached.set()
            assert self.let_go.wait(LATE)
        if self.dead:
            raise Upstream("Away.")
        return Authority("issuer", "issuer", {})

    def current(self) -> Authority:
        return self.authorities.current(SOURCE, ROUTE)


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def people(provider: Provider) -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool
        provider.let_go.set()


def waiting(provider: Provider, people: ThreadPoolExecutor) -> Future[Authority]:
    """Somebody who waits for the provider, which hangs."""
    provider.hangs = True
    first = people.submit(provider.current)
    assert provider.reached.wait(LATE)
    return first


def test_keys_of_today_are_used_while_somebody_waits_for_the_next(
    provider: Provider, people: ThreadPoolExecutor
) -> None:
    known = provider.current()
    provider.now += timedelta(hours=2)
    first = waiting(provider, people)
    assert people.submit(provider.current).result(LATE) is known
    assert not first.done()
    provider.let_go.set()
    assert first.result(LATE) is not known
    assert provider.asked == 2


@pytest.mark.parametrize("known", [False, True])
def test_a_dead_provider_holds_up_one_person_at_a_time(
    provider: Provider, people: ThreadPoolExecutor, known: bool
) -> None:
    if known:
        provider.current()
        provider.now += timedelta(hours=25)
    provider.dead = True
    with pytest.raises(Upstream):
        provider.current()
    provider.now += timedelta(seconds=11)
    first = waiting(provider, people)
    with pytest.raises(Upstream):
        people.submit(provider.current).result(LATE)
    assert not first.done()


@pytest.mark.parametrize("hours", [0, 25])
def test_who_knows_nothing_good_waits(provider: Provider, people: ThreadPoolExecutor, hours: int) -> None:
    """Keys that are older than a day are no answer."""
    if hours:
        provider.current()
        provider.now += timedelta(hours=hours)
    asked = provider.asked
    first = waiting(provider, people)
    second = people.submit(provider.current)
    provider.let_go.set()
    assert second.result(LATE) is first.result(LATE)
    assert provider.asked == asked + 1


def test_a_failure_of_long_ago_is_no_answer(provider: Provider, people: ThreadPoolExecutor) -> None:
    provider.dead = True
    with pytest.raises(Upstream):
        provider.current()
    provider.dead, provider.now = False, provider.now + timedelta(minutes=2)
    first = waiting(provider, people)
    second = people.submit(provider.current)
    provider.let_go.set()
    assert second.result(LATE) is first.result(LATE)
