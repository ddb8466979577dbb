"""The outward checks, against real TLS servers on this machine: each outcome, and what the words do not tell."""

from __future__ import annotations

import re
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from addin_host.domain.addresses import AddressPolicy, Peer
from addin_host.domain.checks import BY_CHECK, Outcome, Step, Verdict
from addin_host.domain.fields import defaults
from addin_host.domain.integration import Integration
from addin_host.domain.ports import Installation
from addin_host.gateways.http import Outbound
from addin_host.gateways.probes import OutboundProbes, SilentProbes
from tests.gateways.peers.certificates import Ca
from tests.gateways.peers.names import Names, watched_connects
from tests.gateways.peers.provider import CA as PROVIDER_CA
from tests.gateways.peers.provider import ProviderPeer
from tests.gateways.peers.proxy import ConnectProxy
from tests.gateways.peers.server import LocalServer, answer

CA = Ca("Add-in CA")
GOOD = CA.server_context("vmr.test", days=59)
VERSION = "0123456789ab"
TABLE = {"vmr.test": ("127.0.0.1",), "idp.test": ("127.0.0.1",), "mail.test": ("127.0.0.1",)}
LEAKS = re.compile(r"127\.0\.0\.1|Errno|Traceback|\[SSL|internal detail|urllib3|Exception")


def proof(nonce: str) -> str:
    return f"proof of {nonce}"


class AddIn(LocalServer):
    """The add-in's public address: a reverse proxy with this installation, or another one, behind it."""

    def __init__(self, tls=GOOD) -> None:
        super().__init__(self.respond, tls)
        self.status: dict[str, int] = {}
        self.other_installation = False
        self.admin_open = False

    def respond(self, request, connection) -> None:
        for part, status in self.status.items():
            if part in request.path:
                answer(connection, b"internal detail", status=status, headers=("Location: /elsewhere",))
                return
        if request.path.endswith("/pane"):
            answer(connection, b"<html>", headers=("Content-Type: text/html; charset=utf-8",))
        elif request.path.endswith("/proof"):
            nonce = request.target.partition("nonce=")[2]
            answer(connection, b"else" if self.other_installation else proof(nonce).encode())
        elif request.path == f"/static/{VERSION}/addin/pane.js":
            answer(connection, b"code")
        elif request.path == "/admin/signin" and self.admin_open:
            answer(connection, f'<link href="/static/{VERSION}/admin/admin.css">'.encode())
        else:
            answer(connection, b"no", status=404)


def integration(port: int = 443, **changes: object) -> Integration:
    values = {**defaults(), "addin_server_domain": "vmr.test", "enable_personal_vmrs": True, "ca_bundle": CA.pem}
    return Integration(1, 1, values | changes, f"https://vmr.test:{port}" if port != 443 else "https://vmr.test")


def probe(name, subject, *ports, table=TABLE, instance="", proxy="", admin_host="", hosts=("vmr.test", "idp.test")):
    exceptions = frozenset(Peer("https", host, port) for port in ports for host in (*hosts, "mail.test"))
    probes = OutboundProbes(
        Outbound(Names(table)), policy=AddressPolicy(exceptions=exceptions), now=lambda: datetime.now(UTC)
    )
    run = probes.open(subject, web_proxy=proxy, installation=Installation(VERSION, proof, admin_host))
    verdict = run.probe(Step(BY_CHECK[name], instance))
    checked(verdict)
    return verdict, run


def checked(verdict: Verdict) -> None:
    """What holds for the words of every verdict."""
    assert verdict.message
    assert not LEAKS.search(f"{verdict.message} {verdict.next_step}".replace("leads to 127.0.0.1", "")), verdict
    if verdict.outcome is Outcome.FAILED:
        assert verdict.next_step or "." in verdict.message


def outcome(name, subject, *ports, **options) -> tuple[Outcome, str]:
    verdict, _run = probe(name, subject, *ports, **options)
    return verdict.outcome, verdict.message


# DNS ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("addresses", "expected", "words"),
    [
        (("9.9.9.9", "2620:fe::fe"), Outcome.OK, "9.9.9.9, 2620:fe::fe: public"),
        (("10.0.0.8",), Outcome.OK, "private"),
        (("127.0.0.1",), Outcome.WARNING, "nobody else"),
        ((), Outcome.FAILED, "not found"),
    ],
)
def test_dns(addresses, expected, words):
    found, message = outcome("dns", integration(), table={"vmr.test": addresses})
    assert (found, words in message) == (expected, True), message


