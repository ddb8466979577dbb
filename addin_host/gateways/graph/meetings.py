"""Events and event messages of Graph, as the house's meetings. What cannot be understood raises ValueError or KeyError.

Graph gives instants in UTC and the organizer's zone by name. Of an all-day event it gives dates, which begin at
midnight in that zone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from addin_host.domain.calendar import (
    Frequency,
    Meeting,
    MessageKind,
    Notice,
    Occurrence,
    Organizer,
    Recurrence,
    Series,
    WeekIndex,
    Zone,
)
from addin_host.domain.mailbox import Horizon
from addin_host.domain.zones import zone_of
from addin_host.gateways.graph import properties

Json = Mapping[str, Any]
_PREFIX = "tzone://microsoft/"
_NAMELESS = frozenset({"custom", "unknown", ""})
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_IN_WORDS = {"day": tuple(range(7)), "weekday": tuple(range(5)), "weekendday": (5, 6)}
_KINDS = {"meetingrequest": MessageKind.REQUEST, "meetingcancelled": MessageKind.CANCELLATION}
_REQUEST = "#microsoft.graph.eventMessageRequest"
PART_OF_SERIES = frozenset({"occurrence", "exception"})
MASTER = "seriesMaster"


def kind_of(message: Json) -> MessageKind:
    """Return what a message of the inbox is."""
    told = str(message.get("meetingMessageType") or "").lower()
    if told in _KINDS:
        return _KINDS[told]
    is_request = message.get("@odata.type") == _REQUEST and told in ("", "none")
    return MessageKind.REQUEST if is_request else MessageKind.OTHER


def notice(message: Json, event: Json | None) -> Notice:
    """Return what a message says. `event` is the one that Graph links it to."""
    linked = event or {}
    return Notice(
        item_id=str(message["id"]),
        kind=kind_of(message),
        uid=properties.uid_of(message) or properties.uid_of(linked),
        sequence=properties.sequence_of(message),
        critical_change=properties.instant_of(message, properties.CRITICAL_CHANGE),
        occurrence=_original(message, linked),
        sender=_address(message.get("sender") or message.get("from")),
        received_at=_needed(properties.instant(message["receivedDateTime"])),
        is_outdated=bool(message.get("isOutOfDate")) or message.get("meetingRequestType") == "outdated",
    )


def _original(message: Json, event: Json) -> datetime | None:
    """Return the original start of the one occurrence that a message is about."""
    kind = str(message.get("type") or event.get("type") or "")
    if kind not in PART_OF_SERIES:
        return None
    return (
        properties.instant(event.get("originalStart"))
        or properties.instant_of(message, properties.REPLACED)
        or instant(message.get("startDateTime"))
    )


def meeting(event: Json, *, instances: Sequence[Json] | None = None, horizon: Horizon | None = None) -> Meeting:
    """Return a single event, or a series by its master; `instances` are its events inside the horizon."""
    start, end, zone = _times(event, event["start"], event["end"])
    is_series = event.get("type") == MASTER
    series = _series(event, start, end, zone, instances, horizon) if is_series else None
    return Meeting(
        uid=properties.uid_of(event),
        item_id=str(event["id"]),
        sequence=properties.sequence_of(event),
        critical_change=properties.instant_of(event, properties.CRITICAL_CHANGE),
        organizer=_organizer(event.get("organizer")),
        subject=str(event.get("subject") or ""),
        **_body(event),
        start=start,
        end=end,
        zone=zone,
        series=series,
        is_all_day=bool(event.get("isAllDay")),
        is_cancelled=bool(event.get("isCancelled")),
    )


def meeting_of_message(message: Json) -> Meeting:
    """Return the meeting that a request tells of, which has no item in the calendar."""
    start, end, zone = _times(message, message["startDateTime"], message["endDateTime"])
    is_series = bool(message.get("recurrence")) and message.get("type") not in PART_OF_SERIES
    return Meeting(
        uid=properties.uid_of(message),
        item_id=str(message["id"]),
        sequence=properties.sequence_of(message),
        critical_change=properties.instant_of(message, properties.CRITICAL_CHANGE),
        organizer=_organizer(message.get("from") or message.get("sender")),
        subject=str(message.get("subject") or ""),
        **_body(message),
        start=start,
        end=end,
        zone=zone,
        series=_series(message, start, end, zone, None, None) if is_series else None,
        is_all_day=bool(message.get("isAllDay")),
        is_cancelled=kind_of(message) is MessageKind.CANCELLATION,
        in_calendar=False,
    )


def _body(item: Json) -> dict[str, Any]:
    body = item.get("body") or {}
    return {"body": str(body.get("content") or ""), "body_is_html": str(body.get("contentType")).lower() == "html"}


def _organizer(recipient: Json | None) -> Organizer:
    entry = (recipient or {}).get("emailAddress") or {}
    return Organizer(str(entry.get("address") or ""), str(entry.get("name") or ""))


def _address(recipient: Json | None) -> str:
    return _organizer(recipient).address


def _times(item: Json, start: Json, end: Json) -> tuple[datetime, datetime, Zone]:
    zone = _zone(item)
    if not item.get("isAllDay"):
        return _needed(instant(start)), _needed(instant(end)), zone
    return _midnight(start, zone), _midnight(end, zone), zone


def _zone(item: Json) -> Zone:
    """Return the organizer's zone; Graph writes those without a name of their own as addresses."""
    pattern = (item.get("recurrence") or {}).get("range") or {}
    name = str(item.get("originalStartTimeZone") or pattern.get("recurrenceTimeZone") or "")
    if name.lower().startswith(_PREFIX):
        name = name[len(_PREFIX) :]
        name = "UTC" if name.lower() == "utc" else name
    return Zone("" if name.lower() in _NAMELESS else name)


