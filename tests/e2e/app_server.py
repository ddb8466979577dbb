"""The product with the wiring of the end-to-end tests: `python app_server.py COMMAND`, like `addin-host COMMAND`.

Two things differ from production: integrations live at https://FQDN:PORT, and exactly the played sign-in host, the
played Exchange and the played equipment mailbox may be called on this machine. E2E_PORT is the port of the first two,
E2E_EXCHANGE_PORT and E2E_MAILBOX_PORT of the others.
"""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from typing import Any

from addin_host.app import Composition, create_app, wiring
from addin_host.cli import cli
from addin_host.domain.addresses import AddressPolicy, Peer
from addin_host.domain.deployment import Deployment
from addin_host.gateways.http import Outbound
from addin_host.gateways.identity import AuthlibIdentity
from addin_host.gateways.mailboxes import ProtocolMailboxes
from addin_host.gateways.outside import real_outside

LOGIN, EXCHANGE, MAILBOX = "login.example.test", "exchange.example.test", "mailbox.example.test"


def resolve(host: str, *more: Any) -> Any:
    """Like `socket.getaddrinfo`; the played hosts are on this machine."""
    return socket.getaddrinfo("127.0.0.1" if host in (LOGIN, EXCHANGE, MAILBOX) else host, *more)


def composition() -> Composition:
    """Return what differs from production."""
    port = int(os.environ["E2E_PORT"])
    exchange = Peer("https", EXCHANGE, int(os.environ["E2E_EXCHANGE_PORT"]))
    mailbox = Peer("https", MAILBOX, int(os.environ["E2E_MAILBOX_PORT"]))
    policy = AddressPolicy(exceptions=frozenset({Peer("https", LOGIN, port), exchange, mailbox}))
    identity = AuthlibIdentity(Outbound(resolve), web_proxy=lambda: "", policy=policy)
    outbound, now = Outbound(resolve, connect_seconds=5, deadline_seconds=30), Composition().now
    mailboxes = ProtocolMailboxes(outbound, policy=policy, now=now)
    outside = replace(real_outside(policy, now), mailboxes=mailboxes)
    deployment = Deployment(origin=f"https://{{fqdn}}:{port}")
    return Composition(deployment, policy, identity, outside=outside)


if __name__ == "__main__":
    cli(obj=replace(wiring(), make_app=lambda settings: create_app(settings, composition())))
