"""Exchange in memory: equipment mailboxes for the demo and the tests, and the organizer's side of them.

It behaves as Exchange does with `AutomateProcessing AutoUpdate`: what is sent lands in the inbox, and the newest
version of each meeting in the calendar. Nothing is answered by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import RLock

from addin_host.domain.calendar import Meeting, MessageKind, Notice, Reading
from addin_host.domain.integration import Integration
from addin_host.domain.mailbox import (
    Arrival,
    Arrivals,
    CalendarEntry,
    CalendarPage,
    Fault,
    Horizon,
    Mailbox,
    MailboxAccess,
    MailboxTrouble,
    OwnershipMark,
    Reply,
    Rewrite,
)

_PAGE = 512
_Version = tuple[int, float]


def _version(sequence: int, critical_change: datetime | None) -> _Version:
    return sequence, critical_change.timestamp() if critical_change else 0.0


@dataclass(slots=True)
class _Message:
    notice: Notice
    meeting: Meeting
    number: int


@dataclass(slots=True)
class _Box:
    messages: dict[str, _Message] = field(default_factory=dict)
    calendar: dict[str, tuple[Meeting, datetime]] = field(default_factory=dict)
    log: list[Arrival] = field(default_factory=list)
    sent: list[tuple[Reply, datetime]] = field(default_factory=list)
    rewrites: list[Rewrite] = field(default_factory=list)
    mark: OwnershipMark | None = None
    epoch: int = 0
    trouble: MailboxTrouble | None = None
    unreadable: set[str] = field(default_factory=set)
    is_denied_organizers: bool = False


class MemoryExchange:
    """All mailboxes, by address. Safe to share between threads."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._lock = RLock()
        self._boxes: dict[str, _Box] = {}
        self._numbers = 0

    def open(self, integration: Integration, access: MailboxAccess) -> Mailbox:
        """Return the integration's mailbox, made when it is not there."""
        del access
        return self.mailbox(str(integration["room_mailbox_email_address"]))

    def mailbox(self, address: str) -> MemoryMailbox:
        """Return the mailbox of an address."""
        with self._lock:
            return MemoryMailbox(self._boxes.setdefault(address.lower(), _Box()), self._lock, self._now)

    def deliver(
        self,
        address: str,
        meeting: Meeting,
        kind: MessageKind = MessageKind.REQUEST,
        *,
        occurrence: datetime | None = None,
        sender: str = "",
        is_dropped: bool = False,
    ) -> str:
        """Send a version of a meeting to the mailbox, as the organizer's Send does, and return the message's id.

        `meeting` is the whole series, after the change; one that is cancelled has `is_cancelled`. A message that is
        dropped changes the calendar only.
        """
        with self._lock:
            box = self._boxes.setdefault(address.lower(), _Box())
            self._numbers += 1
            item_id, now = f"message:{self._numbers}", self._now()
            kept = replace(meeting, item_id=f"calendar:{meeting.uid}", in_calendar=True)
            known = box.calendar.get(meeting.uid)
            newer = _version(meeting.sequence, meeting.critical_change)
            if known is None or _version(known[0].sequence, known[0].critical_change) <= newer:
                box.calendar[meeting.uid] = (kept, now)
            notice = Notice(
                item_id,
                kind,
                meeting.uid,
                meeting.sequence,
                meeting.critical_change,
                occurrence,
                sender or meeting.organizer.address,
                now,
            )
            if not is_dropped:
                box.messages[item_id] = _Message(notice, meeting, self._numbers)
                box.log.append(Arrival(item_id, str(self._numbers), kind, now, meeting.start))
            return item_id

    def repeat(self, address: str, item_id: str) -> None:
        """List a message once more, as change notifications do."""
        with self._lock:
            box, self._numbers = self._boxes[address.lower()], self._numbers + 1
            listed = next(arrival for arrival in box.log if arrival.item_id == item_id)
            box.log.append(replace(listed, change_key=str(self._numbers)))

    def forget(self, address: str, uid: str) -> None:
        """Take a meeting out of the calendar."""
        with self._lock:
            self._boxes[address.lower()].calendar.pop(uid, None)

    def lose_cursors(self, address: str) -> None:
        """Let every cursor be refused from now on."""
        with self._lock:
            self._boxes[address.lower()].epoch += 1

    def delete(self, address: str, item_id: str) -> None:
        """Take a message away, as somebody who tidies the mailbox does."""
        with self._lock:
            self._boxes[address.lower()].messages.pop(item_id, None)

    def spoil(self, address: str, item_id: str) -> None:
        """Let a message be unreadable from now on."""
        with self._lock:
            self._boxes[address.lower()].unreadable.add(item_id)

    def deny(self, address: str) -> None:
        """Take the permission away to write in organizers' calendars."""
        with self._lock:
            self._boxes.setdefault(address.lower(), _Box()).is_denied_organizers = True

    def trouble(self, address: str, fault: Fault | None, *, retry_after: int | None = None) -> None:
        """Let every call to the mailbox fail from now on; None lets it work again."""
        with self._lock:
            box = self._boxes.setdefault(address.lower(), _Box())
            said = "The mailbox in memory has trouble."
            box.trouble = MailboxTrouble(fault, said, retry_after=retry_after) if fault else None

    def sent(self, address: str) -> Sequence[Reply]:
        """Return the replies of a mailbox, in order."""
        with self._lock:
            return [reply for reply, _at in self._boxes.setdefault(address.lower(), _Box()).sent]

    def rewritten(self, address: str) -> Sequence[Rewrite]:
        """Return what was rewritten through a mailbox, in order."""
        with self._lock:
            return list(self._boxes.setdefault(address.lower(), _Box()).rewrites)


