"""The metadata document of an Exchange server on 127.0.0.1, and the identity tokens that it signs."""

from __future__ import annotations

import base64
import json
import socket
import time
from collections.abc import Callable
from typing import Any

from tests.gateways.peers.provider import CA, OWN, Claims, SigningPair, bent
from tests.gateways.peers.server import LocalServer, Request, answer

MAIL = "mail.test"
PATH = "/autodiscover/metadata/json/1"
ISSUER = "00000002-0000-0ff1-ce00-000000000000@contoso.example"
TLS = CA.server_context(MAIL)


def entry(pair: SigningPair, **changes: Any) -> dict[str, Any]:
    """Return what the document says of a key."""
    return {
        "usage": "signing",
        "keyinfo": {"x5t": pair.x5t},
        "keyvalue": {"type": "x509Certificate", "value": base64.b64encode(pair.der).decode()},
        **changes,
    }


class ExchangePeer(LocalServer):
    """Publishes `entries`, or whatever `behaviour` does instead."""

    def __init__(self) -> None:
        super().__init__(self.respond, TLS)
        self.entries: list[Any] = [entry(OWN)]
        self.behaviour: Callable[[socket.socket], None] | None = None

    def reset(self) -> None:
        self.entries, self.behaviour = [entry(OWN)], None
        self.requests.clear()

    def respond(self, request: Request, connection: socket.socket) -> None:
        if self.behaviour is not None:
            self.behaviour(connection)
        elif request.path == PATH:
            document = {"id": "_x", "version": "1.0", "name": "Exchange", "issuer": ISSUER, "keys": self.entries}
            answer(connection, json.dumps(document).encode())
        else:
            answer(connection, b"not here", status=404)


def context(**changes: Any) -> Claims:
    """Return what stands in `appctx`."""
    plain = {"msexchuid": "53e925fa-76ba-45e1-be0f-4ef08b59d389@mail.test", "version": "ExIdTok.V1"}
    return bent({**plain, "amurl": f"https://{MAIL}:443{PATH}"}, changes)


def exchange_claims(audience: str, **changes: Any) -> Claims:
    """Return the claims of a token as Exchange writes them: times as text, `appctx` as an object."""
    now = int(time.time())
    claims = {"aud": audience, "iss": ISSUER, "nbf": str(now), "exp": str(now + 8 * 3600), "appctx": context()}
    sender = "00000002-0000-0ff1-ce00-000000000000@contoso.example"
    return bent({**claims, "appctxsender": sender, "isbrowserhostedapp": "true"}, changes)


def signed(claims: Claims | bytes, pair: SigningPair = OWN, **header: Any) -> str:
    """Return a token with the header that Exchange writes."""
    return pair.token(bent({"typ": "JWT", "alg": "RS256", "x5t": pair.x5t}, header), claims)
