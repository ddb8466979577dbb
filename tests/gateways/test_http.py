"""The one way out, against real sockets and real TLS on this machine."""
# ruff: noqa: E501, RUF001 - tables of spellings

from __future__ import annotations

import gzip
import inspect
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from addin_host.domain.addresses import AddressPolicy, Peer
from addin_host.domain.errors import HostError, Misconfigured, Upstream
from addin_host.domain.fields import defaults
from addin_host.domain.integration import Integration
from addin_host.gateways.http import DEADLINE_SECONDS, MAX_BYTES, Outbound, Route, route_for
from tests.gateways.peers.certificates import Ca
from tests.gateways.peers.names import Names, watched_connects
from tests.gateways.peers.proxy import ConnectProxy
from tests.gateways.peers.server import LocalServer, Request, answer

CA = Ca()
TLS = CA.server_context("idp.test")
LOCAL = {"idp.test": ("127.0.0.1",)}


def excepting(port: int, host: str = "idp.test", scheme: str = "https") -> AddressPolicy:
    return AddressPolicy(exceptions=frozenset({Peer(scheme, host, port)}))


def route_to(server: LocalServer, *, ca: str = CA.pem) -> Route:
    return Route(excepting(server.port), ca_bundle=ca)


def hello(request: Request, connection: socket.socket) -> None:
    answer(connection, b'{"hello": "world"}', headers=("X-Kind: greeting",))


def fetch(
    server: LocalServer, *, ca: str = CA.pem, seconds: float = DEADLINE_SECONDS, resolver: Names | None = None
) -> object:
    outbound = Outbound(resolver or Names(LOCAL), deadline_seconds=seconds)
    return outbound.get(f"https://idp.test:{server.port}/x?y=z", route_to(server, ca=ca))


def test_a_document_is_fetched_from_the_pinned_address_under_its_own_name() -> None:
    names = Names(LOCAL)
    with LocalServer(hello, TLS) as server, watched_connects() as connects:
        got = Outbound(names).get(f"https://idp.test:{server.port}/x?y=z", route_to(server))
    assert (got.status, got.json(), got.headers["x-kind"]) == (200, {"hello": "world"}, "greeting")
    assert server.requests[0].target == "/x?y=z"
    assert server.requests[0].headers["host"] == f"idp.test:{server.port}"
    assert names.asked == ["idp.test"]
    assert connects == [("127.0.0.1", server.port)]


def test_sessions_of_others_keep_the_policy_whatever_they_ask() -> None:
    with LocalServer(hello, TLS) as server:
        session = Outbound(Names(LOCAL)).session(route_to(server, ca=""))
        with pytest.raises(Upstream, match="not trusted"):
            session.post(f"https://idp.test:{server.port}/", data={"a": "b"}, verify=False, timeout=60)
    assert server.requests == []


def test_a_session_ignores_what_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine idp.test login ada password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    with LocalServer(hello, TLS) as server:
        session = Outbound(Names(LOCAL)).session(route_to(server))
        assert session.post(f"https://idp.test:{server.port}/t", data={"a": "b"}).json() == {"hello": "world"}
    assert server.requests[0].form == {"a": "b"}
    assert "authorization" not in server.requests[0].headers


def test_a_certificate_may_name_an_address() -> None:
    with LocalServer(hello, CA.server_context("127.0.0.1")) as server:
        route = Route(excepting(server.port, "127.0.0.1"), ca_bundle=CA.pem)
        assert Outbound().get(f"https://127.0.0.1:{server.port}/", route).status == 200


def test_plain_http_reaches_an_exact_exception() -> None:
    with LocalServer(hello) as server:
        route = Route(excepting(server.port, "127.0.0.1", "http"))
        assert Outbound().get(f"http://127.0.0.1:{server.port}/", route).status == 200


# Faults of the other side ---------------------------------------------------------------------------------------------


# Drips last 50 seconds and more, silence for ever; a machine that has much to do may be late, but not by that much.
MUCH_LESS_THAN_A_DRIP = 20


def drip(connection: socket.socket, data: bytes) -> None:
    for byte in data:
        connection.sendall(bytes([byte]))
        time.sleep(0.05)


def drip_head(request: Request, connection: socket.socket) -> None:
    drip(connection, b"HTTP/1.1 200 OK\r\n" + b"X-Slow: yes\r\n" * 100)


