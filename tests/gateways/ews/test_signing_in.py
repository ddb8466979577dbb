"""How the service account, or the application, signs in to Exchange."""

from __future__ import annotations

import base64
import json
import logging
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import spnego
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from spnego.channel_bindings import GssChannelBindings
from spnego.exceptions import SpnegoError

from addin_host.domain.addresses import Peer
from addin_host.domain.calendar import MessageKind
from addin_host.domain.errors import Misconfigured
from addin_host.domain.mailbox import Fault, MailboxTrouble
from tests.gateways.ews.server import EwsServer, Guard, Visit, bearer
from tests.gateways.ews.world import HOST, ROOM, exchange_server, open_at
from tests.gateways.mailbox_contract import HORIZON, fault_of, single
from tests.gateways.peers.certificates import Ca
from tests.gateways.peers.faulty import Kind
from tests.gateways.peers.server import LocalServer, Request, answer

CA = Ca()
USER, PASSWORD = "CONTOSO\\svc-rooms", "pässword-1"


def end_point(tls_port: int) -> bytes:
    """Return the hash of the server's certificate, as the server knows it."""
    context = ssl.create_default_context(cadata=CA.pem)
    with (
        socket.create_connection(("127.0.0.1", tls_port)) as plain,
        context.wrap_socket(plain, server_hostname=HOST) as it,
    ):
        shown = it.getpeercert(True)
    assert shown is not None
    digest = hashes.Hash(x509.load_der_x509_certificate(shown).signature_hash_algorithm or hashes.SHA256())
    digest.update(shown)
    return digest.finalize()


def ntlm(binding: GssChannelBindings | None) -> Guard:
    """Admit a connection after its handshake, by pyspnego's own server."""

    def guard(visit: Visit) -> bool:
        if visit.state.get("is_known"):
            return True
        said = visit.request.headers.get("authorization", "")
        if not said.startswith("NTLM "):
            visit.state.pop("context", None)
            return _ask(visit, "NTLM")
        context = visit.state.setdefault("context", spnego.server(protocol="ntlm", channel_bindings=binding))
        assert isinstance(context, spnego.ContextProxy)
        try:
            token = context.step(base64.b64decode(said[5:]))
        except SpnegoError:
            visit.state.pop("context", None)
            return _ask(visit, "NTLM")
        if context.complete:
            visit.state["is_known"] = True
            return True
        return _ask(visit, "NTLM " + base64.b64encode(token or b"").decode())

    return guard


def _ask(visit: Visit, challenge: str) -> bool:
    answer(visit.connection, b"who?", status=401, headers=(f"WWW-Authenticate: {challenge}",))
    return False


@pytest.fixture
def accounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "accounts").write_text("CONTOSO:svc-rooms:pässword-1\n", encoding="utf-8")
    monkeypatch.setenv("NTLM_USER_FILE", str(tmp_path / "accounts"))


@contextmanager
def ntlm_server() -> Iterator[EwsServer]:
    with exchange_server(tls=CA.server_context(HOST)) as server:
        binding = GssChannelBindings(application_data=b"tls-server-end-point:" + end_point(server.port))
        server.guard, server.connections = ntlm(binding), 0
        yield server


@pytest.mark.usefixtures("accounts")
def test_ntlm_proves_the_connection_once_and_is_bound_to_its_certificate() -> None:
    with ntlm_server() as server:
        item_id = server.exchange.deliver(single(), MessageKind.REQUEST, None, "", False)
        mailbox = open_at(server, scheme="https", authentication_method="NTLM", ca_bundle=CA.pem)
        mailbox.probe()
        assert [request.headers.get("authorization", "")[:5] for request in server.requests] == ["", "NTLM ", "NTLM "]
        (reading,) = mailbox.read([item_id], HORIZON)
        assert not isinstance(reading, MailboxTrouble)
        mailbox.arrivals("")
        assert server.connections == 1
        assert [request.headers.get("authorization") for request in server.requests[3:]] == [None, None, None]


@pytest.mark.usefixtures("accounts")
def test_ntlm_for_another_connection_is_refused() -> None:
    with ntlm_server() as server:
        server.guard = ntlm(GssChannelBindings(application_data=b"tls-server-end-point:" + bytes(32)))
        mailbox = open_at(server, scheme="https", authentication_method="NTLM", ca_bundle=CA.pem)
        assert fault_of(mailbox.probe).fault is Fault.AUTHENTICATION


