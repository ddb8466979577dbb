"""What the simulated Outlook of the demo sends: an appointment from its form, and the meeting Exchange makes of it."""

from __future__ import annotations

import uuid as uuids
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from addin_host.domain.calendar import Frequency, Meeting, Organizer, Recurrence, Series, Zone
from addin_host.domain.demo import PEOPLE
from addin_host.domain.errors import Reason, Refused

_GLOBAL_OBJECT = "040000008200E00074C5B7101A82E008" + "0" * 32 + "10000000"  # as Outlook's own ids begin
_REPEATS: Mapping[str, Frequency] = {
    "daily": Frequency.DAILY,
    "weekly": Frequency.WEEKLY,
    "monthly": Frequency.ABSOLUTE_MONTHLY,
}
_MOST_TIMES = 60


@dataclass(frozen=True, slots=True)
class Appointment:
    """A form that somebody sends. `repeat` is blank, daily, weekly or monthly; `zone` an IANA name."""

    id: str
    organizer: str
    subject: str
    body: str
    body_is_html: bool
    start: datetime
    end: datetime
    zone: str
    invited: tuple[str, ...]
    repeat: str = ""
    times: int = 1

    @property
    def uid(self) -> str:
        """The clean GlobalObjectId of its meeting."""
        return _GLOBAL_OBJECT + uuids.UUID(self.id).hex.upper()

    def record(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self) | {"start": self.start.isoformat(), "end": self.end.isoformat()}


def read_appointment(given: Any) -> Appointment:
    """Return the appointment that a page sent, or one that was kept. Raises Refused."""
    try:
        made = Appointment(
            id=str(uuids.UUID(str(given["id"]))),
            organizer=_person(str(given["organizer"])),
            subject=str(given["subject"])[:255],
            body=str(given["body"]),
            body_is_html=bool(given["body_is_html"]),
            start=datetime.fromisoformat(str(given["start"])),
            end=datetime.fromisoformat(str(given["end"])),
            zone=ZoneInfo(str(given["zone"])).key,
            invited=tuple(str(address).lower() for address in given["invited"]),
            repeat=str(given.get("repeat") or ""),
            times=min(max(int(given.get("times") or 1), 1), _MOST_TIMES),
        )
    except (KeyError, TypeError, ValueError, AttributeError, ZoneInfoNotFoundError) as problem:
        raise Refused(Reason.INVALID, "This appointment cannot be sent. Look at its start and its end.") from problem
    if None in (made.start.tzinfo, made.end.tzinfo) or made.end < made.start or made.repeat not in ("", *_REPEATS):
        raise Refused(Reason.INVALID, "The end is before the start. Correct it, then send again.")
    return made


def _person(address: str) -> str:
    if address not in {person.email for person in PEOPLE}:
        raise Refused(Reason.FORBIDDEN, "The demo does not know this person.")
    return address


def meeting_of(appointment: Appointment, *, sequence: int, sent_at: datetime) -> Meeting:
    """Return the meeting that the appointment is, in the version of this moment."""
    name = next(person.name for person in PEOPLE if person.email == appointment.organizer)
    return Meeting(
        uid=appointment.uid,
        item_id="",
        sequence=sequence,
        critical_change=sent_at,
        organizer=Organizer(appointment.organizer, name),
        subject=appointment.subject or "(no subject)",
        body=appointment.body,
        body_is_html=appointment.body_is_html,
        start=appointment.start,
        end=appointment.end,
        zone=Zone(appointment.zone),
        series=_series(appointment) if appointment.repeat else None,
    )


def _series(appointment: Appointment) -> Series:
    first = appointment.start.astimezone(ZoneInfo(appointment.zone))
    recurrence = Recurrence(
        _REPEATS[appointment.repeat],
        interval=1,
        first_day=first.date(),
        days_of_week=(first.weekday(),),
        day_of_month=first.day,
        count=appointment.times,
    )
    minutes = int((appointment.end - appointment.start).total_seconds()) // 60
    return Series(recurrence, Zone(appointment.zone), starts=first.time(), minutes=minutes)
