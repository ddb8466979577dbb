"""The webhook: what is posted, how it is signed, and where it may go."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest

from addin_host.domain.addresses import AddressPolicy, Peer
from addin_host.domain.errors import Misconfigured, Upstream
from addin_host.domain.ports import Hook
from addin_host.gateways.http import Outbound
from addin_host.gateways.webhook import OutboundWebhook
from tests.gateways.peers.names import Names, watched_connects
from tests.gateways.peers.server import LocalServer, answer

NAMES = Names({"hook.test": ("127.0.0.1",), "inside.test": ("10.1.2.3",)})
BODY = {"event": "raised", "name": "Überraschung"}


def webhook(port):
    policy = AddressPolicy(exceptions=frozenset({Peer("http", "hook.test", port)}))
    return OutboundWebhook(Outbound(NAMES, connect_seconds=0.3), policy=policy)


def test_a_signed_message_is_posted():
    with LocalServer(lambda _, connection: answer(connection, b"ok", status=202)) as server:
        webhook(server.port).post(Hook(f"http://hook.test:{server.port}/alarms?x=1", key="a key"), BODY)
    request = server.requests[0]
    assert (request.method, request.target) == ("POST", "/alarms?x=1")
    assert json.loads(request.body) == BODY
    assert request.headers["content-type"] == "application/json"
    expected = hmac.new(b"a key", request.body, hashlib.sha256).hexdigest()
    assert request.headers["x-signature-256"] == f"sha256={expected}"


def test_without_a_key_there_is_no_signature():
    with LocalServer(lambda _, connection: answer(connection, status=204)) as server:
        webhook(server.port).post(Hook(f"http://hook.test:{server.port}/"), BODY)
    assert "x-signature-256" not in server.requests[0].headers


@pytest.mark.parametrize("status", [301, 400, 404, 500, 503])
def test_other_answers_are_failures(status):
    behave = lambda _, connection: answer(connection, b"internal detail", status=status)  # noqa: E731
    with LocalServer(behave) as server, pytest.raises(Upstream) as caught:
        webhook(server.port).post(Hook(f"http://hook.test:{server.port}/"), BODY)
    assert "detail" not in caught.value.message


def test_an_inside_address_needs_the_flag():
    hooks = webhook(1)
    with watched_connects() as connects, pytest.raises(Misconfigured, match="may not be called"):
        hooks.post(Hook("https://inside.test/"), BODY)
    assert connects == []
    with watched_connects() as connects, pytest.raises(Upstream):
        hooks.post(Hook("https://inside.test/", internal=True), BODY)
    assert connects
    assert {address[:2] for address in connects} == {("10.1.2.3", 443)}
