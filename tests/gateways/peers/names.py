"""Name resolution for tests, and a witness of every connection that the process opens."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


def entries(port: int, *addresses: str) -> list[tuple[Any, Any, int, str, tuple[Any, ...]]]:
    """Return addresses in the form of getaddrinfo."""
    families = {address: socket.AF_INET6 if ":" in address else socket.AF_INET for address in addresses}
    return [
        (family, socket.SOCK_STREAM, 6, "", (address, port, 0, 0) if ":" in address else (address, port))
        for address, family in families.items()
    ]


class Names:
    """Answers from a table, and literals as the system reads them; counts the questions."""

    def __init__(self, table: dict[str, tuple[str, ...]], otherwise: tuple[str, ...] = ()) -> None:
        self.table, self.otherwise, self.asked = table, otherwise, list[str]()

    def __call__(self, host: str, port: int, *_: Any) -> list[tuple[Any, Any, int, str, tuple[Any, ...]]]:
        self.asked.append(host)
        try:
            return socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)
        except (socket.gaierror, UnicodeError):
            found = self.table.get(host, self.otherwise)
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "not known")
        return entries(port, *found)


_witnesses: list[Callable[[Any], None]] = []


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect":
        for witness in _witnesses:
            witness(arguments[1])


sys.addaudithook(_hook)


@contextmanager
def watched_connects() -> Iterator[list[Any]]:
    """Yield the addresses that any socket of this process connects to meanwhile, as an audit hook sees them."""
    seen: list[Any] = []
    _witnesses.append(seen.append)
    try:
        yield seen
    finally:
        _witnesses.remove(seen.append)
