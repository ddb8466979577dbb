"""The product with the wiring of the end-to-end tests: `python app_server.py COMMAND`, like `addin-host COMMAND`.

Two things differ from production: integrations live at https://FQDN:PORT, and exactly the played sign-in host and the
played Exchange may be called on this machine. E2E_PORT is the port of the first two, E2E_EXCHANGE_PORT of the third.
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

LOGIN, EXCHANGE = "login.example.test", "exchange.example.test"


def resolve(host: str, *more: Any) -> Any:
    """Like `socket.getaddrinfo`; the played hosts are on this machine."""
    return socket.getaddrinfo("127.0.0.1" if host in (LOGIN, EXCHANGE) else host, *more)


def composition() -> Composition:
    """Return what differs from production."""
    port = int(os.environ["E2E_PORT"])
    exchange = Peer("https", EXCHANGE, int(os.environ["E2E_EXCHANGE_PORT"]))
    policy = AddressPolicy(exceptions=frozenset({Peer("https", LOGIN, port), exchange}))
    identity = AuthlibIdentity(Outbound(resolve), web_proxy=lambda: "", policy=policy)
    return Composition(deployment=Deployment(origin=f"https://{{fqdn}}:{port}"), policy=policy, identity=identity)


if __name__ == "__main__":
    cli(obj=replace(wiring(), make_app=lambda settings: create_app(settings, composition())))
