"""Particular cases of 5.1 and 5.2: what arrives late, alone, without a calendar, or while people are in the room."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from addin_host.domain.calendar import Meeting, MessageKind, Occurrence
from addin_host.store.models import InboxRow, ScheduledConferenceRow, SchedulingOperationRow
from tests.flows.scheduling.stage import TOMORROW, Stage, a_meeting, a_series, a_stage, newer, texts_of, touched

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def told(stage: Stage) -> list[str]:
    return texts_of(stage.replies())


def at(meeting: Meeting, start: datetime) -> Meeting:
    return newer(meeting, start=start, end=start + HOUR)


def without_calendar(stage: Stage, meeting: Meeting) -> None:
    """Let the mailbox have no copy of the meeting: its messages alone tell."""
    box = stage.exchange._boxes[stage.address]
    kept, changed = box.calendar[meeting.uid]
    box.calendar[meeting.uid] = (replace(kept, in_calendar=False), changed)


def test_cancelled_before_it_was_created(stage: Stage) -> None:
    meeting = a_meeting(stage.mint().tag)
    cancelled = newer(meeting, is_cancelled=True)
    first = stage.exchange.deliver(stage.address, meeting)
    stage.send(cancelled, MessageKind.CANCELLATION)
    assert stage.meeting(meeting).state == "cancelled"
    stage.queue("message", first)
    stage.run()
    assert (stage.rooms(), stage.replies()) == ([], [])
    assert stage.actions() == ["cancelled", "ignored"]


def test_late_create_without_calendar_is_ignored(play: Stage) -> None:
    meeting = a_meeting(play.mint().tag)
    play.send(newer(meeting, is_cancelled=True), MessageKind.CANCELLATION)
    play.exchange.forget(play.address, meeting.uid)
    play.send(replace(meeting, sequence=1, in_calendar=False))
    without_calendar(play, meeting)
    play.send(meeting, is_dropped=True)
    assert len(play.rooms()) <= 1
    assert play.meeting(meeting).state in ("cancelled", "scheduled")


def test_stale_update_changes_nothing(play: Stage) -> None:
    meeting = a_meeting(play.mint().tag)
    newest = at(at(meeting, TOMORROW + DAY), TOMORROW + 2 * DAY)
    play.send(newest)
    play.send(at(meeting, TOMORROW + DAY))
    play.send(meeting)
    assert play.windows() == [(TOMORROW + 2 * DAY, TOMORROW + 2 * DAY + HOUR)]
    assert told(play) == ["new single"]


def test_merged_updates_are_answered_once(play: Stage) -> None:
    meeting = a_meeting(play.mint().tag)
    play.deliver(meeting)
    play.deliver(at(meeting, TOMORROW + DAY))
    play.run()
    assert play.windows() == [(TOMORROW + DAY, TOMORROW + DAY + HOUR)]
    assert told(play) == ["new single"]


def test_duplicates_are_not_answered(play: Stage) -> None:
    meeting = a_meeting(play.mint().tag)
    first = play.deliver(meeting)
    for _each in range(3):
        play.queue("message", first)
    play.run()
    assert told(play) == ["new single"]
    assert play.actions() == ["accept_new_single_meeting", "ignored", "ignored", "ignored"]


def test_new_subject_and_attendees_only(play: Stage) -> None:
    meeting = a_meeting(play.mint().tag)
    play.send(meeting)
    play.send(touched(meeting, subject="Budget"))
    assert [room.name for room in play.rooms()] == ["Budget (Alice Jones)"]
    assert play.rooms()[0].version == 2
    assert told(play) == ["new single"]
    [window] = play.all(ScheduledConferenceRow)
    assert window.subject == "Budget"


def test_new_subject_while_people_are_in_the_room_waits(stage: Stage) -> None:
    meeting = a_meeting(stage.mint().tag)
    stage.send(meeting)
    stage.clock.time = TOMORROW + timedelta(minutes=5)
    longer = newer(meeting, subject="Budget", end=TOMORROW + 2 * HOUR)
    stage.send(longer)
    assert [room.name for room in stage.rooms()] == ["Plans (Alice Jones)"]
    assert stage.windows() == [(TOMORROW, TOMORROW + 2 * HOUR)]
    [waiting] = stage.inbox("pending")
    assert (waiting.origin, waiting.due_at) == ("refresh", TOMORROW + 3 * HOUR)


def test_series_gets_its_new_name_when_the_window_closes(stage: Stage) -> None:
    meeting = a_series(stage.mint().tag)
    stage.send(meeting)
    stage.clock.time = TOMORROW + timedelta(minutes=5)
    stage.send(touched(meeting, subject="Budget"))
    assert [room.name for room in stage.rooms()] == ["Plans (Alice Jones)"]
    stage.clock.time = TOMORROW + 2 * HOUR + timedelta(minutes=1)
    stage.run()
    assert [room.name for room in stage.rooms()] == ["Budget (Alice Jones)"]
    assert told(stage) == ["new series"]


def test_new_name_without_calendar(play: Stage) -> None:
    meeting = a_series(play.mint().tag)
    play.send(meeting)
    play.clock.time = TOMORROW + timedelta(minutes=5)
    play.send(touched(meeting, subject="Budget", in_calendar=False))
    play.exchange.forget(play.address, meeting.uid)
    play.clock.time = TOMORROW + 2 * HOUR + timedelta(minutes=1)
    play.run()
    assert [room.name for room in play.rooms()] == ["Budget (Alice Jones)"]


def test_swept_meeting_is_accepted_with_a_mail_of_its_own(play: Stage) -> None:
    meeting = a_meeting(play.mint().tag)
    play.deliver(meeting, is_dropped=True)
    play.queue("calendar", f"calendar:{meeting.uid}", meeting.uid)
    play.run()
    assert told(play) == ["new single"]
    assert play.outbox()[0].payload["item_id"] == ""
    play.send(meeting)
    assert told(play) == ["new single"]


def test_absence_is_looked_at_once_more(stage: Stage) -> None:
    gone, there = a_meeting(stage.mint().tag), a_meeting(stage.mint().tag)
    stage.send(gone)
    stage.send(there)
    stage.exchange.forget(stage.address, gone.uid)
    stage.queue("absence", f"calendar:{gone.uid}", gone.uid)
    stage.queue("absence", f"calendar:{there.uid}", there.uid)
    stage.run()
    assert [stage.meeting(meeting).state for meeting in (gone, there)] == ["cancelled", "scheduled"]
    assert len(stage.rooms()) == 1


def alone(series: Meeting, number: int, start: datetime | None = None) -> Meeting:
    """One occurrence, as somebody gets it who was invited to nothing else."""
    start = start or TOMORROW + number * DAY
    return replace(series, series=None, start=start, end=start + HOUR)


def test_single_occurrences_invited_alone(stage: Stage) -> None:
    series = a_series(stage.mint().tag)
    stage.send(alone(series, 0), occurrence=TOMORROW)
    assert stage.keys() == ["20261124T140000Z"]
    stage.send(alone(series, 2), occurrence=TOMORROW + 2 * DAY)
    assert stage.keys() == ["20261124T140000Z", "20261126T140000Z"]
    stage.send(alone(touched(series), 2, TOMORROW + 3 * DAY), occurrence=TOMORROW + 2 * DAY)
    assert [start for start, _end in stage.windows()] == [TOMORROW, TOMORROW + 3 * DAY]
    assert told(stage) == ["new single", "new single", "edited occurrence"]
    assert len(stage.rooms()) == 1
    for number in (0, 2):
        gone = replace(alone(touched(touched(series)), number), is_cancelled=True)
        stage.send(gone, MessageKind.CANCELLATION, occurrence=TOMORROW + number * DAY)
        assert len(stage.rooms()) == (1 if number == 0 else 0)
    assert stage.meeting(series).state == "cancelled"


def test_calendar_and_time_leave_occurrences_invited_alone_in_peace(stage: Stage) -> None:
    series = a_series(stage.mint().tag)
    for number in (0, 2):
        stage.send(alone(series, number), occurrence=TOMORROW + number * DAY)
    before = stage.windows()
    stage.queue("calendar", f"calendar:{series.uid}", series.uid)
    stage.run()
    elsewhere = alone(touched(series), 2, TOMORROW + 4 * DAY)
    stage.deliver(elsewhere, is_dropped=True)
    stage.queue("calendar", f"calendar:{series.uid}", series.uid)
    stage.run()
    assert (stage.windows(), len(stage.rooms())) == (before, 1)


def test_occurrence_invited_alone_that_is_over_is_not_declined(play: Stage) -> None:
    series = a_series(play.mint().tag)
    play.send(alone(series, 0), occurrence=TOMORROW)
    play.clock.forward(days=5)
    play.horizons()
    assert play.rooms() == []
    play.send(alone(series, 0), occurrence=TOMORROW)
    assert told(play) == ["new single"]


def test_message_about_an_occurrence_of_what_is_no_series_any_more(stage: Stage) -> None:
    """Found by the model: it was taken for an occurrence that was invited alone, and answered as such."""
    series = a_series(stage.mint().tag)
    single = newer(series, series=None)
    late = stage.deliver(touched(series), MessageKind.CANCELLATION, occurrence=TOMORROW + DAY)
    stage.send(single)
    assert stage.keys() == [""]
    answers = told(stage)
    stage.queue("message", late)
    stage.run()
    stage.clock.forward(days=5)
    stage.horizons()
    stage.queue("message", late)
    stage.run()
    assert (told(stage), len(answers)) == (answers, 1)


def test_the_whole_series_after_one_occurrence(play: Stage) -> None:
    series = a_series(play.mint().tag)
    play.send(alone(series, 1), occurrence=TOMORROW + DAY)
    play.send(newer(series))
    assert len(play.windows()) == 5
    assert told(play) == ["new single", "edited series"]


def test_one_occurrence_without_its_series(play: Stage) -> None:
    """A mailbox without the series' master reads an exception alone: the series as it is known counts."""
    series = a_series(play.mint().tag)
    play.send(series)
    play.send(alone(touched(series), 1, TOMORROW + DAY + HOUR), occurrence=TOMORROW + DAY)
    assert [start for start, _end in play.windows()][:2] == [TOMORROW, TOMORROW + DAY + HOUR]
    play.exchange.forget(play.address, series.uid)
    cancelled = touched(touched(series))
    item = play.exchange.deliver(play.address, cancelled, MessageKind.CANCELLATION, occurrence=TOMORROW + 2 * DAY)
    play.exchange.forget(play.address, series.uid)
    play.queue("message", item)
    play.run()
    assert [start.day for start, _end in play.windows()] == [24, 25, 27, 28]
    assert told(play) == ["new series", "edited occurrence"]