def test_behind_a_proxy_a_name_that_is_not_found_here_is_a_warning():
    assert outcome("dns", integration(), table={}, proxy="http://10.0.0.1:3128")[0] is Outcome.WARNING


def test_a_name_service_that_hangs_is_given_up_in_time():
    tested = threading.Event()

    def hang(*_: object) -> object:
        tested.wait(60)
        return []

    probes = OutboundProbes(Outbound(hang, deadline_seconds=0.5), policy=AddressPolicy(), now=lambda: datetime.now(UTC))  # type: ignore[arg-type]
    run = probes.open(integration(), web_proxy="", installation=Installation(VERSION, proof))
    began = time.monotonic()
    assert run.probe(Step(BY_CHECK["dns"])).outcome is Outcome.FAILED
    assert 0.4 < time.monotonic() - began < 30
    tested.set()


# Certificate ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("context", "expected", "words"),
    [
        (GOOD, Outcome.OK, "TLS 1.3"),
        (CA.server_context("vmr.test", days=10), Outcome.WARNING, "holds only until"),
        (CA.server_context("vmr.test", days=-1), Outcome.FAILED, "expired"),
        (CA.server_context("other.test", days=50), Outcome.FAILED, "another name"),
        (Ca("Stranger").server_context("vmr.test", days=50), Outcome.FAILED, "not trusted"),
    ],
    ids=["good", "soon", "expired", "other name", "unknown CA"],
)
def test_certificate(context, expected, words):
    with AddIn(context) as server:
        found, message = outcome("certificate", integration(server.port), server.port)
    assert (found, words in message) == (expected, True), message
    assert server.requests == []


def test_a_server_without_tls_or_none_at_all():
    with AddIn(None) as plain:
        assert outcome("certificate", integration(plain.port), plain.port)[0] is Outcome.FAILED
    assert outcome("certificate", integration(plain.port), plain.port)[0] is Outcome.FAILED


def test_the_certificate_is_seen_through_the_proxy():
    with AddIn() as server, ConnectProxy({f"vmr.test:{server.port}": ("127.0.0.1", server.port)}) as proxy:
        address = f"http://127.0.0.1:{proxy.port}"
        assert outcome("certificate", integration(server.port), server.port, proxy=address)[0] is Outcome.OK
        assert proxy.connections == 1


@pytest.mark.parametrize("name", ["certificate", "pane", "static", "admin"])
@pytest.mark.parametrize("address", ["10.0.0.8", "127.0.0.1", "169.254.169.254"])
def test_inside_addresses_are_not_called(name, address):
    with watched_connects() as connects:
        found, message = outcome(name, integration(), table={"vmr.test": (address,)})
    assert (found, connects) == (Outcome.SKIPPED, [])
    assert address not in message


@pytest.mark.parametrize("name", ["certificate", "pane", "static", "admin"])
def test_a_name_that_is_not_found_is_the_trouble_of_one_check(name):
    found, message = outcome(name, integration(), table={})
    assert (found, "DNS" in message) == (Outcome.SKIPPED, True)


@pytest.mark.parametrize("context", [CA.server_context("vmr.test", days=-1), None], ids=["expired", "no TLS"])
def test_a_connection_that_is_not_trusted_is_the_trouble_of_one_check(context):
    with AddIn(context) as server:
        verdict, run = probe("certificate", integration(server.port), server.port)
        assert verdict.outcome is Outcome.FAILED
        for name in ("pane", "static", "admin"):
            assert run.probe(Step(BY_CHECK[name])).outcome is Outcome.SKIPPED
    assert server.requests == []


# Reverse proxy --------------------------------------------------------------------------------------------------------


def test_pane_static_and_closed_administration():
    with AddIn() as server:
        for name in ("pane", "static", "admin"):
            assert outcome(name, integration(server.port), server.port)[0] is Outcome.OK, name


def test_another_installation_is_recognised():
    with AddIn() as server:
        server.other_installation = True
        found, message = outcome("pane", integration(server.port), server.port)
    assert (found, "Another installation" in message) == (Outcome.FAILED, True)


@pytest.mark.parametrize("status", [302, 403, 404, 500, 503])
@pytest.mark.parametrize("name", ["pane", "static"])
def test_a_proxy_that_does_not_pass_it_on(name, status):
    with AddIn() as server:
        server.status = {f"/{name}": status}
        assert outcome(name, integration(server.port), server.port)[0] is Outcome.FAILED