def drip_body(request: Request, connection: socket.socket) -> None:
    answer(connection, length=1000)
    drip(connection, b"x" * 1000)


def drip_continues(request: Request, connection: socket.socket) -> None:
    for _ in range(1000):
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.05)


def silent(request: Request, connection: socket.socket) -> None:
    connection.recv(1)


def huge(request: Request, connection: socket.socket) -> None:
    answer(connection, length=10**12)
    while True:
        connection.sendall(b"x" * 65536)


def bomb(request: Request, connection: socket.socket) -> None:
    answer(connection, gzip.compress(b"0" * 200_000_000, 1), headers=("Content-Encoding: gzip",))


def broken_gzip(request: Request, connection: socket.socket) -> None:
    answer(connection, b"not gzip at all", headers=("Content-Encoding: gzip",))


def redirect(request: Request, connection: socket.socket) -> None:
    answer(connection, status=302, headers=("Location: https://169.254.169.254/latest/meta-data/",))


def truncated(request: Request, connection: socket.socket) -> None:
    answer(connection, b"{", length=500)


def reset(request: Request, connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")


def reset_in_body(request: Request, connection: socket.socket) -> None:
    answer(connection, b"x" * 100, length=5000)
    reset(request, connection)


def gibberish(request: Request, connection: socket.socket) -> None:
    connection.sendall(b"SSH-2.0-OpenSSH_9\r\n\r\n")


def many_headers(request: Request, connection: socket.socket) -> None:
    answer(connection, headers=tuple(f"X-{number}: y" for number in range(500)))


def bad_chunks(request: Request, connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nxx")


def unavailable(request: Request, connection: socket.socket) -> None:
    answer(connection, status=503, headers=("Retry-After: 120",))


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (huge, "too large"),
        (bomb, "too large"),
        (broken_gzip, "cut short or is not HTTP"),
        (redirect, "redirect"),
        (truncated, "cut short"),
        (reset, "could not be reached"),
        (reset_in_body, "cut short|could not be reached"),
        (gibberish, "not HTTP"),
        (many_headers, "not HTTP"),
        (bad_chunks, "cut short"),
        (unavailable, "at the moment"),
    ],
)
def test_faults_are_upstream_errors_within_the_deadline(fault: Callable[..., None], words: str) -> None:
    began = time.monotonic()
    with LocalServer(fault, TLS) as server, pytest.raises(Upstream, match=words) as caught:
        fetch(server)
    assert time.monotonic() - began < 30, "it would have gone on for ever"
    assert "127.0.0.1" not in caught.value.message


@pytest.mark.parametrize("fault", [drip_head, drip_body, drip_continues, silent])
def test_drips_end_at_the_deadline(fault: Callable[..., None]) -> None:
    began = time.monotonic()
    with LocalServer(fault, TLS) as server, pytest.raises(Upstream, match="in time"):
        fetch(server, seconds=0.7)
    assert 0.6 < time.monotonic() - began < MUCH_LESS_THAN_A_DRIP
    while any(thread.name.startswith("outbound") for thread in threading.enumerate()):
        assert time.monotonic() - began < MUCH_LESS_THAN_A_DRIP, "work goes on"
        time.sleep(0.01)


def test_the_default_deadline_is_five_seconds() -> None:
    began = time.monotonic()
    with LocalServer(drip_body, TLS) as server, pytest.raises(Upstream, match="in time"):
        fetch(server)
    assert 4.5 < time.monotonic() - began < MUCH_LESS_THAN_A_DRIP
    assert inspect.signature(Outbound).parameters["deadline_seconds"].default == 5


def test_a_silent_tls_handshake_ends_at_the_deadline() -> None:
    began = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        route = Route(excepting(listener.getsockname()[1]), ca_bundle=CA.pem)
        with pytest.raises(Upstream, match="in time"):
            Outbound(Names(LOCAL), deadline_seconds=0.7).get(f"https://idp.test:{listener.getsockname()[1]}/", route)
    assert time.monotonic() - began < MUCH_LESS_THAN_A_DRIP


def test_a_hanging_resolver_ends_at_the_deadline_and_connects_nowhere_afterwards() -> None:
    may_answer = threading.Event()

    def slow(*question: object) -> object:
        may_answer.wait(10)
        return Names(LOCAL)(*question)  # type: ignore[arg-type]

    with LocalServer(hello, TLS) as server, watched_connects() as connects:
        with pytest.raises(Upstream, match="in time"):
            Outbound(slow, deadline_seconds=0.3).get(f"https://idp.test:{server.port}/", route_to(server))  # type: ignore[arg-type]
        may_answer.set()
        time.sleep(0.2)
    assert connects == []


