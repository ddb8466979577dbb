"""One connection kept between calls: when it is used again, and when it is not."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
import requests

from addin_host.domain.addresses import AddressPolicy, Peer
from addin_host.domain.errors import Misconfigured, Upstream
from addin_host.gateways import kept
from addin_host.gateways.http import Outbound, Route
from addin_host.gateways.kept import Budget, KeptAdapter
from tests.gateways.peers.certificates import Ca
from tests.gateways.peers.names import Names
from tests.gateways.peers.proxy import ConnectProxy
from tests.gateways.peers.server import LocalServer, Request, answer, read_request

CA = Ca()
TLS = CA.server_context("mail.test")
NAMES = Names({"mail.test": ("127.0.0.1",)})


class Talkative(LocalServer):
    """Keeps its connections until `behave` raises ConnectionError or OSError."""

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError, ValueError):
            connection.settimeout(20)
            if self.tls is not None:
                connection = self.tls.wrap_socket(connection, server_side=True)
            while True:
                request = read_request(connection)
                self.requests.append(request)
                self.behave(request, connection)
        connection.close()


def hello(request: Request, connection: socket.socket) -> None:
    answer(connection, request.body or b"hello")


@pytest.fixture
def server() -> Iterator[Talkative]:
    with Talkative(hello, TLS) as server:
        yield server


def session_to(
    *servers: LocalServer, seconds: float = 5.0, budget: Budget | None = None, max_bytes: int = 100_000, **route: object
) -> requests.Session:
    outbound = Outbound(NAMES, deadline_seconds=seconds)
    policy = AddressPolicy(exceptions=frozenset(Peer("https", "mail.test", server.port) for server in servers))
    way = Route(policy, ca_bundle=CA.pem, **route)  # type: ignore[arg-type]
    adapter = KeptAdapter(outbound, way, max_bytes, budget or Budget(seconds))
    return outbound.mount(requests.Session(), way, adapter=adapter)


def url(server: LocalServer) -> str:
    return f"https://mail.test:{server.port}/x"


def test_calls_share_a_connection_and_its_certificate_is_known(server: Talkative) -> None:
    with session_to(server) as session:
        assert [session.post(url(server), data=f"{number}").text for number in range(4)] == ["0", "1", "2", "3"]
        adapter = session.get_adapter(url(server))
        assert isinstance(adapter, KeptAdapter)
        assert (adapter.certificate or b"")[:1] == b"\x30"
    assert server.connections == 1


@pytest.mark.parametrize(
    "last_words",
    [
        pytest.param(lambda connection: answer(connection, b"x", headers=("Connection: close",)), id="announced"),
        pytest.param(lambda connection: (answer(connection, b"x"), connection.close()), id="not announced"),
    ],
)
def test_a_connection_that_the_server_closed_is_not_used_again(
    server: Talkative, last_words: Callable[[socket.socket], object]
) -> None:
    server.behave = lambda _request, connection: (last_words(connection), connection.close())  # type: ignore[assignment, func-returns-value]
    with session_to(server) as session:
        session.get(url(server))
        time.sleep(0.05)  # the server's goodbye is on its way
        server.behave = hello
        assert session.post(url(server), data="again").text == "again"
    assert server.connections == 2


def test_an_idle_connection_is_not_trusted(server: Talkative, monkeypatch: pytest.MonkeyPatch) -> None:
    with session_to(server) as session:
        session.get(url(server))
        monkeypatch.setattr(kept, "IDLE_SECONDS", 0.0)
        session.get(url(server))
    assert server.connections == 2


def test_a_call_that_fails_on_a_kept_connection_is_not_repeated(server: Talkative) -> None:
    with session_to(server) as session:
        session.get(url(server))
        server.behave = lambda _request, connection: connection.close()
        with pytest.raises(Upstream):
            session.post(url(server), data="send this once")
        assert [request.body for request in server.requests] == [b"", b"send this once"]
        server.behave = hello
        assert session.get(url(server)).text == "hello"


def test_the_deadline_holds_on_a_kept_connection(server: Talkative) -> None:
    with session_to(server, seconds=0.4, budget=Budget(60)) as session:
        session.get(url(server))
        server.behave = lambda _request, connection: connection.recv(1)  # type: ignore[assignment, return-value]
        began = time.monotonic()
        with pytest.raises(Upstream, match="did not answer in time"):
            session.get(url(server))
        assert time.monotonic() - began < 2


def test_several_calls_share_a_budget(server: Talkative) -> None:
    budget = Budget(0.3)
    with session_to(server, budget=budget) as session:
        session.get(url(server))
        time.sleep(0.35)
        with pytest.raises(Upstream, match="did not answer in time"):
            session.get(url(server))
        budget.renew()
        assert session.get(url(server)).text == "hello"


def test_another_server_gets_a_connection_of_its_own(server: Talkative) -> None:
    with Talkative(hello, TLS) as other, session_to(server, other) as session:
        for peer in (server, other, server):
            session.get(url(peer))
        assert (server.connections, other.connections) == (2, 1)


def test_an_answer_that_is_too_large_ends_the_connection(server: Talkative) -> None:
    with session_to(server, max_bytes=10) as session:
        with pytest.raises(Upstream, match="too large"):
            session.post(url(server), data="x" * 11)
        session.post(url(server), data="x" * 10)
    assert server.connections == 2


def test_the_policy_holds(server: Talkative) -> None:
    with session_to(server) as session, pytest.raises(Misconfigured):
        session.get(f"https://mail.test:{server.port + 1}/")
    with session_to() as session, pytest.raises(Misconfigured):
        session.get(url(server))


def test_a_connection_through_the_web_proxy_is_kept(server: Talkative) -> None:
    with ConnectProxy({f"mail.test:{server.port}": ("127.0.0.1", server.port)}) as proxy:
        way = {"proxy": f"http://127.0.0.1:{proxy.port}", "hosts": frozenset({"mail.test"})}
        with session_to(server, **way) as session:
            for _ in range(3):
                assert session.get(url(server)).text == "hello"
    assert server.connections == 1


def test_closing_ends_the_connection(server: Talkative) -> None:
    session = session_to(server)
    session.get(url(server))
    session.close()
    session.get(url(server))
    session.close()
    assert server.connections == 2
