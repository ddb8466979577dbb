"""Series that outlast what can be seen of them: horizons that move, zones nobody knows, service that was away."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from addin_host.domain.calendar import Frequency, Meeting, Occurrence, Recurrence, Series, Zone
from tests.flows.scheduling.stage import TOMORROW, Stage, a_meeting, a_series, a_stage, newer, texts_of, touched

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PRIVATE = Zone("tzone://Microsoft/Custom")


def in_a_private_zone(stage: Stage, offset: timedelta) -> Meeting:
    """A daily meeting at 15:00 of a zone that nobody knows, as the mailbox expands it as far as it is asked."""
    started = TOMORROW.replace(hour=15) - offset
    spans = tuple(Occurrence(started + n * DAY, started + n * DAY, started + n * DAY + HOUR) for n in range(70))
    series = Series(
        Recurrence(Frequency.DAILY, 1, TOMORROW.date()),
        zone=PRIVATE,
        starts=time(15, 0),
        minutes=60,
        expansion=tuple(span for span in spans if span.start < stage.clock() + 62 * DAY),
        expanded_from=stage.clock() - DAY,
        expanded_until=stage.clock() + 62 * DAY,
    )
    return a_meeting(stage.mint().tag, series=series, zone=PRIVATE, start=started, end=started + HOUR)


def test_a_zone_that_nobody_knows_stays_what_the_mailbox_showed(play: Stage) -> None:
    meeting = in_a_private_zone(play, timedelta(hours=-5))
    play.send(meeting)
    at = {start.hour for start, _end in play.windows()}
    play.clock.forward(days=3)
    play.exchange.forget(play.address, meeting.uid)  # nobody can be asked any more
    assert play.horizons() == (1, 0)
    play.run()
    assert at == {20}
    assert {start.hour for start, _end in play.windows()} == {20}
    assert play.windows()[-1][0] > TOMORROW + 62 * DAY


def test_the_mailbox_is_asked_again_where_the_zone_is_not_known(play: Stage) -> None:
    meeting = in_a_private_zone(play, timedelta(hours=-5))
    play.send(meeting)
    assert meeting.series is not None
    assert meeting.series.expansion is not None
    play.clock.forward(days=3)
    # The clocks have changed there: one hour earlier by UTC from the 50th on.
    earlier = tuple(
        Occurrence(one.start - HOUR, one.start - HOUR, one.end - HOUR) if number > 50 else one
        for number, one in enumerate(meeting.series.expansion)
    )
    asked = replace(meeting.series, expansion=earlier, expanded_until=play.clock() + 62 * DAY)
    play.exchange._boxes[play.address].calendar[meeting.uid] = (
        replace(meeting, item_id=f"calendar:{meeting.uid}", series=asked),
        play.clock(),
    )
    play.horizons()
    play.run()
    assert {start.hour for start, _end in play.windows()[-5:]} == {19}
    assert texts_of(play.replies()) == ["new series"]


def test_a_series_that_ended_while_nobody_worked_is_closed(play: Stage) -> None:
    minted = play.mint()
    meeting = a_series(minted.tag, count=100)
    play.send(meeting)
    play.clock.forward(days=150)
    play.horizons()
    play.horizons()
    assert (play.rooms(), play.meeting(meeting).reason) == ([], "over")
    assert play.alias(minted).conference_deletion_time is not None
    assert meeting.series is not None
    again = replace(meeting.series, recurrence=replace(meeting.series.recurrence, count=200))
    play.send(newer(meeting, series=again))
    assert play.aliases_of(play.rooms()[0]) == [minted.alias, minted.numeric_alias]
    assert texts_of(play.replies()) == ["new series", "edited series"]


def test_an_occurrence_behind_the_horizon_is_answered_with_its_own_times(quick, box, clock) -> None:
    play = a_stage(quick, box, clock, accept_edited_occurrence_template="<p>{{start_time}}, {{end_time}}</p>")
    meeting = a_series(play.mint().tag, count=200)
    play.send(meeting)
    assert meeting.series is not None
    original = TOMORROW + 100 * DAY
    late = Occurrence(original, original + 2 * HOUR, original + 3 * HOUR)
    play.send(touched(meeting, series=replace(meeting.series, exceptions=(late,))), occurrence=original)
    assert play.replies()[1][1] == "<p>17:00 on 04/03/2027, 18:00 on 04/03/2027</p>"


def test_one_meeting_a_year(play: Stage) -> None:
    start = datetime(2027, 6, 1, 13, tzinfo=UTC)
    series = Series(
        Recurrence(Frequency.ABSOLUTE_YEARLY, 1, start.date(), day_of_month=1, month=6),
        zone=Zone("Europe/Berlin"),
        starts=time(15, 0),
        minutes=60,
    )
    play.send(a_meeting(play.mint().tag, series=series, start=start, end=start + HOUR))
    assert (len(play.rooms()), play.windows()) == (1, [])
    for months in range(1, 19):
        play.clock.forward(days=30)
        play.horizons()
        assert len(play.rooms()) == 1, months
    assert play.windows() == [(start.replace(year=2028), start.replace(year=2028) + HOUR)]