def test_cancelled_occurrence_where_the_calendar_lags(play: Stage) -> None:
    series = a_series(play.mint().tag)
    play.send(series)
    play.send(touched(series), MessageKind.CANCELLATION, occurrence=TOMORROW + 4 * DAY)
    assert [start.day for start, _end in play.windows()] == [24, 25, 26, 27]
    assert told(play) == ["new series"]


def test_every_occurrence_cancelled_frees_the_room(play: Stage) -> None:
    series = a_series(play.mint().tag, count=2)
    play.send(series)
    assert series.series is not None
    gone = touched(series, series=replace(series.series, deleted=(TOMORROW, TOMORROW + DAY)))
    play.send(gone, MessageKind.CANCELLATION, occurrence=TOMORROW)
    assert (play.rooms(), play.meeting(series).reason) == ([], "over")


def test_series_moved_into_the_past(play: Stage) -> None:
    series = a_series(play.mint().tag)
    play.send(series)
    assert series.series is not None
    past = replace(series.series.recurrence, first_day=(TOMORROW - 30 * DAY).date())
    play.send(newer(series, series=replace(series.series, recurrence=past)))
    assert (play.rooms(), told(play)) == ([], ["new series", "series past"])


def test_meeting_that_is_over_can_be_moved_ahead(play: Stage) -> None:
    minted = play.mint()
    meeting = a_meeting(minted.tag)
    play.send(meeting)
    play.clock.forward(days=3)
    play.horizons()
    assert (play.rooms(), play.meeting(meeting).reason) == ([], "over")
    play.send(touched(meeting, subject="Over"))
    assert told(play) == ["new single"]
    play.send(at(meeting, TOMORROW + 9 * DAY))
    assert told(play) == ["new single", "edited single"]
    assert play.aliases_of(play.rooms()[0]) == [minted.alias, minted.numeric_alias]


