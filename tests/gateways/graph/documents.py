"""Meetings as Graph writes them, with its own spelling of property ids and seven digits of a second."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from addin_host.domain.calendar import Meeting, MessageKind, Notice, Occurrence, Recurrence
from addin_host.domain.zones import zone_of

Json = dict[str, Any]
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_KINDS = {
    MessageKind.REQUEST: ("eventMessageRequest", "meetingRequest"),
    MessageKind.CANCELLATION: ("eventMessage", "meetingCancelled"),
    MessageKind.OTHER: ("eventMessageResponse", "meetingAccepted"),
}
GOID = "binary {6ed8da90-450b-101b-98da-00aa003f1305} id 0x23"
CRITICAL = "systemtime {6ed8da90-450b-101b-98da-00aa003f1305} id 0x1a"
SEQUENCE = "integer {00062002-0000-0000-c000-000000000046} id 0x8201"
REPLACED = "systemtime {00062002-0000-0000-c000-000000000046} id 0x8228"


def known_as(item_id: str) -> str:
    """Return the id that Graph gives to an item of Exchange in memory: it holds what a path must quote."""
    return base64.urlsafe_b64encode(b"\xff\xfe" + item_id.encode()).decode() + "="


def item_of(graph_id: str) -> str:
    """Return the id in memory, blank for one that Graph never gave."""
    try:
        return base64.urlsafe_b64decode(graph_id[:-1])[2:].decode()
    except ValueError:
        return ""


def written(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}0"


def instant(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _time(at: datetime, meeting: Meeting) -> Json:
    if meeting.is_all_day:
        at = at.astimezone(zone_of(meeting.zone)).replace(tzinfo=UTC)
    return {"dateTime": written(at), "timeZone": "UTC"}


def _recipient(address: str, name: str = "") -> Json:
    return {"emailAddress": {"name": name or address, "address": address}}


def extended(values: Json, query: str) -> Json:
    """Return those extended properties that $expand asks for, absent when there are none."""
    asked = query.lower()
    found = [{"id": _spelt(name), "value": value} for name, value in values.items() if f"'{name}'" in asked and value]
    return {"singleValueExtendedProperties": found} if found else {}


def _spelt(name: str) -> str:
    kind, _, rest = name.partition(" ")
    return f"{ {'systemtime': 'SystemTime'}.get(kind, kind.capitalize()) } {rest.replace(' id ', ' Id ')}"


def goid_value(uid: str) -> str:
    return base64.b64encode(bytes.fromhex(uid)).decode()


def properties(uid: str, sequence: int, critical_change: datetime | None) -> Json:
    changed = instant(critical_change) if critical_change else ""
    return {GOID: goid_value(uid), SEQUENCE: str(sequence), CRITICAL: changed}


def _body(meeting: Meeting) -> Json:
    return {"contentType": "html" if meeting.body_is_html else "text", "content": meeting.body}


def recurrence(pattern: Recurrence, zone: str) -> Json:
    reach: Json = {"type": "noEnd", "startDate": f"{pattern.first_day}", "endDate": "0001-01-01"}
    reach |= {"recurrenceTimeZone": zone, "numberOfOccurrences": 0}
    if pattern.last_day:
        reach |= {"type": "endDate", "endDate": f"{pattern.last_day}"}
    if pattern.count:
        reach |= {"type": "numbered", "numberOfOccurrences": pattern.count}
    plan: Json = {"type": pattern.frequency.value, "interval": pattern.interval, "index": pattern.index.value}
    plan |= {"month": 0, "dayOfMonth": 0, "firstDayOfWeek": _DAYS[pattern.week_starts]}
    if pattern.days_of_week:
        plan["daysOfWeek"] = [_DAYS[day] for day in pattern.days_of_week]
    if pattern.frequency.value.startswith("absolute"):
        plan["dayOfMonth"] = pattern.day_of_month
    if pattern.frequency.value.endswith("Yearly"):
        plan["month"] = pattern.month
    return {"pattern": plan, "range": reach}


def _zone(meeting: Meeting) -> str:
    name = meeting.zone.name
    return {"UTC": "tzone://Microsoft/Utc", "": "tzone://Microsoft/Custom"}.get(name, name)


def event(meeting: Meeting, changed: datetime, query: str) -> Json:
    """Return a single event or a master, with what $expand asks for."""
    series, event_id = meeting.series, known_as(meeting.item_id)
    made = {
        "id": event_id,
        "iCalUId": meeting.uid,
        "type": "seriesMaster" if series else "singleInstance",
        "subject": meeting.subject,
        "body": _body(meeting),
        "start": _time(meeting.start, meeting),
        "end": _time(meeting.end, meeting),
        "isAllDay": meeting.is_all_day,
        "isCancelled": meeting.is_cancelled,
        "organizer": _recipient(meeting.organizer.address, meeting.organizer.name),
        "originalStartTimeZone": _zone(meeting),
        "lastModifiedDateTime": written(changed) + "Z",
        "seriesMasterId": None,
        "recurrence": recurrence(series.recurrence, _zone(meeting)) if series else None,
        **extended(properties(meeting.uid, meeting.sequence, meeting.critical_change), query),
    }
    if series:
        local = [at.astimezone(zone_of(meeting.zone)).date() for at in series.deleted]
        made["cancelledOccurrences"] = [f"OID.{event_id}.{day}" for day in local]
    if series and "exceptionOccurrences" in query:
        made["exceptionOccurrences"] = [part(meeting, one, "exception") for one in series.exceptions]
    return made


def part(meeting: Meeting, one: Occurrence, kind: str = "occurrence") -> Json:
    """Return one occurrence of a series."""
    master = known_as(meeting.item_id)
    return {
        "id": f"{master}.{instant(one.original)}",
        "type": kind,
        "subject": one.subject or meeting.subject,
        "start": _time(one.start, meeting),
        "end": _time(one.end, meeting),
        "originalStart": instant(one.original),
        "originalStartTimeZone": _zone(meeting),
        "isAllDay": meeting.is_all_day,
        "isCancelled": False,
        "seriesMasterId": master,
    }


def listed(notice: Notice, change_key: str, start: datetime | None) -> Json:
    """Return a message as the inbox lists it."""
    kind, told = _KINDS[notice.kind]
    return {
        "@odata.type": f"#microsoft.graph.{kind}",
        "@odata.etag": f'W/"{change_key}"',
        "id": known_as(notice.item_id),
        "changeKey": change_key,
        "receivedDateTime": instant(notice.received_at),
        "meetingMessageType": told,
        "startDateTime": {"dateTime": written(start), "timeZone": "UTC"} if start else None,
    }


def message(notice: Notice, meeting: Meeting, link: Json | None, query: str) -> Json:
    """Return a message in full. `link` is the event that it belongs to."""
    values = properties(notice.uid, notice.sequence, notice.critical_change)
    shown: Sequence[Occurrence] = meeting.series.exceptions if meeting.series else ()
    moved = next((one for one in shown if one.original == notice.occurrence), None)
    start = moved.start if moved else notice.occurrence or meeting.start
    is_part = notice.occurrence is not None
    if is_part and moved:
        values[REPLACED] = instant(moved.original)
    return {
        **listed(notice, "1", start),
        "startDateTime": _time(start, meeting),
        "endDateTime": _time(moved.end if moved else start + (meeting.end - meeting.start), meeting),
        "type": ("exception" if moved else "occurrence") if is_part else None,
        "isAllDay": meeting.is_all_day,
        "isOutOfDate": notice.is_outdated,
        "subject": meeting.subject,
        "body": _body(meeting),
        "recurrence": recurrence(meeting.series.recurrence, _zone(meeting)) if meeting.series and not is_part else None,
        "from": _recipient(meeting.organizer.address, meeting.organizer.name),
        "sender": _recipient(notice.sender),
        **extended(values, query),
        "event": link,
    }