def test_retry_after_is_passed_on() -> None:
    with LocalServer(unavailable, TLS) as server, pytest.raises(Upstream) as caught:
        fetch(server)
    assert caught.value.retry_after == 120


def test_the_cap_is_on_decoded_bytes_and_exact() -> None:
    def sized(request: Request, connection: socket.socket) -> None:
        answer(connection, gzip.compress(b"1" * int(request.path[1:])), headers=("Content-Encoding: gzip",))

    with LocalServer(sized, TLS) as server:
        outbound, route = Outbound(Names(LOCAL)), route_to(server)
        assert len(outbound.get(f"https://idp.test:{server.port}/{MAX_BYTES}", route).body) == MAX_BYTES
        with pytest.raises(Upstream, match="too large"):
            outbound.get(f"https://idp.test:{server.port}/{MAX_BYTES + 1}", route)


def test_a_document_that_is_not_json_is_an_upstream_error() -> None:
    with LocalServer(lambda _, connection: answer(connection, b"<html>"), TLS) as server:
        got = fetch(server)
        with pytest.raises(Upstream, match="JSON"):
            got.json()  # type: ignore[attr-defined]


# TLS ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "context",
    [
        CA.server_context("other.test"),
        CA.server_context("idp.test", days=-1),
        Ca("Stranger").server_context("idp.test"),
    ],
    ids=["other name", "expired", "unknown CA"],
)
def test_certificates_that_do_not_hold_are_refused(context: ssl.SSLContext) -> None:
    with LocalServer(hello, context) as server, pytest.raises(Upstream, match="certificate"):
        fetch(server)
    assert server.requests == []


def test_without_the_bundle_the_own_ca_is_not_trusted() -> None:
    with LocalServer(hello, TLS) as server, pytest.raises(Upstream, match="certificate"):
        fetch(server, ca="")


def test_an_unreadable_bundle_is_the_administrators() -> None:
    with LocalServer(hello, TLS) as server, pytest.raises(Misconfigured, match="PEM"):
        fetch(server, ca="-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----")


# Repetition -----------------------------------------------------------------------------------------------------------


def test_a_get_is_repeated_once_after_a_connection_failure_and_a_post_is_not() -> None:
    def reset_first(request: Request, connection: socket.socket) -> None:
        if len(server.requests) == 1:
            reset(request, connection)
        else:
            hello(request, connection)

    with LocalServer(reset_first, TLS) as server:
        assert fetch(server).status == 200  # type: ignore[attr-defined]
    assert len(server.requests) == 2
    with LocalServer(reset_first, TLS) as server, pytest.raises(Upstream, match="could not be reached"):
        Outbound(Names(LOCAL)).session(route_to(server)).post(f"https://idp.test:{server.port}/", data="x")
    assert len(server.requests) == 1


def test_the_next_address_is_tried_when_the_first_refuses() -> None:
    with LocalServer(hello, TLS) as server:
        assert fetch(server, resolver=Names({"idp.test": ("127.0.0.2", "127.0.0.1")})).status == 200  # type: ignore[attr-defined]


# Forbidden addresses --------------------------------------------------------------------------------------------------

