"""Exchange on this machine: an equipment mailbox behind SOAP, and what the organizers do to it."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from threading import RLock

from lxml import etree

from addin_host.domain.calendar import Meeting, MessageKind
from addin_host.domain.recurrence import occurrences
from addin_host.gateways.ews.wire import Element, each, find, local, make, text, written
from tests.gateways.ews.rendering import Message, Path, Quirks, asked, calendar_item, item, occurrence_item, path_of
from tests.gateways.mailbox_contract import Sent

ROOM = "room@contoso.example"
SUCCESS = "NoError"


class Refused(Exception):
    """An error in the place of one response message."""

    def __init__(self, code: str, **values: str) -> None:
        super().__init__(code)
        self.code, self.values = code, values


class SoapFault(Refused):
    """An error in the place of the answer."""


@dataclass
class _Copy:
    sent: Sent
    at: datetime


@dataclass
class _Draft:
    accept: bool
    html: str
    message: Message


@dataclass
class Exchange:
    """The mailbox; `operations` maps the names of requests to what they do."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    page: int = 512
    quirks: Quirks = field(default_factory=Quirks)
    messages: dict[str, Message] = field(default_factory=dict)
    calendar: dict[str, tuple[Meeting, datetime]] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    sent: list[_Copy] = field(default_factory=list)
    drafts: dict[str, _Draft] = field(default_factory=dict)
    mark: Element | None = None
    spoiled: set[str] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)
    epoch: int = 0
    is_denied: bool = False
    directory: dict[str, tuple[str, ...]] = field(default_factory=dict)
    lock: RLock = field(default_factory=RLock)

    # -- what organizers do

    def deliver(
        self, meeting: Meeting, kind: MessageKind, occurrence: datetime | None, sender: str, is_dropped: bool
    ) -> str:
        with self.lock:
            item_id = f"AAMk{len(self.messages) + len(self.log):06d}+/="
            known = self.calendar.get(meeting.uid)
            if kind is not MessageKind.OTHER and (known is None or _version(known[0]) <= _version(meeting)):
                self.calendar[meeting.uid] = (meeting, self.now())
            if not is_dropped:
                by = sender or meeting.organizer.address
                self.messages[item_id] = Message(item_id, kind, meeting, by, self.now(), occurrence)
                self.log.append(item_id)
            return item_id

    def calendar_id(self, meeting: Meeting, occurrence: datetime | None = None) -> str:
        day = f"/{written(occurrence)}" if occurrence else ""
        return f"CAL/{meeting.uid}{day}"

    # -- what requests do

    def answer(self, request: Element, acting_as: str) -> list[Element]:
        """Return the response messages. Raises SoapFault."""
        with self.lock:
            if acting_as not in ("", ROOM) and self.is_denied:
                raise SoapFault("ErrorImpersonateUserDenied")
            operation = getattr(self, "_" + re.sub("(?<!^)([A-Z])", r"_\1", local(request)).lower())
            return list(operation(request, acting_as))

    def _each(self, request: Element, work: Callable[[Element], Element]) -> list[Element]:
        found = []
        for identity in each(request, "m:ItemIds/*"):
            try:
                found.append(success(request, make("m:Items", work(identity))))
            except Refused as refused:
                found.append(failure(request, refused, make("m:Items")))
        return found

    def _sync_folder_items(self, request: Element, acting_as: str) -> list[Element]:
        state = text(request, "m:SyncState")
        epoch, _, position = (state or f"{self.epoch}.0").partition(".")
        if int(epoch) != self.epoch:
            return [failure(request, Refused("ErrorInvalidSyncStateData"), make("m:SyncState", ""))]
        limit = min(self.page, int(text(request, "m:MaxChangesReturned")))
        start, wanted = int(position), asked(request)
        page = self.log[start : start + limit]
        seen = set(self.log[:start])
        changes = []
        for item_id in page:
            message = self.messages.get(item_id)
            if message is None:
                changes.append(make("t:Delete", make("t:ItemId", Id=item_id)))
            else:
                changes.append(make("t:Update" if item_id in seen else "t:Create", self._message(message, wanted)))
        end = start + len(page)
        return [
            success(
                request,
                make("m:SyncState", f"{epoch}.{end}"),
                make("m:IncludesLastItemInRange", "true" if end >= len(self.log) else "false"),
                make("m:Changes", *changes),
            )
        ]

    def _message(self, message: Message, wanted: frozenset[Path]) -> Element:
        associated = self.calendar_id(message.meeting, message.occurrence)
        found = item(
            message.element,
            message.item_id,
            message.change_key,
            message.parts(associated, self.quirks),
            wanted,
        )
        if message.item_id in self.spoiled:
            for start in found.findall("{*}ExtendedProperty"):
                found.remove(start)
            for start in found.findall("{*}UID"):
                found.remove(start)
        return found

    def _get_item(self, request: Element, acting_as: str) -> list[Element]:
        wanted = asked(request)
        return self._each(request, lambda identity: self._item(identity, wanted, acting_as))

    def _item(self, identity: Element, wanted: frozenset[Path], acting_as: str) -> Element:
        item_id = identity.get("Id") or identity.get("OccurrenceId") or ""
        if item_id in self.refused:
            raise Refused(self.refused[item_id])
        if item_id in self.messages:
            return self._message(self.messages[item_id], wanted)
        kind, _, rest = item_id.partition("/")
        uid, _, day = rest.partition("/")
        if kind != "CAL" or uid not in self.calendar:
            raise Refused("ErrorItemNotFound")
        meeting, modified = self.calendar[uid]
        if local(identity) == "RecurringMasterItemId" or not day:
            if local(identity) == "RecurringMasterItemId" and meeting.series is None:
                raise Refused("ErrorItemNotFound")
            master = calendar_item(meeting, modified, self.quirks)
            return item("CalendarItem", f"CAL/{uid}", written(modified), master, wanted)
        return self._day(meeting, datetime.fromisoformat(day), item_id, wanted)

    def _day(self, meeting: Meeting, original: datetime, item_id: str, wanted: frozenset[Path]) -> Element:
        if meeting.series is None:
            raise Refused("ErrorItemNotFound")
        near = occurrences(meeting.series, original - timedelta(days=2), original + timedelta(days=2))
        found = [one for one in near if one.original == original]
        if not found:
            raise Refused("ErrorItemNotFound")
        parts = occurrence_item(meeting, original, found[0].start, found[0].end, self.quirks)
        return item("CalendarItem", item_id, "1", parts, wanted)

    def _find_item(self, request: Element, acting_as: str) -> list[Element]:
        folder = next(each(request, "m:ParentFolderIds/t:DistinguishedFolderId"))
        name, whose = folder.get("Id"), text(folder, "t:Mailbox/t:EmailAddress")
        if whose not in (ROOM, acting_as):
            return [failure(request, Refused("ErrorAccessDenied"))]
        view = find(request, "m:CalendarView")
        found = self._sent_copies(request) if name == "sentitems" else self._meetings(request)
        if view is not None:
            found = self._expansion(request, view)
        return [success(request, _page(request, found, view))]

    def _meetings(self, request: Element) -> list[Element]:
        where, wanted = find(request, "m:Restriction/*"), asked(request)
        return [
            item("CalendarItem", f"CAL/{uid}", written(at), calendar_item(meeting, at, self.quirks), wanted)
            for uid, (meeting, at) in self.calendar.items()
            if where is None or matches(where, _values(meeting))
        ]

    def _sent_copies(self, request: Element) -> list[Element]:
        where = find(request, "m:Restriction/*")
        found = []
        for number, copy in enumerate(self.sent):
            values = {"correlation-id": copy.sent.correlation_id, "item:DateTimeCreated": written(copy.at)}
            if where is not None and matches(where, values):
                held = make(
                    "t:ExtendedProperty",
                    make("t:ExtendedFieldURI", **dict(next(iter(asked(request))))),
                    make("t:Value", copy.sent.correlation_id),
                )
                found.append(make("t:Message", make("t:ItemId", Id=f"SENT/{number}"), held))
        return found

    def _expansion(self, request: Element, view: Element) -> list[Element]:
        since, until = (datetime.fromisoformat(view.get(name, "")) for name in ("StartDate", "EndDate"))
        wanted, found = asked(request), []
        for meeting, at in self.calendar.values():
            if meeting.series is None:
                found.append(
                    item("CalendarItem", f"CAL/{meeting.uid}", "1", calendar_item(meeting, at, self.quirks), wanted)
                )
                continue
            for one in occurrences(meeting.series, since, until):
                parts = occurrence_item(meeting, one.original, one.start, one.end, self.quirks)
                found.append(item("CalendarItem", self.calendar_id(meeting, one.original), "1", parts, wanted))
        return found

    def _create_item(self, request: Element, acting_as: str) -> list[Element]:
        (made,) = next(each(request, "m:Items"))
        if local(made) == "Message":
            to = text(made, "t:ToRecipients/t:Mailbox/t:EmailAddress")
            self._send(made, None, text(made, "t:Body"), text(made, "t:Subject"), to)
            return [success(request, make("m:Items"))]
        reference = next(each(made, "t:ReferenceItemId")).get("Id", "")
        message = self.messages.get(reference)
        if message is None:
            return [failure(request, Refused("ErrorItemNotFound"), make("m:Items"))]
        if message.kind is not MessageKind.REQUEST:
            code = f"ErrorInvalidItemForOperation{local(made)}"
            return [failure(request, Refused(code), make("m:Items"))]
        draft_id = f"DRAFT/{len(self.drafts)}"
        self.drafts[draft_id] = _Draft(local(made) == "AcceptItem", text(made, "t:Body"), message)
        response = make("t:MeetingResponse", make("t:ItemId", Id=draft_id, ChangeKey="1"))
        return [success(request, make("m:Items", response))]

    def _update_item(self, request: Element, acting_as: str) -> list[Element]:
        change = next(each(request, "m:ItemChanges/t:ItemChange"))
        item_id = next(each(change, "t:ItemId")).get("Id", "")
        if item_id in self.drafts:
            draft = self.drafts.pop(item_id)
            subject = text(change, ".//t:Subject")
            self._send(change, draft.accept, draft.html, subject, draft.message.meeting.organizer.address)
            kind = "MeetingResponse"
        else:
            self._update_meeting(item_id, change, request, acting_as)
            kind = "CalendarItem"
        updated = make(f"t:{kind}", make("t:ItemId", Id=item_id, ChangeKey="2"))
        return [success(request, make("m:Items", updated), _no_conflicts())]

    def _update_meeting(self, item_id: str, change: Element, request: Element, acting_as: str) -> None:
        meeting, _ = self.calendar[item_id.removeprefix("CAL/")]
        assert acting_as == meeting.organizer.address
        assert request.get("SendMeetingInvitationsOrCancellations") == "SendToAllAndSaveCopy"
        self.calendar[meeting.uid] = (replace(meeting, body=text(change, ".//t:Body"), body_is_html=True), self.now())

    def _send(self, source: Element, accept: bool | None, html: str, subject: str, to: str) -> None:
        held = {
            next(each(each_one, "t:ExtendedFieldURI")).get("PropertyName"): text(each_one, "t:Value")
            for each_one in each(source, ".//t:ExtendedProperty")
        }
        assert held["Auto-Submitted"] == "auto-replied"
        self.sent.append(_Copy(Sent(accept, html, subject, to, held["correlation-id"]), self.now()))

    def _move_item(self, request: Element, acting_as: str) -> list[Element]:
        def move(identity: Element) -> Element:
            if self.messages.pop(identity.get("Id", ""), None) is None:
                raise Refused("ErrorItemNotFound")
            return make("t:MeetingRequest", make("t:ItemId", Id="MOVED"))

        return self._each(request, move)

    def _get_folder(self, request: Element, acting_as: str) -> list[Element]:
        return [
            success(request, make("m:Folders", make("t:Folder", make("t:FolderId", Id=f"F/{folder.get('Id')}"))))
            for folder in each(request, "m:FolderIds/*")
        ]

    def _get_user_configuration(self, request: Element, acting_as: str) -> list[Element]:
        if self.mark is None:
            return [failure(request, Refused("ErrorItemNotFound"))]
        return [success(request, etree.fromstring(etree.tostring(self.mark)))]

    def _update_user_configuration(self, request: Element, acting_as: str) -> list[Element]:
        if self.mark is None:
            return [failure(request, Refused("ErrorItemNotFound"))]
        return self._create_user_configuration(request, acting_as)

    def _create_user_configuration(self, request: Element, acting_as: str) -> list[Element]:
        self.mark = next(each(request, "m:UserConfiguration"))
        return [success(request)]

    def _resolve_names(self, request: Element, acting_as: str) -> list[Element]:
        smtp = self.directory.get(text(request, "m:UnresolvedEntry"))
        if smtp is None:
            return [failure(request, Refused("ErrorNameResolutionNoResults"))]
        entries = [
            make("t:Entry", f"{'SMTP' if number == 0 else 'smtp'}:{address}", Key=f"EmailAddress{number + 1}")
            for number, address in enumerate(smtp)
        ]
        contact = make("t:Contact", make("t:EmailAddresses", *entries))
        person = make("t:Mailbox", make("t:Name", "From the list"), make("t:EmailAddress", smtp[0]))
        held = make(
            "m:ResolutionSet",
            make("t:Resolution", person, contact),
            TotalItemsInView="1",
            IncludesLastItemInRange="true",
        )
        return [success(request, held)]


