"""One connection that is kept between calls, as NTLM and Kerberos need it: they prove who a connection belongs to.

Everything else is as in http.py. The one who uses it says how much time is left for all of its calls together.
"""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from typing import Any

import requests
from urllib3 import HTTPResponse
from urllib3.connection import HTTPConnection

from addin_host.domain.addresses import Peer
from addin_host.gateways.http import Outbound, PolicyAdapter, Route
from addin_host.gateways.pinned import Call, Proxy, Resolved

IDLE_SECONDS = 20.0  # servers let go of a connection sooner or later; an old one is not trusted with a request


class Budget:
    """The time that several calls have together."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.renew()

    def renew(self) -> None:
        """Begin anew."""
        self._ends = time.monotonic() + self._seconds

    def remaining(self) -> float:
        """Return the seconds left, not below 0."""
        return max(0.0, self._ends - time.monotonic())


@dataclass(frozen=True, slots=True)
class _Kept:
    peer: Peer
    connection: HTTPConnection
    brake: socket.socket
    since: float

    def is_usable(self, peer: Peer) -> bool:
        return self.peer == peer and self.connection.is_connected and time.monotonic() - self.since < IDLE_SECONDS

    def close(self) -> None:
        self.connection.close()
        self.brake.close()


class KeptAdapter(PolicyAdapter):
    """The policy's adapter with one kept connection; for one thread at a time.

    `certificate` is the server's certificate (DER) of the last TLS connection, which NTLM binds its proof to.
    """

    def __init__(self, outbound: Outbound, route: Route, max_bytes: int, budget: Budget) -> None:
        super().__init__(outbound, route, max_bytes)
        self.certificate: bytes | None = None
        self._budget = budget
        self._kept: _Kept | None = None

    def seconds(self) -> float:
        """Return what is left of the budget."""
        return min(super().seconds(), self._budget.remaining())

    def close(self) -> None:
        """Let go of the connection."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None
        super().close()

    def _exchange(self, call: Call, request: requests.PreparedRequest, peer: Peer) -> HTTPResponse:
        kept, self._kept = self._kept, None
        if kept is None:
            return super()._exchange(call, request, peer)
        if not kept.is_usable(peer):
            kept.close()
            return super()._exchange(call, request, peer)
        call.take(kept.brake)
        return self._ask(call, request, peer, kept.connection)

    def _attempt(
        self, call: Call, request: requests.PreparedRequest, peer: Peer, proxy: Proxy | None, addresses: Resolved
    ) -> HTTPResponse:
        return self._ask(call, request, peer, self._connection(call, peer, proxy, addresses))

    def _ask(
        self, call: Call, request: requests.PreparedRequest, peer: Peer, connection: HTTPConnection
    ) -> HTTPResponse:
        is_kept = False
        try:
            if connection.sock is None:
                self._connect(connection, peer)
            connection.timeout = call.remaining()
            method, path, headers = str(request.method), request.path_url, request.headers
            connection.request(method, path, request.body, headers, preload_content=False, decode_content=True)
            answer = self._read(connection.getresponse(), peer.host)
            if connection.sock is not None:  # the server did not announce that it closes
                self._kept = _Kept(peer, connection, call.let_go(), time.monotonic())
                is_kept = True
            return answer
        finally:
            if not is_kept:
                connection.close()

    def _connect(self, connection: HTTPConnection, peer: Peer) -> None:
        connection.connect()
        secured: Any = connection.sock  # a TLS socket, or a plain one in demo and tests
        self.certificate = secured.getpeercert(True) if peer.scheme == "https" else None
