"""What stands behind nginx where nginx itself is tried: a small server on a unix socket; and how nginx is asked."""

from __future__ import annotations

import json
import socketserver
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any

import urllib3

from .certificate import Certificate


class JsonHandler(BaseHTTPRequestHandler):
    """Answers with JSON, as `on_get` and `on_post` of its heirs say, and writes no log."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.on_get()

    def do_POST(self) -> None:
        self.on_post()

    def on_get(self) -> None:
        self.answer({}, 405)

    def on_post(self) -> None:
        self.answer({}, 405)

    def answer(self, content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """Send JSON; nothing at all for None."""
        data = b"" if content is None else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def address_string(self) -> str:
        return "nginx"

    def log_message(self, *values: object) -> None:
        """Nothing to tell."""


class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Answers on a unix socket, each request in a thread of its own."""

    daemon_threads = True


def ask(
    certificate: Certificate, port: int, method: str, path: str, *, name: str, host: str, **more: Any
) -> urllib3.BaseHTTPResponse:
    """Ask nginx on this machine for `host`, over TLS for the server `name`. Redirects are not followed."""
    pool = urllib3.HTTPSConnectionPool(
        "127.0.0.1",
        port,
        ca_certs=str(certificate.authority),
        server_hostname=name,
        assert_hostname=name,
        retries=False,
        timeout=15.0,
    )
    headers = {"Host": host, **more.pop("headers", {})}
    return pool.request(method, path, headers=headers, redirect=False, **more)
