"""Series on both databases: booked, changed, thinned out, moved, and made single."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from addin_host.domain.calendar import Meeting, MessageKind, Occurrence
from addin_host.store.models import RecurringConferenceRow
from tests.flows.scheduling.stage import TOMORROW, Stage, a_meeting, a_series, newer, texts_of, touched

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def days(*numbers: int) -> list[tuple[datetime, datetime]]:
    return [(TOMORROW + number * DAY, TOMORROW + number * DAY + HOUR) for number in numbers]


def moved(meeting: Meeting, number: int, start: datetime) -> Meeting:
    """The series with one occurrence at another time."""
    assert meeting.series is not None
    one = Occurrence(TOMORROW + number * DAY, start, start + HOUR)
    others = tuple(item for item in meeting.series.exceptions if item.original != one.original)
    return touched(meeting, series=replace(meeting.series, exceptions=(*others, one)))


def dropped(meeting: Meeting, number: int) -> Meeting:
    """The series without one occurrence."""
    assert meeting.series is not None
    original = TOMORROW + number * DAY
    kept = tuple(item for item in meeting.series.exceptions if item.original != original)
    deleted = (*meeting.series.deleted, original)
    return touched(meeting, series=replace(meeting.series, exceptions=kept, deleted=deleted))


def test_new_series(stage: Stage) -> None:
    minted = stage.mint()
    meeting = a_series(minted.tag)
    stage.send(meeting)
    [room] = stage.rooms()
    assert stage.aliases_of(room) == [minted.alias, minted.numeric_alias]
    assert stage.windows() == days(0, 1, 2, 3, 4)
    assert stage.keys()[0] == "20261124T140000Z"
    [cursor] = stage.all(RecurringConferenceRow)
    assert (cursor.current_index, cursor.is_depleted, cursor.conference_id) == (0, False, room.id)
    assert texts_of(stage.replies()) == ["new series"]
    assert stage.meeting(meeting).horizon_until is None


def test_edited_series_shortened_and_lengthened(stage: Stage) -> None:
    meeting = a_series(stage.mint().tag)
    stage.send(meeting)
    assert meeting.series is not None
    shorter = newer(meeting, series=replace(meeting.series, recurrence=replace(meeting.series.recurrence, count=2)))
    stage.send(shorter)
    assert stage.windows() == days(0, 1)
    longer = newer(shorter, series=replace(meeting.series, recurrence=replace(meeting.series.recurrence, count=6)))
    stage.send(longer)
    assert stage.windows() == days(0, 1, 2, 3, 4, 5)
    at_nine = newer(longer, series=replace(longer.series or meeting.series, starts=time(9, 0)))
    stage.send(at_nine)
    assert stage.windows()[0] == (datetime(2026, 11, 24, 8, 0, tzinfo=UTC), datetime(2026, 11, 24, 9, 0, tzinfo=UTC))
    assert texts_of(stage.replies()) == ["new series", *["edited series"] * 3]
    assert len(stage.rooms()) == 1


def test_occurrence_moved_before_and_behind_others(stage: Stage) -> None:
    meeting = a_series(stage.mint().tag)
    stage.send(meeting)
    early = moved(meeting, 3, TOMORROW - 3 * HOUR)
    stage.send(early, occurrence=TOMORROW + 3 * DAY)
    assert stage.windows()[0] == (TOMORROW - 3 * HOUR, TOMORROW - 2 * HOUR)
    late = moved(early, 3, TOMORROW + 10 * DAY)
    stage.send(late, occurrence=TOMORROW + 3 * DAY)
    assert stage.windows() == days(0, 1, 2, 4, 10)
    assert texts_of(stage.replies()) == ["new series", "edited occurrence", "edited occurrence"]


def test_cancelled_occurrence_is_not_answered(stage: Stage) -> None:
    meeting = a_series(stage.mint().tag)
    stage.send(meeting)
    thin = dropped(meeting, 1)
    stage.send(thin, MessageKind.CANCELLATION, occurrence=TOMORROW + DAY)
    assert stage.windows() == days(0, 2, 3, 4)
    stage.send(thin, MessageKind.CANCELLATION, occurrence=TOMORROW + DAY)
    assert stage.windows() == days(0, 2, 3, 4)
    assert texts_of(stage.replies()) == ["new series"]
    assert stage.actions() == ["accept_new_recurring_series", "cancelled_occurrence", "ignored"]


def test_cancelled_series(stage: Stage) -> None:
    meeting = a_series(stage.mint().tag)
    stage.send(meeting)
    stage.cancel(meeting)
    assert (stage.rooms(), stage.windows(), stage.all(RecurringConferenceRow)) == ([], [], [])
    assert texts_of(stage.replies()) == ["new series"]


def test_single_becomes_series_and_single_again(stage: Stage) -> None:
    meeting = a_meeting(stage.mint().tag)
    stage.send(meeting)
    series = newer(meeting, series=a_series("").series)
    stage.send(series)
    assert stage.windows() == days(0, 1, 2, 3, 4)
    assert len(stage.all(RecurringConferenceRow)) == 1
    stage.send(newer(series, series=None))
    assert stage.windows() == days(0)
    assert stage.all(RecurringConferenceRow) == []
    assert texts_of(stage.replies()) == ["new single", "edited series", "edited single"]


def test_endless_series_grows_with_time_and_a_finished_one_is_closed(stage: Stage) -> None:
    endless, short = a_series(stage.mint().tag, count=None), a_series(stage.mint().tag, count=2)
    stage.send(endless)
    stage.send(short)
    assert len(stage.windows(endless)) == 61
    assert stage.horizons() == (0, 0)
    stage.clock.forward(days=3)
    assert stage.horizons() == (1, 1)
    assert stage.meeting(short).reason == "over"
    assert [row.conference_id for row in stage.meetings()][1] is None
    found = stage.windows(endless)
    assert found[0][0] == TOMORROW + DAY
    assert found[-1][0] == TOMORROW + 63 * DAY
    stage.clock.forward(days=30)
    assert stage.horizons() == (1, 0)
    assert len(stage.windows(endless)) == 63
    assert stage.all(RecurringConferenceRow)[0].current_index == 32
