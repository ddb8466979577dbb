"""Where the keys of identity tokens come from, and what happens when they roll over or are away (X8, X9, N5)."""
# ruff: noqa: E501 - tables of documents

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import resource
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from addin_host.domain.errors import HostError, Misconfigured, Upstream
from tests.gateways.peers.certificates import signing_certificate
from tests.gateways.peers.exchange import MAIL, PATH, ExchangePeer, entry, signed
from tests.gateways.peers.names import watched_connects
from tests.gateways.peers.provider import FOREIGN, HOST, NEXT, OWN, ProviderPeer, SigningPair, b64
from tests.gateways.peers.proxy import ConnectProxy
from tests.gateways.peers.server import answer
from tests.gateways.token_bench import Bench, bench_at, servers


@pytest.fixture(scope="module")
def peers() -> Iterator[tuple[ExchangePeer, ProviderPeer]]:
    with servers() as running:
        yield running


@pytest.fixture
def bench(peers: tuple[ExchangePeer, ProviderPeer]) -> Bench:
    return bench_at(*peers)


def by(bench: Bench, pair: SigningPair, kind: str = "EXCHANGE", **header: Any) -> str:
    return pair.token({"typ": "JWT", "alg": "RS256", "kid": pair.kid, "x5t": pair.x5t, **header}, bench.claims(kind))


def asked(bench: Bench, kind: str) -> int:
    return len(bench.exchange.requests) if kind == "EXCHANGE" else bench.entra.count("keys")


def roll(bench: Bench, *pairs: SigningPair) -> None:
    bench.exchange.entries, bench.entra.published = [entry(pair) for pair in pairs], [pair.jwk for pair in pairs]


KINDS = pytest.mark.parametrize("kind", ["EXCHANGE", "NAA", "SSO"])


# Rollover -------------------------------------------------------------------------------------------------------------


@KINDS
def test_a_new_key_costs_one_fetch(bench: Bench, kind: str) -> None:
    bench.person(by(bench, OWN, kind))
    roll(bench, OWN, NEXT)
    for _time in range(3):
        bench.person(by(bench, NEXT, kind))
        bench.person(by(bench, OWN, kind))
    assert asked(bench, kind) == 2


@KINDS
def test_a_thousand_unknown_keys_cost_a_fetch_a_minute(bench: Bench, kind: str) -> None:
    claims, signature = b64(bench.claims(kind)), by(bench, OWN, kind).split(".")[2]
    for number in range(1000):
        name = secrets.token_urlsafe(20)
        bench.refused(f"{b64({'typ': 'JWT', 'alg': 'RS256', 'kid': name, 'x5t': name})}.{claims}.{signature}")
        if number == 499:
            assert asked(bench, kind) == 1
            bench.forward(seconds=61)
    assert asked(bench, kind) == 2
    bench.person(by(bench, OWN, kind))
    assert asked(bench, kind) == 2


@KINDS
def test_a_key_that_rolls_over_in_the_pause_is_found_after_it(bench: Bench, kind: str) -> None:
    bench.person(by(bench, OWN, kind))
    bench.refused(by(bench, FOREIGN, kind))
    roll(bench, NEXT)
    bench.refused(by(bench, NEXT, kind))
    bench.forward(seconds=61)
    bench.person(by(bench, NEXT, kind))
    assert asked(bench, kind) == 3


@KINDS
def test_a_key_that_is_no_longer_published_ends_within_the_hour(bench: Bench, kind: str) -> None:
    bench.person(by(bench, OWN, kind))
    roll(bench, NEXT)
    bench.forward(seconds=59 * 60)
    bench.person(by(bench, OWN, kind))
    bench.forward(seconds=61)
    bench.refused(by(bench, OWN, kind))


# What was proven is remembered ----------------------------------------------------------------------------------------


def withdraw(bench: Bench, kind: str = "EXCHANGE") -> None:
    """Publish another key, and let the gateway notice."""
    roll(bench, NEXT)
    bench.refused(by(bench, FOREIGN, kind))


@KINDS
def test_a_proven_token_is_remembered_for_a_minute(bench: Bench, kind: str) -> None:
    token = by(bench, OWN, kind)
    first = bench.person(token)
    withdraw(bench, kind)
    bench.forward(seconds=58)
    assert bench.person(token) == first
    bench.refused(by(bench, OWN, kind) if by(bench, OWN, kind) != token else signed(bench.claims(kind, sub="other")))
    bench.forward(seconds=3)
    bench.refused(token)


