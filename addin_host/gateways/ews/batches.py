"""Messages and their meetings, many at once: one bad item never spoils the others."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import TypeVar

from addin_host.domain.calendar import Meeting, MessageKind, Occurrence, Reading
from addin_host.domain.mailbox import OF_THE_MAILBOX, Fault, Horizon, MailboxTrouble
from addin_host.gateways.ews import payloads, reading
from addin_host.gateways.ews.protocol import Connection, error_of
from addin_host.gateways.ews.series import expanded
from addin_host.gateways.ews.wire import Element, each, find, text

VIEW = 1000  # what Exchange lists at most; a fuller calendar is expanded by us
_NO_SENSE = "An item in the mailbox makes no sense."
T = TypeVar("T")
Found = Element | MailboxTrouble


class Batches:
    """Reads for one call of the port."""

    def __init__(self, connection: Connection, resolve: reading.Resolve, horizon: Horizon) -> None:
        self._connection, self._resolve, self._horizon = connection, resolve, horizon

    def readings(self, item_ids: Sequence[str]) -> Sequence[Reading | MailboxTrouble]:
        """Return what messages say, and their meetings, in order."""
        messages = self._fetch(payloads.messages, item_ids)
        wanted = {reading.associated(found): None for found in messages if not isinstance(found, MailboxTrouble)}
        wanted.pop("", None)
        meetings = self.meetings(list(wanted))
        return [self._reading(message, meetings) for message in messages]

    def _reading(self, message: Found, meetings: Mapping[str, Meeting | MailboxTrouble]) -> Reading | MailboxTrouble:
        if isinstance(message, MailboxTrouble):
            return Reading(None, None) if message.fault is Fault.ITEM_GONE else message
        kind = reading.kind_of(message)
        if kind is MessageKind.OTHER:
            return Reading(None, None)
        known = meetings.get(reading.associated(message))
        if isinstance(known, MailboxTrouble) and known.fault is not Fault.ITEM_GONE:
            return known
        meeting = known if isinstance(known, Meeting) else None
        return _guarded(lambda: self._together(message, kind, meeting))

    def _together(self, message: Element, kind: MessageKind, meeting: Meeting | None) -> Reading:
        notice = reading.notice_from(message, meeting.series if meeting else None)
        if meeting is None and notice.occurrence is not None:
            # The day may be gone from the calendar while the series is there.
            meeting = self._by_uid(notice.uid)
            notice = reading.notice_from(message, meeting.series if meeting else None)
        if meeting is None and kind is MessageKind.REQUEST:
            meeting = reading.meeting_from(message, self._resolve, in_calendar=False)
        return Reading(notice, meeting)

    def meetings(self, item_ids: Sequence[str]) -> Mapping[str, Meeting | MailboxTrouble]:
        """Return the meetings of calendar items; that of an occurrence is its series."""
        items = self._fetch(lambda ids: payloads.appointments([payloads.item(one) for one in ids]), item_ids)
        by_id: dict[str, Found] = dict(zip(item_ids, items, strict=True))
        parts = [one for one, found in by_id.items() if not isinstance(found, MailboxTrouble) and _is_part(found)]
        masters = self._fetch(lambda ids: payloads.appointments([payloads.master_of(one) for one in ids]), parts)
        for part, master in zip(parts, masters, strict=True):
            # Who was invited to one day of a series has no series: the day stands for itself.
            if not isinstance(master, MailboxTrouble) or master.fault is not Fault.ITEM_GONE:
                by_id[part] = master
        return self._expanded({one: self._meeting(found) for one, found in by_id.items()})

    def _by_uid(self, uid: str) -> Meeting | None:
        item_id = "" if uid.startswith("H") else item_of(self._connection, self._connection.mailbox, uid)
        found = self.meetings([item_id])[item_id] if item_id else None
        return found if isinstance(found, Meeting) else None

    def _meeting(self, found: Found) -> Meeting | MailboxTrouble:
        if isinstance(found, MailboxTrouble):
            return found
        return _guarded(lambda: reading.meeting_from(found, self._resolve))

    def _fetch(self, ask: Callable[[Sequence[str]], Element], item_ids: Sequence[str]) -> list[Found]:
        """Return the items, in order. An answer that is too large or unreadable is asked for again in halves."""
        if not item_ids:
            return []
        try:
            messages = self._connection.messages(ask(item_ids))
            if len(messages) != len(item_ids):
                raise MailboxTrouble(Fault.UNUSABLE, "The Exchange server's answer is not complete.")
        except MailboxTrouble as trouble:
            if trouble.fault in OF_THE_MAILBOX:
                raise
            if len(item_ids) == 1:
                return [self._alone(trouble)]
            half = len(item_ids) // 2
            return [*self._fetch(ask, item_ids[:half]), *self._fetch(ask, item_ids[half:])]
        return [self._item(message) for message in messages]

    def _alone(self, trouble: MailboxTrouble) -> MailboxTrouble:
        """Return what is wrong with one item, after a look at the mailbox as a whole, whose trouble is raised.

        Exchange names the same error for a corrupt item as for a store that is down; and a page in place of EWS is as
        unreadable as an item that is too large.
        """
        try:
            self._connection.look()
        except MailboxTrouble as other:
            if other.fault is Fault.UNUSABLE:
                raise MailboxTrouble(Fault.UNREACHABLE, "What answers at the EWS URL is not EWS.") from other
            raise
        return MailboxTrouble(Fault.UNUSABLE, trouble.message) if trouble.fault in OF_THE_MAILBOX else trouble

    def _item(self, message: Element) -> Found:
        error = error_of(message)
        if error is not None:
            if error.fault is Fault.BUSY:
                raise error
            return self._alone(error) if error.fault in OF_THE_MAILBOX else error
        items = find(message, "m:Items")
        if items is None or len(items) != 1:
            return MailboxTrouble(Fault.UNUSABLE, _NO_SENSE)
        return items[0]

    def _expanded(self, found: dict[str, Meeting | MailboxTrouble]) -> Mapping[str, Meeting | MailboxTrouble]:
        """Give the series what Exchange expands, for all of them in one call; none where the calendar is too full."""
        if not any(isinstance(meeting, Meeting) and meeting.series for meeting in found.values()):
            return found
        occurrences = self._occurrences()
        if occurrences is None:
            return found
        since, until = self._horizon.since, self._horizon.until
        for one, meeting in found.items():
            if isinstance(meeting, Meeting) and meeting.series:
                listed = tuple(occurrences.get(meeting.uid, ()))
                series = replace(meeting.series, expansion=listed, expanded_from=since, expanded_until=until)
                found[one] = replace(meeting, series=series)
        return found

    def _occurrences(self) -> Mapping[str, Sequence[Occurrence]] | None:
        view = payloads.view(self._connection.mailbox, self._horizon.since, self._horizon.until, VIEW)
        try:
            folder = find(self._connection.one(view), "m:RootFolder")
            if folder is None or folder.get("IncludesLastItemInRange") not in ("true", "1"):
                return None
            return dict(_by_uid(folder))
        except MailboxTrouble as trouble:
            if trouble.fault in OF_THE_MAILBOX:
                raise
            return None
        except (ValueError, LookupError):
            return None


def _is_part(item: Element) -> bool:
    return text(item, "t:CalendarItemType") in ("Occurrence", "Exception")


def _by_uid(folder: Element) -> Iterator[tuple[str, Sequence[Occurrence]]]:
    listed = [
        (reading.meeting_uid(item), expanded(item)) for item in each(folder, "t:Items/t:CalendarItem") if _is_part(item)
    ]
    listed.sort(key=lambda pair: (pair[0], pair[1].original))
    for uid, group in groupby(listed, key=lambda pair: pair[0]):
        yield uid, [occurrence for _uid, occurrence in group]


def _guarded(work: Callable[[], T]) -> T | MailboxTrouble:
    try:
        return work()
    except (ValueError, LookupError, OverflowError):
        return MailboxTrouble(Fault.UNUSABLE, _NO_SENSE)


def item_of(connection: Connection, mailbox: str, uid: str, acting_as: str = "") -> str:
    """Return the calendar item of a meeting, of a series' master before any other; blank when there is none."""
    goid = b64encode(bytes.fromhex(uid)).decode()
    found = list(connection.items(payloads.with_goid(mailbox, goid), acting_as))
    found.sort(key=lambda item: text(item, "t:CalendarItemType") not in ("Single", "RecurringMaster"))
    return reading.item_id(found[0]) if found else ""
