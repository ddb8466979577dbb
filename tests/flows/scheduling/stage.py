"""A stage for meetings: an organizer who sends, Exchange in memory, and the service that deals with what arrives."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

from sqlalchemy import select

from addin_host.domain.calendar import Frequency, Meeting, MessageKind, Organizer, Reading, Recurrence, Series, Zone
from addin_host.domain.deployment import Deployment
from addin_host.domain.integration import Integration
from addin_host.domain.mailbox import Horizon, Mailbox, MailboxTrouble
from addin_host.flows.catalogue import Catalogue
from addin_host.flows.scheduling import claiming, horizons, processing, queueing
from addin_host.flows.scheduling.context import Scheduling
from addin_host.flows.single_use import Minted
from addin_host.flows.tag_keys import TagKeys
from addin_host.gateways.memory_mailbox import MemoryExchange, MemoryMailbox
from addin_host.gateways.outside import no_outside
from addin_host.store.db import Database
from addin_host.store.models import (
    AlarmRow,
    ConferenceAliasRow,
    ConferenceRow,
    InboxRow,
    MeetingRow,
    OutboxRow,
    ScheduledAliasRow,
    ScheduledConferenceRow,
    SchedulingOperationRow,
)
from addin_host.store.secrets import SecretBox
from tests.conftest import Clock
from tests.flows.meetings import Desk, an_integration

ALICE = Organizer("alice@example.com", "Alice Jones", ("alice.jones@example.com",))
BERLIN = Zone("Europe/Berlin")
TOMORROW = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)


def a_meeting(tag: str, **given: Any) -> Meeting:
    """A single meeting tomorrow at 15:00 in Berlin, for an hour."""
    start = given.pop("start", TOMORROW)
    values: dict[str, Any] = {
        "uid": uuid.uuid4().hex.upper(),
        "item_id": "",
        "sequence": 0,
        "critical_change": datetime(2026, 11, 23, 11, 0, tzinfo=UTC),
        "organizer": ALICE,
        "subject": "Plans",
        "body": f"<html><body><p>Hello</p><div>{tag}</div></body></html>",
        "body_is_html": True,
        "start": start,
        "end": start + timedelta(hours=1),
        "zone": BERLIN,
    }
    return Meeting(**values | given)


def a_series(tag: str, *, count: int | None = 5, **given: Any) -> Meeting:
    """A meeting every day from tomorrow on at 15:00 in Berlin, for an hour."""
    series = Series(
        Recurrence(Frequency.DAILY, 1, TOMORROW.date(), count=count), zone=BERLIN, starts=time(15, 0), minutes=60
    )
    return a_meeting(tag, **{"series": series} | given)


def newer(meeting: Meeting, **changes: Any) -> Meeting:
    """The next version, as the organizer's Send makes it of a change of times."""
    return replace(meeting, sequence=meeting.sequence + 1, critical_change=_later(meeting), **changes)


def touched(meeting: Meeting, **changes: Any) -> Meeting:
    """A version that has the same sequence and a later critical change."""
    return replace(meeting, critical_change=_later(meeting), **changes)


def _later(meeting: Meeting) -> datetime:
    assert meeting.critical_change is not None
    return meeting.critical_change + timedelta(minutes=1)


class WithoutCalendar(MemoryMailbox):
    """A mailbox whose messages say what their meetings were when they were sent, and that has no calendar."""

    def __init__(self, mailbox: MemoryMailbox) -> None:
        super().__init__(mailbox._box, mailbox._lock, mailbox._now)

    def read(self, item_ids: Sequence[str], horizon: Horizon) -> list[Reading | MailboxTrouble]:
        found = [self._box.messages[item_id] for item_id in item_ids]
        return [Reading(one.notice, replace(one.meeting, item_id="", in_calendar=False)) for one in found]

    def find(self, uid: str, horizon: Horizon) -> Meeting | None:
        return None