@pytest.mark.usefixtures("accounts")
def test_ntlm_begins_anew_on_a_new_connection() -> None:
    with ntlm_server() as server:
        server.faults.plan("FindItem", Kind.RESET, times=1)
        mailbox = open_at(server, scheme="https", authentication_method="NTLM", ca_bundle=CA.pem)
        mailbox.probe()
        assert fault_of(lambda: mailbox.was_sent("x", HORIZON.since)).fault is Fault.UNREACHABLE
        mailbox.probe()
        assert server.connections == 2


@pytest.mark.usefixtures("accounts")
@pytest.mark.parametrize("password", ["wrong", "pässword-2"])
def test_ntlm_with_a_wrong_password(password: str) -> None:
    with ntlm_server() as server:
        mailbox = open_at(
            server, scheme="https", authentication_method="NTLM", ca_bundle=CA.pem, secrets={"password": password}
        )
        assert fault_of(mailbox.probe).fault is Fault.AUTHENTICATION
        assert server.operations == []


@pytest.mark.parametrize(
    "challenge", ["NTLM !!!", "NTLM " + base64.b64encode(b"NTLMSSP nonsense").decode(), "Negotiate"]
)
def test_a_server_that_plays_ntlm_wrongly(challenge: str) -> None:
    with exchange_server(guard=lambda visit: _ask(visit, challenge)) as server:
        mailbox = open_at(server, authentication_method="NTLM")
        assert fault_of(mailbox.probe).fault is Fault.AUTHENTICATION


def test_basic_with_a_wrong_password() -> None:
    with exchange_server() as server:
        mailbox = open_at(server, secrets={"password": "wrong"})
        assert fault_of(mailbox.probe).fault is Fault.AUTHENTICATION


@pytest.mark.parametrize("method", ["BASIC", "NTLM", "KERBEROS"])
def test_a_missing_password_is_told(method: str) -> None:
    with exchange_server() as server, pytest.raises(Misconfigured, match="password"):
        open_at(server, secrets={}, authentication_method=method)


def test_kerberos_is_an_extra() -> None:
    with exchange_server() as server, pytest.raises(Misconfigured, match=r"addin-host\[kerberos\]"):
        open_at(server, authentication_method="KERBEROS")


@pytest.mark.parametrize(("url", "address"), [("", ROOM), ("https://mail.contoso.example/EWS/Exchange.asmx", "")])
def test_what_is_not_set_up_is_told(url: str, address: str) -> None:
    with exchange_server() as server, pytest.raises(Misconfigured, match="missing"):
        open_at(server, url=url, room_mailbox_email_address=address)


def test_the_service_accounts_token_is_renewed_when_it_is_refused() -> None:
    asked: list[bool] = []

    def token(again: bool) -> str:
        asked.append(again)
        return "new" if True in asked else "old"

    with exchange_server(guard=bearer("new")) as server:
        mailbox = open_at(server, authentication_method="OAUTH", service_token=token)
        mailbox.probe()
        mailbox.probe()
    assert asked == [False, True, False]
    assert server.operations == ["GetFolder", "GetFolder"]


def test_a_token_that_is_refused_twice() -> None:
    with exchange_server(guard=bearer("another")) as server:
        mailbox = open_at(server, authentication_method="OAUTH", service_token=lambda _again: "token")
        assert fault_of(mailbox.probe).fault is Fault.AUTHENTICATION
        assert len(server.requests) == 2


def test_a_service_account_that_has_to_sign_in() -> None:
    def token(again: bool) -> str:
        raise MailboxTrouble(Fault.SIGN_IN_NEEDED, "Sign in.")

    with exchange_server(guard=bearer()) as server:
        mailbox = open_at(server, authentication_method="OAUTH", service_token=token)
        assert fault_of(mailbox.probe).fault is Fault.SIGN_IN_NEEDED
        assert fault_of(lambda: open_at(server, authentication_method="OAUTH")).fault is Fault.SIGN_IN_NEEDED