def test_a_proven_token_is_remembered_no_longer_than_it_is_valid(bench: Bench) -> None:
    token = bench.token("EXCHANGE", exp=str(int(time.time()) + 10))
    bench.person(token)
    withdraw(bench)
    bench.forward(seconds=11)
    bench.refused(token)


@pytest.mark.parametrize("change", [{"domains": ["other.test"]}, {"accepted_identity_kinds": ["NAA_TOKEN"], "addin_authentication_method": "SSO_TOKEN"}, {"addin_server_domain": "addin.example"}])  # fmt: skip
def test_nothing_is_remembered_beyond_a_save(bench: Bench, change: dict[str, Any]) -> None:
    token = by(bench, OWN)
    bench.person(token)
    withdraw(bench)
    bench.person(token)
    bench.saved(**change).refused(token)


# Away -----------------------------------------------------------------------------------------------------------------


def fails(connection: socket.socket) -> None:
    answer(connection, b"out of order", status=503)


def stop(bench: Bench) -> None:
    bench.exchange.behaviour, bench.entra.down = fails, {"/": 503}


@pytest.fixture(autouse=True)
def started(peers: tuple[ExchangePeer, ProviderPeer]) -> Iterator[None]:
    yield
    peers[1].down = {}


@KINDS
def test_keys_are_good_for_a_day_while_their_publisher_is_away(bench: Bench, kind: str) -> None:
    bench.person(by(bench, OWN, kind))
    stop(bench)
    values = {"exp": int(time.time()) + 23 * 3600}
    token = OWN.token({"typ": "JWT", "alg": "RS256", "kid": OWN.kid, "x5t": OWN.x5t}, bench.claims(kind, **values))
    bench.forward(hours=22, minutes=50)
    assert bench.person(token).path == kind
    bench.forward(hours=1, minutes=10, seconds=30)
    with pytest.raises(Upstream):
        bench.person(token)


@KINDS
def test_without_keys_the_answer_is_try_again(bench: Bench, kind: str) -> None:
    stop(bench)
    with pytest.raises(Upstream):
        bench.person(by(bench, OWN, kind))
    for _time in range(5):  # a failure is remembered shortly
        with pytest.raises(Upstream):
            bench.person(by(bench, OWN, kind))
    assert len(bench.exchange.requests if kind == "EXCHANGE" else bench.entra.requests) == 1
    bench.exchange.behaviour, bench.entra.down = None, {}
    bench.forward(seconds=11)
    assert bench.person(by(bench, OWN, kind)).path == kind


BOMB = gzip.compress(b"[" + b" " * 30_000_000 + b"]")


