"""What becomes of a meeting: the rows of design/scheduling.md section 5, decided without looking at anything else.

The meeting as it is now decides, not the message that made somebody look (converge, do not replay).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from addin_host.domain.binding import Choice, Holding
from addin_host.domain.calendar import Meeting, MessageKind, Notice, Series
from addin_host.domain.fingerprint import exception_times, fingerprint, of_times, pattern_times
from addin_host.domain.recurrence import is_over, occurrence_key
from addin_host.domain.situation import (
    OVER,
    TIMES_UNKNOWN,
    Decision,
    Known,
    Outcome,
    Situation,
    State,
    Version,
    reason_of,
    version_of,
)

INVALID = "reject_invalid_alias_id_template"
DELETED = "reject_alias_deleted_template"
CONFLICT = "reject_alias_conflict_template"
SINGLE_PAST = "reject_single_meeting_past"
SERIES_PAST = "reject_recurring_series_past_template"
GENERAL = "reject_general_error_template"
_EDITED_SERIES = "accept_edited_recurring_series"


def decide(situation: Situation) -> Decision:
    """Return what becomes of the meeting: the first row of section 5 that applies."""
    meeting = situation.meeting
    ended = _end(situation)
    if ended is not None:
        return ended
    if meeting is None:
        return Decision(0, Outcome.IGNORE, "meeting_gone")
    for rows in (_not_new, _fewer, _invalid, _settled, _impossible):
        if decision := rows(situation, meeting):
            return _unasked(situation, meeting, _told_once(situation, decision))
    return _acceptance(situation, meeting)


def _end(situation: Situation) -> Decision | None:
    """Rows 2 and 3, as far as the meeting, or the one occurrence, is no more."""
    notice, meeting, known = situation.notice, situation.meeting, situation.known
    if situation.is_absent:
        # What never was in the calendar is not missing there.
        is_missed = known is not None and known.is_live and known.in_calendar
        return (
            _cancelled(situation, known.version) if known and is_missed else Decision(0, Outcome.IGNORE, "meeting_gone")
        )
    cancelling = notice if notice is not None and notice.kind is MessageKind.CANCELLATION else None
    if meeting is not None and _is_from_another(situation, meeting):
        ends = cancelling is not None or meeting.is_cancelled
        return Decision(6, Outcome.IGNORE, "ignored_organizer_differs") if ends else None
    if meeting is not None and not meeting.is_cancelled:
        if cancelling is None or _is_said_by_the_calendar(cancelling, meeting):
            return None
        if meeting.in_calendar and not cancelling.is_sent_by(meeting.organizer):
            return Decision(6, Outcome.IGNORE, "ignored_sender_differs")  # anybody can write such a message
    elif meeting is None and cancelling is None:
        return None
    return _ended(situation, cancelling, meeting)


def _is_said_by_the_calendar(cancelling: Notice, meeting: Meeting) -> bool:
    """Whether the meeting as it is says all that the cancellation does: it is newer, or the whole series."""
    is_of_one = cancelling.occurrence is not None and meeting.series is not None
    return is_of_one or version_of(cancelling).is_older_than(version_of(meeting))


def _ended(situation: Situation, cancelling: Notice | None, meeting: Meeting | None) -> Decision:
    versions = [version_of(told) for told in (cancelling, meeting) if told is not None]
    version = versions[-1] if versions[0].is_older_than(versions[-1]) else versions[0]
    occurrence = situation.alone or _cancelled_occurrence(situation, cancelling, meeting)
    if not occurrence:
        return _cancelled(situation, version)
    known = situation.known
    if known is None or not known.is_live or not (situation.alone or known.series):
        return Decision(3, Outcome.IGNORE, "ignored", occurrence=occurrence)
    # The version of the meeting as a whole stays: this one is the occurrence's.
    return Decision(3, Outcome.CANCEL_OCCURRENCE, "cancelled_occurrence", known.version, "", occurrence)


def _cancelled_occurrence(situation: Situation, cancelling: Notice | None, meeting: Meeting | None) -> str:
    """Return which occurrence a message cancels, blank where the meeting as a whole is called off."""
    known = situation.known
    is_whole = (
        meeting is not None and meeting.is_cancelled and (meeting.series is not None or not (known and known.series))
    )
    return "" if cancelling is None or is_whole else _occurrence(situation)


def _cancelled(situation: Situation, version: Version) -> Decision:
    known = situation.known
    if known is not None:
        done = known.state is State.CANCELLED and not known.version.is_older_than(version)
        if done or known.state is State.REMOVED or version.is_older_than(known.version):
            return Decision(1, Outcome.IGNORE, "ignored")
    return Decision(2, Outcome.CANCEL, "cancelled", version)


def _not_new(situation: Situation, meeting: Meeting) -> Decision | None:
    """Row 1, and the very same thing once more."""
    known, version = situation.known, version_of(meeting)
    if known is None:
        return None
    # The occurrences of a series that was not invited have versions of their own; the calendar has the newest.
    is_ordered = not (situation.alone and meeting.in_calendar)
    if is_ordered and version.is_older_than(known.version):
        return Decision(1, Outcome.IGNORE, "ignored")
    is_same = not known.version.is_older_than(version)
    if is_same and known.state is State.CANCELLED and not meeting.in_calendar:
        return Decision(1, Outcome.IGNORE, "ignored")  # it arrives after its own cancellation
    if is_same and situation.alone and known.fingerprint == TIMES_UNKNOWN and _is_past(situation, meeting):
        return Decision(8, Outcome.IGNORE, "ignored")  # its window has closed, and is forgotten
    is_decided = known.state in (State.SCHEDULED, State.REMOVED) and not _is_from_another(situation, meeting)
    if is_same and is_decided and _is_unchanged(situation, known, meeting) and _has_its_alias(situation, known):
        return _unanswered(situation, known, meeting)
    return None


def _is_unchanged(situation: Situation, known: Known, meeting: Meeting) -> bool:
    now = of_times(meeting.start, meeting.end) if situation.alone else fingerprint(meeting)
    return known.fingerprint == now


def _has_its_alias(situation: Situation, known: Known) -> bool:
    alias = situation.choice.alias
    return alias is not None and alias.uuid == known.alias and not alias.is_taken


def _unanswered(situation: Situation, known: Known, meeting: Meeting) -> Decision:
    """Row 8: nothing that an answer would be about."""
    version = version_of(meeting)
    same_words = meeting.subject == known.subject and meeting.organizer.name == known.organizer.name
    settled = same_words and meeting.in_calendar == known.in_calendar and known.version == version
    if not known.is_live or (settled and not situation.alone):
        return Decision(8, Outcome.IGNORE, "ignored")
    return Decision(8, Outcome.CONVERGE, "updated", version)


def _is_from_another(situation: Situation, meeting: Meeting) -> bool:
    """Whether it comes from somebody else than the organizer who had it accepted, whatever was declined since."""
    known = situation.known
    was_accepted = known is not None and (known.state is not State.REJECTED or known.alias != "")
    is_bound = was_accepted and known is not None and known.organizer.address != ""
    return is_bound and known is not None and not known.organizer.is_same(meeting.organizer)


def _fewer(situation: Situation, meeting: Meeting) -> Decision | None:
    """Row 3 for a series: it is what it was, but for occurrences that were taken out."""
    known = situation.known
    if known is None or not known.has_room or not known.is_live or _is_from_another(situation, meeting):
        return None
    if known.series is None or meeting.series is None or not _drops_occurrences(known.series, meeting.series):
        return None
    return Decision(3, Outcome.CONVERGE, "cancelled_occurrence", version_of(meeting), "", _occurrence(situation))


def _drops_occurrences(before: Series, after: Series) -> bool:
    if pattern_times(before) != pattern_times(after) or not set(before.deleted) < set(after.deleted):
        return False
    dropped = set(after.deleted) - set(before.deleted)
    left = replace(before, exceptions=tuple(item for item in before.exceptions if item.original not in dropped))
    return exception_times(left) == exception_times(after)


def _occurrence(situation: Situation) -> str:
    notice = situation.notice
    return occurrence_key(notice.occurrence) if notice is not None and notice.occurrence is not None else ""


_Refusal = tuple[bool, int, str, str]


def _invalid(situation: Situation, meeting: Meeting) -> Decision | None:
    """Rows 4 to 7. Nobody outside is answered: anybody there can write somebody else's name above an invitation."""
    holding = situation.choice.holding
    is_gone = holding is Holding.GONE or _was_removed(situation.known, situation.choice)
    refusals: tuple[_Refusal, ...] = (
        (holding is Holding.NOBODY, 4, INVALID, "reject_invalid_alias_id"),
        (holding is Holding.ANOTHER, 5, INVALID, "reject_invalid_alias_id"),
        (_is_from_another(situation, meeting), 6, INVALID, "reject_organizer_differs"),
        (situation.is_outsider, 6, "", "reject_external_organizer"),
        (is_gone, 7, DELETED, "reject_alias_deleted"),
    )
    if situation.is_outsider:
        refusals = tuple((applies, row, "", action) for applies, row, _template, action in refusals)
    return _rejected(situation, meeting, refusals)


