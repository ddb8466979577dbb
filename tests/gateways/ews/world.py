"""The organizers' side of an equipment mailbox behind EWS."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from addin_host.domain.addresses import AddressPolicy, Peer
from addin_host.domain.calendar import Meeting, MessageKind
from addin_host.domain.fields import defaults
from addin_host.domain.integration import Integration
from addin_host.domain.mailbox import Fault, Mailbox, MailboxAccess
from addin_host.gateways.ews import open_ews
from addin_host.gateways.http import Outbound
from tests.gateways.ews.exchange import ROOM, Exchange, Refused
from tests.gateways.ews.server import PASSWORD, USER, EwsServer, soap_fault
from tests.gateways.mailbox_contract import Sent
from tests.gateways.peers.names import Names

HOST = "mail.contoso.example"


def integration_at(server: EwsServer, scheme: str = "http", **values: Any) -> Integration:
    """Return an integration whose mailbox is on the server."""
    url = f"{scheme}://{HOST}:{server.port}/EWS/Exchange.asmx"
    settings = {"url": url, "username": USER, "room_mailbox_email_address": ROOM, "enable_dynamic_vmrs": True}
    return Integration(1, 1, {**defaults(), **settings, **values}, "https://addin.contoso.example")


def policy_for(*peers: Peer) -> AddressPolicy:
    return AddressPolicy(exceptions=frozenset(peers))


def open_at(
    server: EwsServer,
    *,
    scheme: str = "http",
    seconds: float = 10.0,
    secrets: Mapping[str, str] | None = None,
    service_token: Callable[[bool], str] | None = None,
    others: Sequence[Peer] = (),
    **values: Any,
) -> Mailbox:
    """Return the mailbox on a server."""
    return open_ews(
        integration_at(server, scheme, **values),
        MailboxAccess({"password": PASSWORD} if secrets is None else secrets, "", service_token),
        outbound=Outbound(Names({}, ("127.0.0.1",)), connect_seconds=2, deadline_seconds=seconds),
        policy=policy_for(Peer(scheme, HOST, server.port), *others),
        now=lambda: datetime.now(UTC),
    )


class EwsWorld:
    """One mailbox behind a server of its own, which complains about what its schemas do not allow."""

    faults = frozenset({Fault.UNREACHABLE, Fault.BUSY, Fault.AUTHENTICATION, Fault.MAILBOX_UNKNOWN, Fault.DENIED})
    page = 3

    def __init__(self, server: EwsServer) -> None:
        self.server, self.exchange = server, server.exchange
        self.exchange.page = self.page

    def now(self) -> datetime:
        return datetime.now(UTC)

    def mailbox(self) -> Mailbox:
        return open_at(self.server)

    def deliver(
        self,
        meeting: Meeting,
        kind: MessageKind = MessageKind.REQUEST,
        *,
        occurrence: datetime | None = None,
        sender: str = "",
        is_dropped: bool = False,
    ) -> str:
        return self.exchange.deliver(meeting, kind, occurrence, sender, is_dropped)

    def repeat(self, item_id: str) -> None:
        self.exchange.messages[item_id].change_key += "1"
        self.exchange.log.append(item_id)

    def forget(self, uid: str) -> None:
        self.exchange.calendar.pop(uid)

    def delete(self, item_id: str) -> None:
        self.exchange.messages.pop(item_id)

    def spoil(self, item_id: str) -> None:
        self.exchange.spoiled.add(item_id)

    def lose_cursors(self) -> None:
        self.exchange.epoch += 1

    def deny(self) -> None:
        self.exchange.is_denied = True

    def trouble(self, fault: Fault | None, *, retry_after: int | None = None) -> None:
        self.server.trouble = None if fault is None else lambda _request: _answer(fault, retry_after)

    def sent(self) -> Sequence[Sent]:
        return [copy.sent for copy in self.exchange.sent]


def _answer(fault: Fault, retry_after: int | None) -> tuple[int, bytes]:
    if fault is Fault.BUSY:
        wait = {"BackOffMilliseconds": str((retry_after or 1) * 1000 - 400)}
        return 500, soap_fault(Refused("ErrorServerBusy", **wait))
    if fault is Fault.AUTHENTICATION:
        return 401, b""
    codes = {Fault.MAILBOX_UNKNOWN: "ErrorNonExistentMailbox", Fault.DENIED: "ErrorAccessDenied"}
    return 500, soap_fault(Refused(codes[fault])) if fault in codes else b"<html>Server error</html>"


@contextmanager
def exchange_server(**how: Any) -> Iterator[EwsServer]:
    """Run a server; in the end it must have nothing to complain about."""
    with EwsServer(lambda _request, _connection: None, exchange=Exchange(), **how) as server:
        yield server
    assert not server.complaints, server.complaints[:3]