@dataclass
class Stage:
    """Everything a test of the engine plays with."""

    own: Scheduling
    exchange: MemoryExchange
    integration: Integration
    desk: Desk
    clock: Clock
    is_bare: bool = False  # the mailbox has no calendar: messages alone tell

    @property
    def address(self) -> str:
        return str(self.integration["room_mailbox_email_address"])

    @property
    def database(self) -> Database:
        return self.own.database

    def mint(self) -> Minted:
        return self.desk.mint()

    def deliver(self, meeting: Meeting, kind: MessageKind = MessageKind.REQUEST, **more: Any) -> str:
        """Send a message, and have it listed."""
        item_id = self.exchange.deliver(self.address, meeting, kind, **more)
        if not more.get("is_dropped"):
            self.queue("message", item_id)
        return item_id

    def queue(self, origin: str, item_id: str = "", uid: str = "", key: str = "") -> None:
        now = self.clock()
        row = queueing.row(
            self.integration.id,
            origin=origin,
            item_id=item_id,
            key=queueing.key_of(origin, item_id, uid, key or uuid.uuid4()),
            due_at=now,
            received_at=now,
            now=now,
            uid=uid,
        )
        with self.database.write() as session:
            queueing.add(session, [row])

    def open(self) -> Mailbox:
        mailbox = self.exchange.mailbox(self.address)
        return WithoutCalendar(mailbox) if self.is_bare else mailbox

    def run(self, at_once: int = 50) -> None:
        """Deal with all that is due."""
        mailbox = self.open()
        while claimed := claiming.claim(self.own, self.integration.id, at_once):
            claimed.sort(key=lambda one: one.id)
            processing.process(self.own, self.integration, mailbox, claimed)

    def send(self, meeting: Meeting, kind: MessageKind = MessageKind.REQUEST, **more: Any) -> None:
        """Send a message and deal with it."""
        self.deliver(meeting, kind, **more)
        self.run()

    def cancel(self, meeting: Meeting, **more: Any) -> None:
        self.send(newer(meeting, is_cancelled=True), MessageKind.CANCELLATION, **more)

    def all(self, row: type[Any]) -> list[Any]:
        with self.database.read() as session:
            found = session.scalars(select(row).order_by(row.id)).all()
            session.expunge_all()
            return list(found)

    def rooms(self) -> list[ConferenceRow]:
        return self.all(ConferenceRow)

    def aliases_of(self, room: ConferenceRow) -> list[str]:
        return [row.alias for row in self.all(ConferenceAliasRow) if row.conference_id == room.id]

    def meetings(self) -> list[MeetingRow]:
        return self.all(MeetingRow)

    def meeting(self, meeting: Meeting) -> MeetingRow:
        return next(row for row in self.meetings() if row.uid == meeting.uid)

    def windows(self, meeting: Meeting | None = None) -> list[tuple[datetime, datetime]]:
        rows: list[ScheduledConferenceRow] = self.all(ScheduledConferenceRow)
        chosen = [row for row in rows if meeting is None or row.ews_item_uid == meeting.uid]
        return sorted((row.start_time, row.end_time) for row in chosen)

    def keys(self) -> list[str]:
        return sorted(row.occurrence for row in self.all(ScheduledConferenceRow))

    def outbox(self) -> list[OutboxRow]:
        return [row for row in self.all(OutboxRow) if row.kind == "reply"]

    def replies(self) -> list[tuple[bool, str]]:
        """What organizers are answered: whether accepted, and the text."""
        return [(row.payload["accept"], row.payload["html"]) for row in self.outbox()]

    def alias(self, minted: Minted) -> ScheduledAliasRow:
        return next(row for row in self.all(ScheduledAliasRow) if row.uuid == minted.uuid)

    def actions(self) -> list[str]:
        """What was decided, in order."""
        rows: list[SchedulingOperationRow] = self.all(SchedulingOperationRow)
        return [row.action for row in rows if row.step == "decided"]

    def alarms(self) -> list[str]:
        return [row.identifier for row in self.all(AlarmRow) if row.open_key is not None]

    def inbox(self, state: str) -> list[InboxRow]:
        return [row for row in self.all(InboxRow) if row.state == state]

    def horizons(self) -> tuple[int, int]:
        return horizons.extend(self.own), horizons.close(self.own)


def a_stage(database: Database, box: SecretBox, clock: Clock, **changes: object) -> Stage:
    exchange = MemoryExchange(clock)
    integration = an_integration(database, box, clock, **changes)
    own = Scheduling(
        database, box, Catalogue(database, Deployment()), TagKeys(database, box), no_outside(exchange), clock
    )
    return Stage(own, exchange, integration, Desk(database, box, clock, integration), clock)


def texts_of(replies: Sequence[tuple[bool, str]]) -> list[str]:
    """The beginnings of the default texts that answers hold, so that tests can name them."""
    return [next((name for name, words in _WORDS.items() if words in html), html) for _accept, html in replies]


_WORDS = {
    "new single": "This meeting has been successfully scheduled",
    "new series": "This recurring meeting series has been successfully scheduled",
    "edited single": "This meeting has been successfully rescheduled",
    "edited series": "This recurring meeting series has been successfully rescheduled",
    "edited occurrence": "This meeting occurrence",
    "invalid": "does not contain currently valid scheduling data",
    "conflict": "already",
    "deleted": "its alias has been deleted",
    "series past": "all<br>",
    "single past": "it occurs in the past",
    "error": "CorrelationID",
}