def _no_conflicts() -> Element:
    return make("m:ConflictResults", make("t:Count", "0"))


def success(request: Element, *parts: Element) -> Element:
    """Return a good response message."""
    name = f"m:{local(request)}ResponseMessage"
    return make(name, make("m:ResponseCode", SUCCESS), *parts, ResponseClass="Success")


def failure(request: Element, refused: Refused, *parts: Element) -> Element:
    """Return a bad response message."""
    details = [make("t:Value", value, Name=name) for name, value in refused.values.items()]
    said = [make("m:MessageText", "No."), make("m:ResponseCode", refused.code), make("m:DescriptiveLinkKey", "0")]
    if details:
        said.append(make("m:MessageXml", *details))
    return make(f"m:{local(request)}ResponseMessage", *said, *parts, ResponseClass="Error")


def _version(meeting: Meeting) -> tuple[int, float]:
    return meeting.sequence, meeting.critical_change.timestamp() if meeting.critical_change else 0


def _page(request: Element, found: list[Element], view: Element | None) -> Element:
    paging = find(request, "m:IndexedPageItemView") if view is None else view
    assert paging is not None
    start, limit = int(paging.get("Offset") or 0), int(paging.get("MaxEntriesReturned") or 0)
    is_last = start + limit >= len(found)
    return make(
        "m:RootFolder",
        make("t:Items", *found[start : start + limit]),
        IndexedPagingOffset=str(min(start + limit, len(found))),
        TotalItemsInView=str(len(found)),
        IncludesLastItemInRange="true" if is_last else "false",
    )


def _values(meeting: Meeting) -> dict[str, str]:
    return {
        "calendar:Start": written(meeting.start),
        "calendar:End": written(meeting.end),
        "35": b64encode(bytes.fromhex(meeting.uid)).decode(),
        "33315": "true" if meeting.series else "false",
    }


def matches(where: Element, values: dict[str, str]) -> bool:
    """Whether an item is what a restriction asks for. Times compare as they are written."""
    if local(where) in ("And", "Or"):
        parts = [matches(part, values) for part in where]
        return all(parts) if local(where) == "And" else any(parts)
    path = dict(path_of(where[0]))
    held = values[path.get("FieldURI") or path.get("PropertyId") or path["PropertyName"]]
    wanted = next(each(where, ".//t:Constant")).get("Value", "")
    return {
        "IsEqualTo": held == wanted,
        "IsGreaterThan": held > wanted,
        "IsGreaterThanOrEqualTo": held >= wanted,
        "IsLessThan": held < wanted,
    }[local(where)]
