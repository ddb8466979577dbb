"""The one way out over HTTP: address policy, pinned addresses, deadline, size cap, web proxy and certificates.

Every call resolves once, checks every address it was given, connects to those addresses and no other, and keeps the
name for TLS and the Host header (design/security.md section 10). Libraries that bring a requests session of their own
get the same adapter through `Outbound.mount`. No redirect is followed, no connection is reused (but for kept.py), and
no proxy, password or bundle that requests would find in the environment is used.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from io import BytesIO
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse, HTTPResponse
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError

from addin_host.domain.addresses import AddressPolicy, Peer, address_allowed, is_ip_literal, parse_url, proxy_allowed
from addin_host.domain.errors import Misconfigured, Upstream
from addin_host.domain.fields import FIELDS
from addin_host.domain.identity_kinds import metadata_urls
from addin_host.domain.integration import Integration
from addin_host.gateways.http_faults import in_words
from addin_host.gateways.pinned import Call, Proxy, Resolved, connection_to, parse_proxy

CONNECT_SECONDS = 3.0
DEADLINE_SECONDS = 5.0
MAX_BYTES = 256 * 1024
FRAMING = frozenset({"content-encoding", "content-length", "transfer-encoding"})  # true of the wire, not of the body
REDIRECTS = frozenset({301, 302, 303, 307, 308})
INSIDE = 'If it stands in your own network, turn on "Internal Exchange".'
REPEATABLE = frozenset({"GET", "HEAD"})

S = TypeVar("S", bound=requests.Session)
Resolver = Callable[..., Resolved]


@dataclass(frozen=True, slots=True)
class Route:
    """How one integration reaches the outside.

    `proxy` is the web proxy's address, blank for a direct connection; `ca_bundle` is PEM text trusted besides the
    system store; `hosts` are the only hosts that may be asked for through a proxy, since the proxy resolves them.
    """

    policy: AddressPolicy
    proxy: str = ""
    ca_bundle: str = ""
    hosts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, read in full and decoded. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON. Raises Upstream when it is something else."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise Upstream("The other server's answer is not the expected JSON document.", retryable=False) from error


@dataclass(frozen=True, slots=True)
class Handshake:
    """What a server showed when a TLS connection was made: the protocol, and its certificate's last day."""

    protocol: str
    expires: datetime


class Redirected(Upstream):
    """The other server answered, with a redirect."""


def route_for(integration: Integration, *, web_proxy: str, policy: AddressPolicy) -> Route:
    """Return the route of an integration. `web_proxy` is the platform's; `policy` is what app.py handed out.

    "Internal Exchange" counts as stored even where its section is hidden: AD FS stands inside as well.
    """
    urls = [str(integration[field.name] or "") for field in FIELDS if field.kind == "url"]
    urls += metadata_urls(integration)
    return Route(
        policy=replace(policy, allow_private=bool(integration["internal_exchange"])),
        proxy="" if integration["disable_proxy"] else web_proxy,
        ca_bundle=str(integration["ca_bundle"] or ""),
        hosts=frozenset(filter(None, map(_host_of, urls))),
    )


