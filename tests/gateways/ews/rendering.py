"""Items as Exchange writes them: of all that is known, what the request asked for, in the order of the schema."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from lxml import etree

from addin_host.domain.calendar import Meeting, MessageKind, Recurrence, Series
from addin_host.gateways.ews.wire import Element, each, make, written

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = "January February March April May June July August September October November December".split()  # noqa: SIM905
GROUPS = {tuple(range(7)): "Day", tuple(range(5)): "Weekday", (5, 6): "WeekendDay"}
Path = tuple[tuple[str, str], ...]
Part = tuple[Path, Element | None]


def path_of(element: Element) -> Path:
    """Return what names a property."""
    return tuple(sorted((str(key), str(value)) for key, value in element.attrib.items()))


def uri(name: str) -> Path:
    return (("FieldURI", name),)


def extended(value: str | None, **attributes: str) -> Part:
    path = tuple(sorted(attributes.items()))
    if value is None:
        return path, None
    return path, make("t:ExtendedProperty", make("t:ExtendedFieldURI", **attributes), make("t:Value", value))


def asked(request: Element) -> frozenset[Path]:
    """Return the properties that a request asks for."""
    return frozenset(path_of(path) for path in each(request, ".//t:AdditionalProperties/*"))


def item(kind: str, item_id: str, change_key: str, parts: list[Part], wanted: frozenset[Path]) -> Element:
    """Return an item with what is wanted of it."""
    chosen = [part for path, part in parts if part is not None and path in wanted]
    return make(f"t:{kind}", make("t:ItemId", Id=item_id, ChangeKey=change_key), *chosen)


@dataclass
class Quirks:
    """What an Exchange server may do: X.500 addresses of people, and zones that it spells out."""

    x500: Mapping[str, str] = field(default_factory=dict)
    knows_smtp: bool = True
    zones: Mapping[str, str] = field(default_factory=dict)
    names_occurrences: bool = True


def mailbox(name: str, address: str, quirks: Quirks) -> Element:
    shown = quirks.x500.get(address, address)
    kind = "EX" if shown.startswith("/") else "SMTP"
    return make("t:Mailbox", make("t:Name", name), make("t:EmailAddress", shown), make("t:RoutingType", kind))


def _version(meeting: Meeting, occurrence: datetime | None) -> Iterator[Part]:
    clean = bytes.fromhex(meeting.uid)
    day = occurrence and bytes((*occurrence.year.to_bytes(2, "big"), occurrence.month, occurrence.day))
    change = meeting.critical_change
    yield extended(
        b64encode(clean).decode(), DistinguishedPropertySetId="Meeting", PropertyId="35", PropertyType="Binary"
    )
    yield extended(
        b64encode(clean[:16] + (day or bytes(4)) + clean[20:]).decode(),
        DistinguishedPropertySetId="Meeting",
        PropertyId="3",
        PropertyType="Binary",
    )
    yield extended(
        str(meeting.sequence), DistinguishedPropertySetId="Appointment", PropertyId="33281", PropertyType="Integer"
    )
    yield extended(
        written(change) if change else None,
        DistinguishedPropertySetId="Meeting",
        PropertyId="26",
        PropertyType="SystemTime",
    )
    yield extended(
        written(meeting.start),
        DistinguishedPropertySetId="Appointment",
        PropertyId="33293",
        PropertyType="SystemTime",
    )


def _addresses(meeting: Meeting, sender: str, quirks: Quirks) -> Iterator[Part]:
    known = quirks.knows_smtp
    yield extended(meeting.organizer.address if known else None, PropertyTag="0x5d02", PropertyType="String")
    yield extended(sender if known and sender else None, PropertyTag="0x5d01", PropertyType="String")


def _content(meeting: Meeting, item_class: str) -> Iterator[Part]:
    kind = "HTML" if meeting.body_is_html else "Text"
    yield uri("item:ItemClass"), make("t:ItemClass", item_class)
    yield uri("item:Subject"), make("t:Subject", meeting.subject)
    yield uri("item:Body"), make("t:Body", meeting.body, BodyType=kind)


def _times(start: datetime, end: datetime) -> Iterator[Part]:
    yield uri("calendar:Start"), make("t:Start", written(start))
    yield uri("calendar:End"), make("t:End", written(end))


def _plan(meeting: Meeting, quirks: Quirks) -> Iterator[Part]:
    series = meeting.series
    if series is not None:
        yield from _series(series)
    name = meeting.zone.name
    if name in quirks.zones:
        yield uri("calendar:StartTimeZone"), etree.fromstring(quirks.zones[name])
    elif name:
        yield uri("calendar:StartTimeZone"), make("t:StartTimeZone", Id=name, Name=f"(somewhere) {name}")


def _series(series: Series) -> Iterator[Part]:
    moved = [
        make(
            "t:Occurrence",
            make("t:ItemId", Id=f"moved:{number}"),
            make("t:Start", written(one.start)),
            make("t:End", written(one.end)),
            make("t:OriginalStart", written(one.original)),
        )
        for number, one in enumerate(series.exceptions)
    ]
    gone = [make("t:DeletedOccurrence", make("t:Start", written(one))) for one in series.deleted]
    yield uri("calendar:Recurrence"), recurrence(series.recurrence)
    yield uri("calendar:ModifiedOccurrences"), make("t:ModifiedOccurrences", *moved) if moved else None
    yield uri("calendar:DeletedOccurrences"), make("t:DeletedOccurrences", *gone) if gone else None


def recurrence(plan: Recurrence) -> Element:
    name = plan.frequency.value
    days = GROUPS.get(plan.days_of_week) or " ".join(DAYS[day] for day in plan.days_of_week)
    interval = make("t:Interval", str(plan.interval))
    parts = {
        "daily": [interval],
        "weekly": [
            interval,
            make("t:DaysOfWeek", " ".join(DAYS[day] for day in plan.days_of_week)),
            make("t:FirstDayOfWeek", DAYS[plan.week_starts]),
        ],
        "absoluteMonthly": [interval, make("t:DayOfMonth", str(plan.day_of_month))],
        "relativeMonthly": [interval, make("t:DaysOfWeek", days), make("t:DayOfWeekIndex", plan.index.value.title())],
        "absoluteYearly": [make("t:DayOfMonth", str(plan.day_of_month)), make("t:Month", MONTHS[plan.month - 1])],
        "relativeYearly": [
            make("t:DaysOfWeek", days),
            make("t:DayOfWeekIndex", plan.index.value.title()),
            make("t:Month", MONTHS[plan.month - 1]),
        ],
    }[name]
    return make("t:Recurrence", make(f"t:{name[0].upper()}{name[1:]}Recurrence", *parts), _range(plan))


def _range(plan: Recurrence) -> Element:
    first = make("t:StartDate", f"{plan.first_day}+01:00")
    if plan.count is not None:
        return make("t:NumberedRecurrence", first, make("t:NumberOfOccurrences", str(plan.count)))
    if plan.last_day is not None:
        return make("t:EndDateRecurrence", first, make("t:EndDate", f"{plan.last_day}+01:00"))
    return make("t:NoEndRecurrence", first)


def calendar_item(meeting: Meeting, modified: datetime, quirks: Quirks) -> list[Part]:
    """Return a single meeting or a series' master, as the calendar holds it."""
    kind = "RecurringMaster" if meeting.series else "Single"
    return [
        *_content(meeting, "IPM.Appointment"),
        *_version(meeting, None),
        *_addresses(meeting, "", quirks),
        (uri("item:LastModifiedTime"), make("t:LastModifiedTime", written(modified))),
        (uri("calendar:UID"), make("t:UID", meeting.uid)),
        *_times(meeting.start, meeting.end),
        (uri("calendar:IsAllDayEvent"), make("t:IsAllDayEvent", _truth(meeting.is_all_day))),
        (uri("calendar:IsCancelled"), make("t:IsCancelled", _truth(meeting.is_cancelled))),
        (uri("calendar:CalendarItemType"), make("t:CalendarItemType", kind)),
        (uri("calendar:Organizer"), _organizer("Organizer", meeting, quirks)),
        *_plan(meeting, quirks),
    ]


