"""Exchange in memory in a process of its own, so that workers can be killed and what was sent stays sent."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from multiprocessing import get_context
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any

from addin_host.domain.integration import Integration
from addin_host.domain.mailbox import MailboxAccess, MailboxTrouble
from addin_host.gateways.memory_mailbox import MemoryExchange

_OF_THE_ORGANIZER = frozenset({"deliver", "repeat", "forget", "lose_cursors", "sent", "delete"})


def serve(address: str, seconds_per_call: float) -> None:
    """Answer until the process is ended: one thread for each connection."""
    exchange = MemoryExchange(lambda: datetime.now(UTC))
    with Listener(address, "AF_UNIX", backlog=64) as listener:
        while True:
            connection = listener.accept()
            threading.Thread(target=_answer, args=(exchange, connection, seconds_per_call), daemon=True).start()


def _answer(exchange: MemoryExchange, connection: Connection, seconds: float) -> None:
    mailbox_calls = 0
    while True:
        try:
            address, method, arguments, named = connection.recv()
        except (EOFError, OSError):
            return
        if method not in _OF_THE_ORGANIZER:
            mailbox_calls += 1
            time.sleep(seconds)
        try:
            connection.send(("ok", _call(exchange, address, method, arguments, named)))
        except MailboxTrouble as trouble:
            connection.send(("trouble", (trouble.fault, trouble.message, trouble.retry_after)))
        except OSError:
            return  # who asked was killed


def _call(exchange: MemoryExchange, address: str, method: str, arguments: Sequence[Any], named: dict[str, Any]) -> Any:
    if method in _OF_THE_ORGANIZER:
        return getattr(exchange, method)(address, *arguments, **named)
    found = getattr(exchange.mailbox(address), method)(*arguments, **named)
    if method == "read":  # what is wrong with one item stands in its place
        return [(one.fault, one.message) if isinstance(one, MailboxTrouble) else one for one in found]
    return found


class RemoteMailbox:
    """A mailbox over there; `around` is called before and after each call."""

    def __init__(self, server: str, address: str, around: Callable[[str], None] | None = None) -> None:
        self._server, self._address, self._around = server, address, around
        self._connection: Connection | None = None

    def __getattr__(self, method: str) -> Any:
        if method.startswith("_"):
            raise AttributeError(method)

        def call(*arguments: Any, **named: Any) -> Any:
            if self._around:
                self._around(f"before {method}")
            found = self._ask(method, arguments, named)
            if self._around:
                self._around(f"after {method}")
            return found

        return call

    def _ask(self, method: str, arguments: Sequence[Any], named: dict[str, Any]) -> Any:
        if self._connection is None:
            self._connection = Client(self._server, "AF_UNIX")
        self._connection.send((self._address, method, arguments, named))
        kind, found = self._connection.recv()
        if kind == "trouble":
            fault, message, retry_after = found
            raise MailboxTrouble(fault, message, retry_after=retry_after)
        if method == "read":
            return [MailboxTrouble(*one) if isinstance(one, tuple) else one for one in found]
        return found


class RemoteExchange:
    """All mailboxes over there, for a worker or a test."""

    def __init__(self, server: str, around: Callable[[str], None] | None = None) -> None:
        self._server, self._around = server, around

    def open(self, integration: Integration, access: MailboxAccess) -> Any:
        del access
        return self.mailbox(str(integration["room_mailbox_email_address"]))

    def mailbox(self, address: str) -> Any:
        return RemoteMailbox(self._server, address, self._around)


class ExchangeProcess:
    """Starts and ends the process."""

    def __init__(self, folder: Path, *, seconds_per_call: float = 0.0) -> None:
        self.address = str(folder / f"exchange-{time.monotonic_ns()}")
        self._process = get_context("forkserver").Process(
            target=serve, args=(self.address, seconds_per_call), daemon=True
        )

    def __enter__(self) -> ExchangeProcess:
        self._process.start()
        until = time.monotonic() + 20
        while not self._answers():
            assert time.monotonic() < until, "Exchange did not start"
            time.sleep(0.01)
        return self

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as attempt:
            return attempt.connect_ex(self.address) == 0

    def __exit__(self, *_error: object) -> None:
        self._process.kill()
        self._process.join(5)
        Path(self.address).unlink(missing_ok=True)