def test_open_administration_is_a_warning_unless_it_is_meant():
    with AddIn() as server:
        server.admin_open = True
        assert outcome("admin", integration(server.port), server.port)[0] is Outcome.WARNING
        assert outcome("admin", integration(server.port), server.port, admin_host="vmr.test")[0] is Outcome.SKIPPED
        server.admin_open, server.status = False, {"/admin": 302}
        assert outcome("admin", integration(server.port), server.port)[0] is Outcome.OK


# Sign-in --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["AZURE", "ADFS", "ADFS2012"])
def test_a_provider_in_order_passes_everything_and_is_sent_no_secret(kind):
    with ProviderPeer(kind) as provider:
        subject = integration(**provider.fields)
        for name in ("token", "discovery"):
            assert outcome(name, subject, provider.port)[0] is Outcome.OK, name
        posted = next(request for request in provider.requests if request.method == "POST")
    assert posted.form == {"grant_type": "addin-host-check"}
    assert "authorization" not in posted.headers


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, Outcome.OK),
        (302, Outcome.OK),
        (400, Outcome.OK),
        (500, Outcome.OK),
        (404, Outcome.FAILED),
        (503, Outcome.WARNING),
    ],
)
def test_authorization(status, expected):
    behave = lambda _, connection: answer(connection, b"x", status=status, headers=("Location: /x",))  # noqa: E731
    with LocalServer(behave, PROVIDER_CA.server_context("idp.test")) as server:
        subject = integration(
            ca_bundle=PROVIDER_CA.pem,
            personal_vmr_oauth_auth_endpoint=f"https://idp.test:{server.port}/t/oauth2/v2.0/authorize",
        )
        assert outcome("authorization", subject, server.port)[0] is expected


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ((400, b'{"error": "invalid_request"}'), Outcome.OK),
        ((401, b'{"error": "invalid_client"}'), Outcome.OK),
        ((400, b"<html>"), Outcome.FAILED),
        ((400, b'{"problem": 1}'), Outcome.FAILED),
        ((200, b'{"access_token": "x"}'), Outcome.FAILED),
        ((404, b"internal detail"), Outcome.FAILED),
        ((500, b"internal detail"), Outcome.FAILED),
        ((503, b"internal detail"), Outcome.WARNING),
    ],
)
def test_token(reply, expected):
    with ProviderPeer("AZURE") as provider:
        provider.token_answer = reply
        assert outcome("token", integration(**provider.fields), provider.port)[0] is expected


def test_discovery_faults():
    with ProviderPeer("AZURE") as provider:
        subject = integration(**provider.fields)
        provider.bend_discovery = {"issuer": "https://elsewhere.test/v2.0"}
        assert "another issuer" in outcome("discovery", subject, provider.port)[1]
        provider.bend_discovery = {"jwks_uri": f"https://elsewhere.test:{provider.port}/keys"}
        assert outcome("discovery", subject, provider.port)[0] is Outcome.FAILED
        provider.bend_discovery, provider.published = {}, []
        assert "no signing key" in outcome("discovery", subject, provider.port)[1]
        provider.down = {"openid-configuration": 404}
        assert outcome("discovery", subject, provider.port)[0] is Outcome.FAILED


def test_a_provider_whose_certificate_is_not_trusted():
    with ProviderPeer("AZURE") as provider:
        subject = integration(**(provider.fields | {"ca_bundle": ""}))
        for name in ("authorization", "token", "discovery"):
            found, message = outcome(name, subject, provider.port)
            assert (found, "not trusted" in message) == (Outcome.FAILED, True), name


# Clock ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ahead", "expected"),
    [(0, Outcome.OK), (50, Outcome.OK), (-100, Outcome.WARNING), (4000, Outcome.FAILED), (None, Outcome.SKIPPED)],
)
def test_clock(ahead, expected):
    def behave(_request: object, connection: socket.socket) -> None:
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=ahead or 0), usegmt=True)
        answer(connection, b'{"error": "x"}', status=400, headers=() if ahead is None else (f"Date: {date}",))

    with LocalServer(behave, PROVIDER_CA.server_context("idp.test")) as server:
        url = f"https://idp.test:{server.port}/token"
        subject = integration(ca_bundle=PROVIDER_CA.pem, personal_vmr_oauth_token_endpoint=url)
        _verdict, run = probe("token", subject, server.port)
        verdict = run.probe(Step(BY_CHECK["clock"]))
    checked(verdict)
    assert verdict.outcome is expected, verdict


def test_the_demo_calls_nobody():
    run = SilentProbes().open(integration(), web_proxy="", installation=Installation(VERSION, proof))
    with watched_connects() as connects:
        assert {run.probe(Step(check)).outcome for check in BY_CHECK.values()} == {Outcome.SKIPPED}
    assert connects == []
