"""What must be true of meetings, in about a hundred lines: the organizer's side, and what follows from it.

It knows nothing of how the service works. Times are UTC and series are daily, so that arithmetic is all it needs.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta

from addin_host.domain.calendar import Frequency, Meeting, MessageKind, Occurrence, Recurrence, Series, Zone

HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)
BEFORE, AFTER = 30 * MINUTE, 60 * MINUTE
Span = tuple[datetime, datetime]


@dataclass(frozen=True)
class Sent:
    """A message on its way: what the meeting was when it was sent, and what it is about."""

    meeting: Meeting
    kind: MessageKind = MessageKind.REQUEST
    occurrence: datetime | None = None
    sender: str = ""


@dataclass
class Truth:
    """A meeting as its organizer has it. Of a series `count` days follow one another; `moved` and `gone` are by day."""

    uid: str
    tag: str
    first: datetime
    count: int = 0
    moved: dict[int, datetime] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    sequence: int = 0
    change: int = 0
    subject: str = "Plans"
    is_cancelled: bool = False
    told: set[tuple[int, int, int]] = field(default_factory=set)  # versions that may be answered, by occurrence

    def spans(self) -> list[Span]:
        """When it takes place."""
        if not self.count:
            return [(self.first, self.first + HOUR)]
        starts = [self.moved.get(day, self.first + day * DAY) for day in range(self.count) if day not in self.gone]
        return sorted((start, start + HOUR) for start in starts)

    def is_over(self, now: datetime) -> bool:
        return all(end + AFTER < now for _start, end in self.spans())

    def rise(self, *, significant: bool, day: int = -1, is_answered: bool = True) -> None:
        """Another version: a change of times raises the sequence, a change of one occurrence the critical change."""
        self.change += 1
        self.sequence += significant
        if is_answered:
            self.told.add((day, self.sequence, self.change))

    def meeting(self, template: Meeting) -> Meeting:
        """What Exchange has of it."""
        start, end = self.first, self.first + HOUR
        return replace(
            template,
            uid=self.uid,
            sequence=self.sequence,
            critical_change=datetime(2026, 11, 1, tzinfo=UTC) + self.change * MINUTE,
            subject=self.subject,
            body=self.tag,
            start=start,
            end=end,
            zone=Zone("UTC"),
            series=self._series() if self.count else None,
            is_cancelled=self.is_cancelled,
        )

    def _series(self) -> Series:
        exceptions = tuple(
            Occurrence(self.first + day * DAY, start, start + HOUR)
            for day, start in self.moved.items()
            if day not in self.gone
        )
        return Series(
            Recurrence(Frequency.DAILY, 1, self.first.date(), count=self.count),
            zone=Zone("UTC"),
            starts=time(self.first.hour, self.first.minute),
            minutes=60,
            exceptions=exceptions,
            deleted=tuple(self.first + day * DAY for day in sorted(self.gone)),
        )


def windows(truth: Truth, now: datetime) -> list[tuple[datetime, datetime, datetime, datetime]]:
    """Return what the rows of a live meeting must say (I3): when it takes place, and when its room is open.

    Of a series those that ended within the last day may be there or not.
    """
    spans = truth.spans() if not truth.count else [span for span in truth.spans() if span[1] > now - 12 * HOUR]
    return [(start, end, start - BEFORE, end + AFTER) for start, end in spans]
