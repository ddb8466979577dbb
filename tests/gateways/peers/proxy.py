"""A small web proxy that knows CONNECT, resolves names from its own table, and may ask for a password."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

from tests.gateways.peers.server import LocalServer, Request


class ConnectProxy(LocalServer):
    def __init__(self, table: dict[str, tuple[str, int]], authorization: str = "") -> None:
        super().__init__(self.tunnel)
        self.table, self.authorization = table, authorization

    def tunnel(self, request: Request, client: socket.socket) -> None:
        if request.headers.get("proxy-authorization", "") != self.authorization:
            client.sendall(b"HTTP/1.1 407 No\r\n\r\n")
            return
        if request.method != "CONNECT" or request.target not in self.table:
            client.sendall(b"HTTP/1.1 502 No\r\n\r\n")
            return
        with socket.create_connection(self.table[request.target]) as server:
            client.sendall(b"HTTP/1.1 200 Yes\r\n\r\n")
            back = threading.Thread(target=_pour, args=(server, client), daemon=True)
            back.start()
            _pour(client, server)
            back.join(5)


def _pour(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