class MemoryMailbox:
    """One of them, as the scheduling service sees it."""

    def __init__(self, box: _Box, lock: RLock, now: Callable[[], datetime]) -> None:
        self._box, self._lock, self._now = box, lock, now

    @contextmanager
    def _open(self) -> Iterator[None]:
        """Hold the lock. Raises the trouble that the mailbox is in."""
        with self._lock:
            if self._box.trouble is not None:
                raise MailboxTrouble(
                    self._box.trouble.fault, self._box.trouble.message, retry_after=self._box.trouble.retry_after
                )
            yield

    def arrivals(self, cursor: str) -> Arrivals:
        """Return a page of what arrived. Raises CURSOR_LOST."""
        with self._open():
            epoch, _, position = (cursor or f"{self._box.epoch}.0").partition(".")
            if int(epoch) != self._box.epoch:
                raise MailboxTrouble(Fault.CURSOR_LOST, "The mailbox does not know the position any more.")
            start = int(position)
            page = self._box.log[start : start + _PAGE]
            end = start + len(page)
            listed = [arrival for arrival in page if arrival.item_id in self._box.messages]
            return Arrivals(listed, f"{epoch}.{end}", has_more=end < len(self._box.log))

    def read(self, item_ids: Sequence[str], horizon: Horizon) -> Sequence[Reading | MailboxTrouble]:
        """Return what some messages say, and their meetings as they are now."""
        del horizon
        with self._open():
            return [self._reading(item_id) for item_id in item_ids]

    def _reading(self, item_id: str) -> Reading | MailboxTrouble:
        if item_id in self._box.unreadable:
            return MailboxTrouble(Fault.UNUSABLE, "The message cannot be read.")
        message = self._box.messages.get(item_id)
        if message is None or message.notice.kind is MessageKind.OTHER:
            return Reading(None, None)
        kept = self._box.calendar.get(message.notice.uid)
        return Reading(message.notice, kept[0] if kept else None)

    def calendar(self, since: datetime, until: datetime, cursor: str) -> CalendarPage:
        """List the meetings in between; a series that may reach into it is listed."""
        with self._open():
            found = sorted(
                (meeting.uid, meeting, changed)
                for meeting, changed in self._box.calendar.values()
                if meeting.start < until and (meeting.series is not None or meeting.end > since)
            )
            start = int(cursor or 0)
            page = [_entry(meeting, changed) for _uid, meeting, changed in found[start : start + _PAGE]]
            more = start + _PAGE < len(found)
            return CalendarPage(page, str(start + _PAGE) if more else "")

    def meeting(self, item_id: str, horizon: Horizon) -> Meeting | None:
        """Return a meeting by its calendar item."""
        return self.find(item_id.removeprefix("calendar:"), horizon)

    def find(self, uid: str, horizon: Horizon) -> Meeting | None:
        """Look for a meeting by its uid."""
        del horizon
        with self._open():
            kept = self._box.calendar.get(uid)
            return kept[0] if kept else None

    def reply(self, reply: Reply) -> None:
        """Note the reply."""
        with self._open():
            self._box.sent.append((reply, self._now()))

    def was_sent(self, correlation_id: str, since: datetime) -> bool:
        """Whether a reply with this id was sent."""
        with self._open():
            return any(reply.correlation_id == correlation_id and at >= since for reply, at in self._box.sent)

    def rewrite(self, rewrite: Rewrite) -> bool:
        """Put the instructions into the calendar's copy, which stands for the organizer's."""
        with self._open():
            if self._box.is_denied_organizers:
                raise MailboxTrouble(Fault.DENIED, "The organizer's calendar may not be changed.")
            kept = self._box.calendar.get(rewrite.uid)
            if kept is None or rewrite.html in kept[0].body:
                return False
            self._box.calendar[rewrite.uid] = (replace(kept[0], body=rewrite.html), self._now())
            self._box.rewrites.append(rewrite)
            return True

    def tidy(self, item_id: str) -> None:
        """Take a message away."""
        with self._open():
            self._box.messages.pop(item_id, None)

    def probe(self) -> None:
        """Raise the trouble that the mailbox is in."""
        with self._open():
            pass

    def owner(self) -> OwnershipMark | None:
        """Return the mark."""
        with self._open():
            return self._box.mark

    def own(self, mark: OwnershipMark) -> None:
        """Leave the mark."""
        with self._open():
            self._box.mark = mark


def _entry(meeting: Meeting, changed: datetime) -> CalendarEntry:
    return CalendarEntry(
        item_id=meeting.item_id,
        uid=meeting.uid,
        sequence=meeting.sequence,
        critical_change=meeting.critical_change,
        modified_at=changed,
        starts_at=meeting.start,
        is_cancelled=meeting.is_cancelled,
    )
