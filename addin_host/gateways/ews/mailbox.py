"""An equipment mailbox over EWS: the port's operations, each within one budget of time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from addin_host.domain.calendar import Meeting, Organizer, Reading
from addin_host.domain.mailbox import (
    Arrivals,
    CalendarPage,
    Fault,
    Horizon,
    MailboxTrouble,
    OwnershipMark,
    Reply,
    Rewrite,
)
from addin_host.gateways.ews import ownership, payloads, reading, replies, rewriting
from addin_host.gateways.ews.batches import Batches, item_of
from addin_host.gateways.ews.protocol import Connection
from addin_host.gateways.ews.wire import each, find, is_true, local, text

PAGE, SYNC_PAGE = 200, 512  # Exchange gives no more than 1,000 and 512
CLOCKS = timedelta(minutes=15)  # how far Exchange's clock may be from ours


class EwsMailbox:
    """The `Mailbox` over EWS."""

    def __init__(self, connection: Connection, now: Callable[[], datetime]) -> None:
        self.connection, self._now = connection, now
        self._address = connection.mailbox
        self._organizers: dict[str, Organizer | None] = {}

    @contextmanager
    def _bounded(self) -> Iterator[None]:
        """Begin a new budget of time; what makes no sense in an answer is UNUSABLE."""
        self.connection.budget.renew()
        try:
            yield
        except (ValueError, LookupError, OverflowError) as error:
            raise MailboxTrouble(Fault.UNUSABLE, "The Exchange server's answer makes no sense.") from error

    def arrivals(self, cursor: str) -> Arrivals:
        """Return a page of what is new or changed in the inbox."""
        with self._bounded():
            message = self.connection.one(payloads.sync(self._address, cursor, SYNC_PAGE))
            changes = [change for change in each(message, "m:Changes/*") if local(change) in ("Create", "Update")]
            return Arrivals(
                [reading.arrival_from(item, self._now()) for change in changes for item in change],
                text(message, "m:SyncState"),
                has_more=not is_true(message, "m:IncludesLastItemInRange"),
            )

    def read(self, item_ids: Sequence[str], horizon: Horizon) -> Sequence[Reading | MailboxTrouble]:
        """Return what messages say, and their meetings."""
        with self._bounded():
            return Batches(self.connection, self._resolve, horizon).readings(item_ids)

    def calendar(self, since: datetime, until: datetime, cursor: str) -> CalendarPage:
        """List the meetings in between, in the order in which they came into the calendar."""
        with self._bounded():
            return self._calendar(since, until, cursor)

    def _calendar(self, since: datetime, until: datetime, cursor: str) -> CalendarPage:
        if not (cursor or "0").isdecimal():
            raise MailboxTrouble(Fault.CURSOR_LOST, "The position in the calendar is not one of this mailbox.")
        message = self.connection.one(payloads.meetings(self._address, since, until, int(cursor or 0), PAGE))
        folder = find(message, "m:RootFolder")
        if folder is None:
            raise ValueError("no folder")
        items = [reading.entry_from(item) for item in each(folder, "t:Items/t:CalendarItem")]
        entries = [entry for entry in items if entry is not None]
        is_last = folder.get("IncludesLastItemInRange") in ("true", "1")
        return CalendarPage(entries, "" if is_last or not items else folder.get("IndexedPagingOffset", ""))

    def meeting(self, item_id: str, horizon: Horizon) -> Meeting | None:
        """Return a meeting by its calendar item."""
        with self._bounded():
            return self._meeting(item_id, horizon)

    def find(self, uid: str, horizon: Horizon) -> Meeting | None:
        """Look for a meeting by its uid."""
        with self._bounded():
            item_id = self._item_of(uid, horizon)
            return self._meeting(item_id, horizon) if item_id else None

    def _meeting(self, item_id: str, horizon: Horizon) -> Meeting | None:
        found = Batches(self.connection, self._resolve, horizon).meetings([item_id])[item_id]
        if isinstance(found, MailboxTrouble):
            if found.fault is Fault.ITEM_GONE:
                return None
            raise found
        return found

    def _item_of(self, uid: str, horizon: Horizon) -> str:
        """Return the calendar item of a meeting. A hashed uid cannot be searched for, so the calendar is walked."""
        if not uid.startswith("H"):
            return item_of(self.connection, self._address, uid)
        cursor = ""
        while True:
            page = self._calendar(horizon.since, horizon.until, cursor)
            for entry in page.entries:
                if entry.uid == uid:
                    return entry.item_id
            cursor = page.cursor
            if not cursor:
                return ""

    def reply(self, reply: Reply) -> None:
        """Accept or decline; by a mail of its own when the message is gone."""
        with self._bounded():
            try:
                replies.respond(self.connection, reply)
            except MailboxTrouble as trouble:
                if trouble.fault is not Fault.ITEM_GONE:
                    raise
                replies.write(self.connection, reply)

    def was_sent(self, correlation_id: str, since: datetime) -> bool:
        """Whether a reply with this id is among the sent messages."""
        with self._bounded():
            found = self.connection.items(payloads.with_correlation(self._address, correlation_id, since - CLOCKS))
            return any(reading.extended(item, "correlation-id") == correlation_id for item in found)

    def rewrite(self, rewrite: Rewrite) -> bool:
        """Put the instructions into the organizer's appointment, as the organizer."""
        with self._bounded():
            return rewriting.rewrite(self.connection, rewrite)

    def tidy(self, item_id: str) -> None:
        """Move a message to the deleted items."""
        with self._bounded():
            try:
                self.connection.one(payloads.move(item_id, self._address, "deleteditems"))
            except MailboxTrouble as trouble:
                if trouble.fault is not Fault.ITEM_GONE:
                    raise

    def probe(self) -> None:
        """Ask for the ids of inbox and calendar."""
        with self._bounded():
            self.connection.look()

    def owner(self) -> OwnershipMark | None:
        """Return the mark in the mailbox."""
        with self._bounded():
            return ownership.owner(self.connection, self._address)

    def own(self, mark: OwnershipMark) -> None:
        """Leave a mark in the mailbox."""
        with self._bounded():
            ownership.own(self.connection, self._address, mark)

    def _resolve(self, entry: str) -> Organizer | None:
        """Look an address that is not SMTP up in the address list, once."""
        if entry not in self._organizers:
            (message,) = self.connection.messages(payloads.resolve(entry))
            resolution = find(message, "m:ResolutionSet/t:Resolution")
            self._organizers[entry] = None if resolution is None else reading.resolved(resolution)
        return self._organizers[entry]
