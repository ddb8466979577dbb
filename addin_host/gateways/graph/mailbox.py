"""The port to an equipment mailbox, over Microsoft Graph v1.0 (scheduling.md section 10.2)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from addin_host.domain.calendar import Meeting, Reading
from addin_host.domain.mailbox import (
    Arrival,
    Arrivals,
    CalendarEntry,
    CalendarPage,
    Fault,
    Horizon,
    MailboxTrouble,
    OwnershipMark,
    Reply,
    Rewrite,
)
from addin_host.gateways.graph import answering, meetings, properties
from addin_host.gateways.graph.client import GraphClient, Json, path, understood
from addin_host.gateways.graph.faults import Refusal, trouble
from addin_host.gateways.graph.reading import Reader, tried

_SINGLE, _SERIES = "1", "2"  # the halves of the calendar, as cursors begin
_PAGE = "odata.maxpagesize=100"
_LISTED = "id,changeKey,receivedDateTime"
_CAST = "microsoft.graph.eventMessage/"
_TOLD = f"{_LISTED},{_CAST}meetingMessageType,{_CAST}startDateTime"  # plain messages have neither
_ENTRY = "id,iCalUId,lastModifiedDateTime,start,end,type,isAllDay,isCancelled,recurrence,originalStartTimeZone"


class GraphMailbox:
    """One equipment mailbox; for one thread at a time."""

    def __init__(self, client: GraphClient, address: str) -> None:
        self._client, self._address = client, address
        self._reader = Reader(client, address)
        self._inbox = ("users", address, "mailFolders", "inbox")

    def arrivals(self, cursor: str) -> Arrivals:
        """Return what arrived in the inbox since the cursor. Raises CURSOR_LOST."""
        self._client.begin()
        page = self._stored(cursor) if cursor else self._first_page()
        with understood():
            items = [_arrival(message) for message in page["value"] if "@removed" not in message]
            more, end = page.get("@odata.nextLink"), page.get("@odata.deltaLink")
            return Arrivals(items, self._cursor(str(more or end)), has_more=bool(more))

    def _first_page(self) -> Json:
        """Ask from the beginning; a Graph that does not list what event messages tell is asked without it."""
        try:
            return self._client.get(path(*self._inbox, "messages", "delta", select=_TOLD), prefer=_PAGE)
        except Refusal as refusal:
            if refusal.status != 400:
                raise
        return self._client.get(path(*self._inbox, "messages", "delta", select=_LISTED), prefer=_PAGE)

    def _stored(self, cursor: str) -> Json:
        """Ask on from a position. A cursor of another mailbox, or one that Graph does not take, is lost."""
        address, _, where = cursor.partition(" ")
        if address != self._address or not where.startswith("/users"):
            raise trouble(Fault.CURSOR_LOST)
        try:
            return self._client.get(where, prefer=_PAGE)
        except Refusal as refusal:
            if refusal.status == 400:
                raise trouble(Fault.CURSOR_LOST) from refusal
            raise

    def _cursor(self, link: str) -> str:
        """Return a position as it is stored. Graph writes the mailbox into its links in ways of its own."""
        return f"{self._address} {self._client.below(link)}"

    def read(self, item_ids: Sequence[str], horizon: Horizon) -> list[Reading | MailboxTrouble]:
        """Return, in their order, what some messages say, and their meetings as they are now."""
        self._client.begin()
        return self._reader.readings(item_ids, horizon)

    def calendar(self, since: datetime, until: datetime, cursor: str) -> CalendarPage:
        """List the meetings that take place at some time in between: single ones first, then series."""
        self._client.begin()
        half = cursor[:1] or _SINGLE
        page = self._stored(cursor[1:] or self._half("singleInstance", since, until))
        with understood():
            outcomes = [tried(partial(_entry, event)) for event in page["value"] if _reaches(event, since)]
            link = page.get("@odata.nextLink")
        entries = [entry for entry in outcomes if isinstance(entry, CalendarEntry) and entry.uid]
        if link:
            return CalendarPage(entries, half + self._cursor(str(link)))
        then = _SERIES + self._half(meetings.MASTER, since, until)
        return CalendarPage(entries, then if half == _SINGLE else "")

    def _half(self, kind: str, since: datetime, until: datetime) -> str:
        """Return the cursor at which a half of the calendar begins."""
        condition = f"type eq '{kind}' and start/dateTime lt '{_plain(until)}'"
        if kind != meetings.MASTER:  # the end of a master is that of its first occurrence
            condition += f" and end/dateTime ge '{_plain(since)}'"
        where = path(
            *("users", self._address, "events"),
            filter=condition,
            select=_ENTRY,
            expand=properties.expansion(*properties.CALENDAR),
            top=100,
        )
        return f"{self._address} {where}"

    def meeting(self, item_id: str, horizon: Horizon) -> Meeting | None:
        """Return a meeting by its calendar item; None when it is gone."""
        self._client.begin()
        outcome = self._reader.meetings([item_id], horizon)[item_id]
        if isinstance(outcome, MailboxTrouble):
            raise outcome
        return outcome

    def find(self, uid: str, horizon: Horizon) -> Meeting | None:
        """Look for a meeting by its uid; one with a hashed uid is looked for page by page inside the horizon."""
        if not uid.startswith(properties.HASHED):
            self._client.begin()
            return self._reader.found(uid, horizon)
        cursor, is_first = "", True
        while cursor or is_first:
            page = self.calendar(horizon.since, horizon.until, cursor)
            for entry in page.entries:
                if entry.uid == uid:
                    return self.meeting(entry.item_id, horizon)
            cursor, is_first = page.cursor, False
        return None

    def reply(self, reply: Reply) -> None:
        """Accept or decline in the calendar, and send the text as a mail."""
        self._client.begin()
        answering.respond(self._client, self._address, reply)
        answering.send(self._client, self._address, reply)

    def was_sent(self, correlation_id: str, since: datetime) -> bool:
        """Whether a reply with this id is among the sent messages."""
        self._client.begin()
        return answering.was_sent(self._client, self._address, correlation_id, since)

    def rewrite(self, rewrite: Rewrite) -> bool:
        """Put the joining instructions into the organizer's appointment. Raises DENIED."""
        self._client.begin()
        return answering.rewrite(self._client, rewrite)

    def tidy(self, item_id: str) -> None:
        """Move a message to the deleted items; one that is gone is fine."""
        self._client.begin()
        try:
            where = path("users", self._address, "messages", item_id, "move")
            self._client.post(where, {"destinationId": "deleteditems"}, is_item=True)
        except MailboxTrouble as error:
            if error.fault is not Fault.ITEM_GONE:
                raise

    def probe(self) -> None:
        """Ask for the ids of inbox and calendar, which takes every permission to read."""
        self._client.begin()
        self._client.get(path(*self._inbox, select="id"))
        self._client.get(path("users", self._address, "calendar", select="id"))

    def owner(self) -> OwnershipMark | None:
        """Return the mark, which is a property of the inbox; None where it is nothing that we wrote."""
        self._client.begin()
        inbox = self._client.get(path(*self._inbox, select="id", expand=properties.expansion(properties.OWNER)))
        with understood():
            written = properties.values(inbox).get(properties.OWNER.lower(), "")
        try:
            mark = json.loads(written)
            return OwnershipMark(mark["installation"], mark["integration"], datetime.fromisoformat(mark["seen_at"]))
        except (ValueError, KeyError, TypeError):
            return None

    def own(self, mark: OwnershipMark) -> None:
        """Leave the mark of this installation."""
        self._client.begin()
        seen_at = mark.seen_at.astimezone(UTC).isoformat()
        value = json.dumps({"installation": mark.installation, "integration": mark.integration, "seen_at": seen_at})
        self._client.patch(
            path(*self._inbox), {"singleValueExtendedProperties": [{"id": properties.OWNER, "value": value}]}
        )