FORMS = [
    "https://127.0.0.1/", "https://127.0.0.1:8443/", "https://127.1/", "https://127.0.1/", "https://2130706433/", "https://0x7f000001/",
    "https://0x7f.1/", "https://0177.0.0.1/", "https://017700000001/", "https://127.0.0.01/", "https://0/", "https://0.0.0.0/",
    "https://[::1]/", "https://[::]/", "https://[0:0:0:0:0:0:0:1]/", "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/",
    "https://[::127.0.0.1]/", "https://[::7f00:1]/", "https://[64:ff9b::7f00:1]/", "https://[64:ff9b::a9fe:a9fe]/",
    "https://[64:ff9b:1::7f00:1]/", "https://[2002:7f00:1::]/", "https://[2002:a9fe:a9fe::]/", "https://[2001:0:7f00:1::]/",
    "https://[fe80::1]/", "https://[fe80::1%25lo]/", "https://[fec0::1]/", "https://[fc00::1]/", "https://[fd00:ec2::254]/",
    "https://[ff02::1]/", "https://169.254.169.254/latest/meta-data/", "https://169.254.169.254:8443/", "https://2852039166/",
    "https://0xa9fea9fe/", "https://100.100.100.200/", "https://168.63.129.16/", "https://10.0.0.1/", "https://172.16.0.1/",
    "https://192.168.0.1/", "https://100.64.0.1/", "https://192.0.0.192/", "https://198.18.0.1/", "https://224.0.0.1/",
    "https://255.255.255.255/", "https://①②⑦.⓪.⓪.①/", "https://127。0。0。1/", "https://１２７.0.0.1/", "https://%31%32%37.0.0.1/",
    "http://127.0.0.1/", "http://idp.test/", "http://169.254.169.254/", "https://idp.test:22/", "https://idp.test:6379/",
    "https://user@127.0.0.1/", "https://allowed.example@127.0.0.1/", "https://127.0.0.1\\@allowed.example/",
    "https://allowed.example\\@127.0.0.1/", "https://127.0.0.1#@allowed.example/", "https://localhost/", "https://LOCALHOST/", "https://localhost./",
    "https://localhost.localdomain/", "https://idp.test/", "https://metadata.google.internal/", "https://127.0.0.1.nip.example/",
    "https://a.b.c.rebind.example/", "https://xn--e1afmkfd.example/", "https://database/", "file:///etc/passwd", "//127.0.0.1/",
    "https:127.0.0.1", "https:///127.0.0.1/", "https://127.0.0.1:443:443/", "https://[::1]:443/", "ftp://127.0.0.1/",
]  # fmt: skip
RESOLVERS = {
    "static": ("127.0.0.1",),
    "rebinding": ("8.8.8.8", "127.0.0.1", "169.254.169.254"),
    "mapped": ("::ffff:127.0.0.1", "::ffff:169.254.169.254"),
}


@pytest.mark.parametrize("resolver", RESOLVERS)
@pytest.mark.parametrize("url", FORMS)
def test_no_form_of_url_and_no_resolver_leads_to_a_forbidden_connection(url: str, resolver: str) -> None:
    outbound, route = Outbound(Names({}, otherwise=RESOLVERS[resolver])), Route(AddressPolicy())
    with watched_connects() as connects:
        with pytest.raises(Misconfigured):
            outbound.get(url, route)
        with pytest.raises((HostError, requests.RequestException)):
            outbound.session(route).get(url)
    assert connects == []


def test_the_matrix_is_as_large_as_promised() -> None:
    assert len(set(FORMS)) >= 60
    assert len(RESOLVERS) == 3


def test_the_name_is_resolved_once_even_when_its_answer_changes_for_the_repetition() -> None:
    names = Names(LOCAL)

    def rebinding(host: str, port: int, *rest: object) -> object:
        found = names(host, port, *rest)
        names.table = {"idp.test": ("169.254.169.254",)}
        return found

    with LocalServer(reset, TLS) as server, watched_connects() as connects, pytest.raises(Upstream):
        Outbound(rebinding).get(f"https://idp.test:{server.port}/", route_to(server))  # type: ignore[arg-type]
    assert names.asked == ["idp.test"]
    assert connects == [("127.0.0.1", server.port)] * 2


def test_an_exception_does_not_open_the_same_host_on_another_port() -> None:
    with LocalServer(hello, TLS) as server, watched_connects() as connects:
        with pytest.raises(Misconfigured):
            Outbound(Names(LOCAL)).get("https://idp.test/", route_to(server))
        with pytest.raises(Misconfigured):
            Outbound(Names({"idp.test": ("10.0.0.1",)})).get(f"https://idp.test:{server.port}/", route_to(server))
    assert connects == []


# The web proxy --------------------------------------------------------------------------------------------------------


def test_through_the_proxy_the_certificate_is_still_the_targets() -> None:
    with LocalServer(hello, TLS) as server, ConnectProxy({}) as proxy, watched_connects() as connects:
        proxy.table = {"idp.test:8443": ("127.0.0.1", server.port)}
        route = Route(AddressPolicy(), f"http://127.0.0.1:{proxy.port}", CA.pem, frozenset({"idp.test"}))
        names = Names({})
        assert Outbound(names).get("https://idp.test:8443/x", route).status == 200
        stranger = Route(AddressPolicy(), f"http://127.0.0.1:{proxy.port}", "", frozenset({"idp.test"}))
        with pytest.raises(Upstream, match="certificate"):
            Outbound(names).get("https://idp.test:8443/x", stranger)
    assert proxy.requests[0].target == "idp.test:8443"
    assert names.asked == ["127.0.0.1"] * 2
    assert connects[0] == ("127.0.0.1", proxy.port)


