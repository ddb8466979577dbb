"""What a decision about a meeting goes by, and what it says (design/scheduling.md section 5)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from addin_host.domain.binding import Choice
from addin_host.domain.calendar import Meeting, MessageKind, Notice, Occurrence, Organizer, Series

OVER = "over"
"""The reason of a scheduled meeting that has no room any more because its last window has closed."""
TIMES_UNKNOWN = ""
ALONE = "alone"
"""The fingerprint of a meeting of which single occurrences were invited: each has times of its own."""
NOBODY = Organizer("")


class State(StrEnum):
    """What was last decided about a meeting."""

    SCHEDULED = "scheduled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    REMOVED = "removed"


class Outcome(StrEnum):
    """What is to be done. CONVERGE: the room follows the meeting, and nobody is told."""

    IGNORE = "ignore"
    CONVERGE = "converge"
    CANCEL = "cancel"
    CANCEL_OCCURRENCE = "cancel_occurrence"
    REJECT = "reject"
    ACCEPT = "accept"


@dataclass(frozen=True, slots=True)
class Version:
    """Which version of a meeting."""

    sequence: int
    critical_change: datetime | None

    def is_older_than(self, other: Version) -> bool:
        """Whether it has the lower sequence, or the same one and an earlier critical change."""
        if self.sequence != other.sequence or self.critical_change is None or other.critical_change is None:
            return self.sequence < other.sequence
        return self.critical_change < other.critical_change


def version_of(told: Meeting | Notice) -> Version:
    """Return the version of a meeting, or of the meeting that a message is about."""
    return Version(told.sequence, told.critical_change)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a meeting: the newest version that was decided on, and what came of it.

    `alias` is the uuid of the alias that it has. `has_room`: its conference is there with both aliases. `reason` is the
    template of a rejection, or OVER.
    """

    state: State
    version: Version
    reason: str = ""
    fingerprint: str = TIMES_UNKNOWN
    organizer: Organizer = NOBODY
    subject: str = ""
    alias: str = ""
    has_room: bool = False
    in_calendar: bool = False
    series: Series | None = None

    @property
    def is_live(self) -> bool:
        """Whether it was accepted, and not cancelled, rejected or removed since."""
        return self.state is State.SCHEDULED


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a decision goes by.

    `meeting` is what it is at this moment, `choice` the alias that it is about, `is_absent` that it was looked for
    twice in vain, `is_from_before` that it came before this mailbox was read. `after` is how long a room stays open.
    Of a single occurrence that was invited alone (`alone`, its key) `known.fingerprint` is that of the occurrence.
    """

    notice: Notice | None
    meeting: Meeting | None
    known: Known | None
    choice: Choice
    now: datetime
    after: timedelta
    is_outsider: bool = False
    is_absent: bool = False
    is_from_before: bool = False
    alone: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of the meeting. `row` is that of section 5, 0 where there is nothing to decide on.

    `template` is the field of the answer, blank for none. `occurrence` is the key of the one that it is about.
    `keeps_room`: what was accepted before stays as it is, because somebody else than its organizer spoke.
    """

    row: int
    outcome: Outcome
    action: str
    version: Version | None = None
    template: str = ""
    occurrence: str = ""
    keeps_room: bool = False


def effective(notice: Notice | None, meeting: Meeting | None, known: Known | None) -> Meeting | None:
    """Return the meeting that decides. It is the one that was read, but for two cases.

    An occurrence that a message cancels is out of the series, even where the calendar's copy lags. One occurrence
    alone, of a series that is known as a whole, is an exception of that series.
    """
    if notice is None or meeting is None or notice.occurrence is None:
        return meeting
    if meeting.series is None:
        if known is None or known.series is None or meeting.is_cancelled or notice.kind is MessageKind.CANCELLATION:
            return meeting
        return _whole(known, known.series, notice.occurrence, meeting)
    lags = notice.kind is MessageKind.CANCELLATION and not version_of(notice).is_older_than(version_of(meeting))
    if (
        not lags
        or (meeting.in_calendar and not notice.is_sent_by(meeting.organizer))
        or notice.occurrence in meeting.series.deleted
    ):
        return meeting
    return replace(meeting, series=without(meeting.series, notice.occurrence))


def without(series: Series, original: datetime) -> Series:
    """Return a series without one of its occurrences."""
    kept = tuple(item for item in series.exceptions if item.original != original)
    expansion = series.expansion
    if expansion is not None:
        expansion = tuple(item for item in expansion if item.original != original)
    return replace(series, exceptions=kept, deleted=(*series.deleted, original), expansion=expansion)


def _whole(known: Known, series: Series, original: datetime, meeting: Meeting) -> Meeting:
    moved = Occurrence(original, meeting.start, meeting.end, meeting.subject)
    kept = tuple(item for item in series.exceptions if item.original != original)
    changed = replace(series, exceptions=(*kept, moved))
    return replace(
        meeting,
        series=changed,
        sequence=known.version.sequence,
        critical_change=known.version.critical_change,
        subject=known.subject,
    )


def reason_of(decision: Decision) -> str:
    """Return what is stored as the reason of a rejection: the name of its text, else of what was decided."""
    return (decision.template or decision.action).removesuffix("_template")[:50]
