"""How much one mailbox may be asked at once: three calls in flight, twelve requests a second (scheduling.md 10.5)."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, Lock

from addin_host.domain.mailbox import Fault, MailboxTrouble

IN_FLIGHT = 3
PER_SECOND = 12.0
BURST = 120.0  # after a rest; with it a mailbox is asked 7,320 times in ten minutes at most, of 10,000 that are allowed
PATIENCE = 1.0  # seconds; who would wait longer is told to come back

_FULL = "This mailbox is asked as much as Microsoft Graph allows. The rest waits."


class Gate:
    """The allowance of one mailbox, shared by all threads of the process."""

    def __init__(self) -> None:
        self._free = Condition()
        self._waiting: deque[object] = deque()  # who comes first goes first: batches in a row hold nobody off
        self._in_flight = 0
        self._tokens, self._filled = BURST, time.monotonic()

    @contextmanager
    def passing(self, requests: int, *, seats: int = 1) -> Iterator[None]:
        """Hold `seats` of the calls in flight for a call of so many requests. Raises BUSY instead of waiting long."""
        self._sit(seats)
        try:
            self._spend(requests)
            yield
        finally:
            with self._free:
                self._in_flight -= seats
                self._free.notify_all()

    def _sit(self, seats: int) -> None:
        ticket = object()
        with self._free:
            self._waiting.append(ticket)
            try:
                if not self._free.wait_for(lambda: self._is_next(ticket, seats), PATIENCE):
                    raise MailboxTrouble(Fault.BUSY, _FULL, retry_after=1)
                self._in_flight += seats
            finally:
                self._waiting.remove(ticket)
                self._free.notify_all()

    def _is_next(self, ticket: object, seats: int) -> bool:
        return self._waiting[0] is ticket and self._in_flight + seats <= IN_FLIGHT

    def _spend(self, requests: int) -> None:
        with self._free:
            now = time.monotonic()
            self._tokens = min(BURST, self._tokens + (now - self._filled) * PER_SECOND)
            self._filled = now
            wait = (requests - self._tokens) / PER_SECOND
            if wait > PATIENCE:
                raise MailboxTrouble(Fault.BUSY, _FULL, retry_after=1)
            self._tokens -= requests  # below zero is what those who come next wait for
        if wait > 0:
            time.sleep(wait)


class Gates:
    """The gates of all mailboxes of this process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._gates: dict[str, Gate] = {}

    def of(self, mailbox: str) -> Gate:
        """Return the gate of a mailbox, named by endpoint and address."""
        with self._lock:
            return self._gates.setdefault(mailbox, Gate())