class TokenPeer:
    """A token endpoint that numbers its tokens."""

    def __init__(self) -> None:
        self.count, self.status, self.raw = 0, 200, b""

    def __call__(self, request: Request, connection: socket.socket) -> None:
        self.form = request.form
        self.count += 1
        body = {"access_token": f"app-{self.count}", "token_type": "Bearer", "expires_in": 3599}
        if self.status != 200:
            body = {"error": "invalid_client"}
        answer(
            connection,
            self.raw or json.dumps(body).encode(),
            status=self.status,
            headers=("Content-Type: application/json",),
        )


@contextmanager
def application(guard: Guard) -> Iterator[tuple[EwsServer, TokenPeer, dict[str, object]]]:
    peer = TokenPeer()
    with exchange_server(guard=guard) as server, LocalServer(peer) as endpoint:
        yield (
            server,
            peer,
            {
                "authentication_method": "APP_PERM",
                "oauth_token_endpoint": f"http://login.example:{endpoint.port}/tenant/oauth2/v2.0/token",
                "oauth_client_id": "0f2c2d4e-4b53-4f21-8b9d-8d8b2a6f7c11",
                "secrets": {"oauth_client_secret": "app-secret"},
                "others": (Peer("http", "login.example", endpoint.port),),
            },
        )


def test_an_application_acts_as_the_mailbox() -> None:
    with application(bearer("app-1")) as (server, peer, how):
        open_at(server, **how).probe()  # type: ignore[arg-type]
        open_at(server, **how).arrivals("")  # type: ignore[arg-type]
        assert (peer.count, peer.form["grant_type"]) == (1, "client_credentials")
        assert (peer.form["client_secret"], peer.form["scope"]) == ("app-secret", f"https://{HOST}/.default")
        for request in server.requests:
            assert f"<t:PrimarySmtpAddress>{ROOM}</t:PrimarySmtpAddress>".encode() in request.body
            assert request.headers["x-anchormailbox"] == ROOM


def test_an_application_asks_for_a_new_token_when_the_last_one_is_refused() -> None:
    with application(bearer("app-2")) as (server, peer, how):
        open_at(server, **how).probe()  # type: ignore[arg-type]
        assert peer.count == 2


@pytest.mark.parametrize(
    ("status", "raw", "fault"),
    [
        (401, b"", Fault.AUTHENTICATION),
        (400, b"", Fault.AUTHENTICATION),
        (200, b"<html>", Fault.UNUSABLE),
        (200, b'{"token_type": "Bearer"}', Fault.UNUSABLE),
        (200, b"[]", Fault.UNUSABLE),
        (200, b"null", Fault.UNUSABLE),
        (200, b"[" * 100_000, Fault.UNUSABLE),
        (400, b"[" * 100_000, Fault.UNUSABLE),
        (200, b'{"access_token": "a", "token_type": "Bearer", "expires_in": 1e999}', Fault.UNUSABLE),
        (200, b'{"access_token": "a", "token_type": "Bearer", "expires_at": 1e999}', Fault.UNUSABLE),
        (200, b'{"access_token": "a\\nb", "token_type": "Bearer"}', Fault.UNUSABLE),
        (503, b"", Fault.UNREACHABLE),
        (200, b" " * 300_000, Fault.UNUSABLE),
    ],
)
def test_a_token_endpoint_that_gives_none(status: int, raw: bytes, fault: Fault) -> None:
    with application(bearer()) as (server, peer, how):
        peer.status, peer.raw = status, raw
        assert fault_of(open_at(server, **how).probe).fault is fault  # type: ignore[arg-type]
        assert server.requests == []


def test_a_service_account_names_the_mailbox_and_impersonates_nobody() -> None:
    with exchange_server() as server:
        open_at(server).probe()
    (request,) = server.requests
    assert b"ExchangeImpersonation" not in request.body
    assert request.body.count(f"<t:EmailAddress>{ROOM}</t:EmailAddress>".encode()) == 2


def test_nothing_secret_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with exchange_server() as server:
        item_id = server.exchange.deliver(single(body="canary-body"), MessageKind.REQUEST, None, "", False)
        mailbox = open_at(server)
        mailbox.read([item_id], HORIZON)
        server.trouble = lambda _request: (500, b"canary-answer")
        fault_of(mailbox.probe)
    said = caplog.text
    assert not [word for word in ("canary", PASSWORD, server.requests[0].headers["authorization"][6:]) if word in said]
