"""What items say: from elements to notices and meetings. ValueError and LookupError: an item that makes no sense."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from datetime import UTC, date, datetime
from hashlib import sha256

from addin_host.domain.calendar import Meeting, MessageKind, Notice, Organizer, Series
from addin_host.domain.mailbox import Arrival, CalendarEntry
from addin_host.domain.zones import zone_of
from addin_host.gateways.ews.series import series_from
from addin_host.gateways.ews.wire import Element, each, find, instant, is_true, local, text
from addin_host.gateways.ews.zones import zone_from

Resolve = Callable[[str], Organizer | None]
_GOID_CLASS = bytes.fromhex("040000008200E00074C5B7101A82E008")
_KINDS = {"MeetingRequest": MessageKind.REQUEST, "MeetingCancellation": MessageKind.CANCELLATION}
_LONGEST = 200


def item_id(item: Element) -> str:
    """Return the id of an item, blank when it has none."""
    found = find(item, "t:ItemId")
    return "" if found is None else found.get("Id", "")


def extended(item: Element, name: str) -> str:
    """Return the value of an extended property by its number (decimal, or a tag) or name, or blank."""
    for held in each(item, "t:ExtendedProperty"):
        path = find(held, "t:ExtendedFieldURI")
        if path is not None and name in (
            path.get("PropertyId"),
            (path.get("PropertyTag") or "").lower(),
            path.get("PropertyName"),
        ):
            return text(held, "t:Value")
    return ""


def meeting_uid(item: Element) -> str:
    """Return the clean GlobalObjectId in capital hexadecimal digits; a long one is hashed."""
    clean = b64decode(extended(item, "35")) or _clean_from(text(item, "t:UID"))
    written = clean.hex().upper()
    if not written:
        raise ValueError("no uid")
    return written if len(written) <= _LONGEST else "H" + sha256(written.encode()).hexdigest()


def _clean_from(uid: str) -> bytes:
    """Return the clean GlobalObjectId of an iCalendar UID (MS-OXCICAL 2.1.3.1.1.20.26)."""
    if not uid:
        return b""
    if uid.upper().startswith(_GOID_CLASS.hex().upper()):
        whole = bytes.fromhex(uid)
        return whole[:16] + bytes(4) + whole[20:]
    data = b"vCal-Uid\x01\x00\x00\x00" + uid.encode() + b"\x00"
    return _GOID_CLASS + bytes(20) + len(data).to_bytes(4, "little") + data


def arrival_from(item: Element, now: datetime) -> Arrival:
    """Return what the inbox lists of an item. One without a time came now: no item may hold up those behind it."""
    kind, found = text(item, "t:ItemClass").lower(), find(item, "t:ItemId")
    return Arrival(
        item_id=item_id(item),
        change_key="" if found is None else found.get("ChangeKey", ""),
        kind=_kind_of_class(kind),
        received_at=_if_any(text(item, "t:DateTimeReceived")) or now,
        starts_at=_if_any(extended(item, str(0x820D))),
    )


def _if_any(written: str) -> datetime | None:
    try:
        return instant(written)
    except ValueError:
        return None


def _kind_of_class(item_class: str) -> MessageKind:
    if item_class.startswith("ipm.schedule.meeting.request"):
        return MessageKind.REQUEST
    if item_class.startswith("ipm.schedule.meeting.canceled"):
        return MessageKind.CANCELLATION
    return MessageKind.OTHER


def entry_from(item: Element) -> CalendarEntry | None:
    """Return what the calendar lists of an item; None for one that is no meeting."""
    try:
        return CalendarEntry(
            item_id=item_id(item),
            uid=meeting_uid(item),
            sequence=_sequence(item),
            critical_change=_critical_change(item),
            modified_at=_required(item, "t:LastModifiedTime"),
            starts_at=_required(item, "t:Start"),
            is_cancelled=is_true(item, "t:IsCancelled"),
        )
    except ValueError:
        return None


def kind_of(item: Element) -> MessageKind:
    """Return what a message is."""
    return _KINDS.get(local(item), MessageKind.OTHER)


def associated(message: Element) -> str:
    """Return the id of the calendar item that Exchange made of a message, blank when there is none."""
    found = find(message, "t:AssociatedCalendarItemId")
    return "" if found is None else found.get("Id", "")


def notice_from(message: Element, series: Series | None) -> Notice:
    """Return what a message says. `series` is that of its meeting, as far as it is known."""
    is_old = text(message, "t:MeetingRequestType") == "Outdated" or is_true(message, "t:IsOutOfDate")
    from_whom = text(message, "t:Sender/t:Mailbox/t:EmailAddress") or text(message, "t:From/t:Mailbox/t:EmailAddress")
    return Notice(
        item_id=item_id(message),
        kind=kind_of(message),
        uid=meeting_uid(message),
        sequence=_sequence(message),
        critical_change=_critical_change(message),
        occurrence=_occurrence(message, series),
        sender=from_whom if "@" in from_whom else extended(message, "0x5d01") or from_whom,
        received_at=_required(message, "t:DateTimeReceived"),
        is_outdated=is_old,
    )


def _occurrence(message: Element, series: Series | None) -> datetime | None:
    """Return the original start of the occurrence that a message is about.

    The whole GlobalObjectId holds the occurrence's date, also where Exchange gives no RecurrenceId: a cancellation of
    one day must never pass for one of the series.
    """
    named = instant(text(message, "t:RecurrenceId")) or instant(text(message, "t:OriginalStart"))
    whole = b64decode(extended(message, "3"))
    if named or len(whole) < 20 or not any(whole[16:20]):
        return named
    day = date(int.from_bytes(whole[16:18], "big"), whole[18], whole[19])
    if series is None:
        return _required(message, "t:Start")
    return datetime.combine(day, series.starts, zone_of(series.zone) or UTC).astimezone(UTC)


def meeting_from(item: Element, resolve: Resolve, *, in_calendar: bool = True) -> Meeting:
    """Return the meeting that a calendar item, or a request, describes."""
    start, end = _required(item, "t:Start"), _required(item, "t:End")
    zone = zone_from(find(item, "t:StartTimeZone"), start)
    body = find(item, "t:Body")
    return Meeting(
        uid=meeting_uid(item),
        item_id=item_id(item),
        sequence=_sequence(item),
        critical_change=_critical_change(item),
        organizer=_organizer(item, resolve),
        subject=text(item, "t:Subject"),
        body=(body.text or "") if body is not None else "",
        body_is_html=body is not None and body.get("BodyType") == "HTML",
        start=start,
        end=end,
        zone=zone,
        series=series_from(item, zone, start, end),
        is_all_day=is_true(item, "t:IsAllDayEvent"),
        is_cancelled=is_true(item, "t:IsCancelled") or kind_of(item) is MessageKind.CANCELLATION,
        in_calendar=in_calendar,
    )


def _organizer(item: Element, resolve: Resolve) -> Organizer:
    """Return the organizer by SMTP address. Old items show an X.500 address instead, which the address list knows."""
    holder = find(item, "t:Organizer/t:Mailbox")
    holder = find(item, "t:From/t:Mailbox") if holder is None else holder
    shown = "" if holder is None else text(holder, "t:EmailAddress")
    name = "" if holder is None else text(holder, "t:Name")
    if "@" in shown and not shown.startswith("/"):
        return Organizer(shown, name)
    known = extended(item, "0x5d02")
    found = Organizer(known, name) if "@" in known else resolve(shown) if shown else None
    if found is None:
        return Organizer(shown, name)
    others = tuple(dict.fromkeys(other for other in (*found.others, shown) if other and other != found.address))
    return Organizer(found.address, name or found.name, others)


def resolved(resolution: Element) -> Organizer | None:
    """Return who an entry of the address list is, by all SMTP addresses."""
    address = text(resolution, "t:Mailbox/t:EmailAddress")
    entries = [entry.text or "" for entry in each(resolution, "t:Contact/t:EmailAddresses/t:Entry")]
    proxies = [entry[5:] if entry.lower().startswith("smtp:") else entry for entry in entries]
    smtp = [known for known in (address, *proxies) if "@" in known and ":" not in known and known[:1] != "/"]
    if not smtp:
        return None
    others = dict.fromkeys(other for other in smtp[1:] if other.lower() != smtp[0].lower())
    return Organizer(smtp[0], text(resolution, "t:Mailbox/t:Name"), tuple(others))


def _sequence(item: Element) -> int:
    return int(extended(item, str(0x8201)) or text(item, "t:AppointmentSequenceNumber") or 0)


def _critical_change(item: Element) -> datetime | None:
    return instant(extended(item, str(0x1A)))


def _required(item: Element, path: str) -> datetime:
    at = instant(text(item, path))
    if at is None:
        raise ValueError(path)
    return at
