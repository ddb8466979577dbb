"""Faults that local HTTP peers play instead of an answer, chosen by operation and count.

A peer names the operation of each request and asks `Faults.behaviour` to stand before its own behaviour. The faults of
one item among several (PARTIAL_BATCH), and a bad body where the peer knows a worse one, are the peer's own: it asks
`take`.
"""

from __future__ import annotations

import gzip
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock

from tests.gateways.peers.server import Behaviour, Request, answer

ALL = "*"
RETRY_AFTER = 7
HUGE = 33 * 1024 * 1024


class Kind(StrEnum):
    """What goes wrong. The first twelve are the fault matrix."""

    ERROR = "500"
    UNAVAILABLE = "503"
    THROTTLED = "429"
    TIMEOUT = "timeout"
    RESET = "reset"
    SLOW_DRIP = "slow drip"
    TRUNCATED = "truncated"
    BAD_BODY = "bad body"
    HUGE_BODY = "huge body"
    EXPIRED_TOKEN = "expired token"
    NOT_FOUND = "not found"
    PARTIAL_BATCH = "partial batch"
    GZIP_BOMB = "gzip bomb"


MATRIX = tuple(kind for kind in Kind if kind is not Kind.GZIP_BOMB)
_CLOSE = "Connection: close"  # what follows a fault is another connection
OWN = frozenset({Kind.PARTIAL_BATCH})  # the peer plays these itself


@dataclass
class _Planned:
    operation: str
    kind: Kind
    times: int
    skip: int
    after_acting: bool


class Faults:
    """What is planned. Safe to share between the threads of a peer; `seconds` is how long a silent peer is silent."""

    def __init__(self, seconds: float = 5.0, huge: int = HUGE) -> None:
        self.seconds, self.huge = seconds, huge
        self.played: list[tuple[str, Kind]] = []
        self._plans: list[_Planned] = []
        self._lock = Lock()

    def plan(
        self, operation: str, kind: Kind, *, times: int = 1_000_000, skip: int = 0, after_acting: bool = False
    ) -> None:
        """Let a fault happen `times` times to an operation (ALL: to any), after `skip` good ones.

        `after_acting`: the peer does what it was asked, and only its answer is replaced.
        """
        with self._lock:
            self._plans.append(_Planned(operation, kind, times, skip, after_acting))

    def clear(self) -> None:
        """Forget all plans, and what was played."""
        with self._lock:
            self._plans.clear()
            self.played.clear()

    @contextmanager
    def during(self, operation: str, kind: Kind, *, times: int = 1_000_000) -> Iterator[Faults]:
        """Plan a fault for a block."""
        self.plan(operation, kind, times=times)
        try:
            yield self
        finally:
            self.clear()

    def take(self, operation: str, *kinds: Kind) -> _Planned | None:
        """Return the fault that is due for this request, and count it. With `kinds`, only one of those."""
        with self._lock:
            for plan in self._plans:
                if plan.operation not in (operation, ALL) or plan.kind not in (kinds or Kind):
                    continue
                if plan.skip:
                    plan.skip -= 1
                elif plan.times:
                    plan.times -= 1
                    self.played.append((operation, plan.kind))
                    return plan
        return None

    def behaviour(self, behave: Behaviour, operation_of: Callable[[Request], str]) -> Behaviour:
        """Return a behaviour that plays what is due and otherwise behaves."""

        def behave_or_fail(request: Request, connection: socket.socket) -> None:
            plan = self.take(operation_of(request), *(set(Kind) - OWN))
            if plan is None:
                behave(request, connection)
                return
            if plan.after_acting:
                _unheard(behave, request)
            self.play(plan.kind, connection)

        return behave_or_fail

    def play(self, kind: Kind, connection: socket.socket) -> None:
        """Play a fault on a connection, which is to be closed afterwards."""
        with suppress(OSError):
            _PLAYS[kind](self, connection)


def _unheard(behave: Behaviour, request: Request) -> None:
    """Do what is asked; the answer goes nowhere."""
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        with suppress(OSError):
            behave(request, near)


def _status(status: int, *headers: str) -> Callable[[Faults, socket.socket], None]:
    return lambda _faults, connection: answer(connection, b"{}", status=status, headers=(*headers, _CLOSE))


def _is_silent(faults: Faults, connection: socket.socket) -> None:
    connection.settimeout(faults.seconds)
    with suppress(TimeoutError):
        connection.recv(1)  # returns as soon as the caller hangs up


def _resets(_faults: Faults, connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def _drips(faults: Faults, connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\nContent-Type: application/json\r\n\r\n")
    ends = time.monotonic() + faults.seconds
    while time.monotonic() < ends:
        connection.sendall(b" ")
        time.sleep(0.02)


def _truncates(_faults: Faults, connection: socket.socket) -> None:
    answer(connection, b'{"value": [', length=5000)


def _says_nonsense(_faults: Faults, connection: socket.socket) -> None:
    answer(connection, b"<html>{this is neither", headers=("Content-Type: application/json", _CLOSE))


def _is_endless(faults: Faults, connection: socket.socket) -> None:
    connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {faults.huge}\r\n\r\n".encode())
    block = b" " * 262_144
    for _ in range(faults.huge // len(block)):
        connection.sendall(block)


def _bombs(faults: Faults, connection: socket.socket) -> None:
    answer(connection, gzip.compress(b" " * faults.huge, 1), headers=("Content-Encoding: gzip", _CLOSE))


_PLAYS: dict[Kind, Callable[[Faults, socket.socket], None]] = {
    Kind.ERROR: _status(500),
    Kind.UNAVAILABLE: _status(503, f"Retry-After: {RETRY_AFTER}"),
    Kind.THROTTLED: _status(429, f"Retry-After: {RETRY_AFTER}"),
    Kind.TIMEOUT: _is_silent,
    Kind.RESET: _resets,
    Kind.SLOW_DRIP: _drips,
    Kind.TRUNCATED: _truncates,
    Kind.BAD_BODY: _says_nonsense,
    Kind.HUGE_BODY: _is_endless,
    Kind.GZIP_BOMB: _bombs,
    Kind.EXPIRED_TOKEN: _status(401, 'WWW-Authenticate: Bearer error="invalid_token"'),
    Kind.NOT_FOUND: _status(404),
}
