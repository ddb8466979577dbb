"""The requests we make of Exchange, element by element in the order of its schema."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from addin_host.gateways.ews.wire import Element, make, written

CORRELATION_SET = "7f4d2c1e-6f0b-4f6e-9b1a-6d1f0c5a7e32"  # a property set of our own
_MEETING, _APPOINTMENT = "Meeting", "Appointment"


def field(uri: str) -> Element:
    """Return the path of a property that EWS names."""
    return make("t:FieldURI", FieldURI=uri)


def clean_goid() -> Element:
    """PidLidCleanGlobalObjectId: the meeting, the same for a series and its occurrences."""
    return _numbered(_MEETING, 0x23, "Binary")


def goid() -> Element:
    """PidLidGlobalObjectId: that of an occurrence holds its date."""
    return _numbered(_MEETING, 0x3, "Binary")


def sequence() -> Element:
    """PidLidAppointmentSequence."""
    return _numbered(_APPOINTMENT, 0x8201, "Integer")


def critical_change() -> Element:
    """PidLidOwnerCriticalChange."""
    return _numbered(_MEETING, 0x1A, "SystemTime")


def start_whole() -> Element:
    """PidLidAppointmentStartWhole: the start, on messages too."""
    return _numbered(_APPOINTMENT, 0x820D, "SystemTime")


def is_recurring() -> Element:
    """PidLidRecurring."""
    return _numbered(_APPOINTMENT, 0x8223, "Boolean")


def representing() -> Element:
    """PidTagSentRepresentingSmtpAddress: the organizer's address, whatever kind of address the item shows."""
    return make("t:ExtendedFieldURI", PropertyTag="0x5d02", PropertyType="String")


def sender() -> Element:
    """PidTagSenderSmtpAddress."""
    return make("t:ExtendedFieldURI", PropertyTag="0x5d01", PropertyType="String")


def correlation() -> Element:
    """Our property on what we send."""
    return make(
        "t:ExtendedFieldURI", PropertySetId=CORRELATION_SET, PropertyName="correlation-id", PropertyType="String"
    )


def auto_submitted() -> Element:
    """The header that keeps other machines from answering."""
    return make(
        "t:ExtendedFieldURI",
        DistinguishedPropertySetId="InternetHeaders",
        PropertyName="Auto-Submitted",
        PropertyType="String",
    )


def _numbered(of: str, number: int, kind: str) -> Element:
    return make("t:ExtendedFieldURI", DistinguishedPropertySetId=of, PropertyId=str(number), PropertyType=kind)


def _version() -> list[Element]:
    return [clean_goid(), sequence(), critical_change()]


def folder(name: str, mailbox: str) -> Element:
    """Return the id of a folder that every mailbox has, in a mailbox."""
    return make("t:DistinguishedFolderId", make("t:Mailbox", make("t:EmailAddress", mailbox)), Id=name)


def item(item_id: str) -> Element:
    """Return the id of an item."""
    return make("t:ItemId", Id=item_id)


def master_of(item_id: str) -> Element:
    """Return the id of the series that an occurrence belongs to."""
    return make("t:RecurringMasterItemId", OccurrenceId=item_id)


def _shape(*properties: Element, body: bool = False) -> Element:
    parts = [make("t:BaseShape", "IdOnly")]
    if body:
        parts.append(make("t:BodyType", "Best"))
    return make("m:ItemShape", *parts, make("t:AdditionalProperties", *properties))


_CALENDAR = (
    "item:ItemClass",
    "item:Subject",
    "item:Body",
    "calendar:UID",
    "calendar:Start",
    "calendar:End",
    "calendar:OriginalStart",
    "calendar:IsAllDayEvent",
    "calendar:IsCancelled",
    "calendar:CalendarItemType",
    "calendar:Organizer",
    "calendar:Recurrence",
    "calendar:ModifiedOccurrences",
    "calendar:DeletedOccurrences",
    "calendar:StartTimeZone",
)
_MESSAGE = (
    "item:DateTimeReceived",
    "message:Sender",
    "message:From",
    "meeting:AssociatedCalendarItemId",
    "meeting:IsOutOfDate",
    "meetingRequest:MeetingRequestType",
    "calendar:RecurrenceId",
)


