"""A mail server on 127.0.0.1 that speaks SMTP with STARTTLS, TLS and AUTH PLAIN, and keeps what it is sent."""

from __future__ import annotations

import base64
import socketserver
import ssl
import threading
from dataclasses import dataclass, field


@dataclass
class Mailbox:
    """What arrived: envelope, message, whether over TLS, and the lines of the conversation."""

    messages: list[tuple[str, list[str], bytes, bool]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    signed_in: list[tuple[str, str]] = field(default_factory=list)


class _Conversation(socketserver.BaseRequestHandler):
    server: MailServerPeer

    def setup(self) -> None:
        self.socket, self.secured = self.request, self.server.implicit
        if self.server.implicit:
            self.socket = self.server.tls.wrap_socket(self.socket, server_side=True)
        self.lines = self.socket.makefile("rb")

    def handle(self) -> None:
        self.say("220 mail.test")
        sender, recipients = "", []
        while line := self.lines.readline().decode("utf-8", "replace").rstrip("\r\n"):
            self.server.box.said.append(line)
            word = line.split(" ")[0].upper()
            if word == "EHLO":
                self.offers()
            elif word == "STARTTLS":
                self.say("220 go on")
                self.socket = self.server.tls.wrap_socket(self.socket, server_side=True)
                self.secured, self.lines = True, self.socket.makefile("rb")
            elif word == "AUTH":
                self.sign_in(line.split(" ")[2])
            elif word == "MAIL":
                sender = line.split("<")[1].split(">")[0]
                self.say("250 ok")
            elif word == "RCPT":
                address = line.split("<")[1].split(">")[0]
                if address in self.server.refused:
                    self.say("550 internal database node 10.9.8.7 says no")
                else:
                    recipients.append(address)
                    self.say("250 ok")
            elif word == "DATA":
                self.say("354 go on")
                self.server.box.messages.append((sender, recipients, self.body(), self.secured))
                self.say("250 taken")
            elif word == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok")

    def offers(self) -> None:
        offered = ["mail.test"]
        if not self.secured and self.server.starttls:
            offered.append("STARTTLS")
        if self.server.password is not None:
            offered.append("AUTH PLAIN")
        for at, name in enumerate(offered):
            self.say(f"250{' ' if at == len(offered) - 1 else '-'}{name}")

    def sign_in(self, given: str) -> None:
        _, name, password = base64.b64decode(given).decode().split("\0")
        self.server.box.signed_in.append((name, password))
        self.say("235 ok" if password == self.server.password else "535 no: internal account 4711")

    def body(self) -> bytes:
        lines = []
        while (line := self.lines.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b"..") else line)
        return b"".join(lines)

    def say(self, line: str) -> None:
        self.socket.sendall(f"{line}\r\n".encode())


class MailServerPeer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(
        self,
        tls: ssl.SSLContext,
        *,
        implicit: bool = False,
        starttls: bool = True,
        password: str | None = None,
        refused: tuple[str, ...] = (),
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.tls, self.implicit, self.starttls = tls, implicit, starttls
        self.password, self.refused, self.box = password, refused, Mailbox()
        self.port: int = self.server_address[1]

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up half-way is part of the tests."""

    def __enter__(self) -> MailServerPeer:
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
