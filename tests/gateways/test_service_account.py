"""Sign-in of a service account at a server that plays Entra's v1 endpoints: the link, the code, the renewal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from addin_host.domain.errors import HostError, Misconfigured, Refused
from addin_host.domain.fields import defaults
from addin_host.domain.integration import Integration
from addin_host.domain.mailbox import Fault, MailboxTrouble
from addin_host.domain.ports import PendingSignIn, ServiceAccess, ServiceClient
from tests.gateways.peers.provider import CLIENT, SECRET
from tests.gateways.peers.service_provider import ACCOUNT, REDIRECT_URI, RESOURCE, ServiceProvider

PENDING = PendingSignIn("s" * 43, "n" * 43, "v" * 43, REDIRECT_URI)
KNOWN = ServiceClient(SECRET)


class Desk:
    def __init__(self, peer: ServiceProvider) -> None:
        self.peer, self.gateway = peer, peer.gateway()
        self.integration = Integration(1, 1, defaults() | peer.fields, "https://vmr.example.com")

    def having(self, **changes: Any) -> Integration:
        return replace(self.integration, values={**self.integration.values, **changes})

    def sign_in(
        self, pending: PendingSignIn = PENDING, client: ServiceClient = KNOWN, issuer: str | None = None
    ) -> ServiceAccess:
        code = self.peer.grant(self.gateway.authorization_url(self.integration, PENDING))
        return self.gateway.redeem(self.integration, pending, client, code=code, issuer=issuer)

    def refresh(self, token: str, client: ServiceClient = KNOWN) -> ServiceAccess:
        return self.gateway.refresh(self.integration, client, refresh_token=token)


@pytest.fixture
def desk() -> Iterator[Desk]:
    with ServiceProvider() as peer:
        yield Desk(peer)


def test_the_link_asks_for_exchange_as_this_account(desk: Desk) -> None:
    link = urlsplit(desk.gateway.authorization_url(desk.integration, PENDING))
    asked = {name: values[0] for name, values in parse_qs(link.query).items()}
    challenge = asked.pop("code_challenge")
    assert challenge not in ("", PENDING.verifier)
    assert asked == {
        "response_type": "code",
        "response_mode": "query",
        "client_id": CLIENT,
        "redirect_uri": REDIRECT_URI,
        "resource": RESOURCE,
        "scope": "openid",
        "state": PENDING.state,
        "nonce": PENDING.nonce,
        "code_challenge_method": "S256",
        "prompt": "login",
        "login_hint": ACCOUNT,
    }
    assert desk.peer.calls == 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"oauth_auth_endpoint": "https://login.example.com/t/oauth2/v2.0/authorize"}, "version 1"),
        ({"oauth_auth_endpoint": "http://login.example.com/authorize"}, "https"),
        ({"oauth_auth_endpoint": ""}, "not a plain"),
    ],
)
def test_a_link_needs_usable_settings(desk: Desk, changes: dict[str, str], words: str) -> None:
    with pytest.raises(Misconfigured, match=words):
        desk.gateway.authorization_url(desk.having(**changes), PENDING)


def test_a_link_comes_back_to_the_page_of_the_document(desk: Desk) -> None:
    with pytest.raises(Misconfigured, match="oauth_redirect"):
        desk.gateway.authorization_url(desk.integration, replace(PENDING, redirect_uri="https://127.0.0.1/elsewhere/"))


def test_a_code_gives_access_and_says_whose_it_is(desk: Desk) -> None:
    access = desk.sign_in(issuer="https://sts.windows.net/11111111-2222-3333-4444-555555555555/")
    assert access.names == (ACCOUNT, ACCOUNT)
    assert access.seconds == 3600
    assert access.refresh_token in desk.peer.valid
    assert desk.refresh(access.refresh_token).token != access.token


def test_without_an_id_token_the_access_token_says_whose_it_is(desk: Desk) -> None:
    desk.peer.bend = {"id_token": None, "access_token": "e30.eyJ1cG4iOiAiYUBleGFtcGxlLmNvbSJ9."}
    assert desk.sign_in().names == ("a@example.com",)


@pytest.mark.parametrize("claims", [{"aud": "other"}, {"aud": [CLIENT]}, {"nonce": "other"}])
def test_an_id_token_of_another_sign_in_is_refused(desk: Desk, claims: dict[str, Any]) -> None:
    desk.peer.bend_id = claims
    with pytest.raises(Refused):
        desk.sign_in()


def test_what_is_not_proven_is_not_asked_for(desk: Desk) -> None:
    for issuer in ("https://evil.example/", "", "evil"):
        with pytest.raises(Refused):
            desk.sign_in(issuer=issuer)
    for pending in (replace(PENDING, verifier=""), replace(PENDING, state=""), replace(PENDING, verifier="v" * 42)):
        with pytest.raises(Refused):
            desk.sign_in(pending)
    with pytest.raises(Refused):
        desk.gateway.redeem(desk.integration, PENDING, KNOWN, code="c" * 9000, issuer=None)
    assert desk.peer.calls == 0


def test_another_verifier_gives_nothing(desk: Desk) -> None:
    with pytest.raises(Refused):
        desk.sign_in(replace(PENDING, verifier="w" * 43))
    assert desk.peer.calls == 1
    assert not desk.peer.valid


def test_a_wrong_client_secret_is_a_matter_of_configuration(desk: Desk) -> None:
    with pytest.raises(Misconfigured):
        desk.sign_in(client=ServiceClient("wrong"))
    with pytest.raises(MailboxTrouble) as caught:
        desk.refresh(desk.peer.issue(), ServiceClient("wrong"))
    assert caught.value.fault is Fault.AUTHENTICATION
    assert "7000215" not in caught.value.message


@pytest.mark.parametrize("code", ["invalid_grant", "interaction_required", "consent_required"])
def test_a_refused_refresh_token_needs_a_sign_in(desk: Desk, code: str) -> None:
    desk.peer.fault = (400, b'{"error": "%s"}' % code.encode(), ())
    with pytest.raises(MailboxTrouble) as caught:
        desk.refresh("t")
    assert caught.value.fault is Fault.SIGN_IN_NEEDED


FAULTS: dict[str, tuple[tuple[int, bytes, tuple[str, ...]], Fault, int | None]] = {
    "429": ((429, b'{"error": "slow_down"}', ("Retry-After: 17",)), Fault.BUSY, 17),
    "503": ((503, b"", ()), Fault.BUSY, None),
    "500 with an error": ((500, b'{"error": "server_error"}', ()), Fault.BUSY, None),
    "temporarily unavailable": ((400, b'{"error": "temporarily_unavailable"}', ()), Fault.BUSY, None),
    "HTML": ((200, b"<html>", ()), Fault.UNUSABLE, None),
    "a list": ((200, b"[]", ()), Fault.UNUSABLE, None),
    "404": ((404, b"not here", ()), Fault.UNUSABLE, None),
    "no token": ((200, b'{"token_type": "Bearer"}', ()), Fault.UNUSABLE, None),
    "a token that is no text": ((200, b'{"access_token": 7}', ()), Fault.UNUSABLE, None),
    "a time that is no number": ((200, b'{"access_token": "t", "expires_in": "soon"}', ()), Fault.UNUSABLE, None),
    "a redirect": ((302, b"", ("Location: https://evil.example/",)), Fault.UNREACHABLE, None),
    "too much": ((200, b'"' + b"x" * 300_000 + b'"', ()), Fault.UNREACHABLE, None),
    "another refusal": ((400, b'{"error": "unauthorized_client"}', ()), Fault.AUTHENTICATION, None),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_of_the_token_endpoint(desk: Desk, name: str) -> None:
    desk.peer.fault, fault, retry_after = FAULTS[name]
    with pytest.raises(MailboxTrouble) as caught:
        desk.refresh("t")
    assert (caught.value.fault, caught.value.retry_after) == (fault, retry_after)
    with pytest.raises(HostError):
        desk.sign_in()


def test_nobody_answers(desk: Desk) -> None:
    desk.peer.__exit__(None, None, None)
    with pytest.raises(MailboxTrouble) as caught:
        desk.refresh("t")
    assert caught.value.fault is Fault.UNREACHABLE