def sync(mailbox: str, state: str, limit: int) -> Element:
    """List what changed in the inbox since a state."""
    shape = _shape(field("item:ItemClass"), field("item:DateTimeReceived"), start_whole())
    since = [make("m:SyncState", state)] if state else []
    return make(
        "m:SyncFolderItems",
        shape,
        make("m:SyncFolderId", folder("inbox", mailbox)),
        *since,
        make("m:MaxChangesReturned", str(limit)),
    )


def messages(item_ids: Sequence[str]) -> Element:
    """Read meeting messages."""
    properties = [*map(field, (*_MESSAGE, *_CALENDAR)), *_version(), goid(), representing(), sender()]
    return _get(properties, [item(item_id) for item_id in item_ids])


def appointments(ids: Sequence[Element]) -> Element:
    """Read calendar items."""
    return _get([*map(field, _CALENDAR), *_version(), representing()], ids)


def _get(properties: Sequence[Element], ids: Sequence[Element]) -> Element:
    return make("m:GetItem", _shape(*properties, body=True), make("m:ItemIds", *ids))


def view(mailbox: str, since: datetime, until: datetime, limit: int) -> Element:
    """List every meeting and every occurrence between two instants, as Exchange expands them."""
    fields = ("item:Subject", "calendar:Start", "calendar:End", "calendar:OriginalStart", "calendar:CalendarItemType")
    between = make("m:CalendarView", MaxEntriesReturned=str(limit), StartDate=written(since), EndDate=written(until))
    return _find(_shape(*map(field, fields), clean_goid()), between, None, folder("calendar", mailbox))


def meetings(mailbox: str, since: datetime, until: datetime, offset: int, limit: int) -> Element:
    """List single meetings between two instants, and every series that begins before the later one."""
    fields = ("item:LastModifiedTime", "calendar:Start", "calendar:IsCancelled")
    where = make(
        "t:And",
        _compare("IsLessThan", field("calendar:Start"), written(until)),
        make(
            "t:Or",
            _compare("IsGreaterThan", field("calendar:End"), written(since)),
            _compare("IsEqualTo", is_recurring(), "true"),
        ),
    )
    shape = _shape(*map(field, fields), *_version())
    return _find(shape, _page(offset, limit), where, folder("calendar", mailbox), order="item:DateTimeCreated")


def with_goid(mailbox: str, value: str) -> Element:
    """Find the calendar items of a meeting by its clean GlobalObjectId, in base64."""
    where = _compare("IsEqualTo", clean_goid(), value)
    shape = _shape(field("calendar:CalendarItemType"), clean_goid())
    return _find(shape, _page(0, 10), where, folder("calendar", mailbox))


def with_correlation(mailbox: str, value: str, since: datetime) -> Element:
    """Find what was sent with our property."""
    where = make(
        "t:And",
        _compare("IsEqualTo", correlation(), value),
        _compare("IsGreaterThanOrEqualTo", field("item:DateTimeCreated"), written(since)),
    )
    return _find(_shape(correlation()), _page(0, 1), where, folder("sentitems", mailbox))


def _page(offset: int, limit: int) -> Element:
    return make("m:IndexedPageItemView", MaxEntriesReturned=str(limit), Offset=str(offset), BasePoint="Beginning")


def _compare(operator: str, path: Element, value: str) -> Element:
    return make(f"t:{operator}", path, make("t:FieldURIOrConstant", make("t:Constant", Value=value)))


def _find(shape: Element, paging: Element, where: Element | None, within: Element, *, order: str = "") -> Element:
    parts = [shape, paging]
    if where is not None:
        parts.append(make("m:Restriction", where))
    if order:
        parts.append(make("m:SortOrder", make("t:FieldOrder", field(order), Order="Ascending")))
    return make("m:FindItem", *parts, make("m:ParentFolderIds", within), Traversal="Shallow")


def resolve(entry: str) -> Element:
    """Look an address up in the address list."""
    return make(
        "m:ResolveNames",
        make("m:UnresolvedEntry", entry),
        ReturnFullContactData="true",
        SearchScope="ActiveDirectory",
        ContactDataShape="Default",
    )


def look_at(mailbox: str, *names: str) -> Element:
    """Ask for folders, by id only."""
    shape = make("m:FolderShape", make("t:BaseShape", "IdOnly"))
    return make("m:GetFolder", shape, make("m:FolderIds", *(folder(name, mailbox) for name in names)))


def move(item_id: str, mailbox: str, name: str) -> Element:
    """Move an item to a folder that every mailbox has."""
    return make("m:MoveItem", make("m:ToFolderId", folder(name, mailbox)), make("m:ItemIds", item(item_id)))