def test_times_are_those_of_the_meetings_zone(quick, box, clock) -> None:
    words = "<p>{{start_time}} to {{end_time}}, {{subject}}</p>"
    play = a_stage(quick, box, clock, accept_new_single_meeting_template=words)
    play.send(a_meeting(play.mint().tag, subject="Tea & cakes"))
    assert play.replies()[0][1] == "<p>15:00 on 24/11/2026 to 16:00 on 24/11/2026, Tea &amp; cakes</p>"


def test_all_day_meeting(play: Stage) -> None:
    start = datetime(2026, 11, 30, 23, 0, tzinfo=UTC)
    play.send(a_meeting(play.mint().tag, start=start, end=start + DAY, is_all_day=True))
    [row] = play.all(ScheduledConferenceRow)
    assert (row.opens_at, row.closes_at) == (start - timedelta(minutes=30), start + DAY + HOUR)


def test_names_differ_and_keep_their_digits(play: Stage) -> None:
    first, second = a_meeting(play.mint().tag), a_meeting(play.mint().tag)
    play.send(first)
    play.send(second)
    before = [room.name for room in play.rooms()]
    play.send(at(second, TOMORROW + DAY))
    assert [room.name for room in play.rooms()] == before
    play.send(newer(newer(second, subject="Plans too")))
    assert [room.name for room in play.rooms()][1] == "Plans too (Alice Jones)"


