"""A scheduling service whose outside can be made to fail in any way, and things to send, for tests of the outbox."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from addin_host.domain.access import BY_ITSELF
from addin_host.domain.deployment import Deployment
from addin_host.domain.integration import Integration
from addin_host.domain.mailbox import Fault, Mailbox, MailboxAccess, MailboxTrouble, Reply
from addin_host.flows import platform
from addin_host.flows.catalogue import Catalogue
from addin_host.flows.scheduling import outbox
from addin_host.flows.scheduling.context import Scheduling
from addin_host.flows.tag_keys import TagKeys
from addin_host.gateways.memory_mailbox import MemoryExchange
from addin_host.gateways.memory_platform import MemoryPlatform
from addin_host.gateways.outside import no_outside
from addin_host.store.db import Database
from addin_host.store.models import MeetingRow, OutboxRow, SchedulingOperationRow
from addin_host.store.secrets import SecretBox
from tests import booked_rooms
from tests.conftest import Clock
from tests.flows.meetings import an_integration

MAILBOX = "vmr@example.com"


class TestExchange:
    """Exchange in memory that calls a test back before and after each call that sends."""

    __test__ = False

    def __init__(self, exchange: MemoryExchange) -> None:
        self.exchange = exchange
        self.calls: list[str] = []
        self.before: Callable[[Reply], None] = lambda _reply: None
        self.after: Callable[[Reply], None] = lambda _reply: None

    def open(self, integration: Integration, access: MailboxAccess) -> Mailbox:
        return _Listening(self, self.exchange.open(integration, access))


class _Listening:
    def __init__(self, exchange: TestExchange, mailbox: Mailbox) -> None:
        self._exchange, self._mailbox = exchange, mailbox

    def reply(self, reply: Reply) -> None:
        self._exchange.calls.append("reply")
        self._exchange.before(reply)
        self._mailbox.reply(reply)
        self._exchange.after(reply)

    def __getattr__(self, name: str) -> Any:
        self._exchange.calls.append(name)
        return getattr(self._mailbox, name)


class Office:
    """Everything that a test of the outbox needs."""

    def __init__(self, database: Database, box: SecretBox, clock: Clock) -> None:
        self.database, self.box, self.clock = database, box, clock
        self.exchange = TestExchange(MemoryExchange(clock))
        self.platform = MemoryPlatform()
        self.integration = an_integration(database, box, clock)
        self.own = self.another()

    def another(self) -> Scheduling:
        """Another process."""
        outside = replace(no_outside(self.exchange), platforms=self.platform)
        catalogue = Catalogue(self.database, Deployment())
        return Scheduling(self.database, self.box, catalogue, TagKeys(self.database, self.box), outside, self.clock)

    def use_platform(self, chosen: str = "MANAGEMENT_API") -> None:
        settings = {"conference_platform": chosen, "platform_url": "https://manager.example.com"}
        if chosen != "BUILT_IN":
            settings |= {"platform_username": "host", "platform_password": "canary-platform"}
        with self.database.write() as session:
            platform.change(session, settings, box=self.box, caller=BY_ITSELF, now=self.clock())

    def book(self, *starts_in: timedelta, subject: str = "Budget", **changes: Any) -> MeetingRow:
        """Store a meeting with its room; by default it starts in an hour, and its window is open."""
        now = self.clock()
        starts = [now + one for one in starts_in or (timedelta(minutes=20),)]
        with self.database.write() as session:
            session.expire_on_commit = False
            return booked_rooms.book(session, self.integration.id, subject, starts, now=now, **changes)

    def put_reply(
        self,
        name: str = "one",
        *,
        to: str = "ada@example.com",
        meeting: MeetingRow | None = None,
        after_id: int | None = None,
        integration: Integration | None = None,
        due_in: timedelta = timedelta(),
    ) -> str:
        """Put a reply into the outbox; return its correlation id."""
        correlation_id, now = str(uuid.uuid4()), self.clock()
        reply = Reply(
            item_id=f"message:{name}", meeting_item_id="", accept=True, html=f"<p>Text of {name}</p>",
            subject=f"Subject {name}", organizer_address=to, organizer_name="Ada", correlation_id=correlation_id,
        )  # fmt: skip
        row = OutboxRow(
            kind="reply", key=f"reply:{name}", integration_id=(integration or self.integration).id, after_id=after_id,
            meeting_id=meeting.id if meeting else None, payload=asdict(reply), correlation_id=correlation_id,
            due_at=now + due_in, created_at=now,
        )  # fmt: skip
        with self.database.write() as session:
            session.add(row)
        return correlation_id

    def send(self, limit: int = 100) -> int:
        return outbox.send_due(self.own, limit)

    def rows(self) -> dict[str, OutboxRow]:
        with self.database.read() as session:
            return {row.key.removeprefix("reply:"): row for row in session.scalars(select(OutboxRow))}

    def row(self, key: str = "one") -> OutboxRow:
        return self.rows()[key]

    def sent(self, address: str = MAILBOX) -> list[str]:
        """What the replies were, in order."""
        return [reply.item_id.removeprefix("message:") for reply in self.exchange.exchange.sent(address)]

    def history(self) -> list[tuple[str, str, bool, str]]:
        with self.database.read() as session:
            rows = session.scalars(select(SchedulingOperationRow).order_by(SchedulingOperationRow.id))
            return [(row.step, row.action, row.success, row.error_code) for row in rows]

    def let_leases_run_out(self) -> None:
        with self.database.write() as session:
            session.execute(update(OutboxRow).values(lease_until=datetime(2020, 1, 1, tzinfo=self.clock().tzinfo)))

    def trouble(self, fault: Fault | None, **more: Any) -> None:
        self.exchange.exchange.trouble(MAILBOX, fault, **more)


def fails(*troubles: MailboxTrouble | None) -> Callable[[Reply], None]:
    """What raises one trouble after the other, None meaning none; after the last one nothing."""
    left = list(troubles)

    def play(reply: Reply) -> None:
        trouble = left.pop(0) if left else None
        if trouble:
            raise trouble

    return play