def drip(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
    for _byte in range(200):
        connection.sendall(b" ")
        time.sleep(0.05)


BEHAVIOURS: dict[str, Callable[[socket.socket], None]] = {
    "an error": fails,
    "not there": lambda connection: answer(connection, b"no", status=404),
    "a redirect": lambda connection: answer(connection, status=302, headers=(f"Location: https://{MAIL}{PATH}",)),
    "a redirect elsewhere": lambda connection: answer(
        connection, status=301, headers=("Location: https://evil.test/",)
    ),
    "HTML": lambda connection: answer(connection, b"<html>Sign in</html>"),
    "nothing": answer,
    "a list": lambda connection: answer(connection, b"[]"),
    "no keys": lambda connection: answer(connection, b"{}"),
    "keys that are no list": lambda connection: answer(connection, b'{"keys": {"a": 1}}'),
    "too many keys": lambda connection: answer(connection, json.dumps({"keys": [{}] * 101}).encode()),
    "huge": lambda connection: answer(connection, b'{"x": "' + b"y" * 300_000 + b'"}'),
    "a bomb": lambda connection: answer(connection, BOMB, headers=("Content-Encoding: gzip",)),
    "a nest": lambda connection: answer(connection, b'{"keys": ' + b"[" * 100_000),
    "a shallower nest": lambda connection: answer(connection, b'{"keys": ' + b"[" * 100 + b"]" * 100 + b"}"),
    "names twice": lambda connection: answer(connection, b'{"keys": [], "keys": []}'),
    "cut short": lambda connection: answer(connection, b"{}", length=500),
    "no HTTP": lambda connection: connection.sendall(b"\0" * 100),
    "a hang-up": lambda _connection: None,
    "a drip": drip,
}


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_a_document_that_cannot_be_used_costs_little_and_proves_nobody(peers: Any, behaviour: str) -> None:
    bench = bench_at(*peers, deadline=1.0)
    bench.exchange.behaviour = BEHAVIOURS[behaviour]
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    with watched_connects() as connects, pytest.raises(HostError) as caught:
        bench.person(by(bench, OWN))
    assert isinstance(caught.value, Upstream)
    assert time.monotonic() - began < 20  # the deadline is a second, and the machine may be busy
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20 * 1024
    assert set(connects) <= bench.servers
    assert set(bench.names.asked) == {MAIL}


def test_who_has_a_known_key_does_not_wait_for_a_slow_publisher(peers: Any) -> None:
    bench = bench_at(*peers, deadline=3.0)
    bench.person(by(bench, OWN))
    waiting, go_on = threading.Event(), threading.Event()

    def hold(connection: socket.socket) -> None:
        waiting.set()
        go_on.wait(10)
        answer(connection, b"{}")

    bench.exchange.behaviour = hold
    stranger = threading.Thread(target=bench.refused, args=(by(bench, FOREIGN),))
    stranger.start()
    assert waiting.wait(5)
    try:
        assert bench.person(bench.token("EXCHANGE", nbf=str(int(time.time()) - 5))).path == "EXCHANGE"
        assert not go_on.is_set()
        assert stranger.is_alive()
    finally:
        go_on.set()
        stranger.join(10)


# The document itself --------------------------------------------------------------------------------------------------


def a_weak_pair() -> SigningPair:
    pair = SigningPair("weak", 1024)
    pair.der = signing_certificate(pair.private).public_bytes(Encoding.DER)
    pair.x5t = b64(hashlib.sha1(pair.der).digest())
    return pair


def a_certificate_without_rsa() -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import NameOID

    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    )
    made = builder.not_valid_before(now).not_valid_after(now + timedelta(days=1)).sign(key, hashes.SHA256())
    return base64.b64encode(made.public_bytes(Encoding.DER)).decode()


WEAK = a_weak_pair()
ENTRIES: dict[str, Any] = {
    "x5t of ours, certificate of theirs": [entry(FOREIGN, keyinfo={"x5t": OWN.x5t})],
    "x5t of theirs, certificate of ours": [entry(OWN, keyinfo={"x5t": FOREIGN.x5t})],
    "no keyinfo": [entry(OWN, keyinfo=None)],
    "keyinfo a text": [entry(OWN, keyinfo=OWN.x5t)],
    "no x5t": [entry(OWN, keyinfo={})],
    "no keyvalue": [entry(OWN, keyvalue=None)],
    "for encryption": [entry(OWN, usage="encryption")],
    "for nothing": [entry(OWN, usage=None)],
    "another type": [entry(OWN, keyvalue={"type": "rsa", "value": base64.b64encode(OWN.der).decode()})],
    "not base64": [entry(OWN, keyvalue={"type": "x509Certificate", "value": "!!"})],
    "not a certificate": [entry(OWN, keyvalue={"type": "x509Certificate", "value": base64.b64encode(b"x" * 99).decode()})],
    "a number": [entry(OWN, keyvalue={"type": "x509Certificate", "value": 7})],
    "an elliptic curve": [entry(OWN, keyvalue={"type": "x509Certificate", "value": a_certificate_without_rsa()})],
    "not an object": ["x", 7, None, [entry(OWN)]],
    "nothing": [],
}  # fmt: skip


@pytest.mark.parametrize("document", ENTRIES)
def test_an_entry_that_does_not_fit_itself_is_no_key(bench: Bench, document: str) -> None:
    bench.exchange.entries = ENTRIES[document]
    bench.refused(by(bench, OWN))
    bench.refused(by(bench, FOREIGN))
    bench.refused(by(bench, FOREIGN, x5t=OWN.x5t))


def test_one_bad_entry_does_not_spoil_the_others(bench: Bench) -> None:
    bench.exchange.entries = [*(entries[0] for entries in ENTRIES.values() if entries), entry(OWN)]
    assert bench.person(by(bench, OWN)).path == "EXCHANGE"


