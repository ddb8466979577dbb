"""Meetings as an equipment mailbox shows them: the messages in its inbox, and the meetings they are about.

Every instant is aware and in UTC; wall times belong to the organizer's zone. A meeting is recognised by `uid`, its
clean GlobalObjectId in capital hexadecimal digits, the same for a series and each of its occurrences
(design/scheduling.md section 8).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum


class MessageKind(StrEnum):
    """What a message in the inbox is."""

    REQUEST = "request"
    CANCELLATION = "cancellation"
    OTHER = "other"


class Frequency(StrEnum):
    """How a series repeats, in the words of EWS and Graph."""

    DAILY = "daily"
    WEEKLY = "weekly"
    ABSOLUTE_MONTHLY = "absoluteMonthly"
    RELATIVE_MONTHLY = "relativeMonthly"
    ABSOLUTE_YEARLY = "absoluteYearly"
    RELATIVE_YEARLY = "relativeYearly"


class WeekIndex(StrEnum):
    """Which of the matching days of a month."""

    FIRST = "first"
    SECOND = "second"
    THIRD = "third"
    FOURTH = "fourth"
    LAST = "last"


@dataclass(frozen=True, slots=True)
class Recurrence:
    """The pattern of a series and its range.

    `days_of_week` counts Monday as 0; a day, a weekday and a weekend day are all seven, 0 to 4, and 5 and 6.
    `day_of_month` beyond a month's end means its last day. The range ends with `last_day` (a date in the series' zone,
    inclusive), after `count` occurrences, or never when both are None.
    """

    frequency: Frequency
    interval: int
    first_day: date
    days_of_week: tuple[int, ...] = ()
    index: WeekIndex = WeekIndex.FIRST
    day_of_month: int = 1
    month: int = 1
    week_starts: int = 6
    last_day: date | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Transition:
    """When one of two offsets of a year begins: the nth weekday of a month, or a fixed day; wall time of before.

    `weekday` counts Monday as 0; None means the day of the month. `nth` 5 is the last one.
    """

    month: int
    at: time
    weekday: int | None = None
    nth: int = 1
    day: int = 1


@dataclass(frozen=True, slots=True)
class ZoneRules:
    """A zone that the mailbox spelled out. Offsets are seconds east of UTC; without daylight time the last are None."""

    standard_offset: int
    daylight_offset: int | None = None
    to_standard: Transition | None = None
    to_daylight: Transition | None = None


@dataclass(frozen=True, slots=True)
class Zone:
    """The organizer's time zone: its name (Windows or IANA, blank when unknown) and its rules where they were given."""

    name: str = ""
    rules: ZoneRules | None = None


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One meeting of a series. `original` is the start that the pattern gave it; it never changes."""

    original: datetime
    start: datetime
    end: datetime
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """A recurring meeting: pattern, wall time of its occurrences, and what departs from the pattern.

    `expansion` is what the mailbox itself expanded between `expanded_from` and `expanded_until`, exceptions included
    and deleted ones left out; None where it was not asked.
    """

    recurrence: Recurrence
    zone: Zone
    starts: time
    minutes: int
    exceptions: tuple[Occurrence, ...] = ()
    deleted: tuple[datetime, ...] = ()
    expansion: tuple[Occurrence, ...] | None = None
    expanded_from: datetime | None = None
    expanded_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Organizer:
    """Who called the meeting: SMTP address and name as in the invitation, and all other addresses of the mailbox."""

    address: str
    name: str = ""
    others: tuple[str, ...] = ()

    def is_same(self, other: Organizer) -> bool:
        """Whether two are the same mailbox, by any of their addresses."""
        return bool(self.addresses() & other.addresses())

    def addresses(self) -> frozenset[str]:
        """Every address in lower case."""
        return frozenset(address.lower() for address in (self.address, *self.others) if address)


@dataclass(frozen=True, slots=True)
class Meeting:
    """What a meeting is at this moment: a single one, or a whole series.

    `item_id` names the calendar item (of the series' master), or the message where there is no calendar item. Of an
    all-day meeting `start` and `end` are midnight in the organizer's zone. `version` is what `sequence` and
    `critical_change` say together.
    """

    uid: str
    item_id: str
    sequence: int
    critical_change: datetime | None
    organizer: Organizer
    subject: str
    body: str
    body_is_html: bool
    start: datetime
    end: datetime
    zone: Zone = Zone()
    series: Series | None = None
    is_all_day: bool = False
    is_cancelled: bool = False
    in_calendar: bool = True


@dataclass(frozen=True, slots=True)
class Notice:
    """A message in the inbox: that a meeting is new, changed or cancelled.

    `occurrence` is the original start of the one occurrence that it is about, None for a single meeting or a whole
    series. `sender` may be a delegate; only the organizer counts. An outdated notice is one that Exchange marked so.
    """

    item_id: str
    kind: MessageKind
    uid: str
    sequence: int
    critical_change: datetime | None
    occurrence: datetime | None
    sender: str
    received_at: datetime
    is_outdated: bool = False

    def is_sent_by(self, organizer: Organizer) -> bool:
        """Whether the organizer sent it, and no delegate or anybody else."""
        return self.sender.lower() in organizer.addresses()


@dataclass(frozen=True, slots=True)
class Reading:
    """A message, and its meeting as it is now. No notice: the message is gone or of another kind.

    No meeting: nothing is known of it any more. A cancellation comes with the meeting as far as it still exists.
    """

    notice: Notice | None
    meeting: Meeting | None