def _impossible(situation: Situation, meeting: Meeting) -> Decision | None:
    """Rows 9 to 11."""
    is_past, is_single, alias = _is_past(situation, meeting), meeting.series is None, situation.choice.alias
    refusals: tuple[_Refusal, ...] = (
        (is_past and is_single, 9, SINGLE_PAST, "reject_single_past"),
        (is_past, 10, SERIES_PAST, "reject_series_past"),
        (alias is not None and alias.is_taken, 11, CONFLICT, "reject_alias_conflict"),
    )
    return _rejected(situation, meeting, refusals)


def _rejected(situation: Situation, meeting: Meeting, refusals: Iterable[_Refusal]) -> Decision | None:
    for applies, row, template, action in refusals:
        if applies:
            keeps_room = _is_from_another(situation, meeting)
            version = version_of(meeting)
            return Decision(row, Outcome.REJECT, action, version, template, situation.alone, keeps_room)
    return None


def _settled(situation: Situation, meeting: Meeting) -> Decision | None:
    """Row 8."""
    known, alias = situation.known, situation.choice.alias
    if known is None or not known.is_live or not _has_its_alias(situation, known) or (alias and alias.is_taken):
        return None
    return _unanswered(situation, known, meeting) if _is_unchanged(situation, known, meeting) else None