def test_the_proxy_may_be_reached_over_tls_and_ask_for_a_password() -> None:
    with LocalServer(hello, TLS) as server, ConnectProxy({}, "Basic YWRhOnNlY3JldA==") as proxy:
        proxy.tls = CA.server_context("proxy.test")
        proxy.table = {"idp.test:443": ("127.0.0.1", server.port)}
        names = Names({"proxy.test": ("127.0.0.1",)})
        for credentials, expected in (("ada:secret@", 200), ("ada:wrong@", None)):
            address = f"https://{credentials}proxy.test:{proxy.port}"
            route = Route(AddressPolicy(), address, CA.pem, frozenset({"idp.test"}))
            if expected:
                assert Outbound(names).get("https://idp.test/", route).status == expected
            else:
                with pytest.raises(Upstream, match="web proxy"):
                    Outbound(names).get("https://idp.test/", route)


@pytest.mark.parametrize(
    "url", ["https://8.8.8.8/", "https://[2606:4700::1]/", "https://other.example/", "https://10.0.0.1/"]
)
def test_through_the_proxy_only_configured_names_are_asked_for(url: str) -> None:
    with ConnectProxy({}) as proxy, watched_connects() as connects:
        route = Route(AddressPolicy(), f"http://127.0.0.1:{proxy.port}", hosts=frozenset({"idp.test", "8.8.8.8"}))
        with pytest.raises(Misconfigured):
            Outbound(Names({})).get(url, route)
    assert connects == []


@pytest.mark.parametrize(
    "address",
    [
        "http://169.254.169.254:80",
        "http://[fe80::1]:3128",
        "http://meta.test:80",
        "socks5://p.test:1",
        "http://p.test",
        "nonsense",
    ],
)
def test_proxies_that_cannot_be_are_refused(address: str) -> None:
    names = Names({"meta.test": ("169.254.169.254",), "p.test": ("127.0.0.1",)})
    with watched_connects() as connects, pytest.raises(Misconfigured):
        Outbound(names).get("https://idp.test/", Route(AddressPolicy(), address, hosts=frozenset({"idp.test"})))
    assert connects == []


def test_a_proxy_that_drips_ends_at_the_deadline() -> None:
    began = time.monotonic()
    with LocalServer(drip_head) as proxy, pytest.raises(Upstream, match="in time"):
        route = Route(AddressPolicy(), f"http://127.0.0.1:{proxy.port}", hosts=frozenset({"idp.test"}))
        Outbound(deadline_seconds=0.5).get("https://idp.test/", route)
    assert time.monotonic() - began < MUCH_LESS_THAN_A_DRIP


# Routes ---------------------------------------------------------------------------------------------------------------


def integration(**values: object) -> Integration:
    return Integration(1, 1, {**defaults(), **values}, "https://addin.example")


def test_the_route_follows_the_integration() -> None:
    values = {
        "personal_vmr_oauth_auth_endpoint": "https://Login.Example/t/oauth2/v2.0/authorize",
        "personal_vmr_oauth_token_endpoint": "https://login.example/t/oauth2/v2.0/token",
        "ca_bundle": CA.pem,
    }
    route = route_for(integration(**values), web_proxy="http://proxy.example:3128", policy=AddressPolicy())
    assert not route.policy.allow_private
    assert route.proxy == "http://proxy.example:3128"
    assert route.ca_bundle == CA.pem
    assert "login.example" in route.hosts
    assert "" not in route.hosts


def test_internal_exchange_counts_even_for_personal_vmrs_alone() -> None:
    stored = integration(enable_dynamic_vmrs=False, internal_exchange=True, disable_proxy=True)
    route = route_for(stored, web_proxy="http://proxy.example:3128", policy=AddressPolicy())
    assert route.policy.allow_private
    assert route.proxy == ""


def test_an_answer_reads_as_json() -> None:
    with LocalServer(lambda _, connection: answer(connection, json.dumps([1]).encode()), TLS) as server:
        assert fetch(server).json() == [1]  # type: ignore[attr-defined]
