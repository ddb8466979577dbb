"""Exchange as an add-in's server meets it: its signing keys, and identity tokens (design/outlook.md 4.2)."""

from __future__ import annotations

import base64
import hashlib
import json
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from .certificate import Certificate
from .edge import EXCHANGE

PATH = "/autodiscover/metadata/json/1"
ISSUER = "00000002-0000-0ff1-ce00-000000000000@*"
_LIFETIME = 8 * 3600


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key and the self-made certificate that the document publishes it in. `x5t` is the certificate's thumbprint."""

    private: rsa.RSAPrivateKey
    certificate: bytes
    x5t: str

    @classmethod
    def make(cls) -> Self:
        """Make a new one, as Exchange does when its certificate is exchanged."""
        private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Microsoft Exchange Server Auth Certificate")])
        now = datetime.now(UTC)
        signed = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(private.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .sign(private, SHA256())
        )
        der = signed.public_bytes(serialization.Encoding.DER)
        thumbprint = hashlib.sha1(der, usedforsecurity=False).digest()
        return cls(private, der, base64.urlsafe_b64encode(thumbprint).decode().rstrip("="))

    def published(self) -> dict[str, Any]:
        """Return its entry in the document."""
        value = base64.b64encode(self.certificate).decode()
        return {
            "usage": "signing",
            "keyinfo": {"x5t": self.x5t},
            "keyvalue": {"type": "x509Certificate", "value": value},
        }


class Exchange:
    """One Exchange organization at https://exchange.example.test:PORT, run while the block lasts.

    `fault` is None, a status to answer with, "reset" (the connection ends) or "hang" (no answer until it changes).
    `visits` counts the connections.
    """

    def __init__(self, certificate: Certificate) -> None:
        self.fault: int | str | None = None
        self.visits = 0
        self.keys = [SigningKey.make()]
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.chain, certificate.key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    @property
    def metadata_url(self) -> str:
        """The address of the document, as an administrator enters it."""
        return f"https://{EXCHANGE}:{self.port}{PATH}"

    def reset(self) -> None:
        """Answer well again."""
        self.fault = None

    def roll_over(self) -> None:
        """Sign with a new key from now on, and publish no other."""
        self.keys = [SigningKey.make()]

    def token(self, audience: str, *, uid: str = "alice", header: Mapping[str, Any] = {}, **claims: Any) -> str:
        """Return the identity token of the mailbox `uid` for the add-in whose page is `audience`.

        `header` and `claims` are laid over what Exchange writes; "appctx" over what stands in its context.
        """
        now = int(time.time())
        context = {"msexchuid": f"{uid}@exchange", "version": "ExIdTok.V1", "amurl": self.metadata_url}
        payload = {
            "aud": audience,
            "iss": ISSUER,
            "nbf": str(now),
            "exp": str(now + _LIFETIME),
            "appctxsender": "00000002-0000-0ff1-ce00-000000000000@exchange",
            "isbrowserhostedapp": "true",
            **claims,
            "appctx": json.dumps({**context, **claims.get("appctx", {})}),
        }
        key = self.keys[0]
        return jwt.encode(payload, key.private, algorithm="RS256", headers={"x5t": key.x5t, **header})

    def document(self) -> bytes:
        """Return what is served."""
        return json.dumps(
            {
                "id": "_70b34511-d105-4e2b-9675-39f53305bb01",
                "version": "1.0",
                "name": "Exchange",
                "realm": "*",
                "serviceName": "00000002-0000-0ff1-ce00-000000000000",
                "issuer": ISSUER,
                "allowedAudiences": [f"00000002-0000-0ff1-ce00-000000000000/{EXCHANGE}@*"],
                "keys": [key.published() for key in self.keys],
                "endpoints": [{"location": self.metadata_url, "protocol": "OAuth2", "usage": "metadata"}],
            }
        ).encode()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.fault = None
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        exchange = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 30

            def do_GET(self) -> None:
                exchange.visits += 1
                while exchange.fault == "hang":
                    time.sleep(0.05)
                if exchange.fault == "reset":
                    return
                found = self.path == PATH
                body = exchange.document() if found and exchange.fault is None else b"{}"
                self.send_response(int(exchange.fault or (200 if found else 404)))
                self.send_header("Content-Type", "application/json; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nothing is written down."""

        return Handler
