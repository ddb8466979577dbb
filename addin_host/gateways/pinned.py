"""One outbound call below HTTP: a deadline that nothing can stretch, and connections to addresses chosen beforehand."""

from __future__ import annotations

import contextvars
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from urllib3.connection import HTTPConnection, HTTPSConnection, ProxyConfig
from urllib3.util import make_headers

from addin_host.domain.addresses import Peer, parse_host
from addin_host.domain.errors import Misconfigured

T = TypeVar("T")
Resolved = Sequence[tuple[Any, Any, int, str, tuple[Any, ...]]]


class Call:
    """A call that must end. Its work runs in a thread of its own, so that even name resolution cannot overstay."""

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._over = False
        self._brake: socket.socket | None = None

    def remaining(self) -> float:
        """Return the seconds left. Raises TimeoutError when there are none."""
        seconds = self._ends - time.monotonic()
        if self._over or seconds <= 0:
            raise TimeoutError
        return seconds

    def within(self, work: Callable[[], T]) -> T:
        """Return what `work` returns. At the deadline its socket is shut under it and TimeoutError is raised here."""
        worker = ThreadPoolExecutor(1, thread_name_prefix="outbound")
        outcome = worker.submit(contextvars.copy_context().run, work)
        worker.shutdown(wait=False)
        try:
            return outcome.result(timeout=self.remaining())
        finally:
            self._end()

    def dial(self, addresses: Resolved, *, seconds: float) -> socket.socket:
        """Connect to the first of the addresses that answers within `seconds`. Raises OSError when none does."""
        failure: OSError = OSError("no address")
        for family, kind, protocol, _, address in addresses:
            connection = socket.socket(family, kind, protocol)
            try:
                # On a kept connection, head and body of a request go off at once instead of waiting for each other.
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.settimeout(min(seconds, self.remaining()))
                connection.connect(address)
                self._watch(connection)
            except OSError as error:
                connection.close()
                failure = error
            else:
                return connection
        raise failure

    def _watch(self, connection: socket.socket) -> None:
        with self._lock:
            self.remaining()
            # A duplicate stays usable when the TLS layer takes the original over, and shuts the same connection.
            self._brake = connection.dup()

    def take(self, brake: socket.socket) -> None:
        """Watch over a connection that another call has let go. Raises TimeoutError when this call is over."""
        with self._lock:
            self.remaining()
            self._brake = brake

    def let_go(self) -> socket.socket:
        """Leave the connection open at the end, and return its brake. Raises TimeoutError when it was shut already."""
        with self._lock:
            self.remaining()
            brake, self._brake = self._brake, None
            assert brake is not None  # noqa: S101 - let go by the one that uses the connection
            return brake

    def _end(self) -> None:
        with self._lock:
            self._over = True
            if self._brake is not None:
                with suppress(OSError):
                    self._brake.shutdown(socket.SHUT_RDWR)
                self._brake.close()


class _Pinned:
    """Replaces the step of urllib3's connections that would resolve the name a second time."""

    dialled: Callable[[], socket.socket]

    def _new_conn(self) -> socket.socket:
        return self.dialled()


class PinnedHTTP(_Pinned, HTTPConnection):
    """A plain connection, for the excepted peers of demo and tests."""


class PinnedHTTPS(_Pinned, HTTPSConnection):
    """A TLS connection: certificate and SNI follow the name, the socket follows the pinned address."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """The web proxy of the deployment, and the credentials that its address held."""

    peer: Peer
    credentials: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """What is sent with CONNECT."""
        return dict(make_headers(proxy_basic_auth=self.credentials)) if self.credentials else {}


def parse_proxy(address: str) -> Proxy:
    """Read the platform's web proxy: http(s)://[user:password@]host:port. Raises Misconfigured."""
    try:
        parts = urlsplit(address)
        scheme, host, port = parts.scheme, parse_host(parts.hostname or ""), parts.port
    except ValueError as error:
        raise Misconfigured("The web proxy's address cannot be read. Enter http://host:port.") from error
    if scheme not in ("http", "https") or port is None:
        raise Misconfigured("The web proxy's address is not complete. Enter http://host:port.")
    credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else ""
    return Proxy(Peer(scheme, host, port), credentials)


def connection_to(
    peer: Peer, proxy: Proxy | None, *, ca_bundle: str, seconds: float, dialled: Callable[[], socket.socket]
) -> HTTPConnection:
    """Return a connection, not yet open, that asks `peer` through `dialled`'s socket and, if given, the proxy there."""
    if peer.scheme == "http":
        connection: PinnedHTTP | PinnedHTTPS = PinnedHTTP(peer.host, peer.port, timeout=seconds)
    else:
        near, trusted = proxy.peer if proxy else peer, trusted_roots(ca_bundle)
        connection = PinnedHTTPS(near.host, near.port, timeout=seconds, ssl_context=trusted)
        if proxy:
            connection.proxy_config = ProxyConfig(trusted, False, None, None)
            connection.set_tunnel(peer.host, peer.port, proxy.headers, proxy.peer.scheme)
    connection.dialled = dialled
    return connection


@lru_cache(maxsize=64)
def trusted_roots(ca_bundle: str) -> ssl.SSLContext:
    """Return the TLS settings: the system's certificate store and `ca_bundle` (PEM). Raises Misconfigured."""
    context = ssl.create_default_context()
    if ca_bundle.strip():
        try:
            context.load_verify_locations(cadata=ca_bundle)
        except (ssl.SSLError, ValueError) as error:
            raise Misconfigured("The CA certificates of the integration cannot be read. Enter them as PEM.") from error
    return context