def occurrence_item(meeting: Meeting, original: datetime, start: datetime, end: datetime, quirks: Quirks) -> list[Part]:
    """Return one day of a series."""
    kind = "Occurrence" if original == start else "Exception"
    return [
        *_content(meeting, "IPM.Appointment.Occurrence"),
        *_version(meeting, original),
        *_times(start, end),
        (uri("calendar:OriginalStart"), make("t:OriginalStart", written(original))),
        (uri("calendar:CalendarItemType"), make("t:CalendarItemType", kind)),
        (uri("calendar:Organizer"), _organizer("Organizer", meeting, quirks)),
    ]


def _organizer(name: str, meeting: Meeting, quirks: Quirks) -> Element:
    return make(f"t:{name}", mailbox(meeting.organizer.name, meeting.organizer.address, quirks))


def _truth(value: bool) -> str:
    return "true" if value else "false"


@dataclass
class Message:
    """What lies in the inbox."""

    item_id: str
    kind: MessageKind
    meeting: Meeting
    sender: str
    received_at: datetime
    occurrence: datetime | None = None
    change_key: str = "1"

    @property
    def item_class(self) -> str:
        return {
            MessageKind.REQUEST: "IPM.Schedule.Meeting.Request",
            MessageKind.CANCELLATION: "IPM.Schedule.Meeting.Canceled",
            MessageKind.OTHER: "IPM.Note",
        }[self.kind]

    @property
    def element(self) -> str:
        return {
            MessageKind.REQUEST: "MeetingRequest",
            MessageKind.CANCELLATION: "MeetingCancellation",
            MessageKind.OTHER: "Message",
        }[self.kind]

    def parts(self, associated: str, quirks: Quirks) -> list[Part]:
        """Return everything about it."""
        meeting = self.meeting
        parts: list[Part] = [
            *_content(meeting, self.item_class),
            (uri("item:DateTimeReceived"), make("t:DateTimeReceived", written(self.received_at))),
            *_version(meeting, self.occurrence),
            *_addresses(meeting, self.sender, quirks),
            (uri("message:Sender"), make("t:Sender", mailbox("", self.sender, quirks))),
            (uri("message:From"), _organizer("From", meeting, quirks)),
        ]
        if self.kind is MessageKind.OTHER:
            return parts
        named = self.occurrence if quirks.names_occurrences else None
        parts += [
            (uri("meeting:AssociatedCalendarItemId"), make("t:AssociatedCalendarItemId", Id=associated)),
            (uri("meeting:IsOutOfDate"), make("t:IsOutOfDate", "false")),
            (uri("calendar:UID"), make("t:UID", meeting.uid)),
            (uri("calendar:RecurrenceId"), make("t:RecurrenceId", written(named)) if named else None),
        ]
        if self.kind is MessageKind.CANCELLATION:
            return [*parts, *_times(meeting.start, meeting.end)]
        whole = self.occurrence is None
        return [
            *parts,
            (uri("meetingRequest:MeetingRequestType"), make("t:MeetingRequestType", "FullUpdate")),
            *_times(meeting.start, meeting.end),
            (uri("calendar:IsAllDayEvent"), make("t:IsAllDayEvent", _truth(meeting.is_all_day))),
            (uri("calendar:Organizer"), _organizer("Organizer", meeting, quirks)),
            *(_plan(meeting, quirks) if whole else ()),
        ]