def _was_removed(known: Known | None, choice: Choice) -> bool:
    """Whether an administrator took the meeting's room away."""
    if known is None or known.alias != choice.uuid:
        return False
    return known.state is State.REMOVED or (known.is_live and not known.has_room and known.reason != OVER)


def _is_past(situation: Situation, meeting: Meeting) -> bool:
    closed = situation.now - situation.after
    return meeting.end <= closed if meeting.series is None else is_over(meeting.series, closed)


def _acceptance(situation: Situation, meeting: Meeting) -> Decision:
    """Rows 12 to 16."""
    known, alone = situation.known, situation.alone
    is_new = known is None or not known.is_live or (alone != "" and known.fingerprint == TIMES_UNKNOWN)
    changed = "" if known is None or is_new else alone or _changed_occurrence(situation, known, meeting.series)
    if is_new:
        row, action = (
            (12, "accept_new_single_meeting") if meeting.series is None else (13, "accept_new_recurring_series")
        )
    elif changed:
        row, action = 15, "accept_edited_occurrence"
    else:
        row, action = (14, "accept_edited_single_meeting") if meeting.series is None else (16, _EDITED_SERIES)
    return Decision(row, Outcome.ACCEPT, action, version_of(meeting), f"{action}_template", changed or alone)


def _changed_occurrence(situation: Situation, known: Known, series: Series | None) -> str:
    """Return which occurrence changed, when one did and nothing else; blank otherwise."""
    before = known.series
    if before is None or series is None or known.alias != situation.choice.uuid:
        return ""
    if pattern_times(before) != pattern_times(series):
        return ""
    told = situation.notice.occurrence if situation.notice is not None else None
    changed = exception_times(before) ^ exception_times(series)
    originals = {datetime.fromisoformat(original) for original, _start, _end in changed}
    if told is not None and told in originals:
        return occurrence_key(told)
    return occurrence_key(originals.pop()) if len(originals) == 1 else ""


def _told_once(situation: Situation, decision: Decision) -> Decision:
    """A meeting that was rejected for the same reason before is not rejected again."""
    known = situation.known
    if decision.outcome is not Outcome.REJECT or known is None or known.state is not State.REJECTED:
        return decision
    is_same = known.version == decision.version and known.reason == reason_of(decision)
    return Decision(8, Outcome.IGNORE, "ignored") if is_same else decision


def _unasked(situation: Situation, meeting: Meeting, decision: Decision) -> Decision:
    """What the mailbox held before it was ours to read asked somebody else, unless it has our tag and is to come."""
    is_old = situation.is_from_before and situation.known is None and decision.outcome is Outcome.REJECT
    is_about_ours = situation.choice.tag is not None and not situation.is_outsider
    if not is_old or (is_about_ours and not _is_past(situation, meeting)):
        return decision
    return Decision(decision.row, Outcome.IGNORE, "ignored_from_before")