def test_template_that_fails_gives_its_default_and_an_alarm(quick, box, clock) -> None:
    broken = "{{ subject[:3] * 99999999 }}{{ 1 // (subject|length - 5) }}"
    play = a_stage(quick, box, clock, conference_description_template=broken)
    play.send(a_meeting(play.mint().tag))
    [room] = play.rooms()
    assert room.description == "Scheduled Conference booked by alice@example.com"
    assert play.alarms() == ["template_failed"]


def test_message_that_is_gone_or_no_invitation(play: Stage) -> None:
    play.queue("message", "message:99")
    play.send(a_meeting("x"), MessageKind.OTHER)
    assert (play.inbox("pending"), play.meetings(), play.replies()) == ([], [], [])


def test_unreadable_message_dies_after_five_tries_and_others_go_on(play: Stage) -> None:
    bad = play.deliver(a_meeting(play.mint().tag))
    play.exchange.spoil(play.address, bad)
    play.deliver(a_meeting(play.mint().tag))
    for _try in range(8):
        play.run()
        play.clock.forward(minutes=20)
    assert [row.tries for row in play.inbox("dead")] == [5]
    assert (len(play.rooms()), play.alarms()) == (1, ["queue_poison"])


def test_what_fails_in_the_middle_is_told_with_its_correlation_id(play: Stage) -> None:
    """A value that no mailbox gives: whatever goes wrong, the others of the batch go on and the organizer is told."""
    bad = a_series(play.mint().tag)
    assert bad.series is not None
    play.deliver(replace(bad, series=replace(bad.series, minutes="sixty")))  # type: ignore[arg-type]
    play.deliver(a_meeting(play.mint().tag))
    for _try in range(8):
        play.run()
        play.clock.forward(minutes=20)
    [dead] = play.inbox("dead")
    accepted, (is_accepted, html) = play.replies()
    assert dead.tries == 5
    assert "successfully scheduled" in accepted[1]
    assert is_accepted is False
    assert f'CorrelationID="{dead.correlation_id}"' in html
    assert (len(play.rooms()), play.alarms()) == (1, ["queue_poison"])


def test_seven_hundred_occurrences(play: Stage) -> None:
    series = a_series(play.mint().tag, count=730)
    assert series.series is not None
    moved = tuple(
        Occurrence(TOMORROW + n * DAY, TOMORROW + n * DAY + HOUR, TOMORROW + n * DAY + 2 * HOUR) for n in range(300)
    )
    play.send(replace(series, series=replace(series.series, exceptions=moved)))
    assert len(play.windows()) == 61
    assert play.windows()[0][0] == TOMORROW + HOUR


def test_history_leads_from_the_mail_to_the_room(play: Stage) -> None:
    play.send(a_meeting(play.mint().tag))
    rows: list[SchedulingOperationRow] = play.all(SchedulingOperationRow)
    assert [(row.step, row.action, row.success) for row in rows] == [
        ("fetched", "request", True),
        ("decided", "accept_new_single_meeting", True),
        ("room", "room_written", True),
    ]
    [inbox] = play.all(InboxRow)
    assert {row.transaction_uuid for row in rows} == {inbox.correlation_id, play.outbox()[0].correlation_id}
    assert rows[1].resource_id == play.rooms()[0].id
