"""The contract of a mailbox over Exchange in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from addin_host.domain.calendar import Meeting, MessageKind
from addin_host.domain.mailbox import Fault, Mailbox
from addin_host.gateways.memory_mailbox import MemoryExchange
from tests.gateways.mailbox_contract import MailboxContract, Sent, World

ROOM = "room@contoso.example"


class MemoryWorld:
    """One mailbox of Exchange in memory."""

    faults = frozenset(Fault) - {Fault.CURSOR_LOST, Fault.ITEM_GONE}
    page = 512

    def __init__(self) -> None:
        self.exchange = MemoryExchange(self.now)

    def now(self) -> datetime:
        return datetime.now(UTC)

    def mailbox(self) -> Mailbox:
        return self.exchange.mailbox(ROOM)

    def deliver(
        self,
        meeting: Meeting,
        kind: MessageKind = MessageKind.REQUEST,
        *,
        occurrence: datetime | None = None,
        sender: str = "",
        is_dropped: bool = False,
    ) -> str:
        return self.exchange.deliver(ROOM, meeting, kind, occurrence=occurrence, sender=sender, is_dropped=is_dropped)

    def repeat(self, item_id: str) -> None:
        self.exchange.repeat(ROOM, item_id)

    def forget(self, uid: str) -> None:
        self.exchange.forget(ROOM, uid)

    def delete(self, item_id: str) -> None:
        self.exchange.delete(ROOM, item_id)

    def spoil(self, item_id: str) -> None:
        self.exchange.spoil(ROOM, item_id)

    def lose_cursors(self) -> None:
        self.exchange.lose_cursors(ROOM)

    def deny(self) -> None:
        self.exchange.deny(ROOM)

    def trouble(self, fault: Fault | None, *, retry_after: int | None = None) -> None:
        self.exchange.trouble(ROOM, fault, retry_after=retry_after)

    def sent(self) -> Sequence[Sent]:
        return [
            Sent(reply.accept, reply.html, reply.subject, reply.organizer_address, reply.correlation_id)
            for reply in self.exchange.sent(ROOM)
        ]


class TestMemoryMailbox(MailboxContract):
    @pytest.fixture
    def world(self) -> World:
        return MemoryWorld()