def instant(written: Json | None) -> datetime | None:
    """Return a dateTimeTimeZone as an instant: in UTC, as we ask for it, or in a zone that we know."""
    if not written:
        return None
    at = datetime.fromisoformat(str(written["dateTime"]))
    name = str(written.get("timeZone") or "UTC")
    where = UTC if name.upper() == "UTC" else zone_of(Zone(name))
    if where is None:
        raise ValueError(name)
    return (at if at.tzinfo else at.replace(tzinfo=where)).astimezone(UTC)


def starts_at(event: Json) -> datetime:
    """Return when an event begins, a series with its first occurrence."""
    return _times(event, event["start"], event["end"])[0]


def _midnight(written: Json, zone: Zone) -> datetime:
    """Return when a day begins. A time of day means that Graph gave an instant after all."""
    at = _needed(instant(written))
    where = zone_of(zone)
    return at.replace(tzinfo=where).astimezone(UTC) if where and at.time() == time(0) else at


def _needed(at: datetime | None) -> datetime:
    if at is None:
        raise ValueError("a time is missing")
    return at


def _series(
    item: Json, start: datetime, end: datetime, zone: Zone, instances: Sequence[Json] | None, horizon: Horizon | None
) -> Series:
    where = zone_of(zone) or UTC
    first, last = start.astimezone(where), end.astimezone(where)
    exceptions = [one for one in item.get("exceptionOccurrences") or [] if not one.get("isCancelled")]
    cancelled = [one for one in item.get("exceptionOccurrences") or [] if one.get("isCancelled")]
    gone = [properties.instant(one.get("originalStart")) for one in cancelled]
    named = [_named_day(str(name)) for name in item.get("cancelledOccurrences") or []]
    gone += [datetime.combine(day, first.timetz().replace(tzinfo=None), where).astimezone(UTC) for day in named]
    is_asked = instances is not None and horizon is not None
    return Series(
        recurrence=_recurrence(item["recurrence"]),
        zone=zone,
        starts=first.time(),
        minutes=int((last.replace(tzinfo=None) - first.replace(tzinfo=None)) / timedelta(minutes=1)),
        exceptions=tuple(_occurrence(one, item) for one in exceptions),
        deleted=tuple(sorted({at for at in gone if at is not None})),
        expansion=_expansion(instances or [], item) if is_asked else None,
        expanded_from=horizon.since if is_asked and horizon else None,
        expanded_until=horizon.until if is_asked and horizon else None,
    )


def _named_day(name: str) -> date:
    """Return the day of an occurrence's id, which ends with it."""
    return date.fromisoformat(name.rpartition(".")[2])


def _expansion(instances: Sequence[Json], master: Json) -> tuple[Occurrence, ...]:
    held = [_occurrence(one, master) for one in instances if not one.get("isCancelled")]
    return tuple(sorted(held, key=lambda one: one.start))


def _occurrence(event: Json, master: Json) -> Occurrence:
    whole = {**event, "originalStartTimeZone": event.get("originalStartTimeZone") or _zone(master).name}
    start, end, _zone_of_it = _times(whole, event["start"], event["end"])
    subject = str(event.get("subject") or "")
    original = properties.instant(event.get("originalStart")) or start
    return Occurrence(original, start, end, "" if subject == master.get("subject") else subject)


def _recurrence(written: Json) -> Recurrence:
    pattern, reach = written["pattern"], written["range"]
    frequency = Frequency(pattern["type"])
    is_weekly, is_relative = frequency is Frequency.WEEKLY, frequency.value.startswith("relative")
    is_absolute, is_yearly = frequency.value.startswith("absolute"), frequency.value.endswith("Yearly")
    ends = reach.get("type")
    return Recurrence(
        frequency=frequency,
        interval=max(int(pattern.get("interval") or 1), 1),
        first_day=date.fromisoformat(reach["startDate"]),
        days_of_week=_week_days(pattern.get("daysOfWeek") or []) if is_weekly or is_relative else (),
        index=WeekIndex(pattern.get("index") or "first") if is_relative else WeekIndex.FIRST,
        day_of_month=int(pattern.get("dayOfMonth") or 1) if is_absolute else 1,
        month=int(pattern.get("month") or 1) if is_yearly else 1,
        week_starts=_DAYS.index(str(pattern.get("firstDayOfWeek") or "sunday").lower()) if is_weekly else 6,
        last_day=date.fromisoformat(reach["endDate"]) if ends == "endDate" else None,
        count=int(reach["numberOfOccurrences"]) if ends == "numbered" else None,
    )


def _week_days(names: Sequence[str]) -> tuple[int, ...]:
    found = {day for name in names for day in (_IN_WORDS.get(name.lower()) or (_DAYS.index(name.lower()),))}
    return tuple(sorted(found))
