"""The organizer's side of a mailbox behind the local Graph server."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from addin_host.domain.addresses import AddressPolicy, Peer
from addin_host.domain.calendar import Meeting, MessageKind
from addin_host.domain.fields import defaults
from addin_host.domain.integration import Integration
from addin_host.domain.mailbox import Fault, Mailbox, MailboxAccess, Mailboxes
from addin_host.gateways.graph import GraphMailboxes
from addin_host.gateways.http import Outbound
from addin_host.gateways.mailboxes import ProtocolMailboxes
from tests.gateways.graph.documents import item_of, known_as
from tests.gateways.graph.server import CLIENT, DENIED, NO_USER, ROOM, SECRET, TOKEN_PATH, GraphServer
from tests.gateways.mailbox_contract import Sent
from tests.gateways.peers.faulty import ALL, Kind

ACCESS = MailboxAccess({"oauth_client_secret": SECRET})
_KINDS = {
    Fault.UNREACHABLE: Kind.ERROR,
    Fault.BUSY: Kind.THROTTLED,
    Fault.AUTHENTICATION: Kind.EXPIRED_TOKEN,
    Fault.UNUSABLE: Kind.BAD_BODY,
}
_REFUSALS = {Fault.MAILBOX_UNKNOWN: NO_USER, Fault.DENIED: DENIED}


def integration(server: GraphServer, **changes: Any) -> Integration:
    """Return an integration whose mailbox is on the server."""
    values = {
        **defaults(),
        "uuid": "5b1d2f0a-0000-4000-8000-000000000001",
        "mailbox_protocol": "GRAPH",
        "authentication_method": "APP_PERM",
        "graph_endpoint": server.endpoint,
        "oauth_token_endpoint": server.origin + TOKEN_PATH,
        "oauth_client_id": CLIENT,
        "room_mailbox_email_address": ROOM,
        **changes,
    }
    return Integration(1, 1, values, "https://addin.example")


def policy(server: GraphServer) -> AddressPolicy:
    return AddressPolicy(exceptions=frozenset({Peer("http", "127.0.0.1", server.port)}))


def mailboxes(server: GraphServer) -> Mailboxes:
    """Return the adapter of production."""
    outbound = Outbound(connect_seconds=1, deadline_seconds=30)
    return ProtocolMailboxes(outbound, policy=policy(server), now=lambda: datetime.now(UTC))


def impatient(server: GraphServer, *, seconds: float, max_bytes: int) -> GraphMailboxes:
    """Return one that waits and reads less."""
    outbound = Outbound(connect_seconds=1, deadline_seconds=seconds)
    return GraphMailboxes(outbound, policy=policy(server), max_bytes=max_bytes)


class GraphWorld:
    """One mailbox on the server, and what is done to it from outside."""

    faults = frozenset(_KINDS) | frozenset(_REFUSALS)

    def __init__(self, server: GraphServer) -> None:
        self.server, self.page = server, server.page
        self.mailboxes = mailboxes(server)

    def now(self) -> datetime:
        return datetime.now(UTC)

    def mailbox(self, **changes: Any) -> Mailbox:
        return self.mailboxes.open(integration(self.server, **changes), ACCESS)

    def deliver(
        self,
        meeting: Meeting,
        kind: MessageKind = MessageKind.REQUEST,
        *,
        occurrence: datetime | None = None,
        sender: str = "",
        is_dropped: bool = False,
    ) -> str:
        exchange = self.server.exchange
        return known_as(
            exchange.deliver(ROOM, meeting, kind, occurrence=occurrence, sender=sender, is_dropped=is_dropped)
        )

    def repeat(self, item_id: str) -> None:
        self.server.exchange.repeat(ROOM, item_of(item_id))

    def forget(self, uid: str) -> None:
        self.server.exchange.forget(ROOM, uid)

    def delete(self, item_id: str) -> None:
        self.server.exchange.delete(ROOM, item_of(item_id))

    def spoil(self, item_id: str) -> None:
        self.server.spoilt.add(item_of(item_id))

    def lose_cursors(self) -> None:
        self.server.exchange.lose_cursors(ROOM)

    def deny(self) -> None:
        self.server.denies_organizers = True

    def trouble(self, fault: Fault | None, *, retry_after: int | None = None) -> None:
        self.server.faults.clear()
        self.server.refusal = _REFUSALS.get(fault) if fault else None
        if fault in _KINDS:
            self.server.faults.plan(ALL, _KINDS[fault])

    def sent(self) -> Sequence[Sent]:
        return [
            Sent(
                None,
                message["body"]["content"],
                message["subject"],
                message["toRecipients"][0]["emailAddress"]["address"],
                message["singleValueExtendedProperties"][0]["value"],
            )
            for message, _at in self.server.sent
        ]