def _host_of(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


class Outbound:
    """Makes the calls. Safe to share between threads; `resolver` answers like `socket.getaddrinfo`."""

    def __init__(
        self,
        resolver: Resolver = socket.getaddrinfo,
        *,
        connect_seconds: float = CONNECT_SECONDS,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        self.resolver = resolver
        self.connect_seconds = connect_seconds
        self.deadline_seconds = deadline_seconds

    def get(self, url: str, route: Route, *, accept: str = "application/json", max_bytes: int = MAX_BYTES) -> Answer:
        """Fetch one document. 4xx is an answer; 5xx, 429 and every failure below HTTP raise Upstream.

        Raises Misconfigured when the address may not be called.
        """
        peer = parse_url(url, route.policy)
        with self.session(route, max_bytes=max_bytes) as session:
            response = session.get(url, headers={"Accept": accept})
        if response.status_code >= 500 or response.status_code == 429:
            raise busy(response, peer.host)
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, headers, response.content)

    def handshake(self, url: str, route: Route) -> Handshake:
        """Make a TLS connection to the server of the URL, say nothing, and tell what it showed.

        Raises CertificateFault, Upstream or Misconfigured.
        """
        return PolicyAdapter(self, route, MAX_BYTES).handshake(parse_url(url, route.policy))

    def session(self, route: Route, *, max_bytes: int = MAX_BYTES) -> requests.Session:
        """Return a requests session under the policy. Its calls raise this house's errors, not those of requests."""
        return self.mount(requests.Session(), route, max_bytes=max_bytes)

    def mount(self, session: S, route: Route, *, max_bytes: int = MAX_BYTES, adapter: PolicyAdapter | None = None) -> S:
        """Put somebody else's requests session under the policy, and return it."""
        adapter = adapter or PolicyAdapter(self, route, max_bytes)
        session.trust_env = False
        session.headers["User-Agent"] = "addin-host"
        session.adapters.clear()
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        return session


def busy(response: requests.Response, host: str) -> Upstream:
    """Return the error for an answer that asks to come later, with the wait it names (at most an hour)."""
    wait = response.headers.get("Retry-After", "")
    seconds = min(int(wait), 3600) if wait.isascii() and wait.isdigit() and len(wait) < 6 else None
    return Upstream(f"{host} cannot answer at the moment. Try again later.", retry_after=seconds)


class PolicyAdapter(HTTPAdapter):
    """What a requests session sends through. Arguments that would loosen TLS, time or proxy are ignored."""

    def __init__(self, outbound: Outbound, route: Route, max_bytes: int) -> None:
        super().__init__()
        self._outbound, self._route, self._max_bytes = outbound, route, max_bytes

    def seconds(self) -> float:
        """Return how long the next call may take."""
        return self._outbound.deadline_seconds

    def handshake(self, peer: Peer) -> Handshake:
        """Connect and say nothing. Raises Upstream or Misconfigured."""
        call = Call(self._outbound.deadline_seconds)
        with self._translating(peer):
            return call.within(lambda: self._shake(call, peer))

    def _shake(self, call: Call, peer: Peer) -> Handshake:
        proxy = self._proxy_for(peer)
        addresses = self._resolve(proxy.peer if proxy else peer, through_proxy=proxy is not None)
        connection = self._connection(call, peer, proxy, addresses)
        try:
            connection.connect()
            secured: Any = connection.sock  # a TLS socket: what is called without TLS has no certificate
            ends = ssl.cert_time_to_seconds(str((secured.getpeercert() or {})["notAfter"]))
            return Handshake(secured.version() or "", datetime.fromtimestamp(ends, UTC))
        finally:
            connection.close()

    def send(self, request: requests.PreparedRequest, *_args: Any, **_loosening: Any) -> requests.Response:
        """Make the call and return its answer, read in full. Raises Upstream or Misconfigured."""
        peer, call = parse_url(request.url or "", self._route.policy), Call(self.seconds())
        with self._translating(peer):
            answer = call.within(lambda: self._exchange(call, request, peer))
        if answer.status in REDIRECTS:
            raise Redirected(f"{peer.host} answered with a redirect, which is not followed.", retryable=False)
        return self.build_response(request, answer)

    @contextmanager
    def _translating(self, peer: Peer) -> Iterator[None]:
        try:
            yield
        except (OSError, http.client.HTTPException, HTTPError) as error:
            through = " (through the web proxy)" if self._route.proxy else ""
            raise in_words(error, peer.host + through) from error

    def _exchange(self, call: Call, request: requests.PreparedRequest, peer: Peer) -> HTTPResponse:
        proxy = self._proxy_for(peer)
        addresses = self._resolve(proxy.peer if proxy else peer, through_proxy=proxy is not None)
        try:
            return self._attempt(call, request, peer, proxy, addresses)
        except ConnectionError:
            if request.method not in REPEATABLE:
                raise
            return self._attempt(call, request, peer, proxy, addresses)

    def _proxy_for(self, peer: Peer) -> Proxy | None:
        if not self._route.proxy or peer.scheme == "http":
            return None
        if is_ip_literal(peer.host) or peer.host not in self._route.hosts:
            raise Misconfigured("Through the web proxy only the host names entered in the integration can be called.")
        return parse_proxy(self._route.proxy)

    def _resolve(self, peer: Peer, *, through_proxy: bool) -> Resolved:
        found = self._outbound.resolver(peer.host, peer.port, 0, socket.SOCK_STREAM)
        for *_, address in found:
            ip = str(address[0])
            if not (proxy_allowed(ip) if through_proxy else address_allowed(ip, self._route.policy, peer)):
                raise Misconfigured(f"{peer.host} is at an address that may not be called. {INSIDE}")
        return found

    def _attempt(
        self, call: Call, request: requests.PreparedRequest, peer: Peer, proxy: Proxy | None, addresses: Resolved
    ) -> HTTPResponse:
        connection = self._connection(call, peer, proxy, addresses)
        headers = {**request.headers, "Connection": "close"}
        try:
            connection.connect()
            connection.request(
                str(request.method), request.path_url, request.body, headers, preload_content=False, decode_content=True
            )
            return self._read(connection.getresponse(), peer.host)
        finally:
            connection.close()

    def _connection(self, call: Call, peer: Peer, proxy: Proxy | None, addresses: Resolved) -> HTTPConnection:
        return connection_to(
            peer,
            proxy,
            ca_bundle=self._route.ca_bundle,
            seconds=call.remaining(),
            dialled=lambda: call.dial(addresses, seconds=self._outbound.connect_seconds),
        )

    def _read(self, answer: BaseHTTPResponse, host: str) -> HTTPResponse:
        """Return the answer with its decoded body in memory. The cap counts decoded bytes, so a small bomb is large."""
        body = bytearray()
        while chunk := answer.read(min(65536, self._max_bytes + 1 - len(body)), decode_content=True):
            body += chunk
            if len(body) > self._max_bytes:
                raise Upstream(f"The answer of {host} is too large.", retryable=False)
        headers = {name: value for name, value in answer.headers.items() if name.lower() not in FRAMING}
        return HTTPResponse(BytesIO(bytes(body)), headers, answer.status, reason=answer.reason, preload_content=False)
