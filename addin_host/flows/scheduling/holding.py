"""What this process holds: leases that are renewed while the work goes on, and mailboxes that stay open."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock

from addin_host.domain.integration import Integration
from addin_host.domain.mailbox import Mailbox
from addin_host.flows.scheduling import claiming, leasing
from addin_host.flows.scheduling.claiming import Claimed
from addin_host.flows.scheduling.context import Scheduling
from addin_host.flows.scheduling.leasing import Lease

EVERY_SECONDS = 1.0
_KEPT_OPEN_SECONDS, _KEPT_OPEN = 600.0, 32


class Held:
    """The leases of work under way. Safe to share between threads."""

    def __init__(self, own: Scheduling) -> None:
        self._own, self._lock = own, Lock()
        self._items: dict[int, tuple[float, Sequence[Claimed]]] = {}
        self._mailboxes: dict[int, tuple[float, Lease]] = {}
        self._number = 0

    @contextmanager
    def items(self, claimed: Sequence[Claimed]) -> Iterator[None]:
        """Keep claimed items for as long as the block lasts."""
        number = self._next()
        self._items[number] = (time.monotonic(), claimed)
        try:
            yield
        finally:
            self._items.pop(number, None)

    @contextmanager
    def mailbox(self, lease: Lease) -> Iterator[None]:
        """Keep a mailbox for as long as the block lasts."""
        number = self._next()
        self._mailboxes[number] = (time.monotonic(), lease)
        try:
            yield
        finally:
            self._mailboxes.pop(number, None)

    def _next(self) -> int:
        with self._lock:
            self._number += 1
            return self._number

    def renew(self) -> None:
        """Prolong the leases that were taken a while ago. To be called every EVERY_SECONDS."""
        before = time.monotonic() - EVERY_SECONDS / 2
        if mailboxes := [lease for since, lease in list(self._mailboxes.values()) if since < before]:
            leasing.renew(self._own, mailboxes)
        for since, claimed in list(self._items.values()):
            if since < before:
                claiming.renew(self._own, claimed)

    def release(self) -> None:
        """Let others have all of it at once."""
        if mailboxes := [lease for _since, lease in list(self._mailboxes.values())]:
            leasing.give_back(self._own, mailboxes)
        for _since, claimed in list(self._items.values()):
            claiming.release(self._own, claimed, self._own.now())


class OpenMailboxes:
    """Mailboxes of this process: to open one may mean signing in, so one that was used is kept for a while."""

    def __init__(self, own: Scheduling) -> None:
        self._own, self._lock = own, Lock()
        self._idle: list[tuple[int, int, float, Mailbox]] = []

    @contextmanager
    def of(self, integration: Integration) -> Iterator[Mailbox]:
        """Give the mailbox of an integration to one thread; one that has failed is not kept. Raises Misconfigured."""
        opened_at, mailbox = self._kept(integration) or (time.monotonic(), self._own.open_mailbox(integration))
        yield mailbox
        with self._lock:
            self._idle.append((integration.id, integration.version, opened_at, mailbox))
            del self._idle[:-_KEPT_OPEN]

    def _kept(self, integration: Integration) -> tuple[float, Mailbox] | None:
        oldest = time.monotonic() - _KEPT_OPEN_SECONDS
        with self._lock:
            self._idle = [one for one in self._idle if one[2] > oldest]
            for place, (integration_id, version, opened_at, mailbox) in enumerate(self._idle):
                if (integration_id, version) == (integration.id, integration.version):
                    del self._idle[place]
                    return opened_at, mailbox
        return None
