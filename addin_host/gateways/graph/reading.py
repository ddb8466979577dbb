"""Messages and events of one mailbox, fetched in batches (scheduling.md sections 8, 9 and 10.2).

A message leads to its event, an occurrence to the master of its series, and a master to its occurrences inside the
horizon: three rounds of batches for any number of messages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from addin_host.domain.calendar import Meeting, MessageKind, Notice, Reading
from addin_host.domain.mailbox import Fault, Horizon, MailboxTrouble
from addin_host.gateways.graph import meetings, properties
from addin_host.gateways.graph.client import Ask, GraphClient, Json, path, understood
from addin_host.gateways.graph.faults import Refusal

T = TypeVar("T")
Outcome = Meeting | MailboxTrouble | None
_MESSAGE = "microsoft.graph.eventMessage/event," + properties.expansion(*properties.CALENDAR, properties.REPLACED)
_EVENT_FIELDS = (
    "id,iCalUId,subject,body,start,end,isAllDay,isCancelled,organizer,type,recurrence,originalStartTimeZone,"
    "originalStart,seriesMasterId,lastModifiedDateTime,cancelledOccurrences"
)
_EVENT = "exceptionOccurrences," + properties.expansion(*properties.CALENDAR)
_INSTANCE_FIELDS = "id,subject,start,end,originalStart,originalStartTimeZone,isAllDay,isCancelled,type"
_INSTANCES = "odata.maxpagesize=200"
_MOST_PAGES = 20


class Reader:
    """Reads one mailbox. Every method raises what is wrong with the mailbox as a whole."""

    def __init__(self, client: GraphClient, address: str) -> None:
        self._client, self._address = client, address

    def readings(self, item_ids: Sequence[str], horizon: Horizon) -> list[Reading | MailboxTrouble]:
        """Return what messages say, in their order, and their meetings."""
        asks = [Ask(path("users", self._address, "messages", item_id, expand=_MESSAGE)) for item_id in item_ids]
        messages = [self._spoken(answer) for answer in self._client.batch(asks)]
        linked = [self._event_id(message) for message in messages]
        known = self.meetings(filter(None, linked), horizon)
        return [
            self._reading(message, known.get(event_id) if event_id else None, horizon)
            for message, event_id in zip(messages, linked, strict=True)
        ]

    def meetings(self, event_ids: Iterable[str], horizon: Horizon) -> Mapping[str, Outcome]:
        """Return meetings by the ids of their events, None for those that are gone."""
        wanted = list(dict.fromkeys(event_ids))
        answers = self._client.batch([Ask(self._event_path(event_id)) for event_id in wanted])
        return dict(zip(wanted, self._expanded(answers, horizon), strict=True))

    def found(self, uid: str, horizon: Horizon) -> Meeting | None:
        """Return a meeting by its uid; a uid that was hashed is not found here."""
        if uid.startswith(properties.HASHED):
            return None
        filters = (f"iCalUId eq '{properties.calendar_uid(uid)}'", _by_goid(uid))
        for condition in filters:
            with understood():
                events = [event for event in self._events(condition) if properties.uid_of(event) == uid]
                events.sort(key=lambda event: bool(event.get("isCancelled")))
            if events:
                (outcome,) = self._expanded(events[:1], horizon)
                if isinstance(outcome, MailboxTrouble):
                    raise outcome
                return outcome
        return None

    def _events(self, condition: str) -> Sequence[Json]:
        """Return the events that Graph finds; a condition that it does not take finds nothing."""
        where = path("users", self._address, "events", filter=condition, select=_EVENT_FIELDS, expand=_EVENT)
        try:
            answer = self._client.get(where)
        except Refusal as refusal:
            if refusal.status == 400:
                return []
            raise
        with understood():
            return list(answer["value"])

    def _event_path(self, event_id: str) -> str:
        return path("users", self._address, "events", event_id, select=_EVENT_FIELDS, expand=_EVENT)

    def _spoken(self, answer: Json | MailboxTrouble) -> Json | MailboxTrouble | None:
        """Return a message about a meeting; None for one that is gone, or of another kind."""
        if isinstance(answer, MailboxTrouble):
            return None if answer.fault is Fault.ITEM_GONE else answer
        is_of_use = tried(lambda: meetings.kind_of(answer) is not MessageKind.OTHER)
        return is_of_use if isinstance(is_of_use, MailboxTrouble) else answer if is_of_use else None

    def _event_id(self, message: Json | MailboxTrouble | None) -> str:
        """Return the id of the event that stands for the message's meeting, or series."""
        event = message.get("event") if isinstance(message, Mapping) else None
        return str(event.get("seriesMasterId") or event.get("id") or "") if isinstance(event, Mapping) else ""

    def _reading(
        self, message: Json | MailboxTrouble | None, outcome: Outcome, horizon: Horizon
    ) -> Reading | MailboxTrouble:
        if message is None:
            return Reading(None, None)
        if isinstance(message, MailboxTrouble):
            return message
        if isinstance(outcome, MailboxTrouble):
            return outcome
        notice = tried(lambda: _noticed(message))
        if isinstance(notice, MailboxTrouble):
            return notice
        meeting = outcome or self._without_event(message, notice, horizon)
        return meeting if isinstance(meeting, MailboxTrouble) else Reading(notice, meeting)

    def _without_event(self, message: Json, notice: Notice, horizon: Horizon) -> Outcome:
        """Look for the meeting of a message that is linked to no event; a request tells of it itself."""
        found = tried(lambda: self.found(notice.uid, horizon))
        if found is not None or notice.kind is MessageKind.CANCELLATION:
            return found
        return tried(lambda: meetings.meeting_of_message(message))

    def _expanded(self, answers: Sequence[Json | MailboxTrouble], horizon: Horizon) -> list[Outcome]:
        """Return events as meetings, and fetch the occurrences of those that are series."""
        masters = [
            str(answer["id"])
            for answer in answers
            if isinstance(answer, Mapping) and answer.get("type") == meetings.MASTER and "id" in answer
        ]
        instances = dict(zip(masters, self._instances(masters, horizon), strict=True))
        return [self._meeting(answer, instances, horizon) for answer in answers]

    def _meeting(
        self, answer: Json | MailboxTrouble, instances: Mapping[str, list[Json] | MailboxTrouble], horizon: Horizon
    ) -> Outcome:
        if isinstance(answer, MailboxTrouble):
            return None if answer.fault is Fault.ITEM_GONE else answer
        expansion = instances.get(str(answer.get("id")))
        if isinstance(expansion, MailboxTrouble):
            return None if expansion.fault is Fault.ITEM_GONE else expansion
        return tried(lambda: meetings.meeting(answer, instances=expansion, horizon=horizon))

    def _instances(self, masters: Sequence[str], horizon: Horizon) -> list[list[Json] | MailboxTrouble]:
        since, until = (f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in (horizon.since, horizon.until))
        asks = [
            Ask(
                path(
                    *("users", self._address, "events", master, "instances"),
                    startDateTime=since,
                    endDateTime=until,
                    select=_INSTANCE_FIELDS,
                ),
                _INSTANCES,
            )
            for master in masters
        ]
        return [
            answer if isinstance(answer, MailboxTrouble) else tried(lambda answer=answer: self._all_pages(answer))  # type: ignore[misc]
            for answer in self._client.batch(asks)
        ]

    def _all_pages(self, page: Json) -> list[Json]:
        found: list[Json] = []
        for _ in range(_MOST_PAGES):
            found += page["value"]
            link = page.get("@odata.nextLink")
            if not link:
                return found
            page = self._client.get(self._client.below(str(link)), prefer=_INSTANCES)
        raise ValueError("the pages do not end")


def tried(work: Callable[[], T]) -> T | MailboxTrouble:
    """Return what can be understood of one item, or its trouble. What concerns the mailbox is raised."""
    try:
        with understood():
            return work()
    except MailboxTrouble as trouble:
        if trouble.fault in (Fault.UNUSABLE, Fault.ITEM_GONE):
            return trouble
        raise


def _noticed(message: Json) -> Notice:
    event = message.get("event")
    notice = meetings.notice(message, event if isinstance(event, Mapping) else None)
    if not notice.uid:
        raise ValueError("a message without the property that names its meeting")
    return notice


def _by_goid(uid: str) -> str:
    return properties.having(properties.CLEAN_GOID, properties.goid_value(uid))