def _arrival(message: Json) -> Arrival:
    starts = tried(lambda: meetings.instant(message.get("startDateTime")))
    received = properties.instant(message["receivedDateTime"])
    if received is None:
        raise ValueError("a message without a time")
    return Arrival(
        item_id=str(message["id"]),
        change_key=str(message.get("changeKey") or message.get("@odata.etag") or ""),
        kind=meetings.kind_of(message),
        received_at=received,
        starts_at=None if isinstance(starts, MailboxTrouble) else starts,
    )


def _entry(event: Json) -> CalendarEntry:
    modified = properties.instant(event["lastModifiedDateTime"])
    if modified is None:
        raise ValueError("an event without a time")
    return CalendarEntry(
        item_id=str(event["id"]),
        uid=properties.uid_of(event),
        sequence=properties.sequence_of(event),
        critical_change=properties.instant_of(event, properties.CRITICAL_CHANGE),
        modified_at=modified,
        starts_at=meetings.starts_at(event),
        is_cancelled=bool(event.get("isCancelled")),
    )


def _reaches(event: Json, since: datetime) -> bool:
    """Whether a series may reach beyond an instant, as far as its last day tells."""
    reach = (event.get("recurrence") or {}).get("range") or {}
    if event.get("type") != meetings.MASTER or reach.get("type") != "endDate":
        return True
    ends = datetime.fromisoformat(str(reach["endDate"])).replace(tzinfo=UTC)
    return ends > since - timedelta(days=3)


def _plain(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