@KINDS
def test_a_weak_key_proves_nobody(bench: Bench, kind: str) -> None:
    roll(bench, WEAK)
    assert isinstance(WEAK.private, rsa.RSAPrivateKey)
    bench.refused(by(bench, WEAK, kind))


@pytest.mark.parametrize("kind", ["NAA", "SSO"])
@pytest.mark.parametrize("keys", ["https://evil.example/keys", "https://127.0.0.1/keys", f"https://{HOST}/keys", f"http://{HOST}/keys", "https://169.254.169.254/", f"https://{HOST}.evil.example/keys", f"https://user@{HOST}/keys", "", None, 7])  # fmt: skip
def test_keys_of_another_place_are_not_fetched(bench: Bench, kind: str, keys: object) -> None:
    """N5."""
    bench.entra.bend_discovery = {"jwks_uri": keys}
    with watched_connects() as connects, pytest.raises((Misconfigured, Upstream)):
        bench.person(by(bench, OWN, kind))
    assert connects == [("127.0.0.1", bench.entra.port)]
    assert set(bench.names.asked) == {HOST}


@pytest.mark.parametrize(
    "issuer", ["https://evil.example", f"https://{HOST}/x/v2.0", "https://sts.windows.net/x/", "", None]
)
def test_a_description_of_another_issuer_proves_nobody(bench: Bench, issuer: object) -> None:
    bench.entra.bend_discovery = {"issuer": issuer}
    with pytest.raises((Misconfigured, Upstream), match="OIDC metadata URL"):
        bench.person(by(bench, OWN, "NAA"))


@pytest.mark.parametrize("url", ["", "https://idp.test/", "http://idp.test/t/v2.0/.well-known/openid-configuration", "https://127.1/t/v2.0/.well-known/openid-configuration", "https://idp.test/t/.well-known/openid-configuration", "https://idp.test/t/v2.0/.well-known/openid-configuration/x"])  # fmt: skip
def test_a_setting_that_is_no_metadata_address_is_the_administrators(bench: Bench, url: str) -> None:
    bench.saved(addin_oidc_metadata_url=url)
    with watched_connects() as connects, pytest.raises(Misconfigured):
        bench.person(by(bench, OWN, "NAA"))
    assert connects == []


# The way out ----------------------------------------------------------------------------------------------------------


def test_exchange_inside_the_network_is_asked_when_the_integration_says_so(bench: Bench) -> None:
    class Inside:
        """Everything is at an address of a private network."""

        asked: list[str] = []

        def __call__(self, host: str, port: int, *_: Any) -> Any:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.255.255.1", port))]

    from addin_host.domain.addresses import AddressPolicy
    from addin_host.gateways.http import Outbound
    from addin_host.gateways.identity import AuthlibIdentity

    outbound = Outbound(Inside(), connect_seconds=0.2, deadline_seconds=0.5)
    bench.gateway = AuthlibIdentity(outbound, web_proxy=lambda: "", policy=AddressPolicy(), now=bench.now)
    with watched_connects() as connects, pytest.raises(Misconfigured, match="Internal Exchange"):
        bench.person(by(bench, OWN))
    assert connects == []
    with watched_connects() as connects, pytest.raises(Upstream):
        bench.saved(internal_exchange=True).person(by(bench, OWN))
    assert set(connects) == {("10.255.255.1", 443)}


def test_another_certificate_authority_is_not_trusted(bench: Bench) -> None:
    with pytest.raises(Upstream):
        bench.saved(ca_bundle="").person(by(bench, OWN))


@pytest.mark.parametrize(("kind", "host", "port"), [("EXCHANGE", MAIL, 443), ("NAA", HOST, 0)])
def test_a_web_proxy_may_be_asked_for_these_hosts(bench: Bench, kind: str, host: str, port: int) -> None:
    server = bench.exchange if kind == "EXCHANGE" else bench.entra
    with ConnectProxy({f"{host}:{port or server.port}": ("127.0.0.1", server.port)}) as proxy:
        bench.gateway._web_proxy = lambda: f"http://127.0.0.1:{proxy.port}"
        assert bench.person(by(bench, OWN, kind)).path == kind
        assert {request.method for request in proxy.requests} == {"CONNECT"}
