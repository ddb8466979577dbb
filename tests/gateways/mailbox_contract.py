"""What every adapter to an equipment mailbox must do: the organizer's side as a protocol, and one class of tests.

An adapter's tests derive from `MailboxContract` and give the fixture `world`: a mailbox behind the adapter, and the
organizer's hand on the other side of it. What a protocol cannot carry is named in the world's own words, as attributes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

import pytest

from addin_host.domain.calendar import (
    Frequency,
    Meeting,
    MessageKind,
    Occurrence,
    Organizer,
    Reading,
    Recurrence,
    Series,
    WeekIndex,
    Zone,
)
from addin_host.domain.mailbox import Arrival, Fault, Horizon, Mailbox, MailboxTrouble, OwnershipMark, Reply, Rewrite

CRITICAL = datetime(2026, 11, 23, 8, 0, 1, tzinfo=UTC)
BERLIN, BERLIN_IANA = Zone("W. Europe Standard Time"), ZoneInfo("Europe/Berlin")
HORIZON = Horizon(datetime(2026, 11, 22, tzinfo=UTC), datetime(2027, 1, 24, tzinfo=UTC))
ANNA = Organizer("anna@contoso.example", "Anna Ödegård")
TAG = "TOK:-" + "A2B3" * 16 + "#"
PLACEHOLDER = "<div>Joining instructions will be<br>\nsent to you soon.</div>"


@dataclass(frozen=True, slots=True)
class Sent:
    """A reply as the organizer got it. `accept` is None where the answer came as a mail of its own."""

    accept: bool | None
    html: str
    subject: str
    to: str
    correlation_id: str


class World(Protocol):
    """One equipment mailbox and the organizers who invite it. Ids of messages are those that the adapter uses."""

    faults: frozenset[Fault]  # which of them `trouble` can bring about
    page: int  # at most so many items stand on a page

    def now(self) -> datetime: ...
    def mailbox(self) -> Mailbox: ...
    def deliver(
        self,
        meeting: Meeting,
        kind: MessageKind = MessageKind.REQUEST,
        *,
        occurrence: datetime | None = None,
        sender: str = "",
        is_dropped: bool = False,
    ) -> str: ...
    def repeat(self, item_id: str) -> None: ...
    def forget(self, uid: str) -> None: ...
    def delete(self, item_id: str) -> None: ...
    def spoil(self, item_id: str) -> None: ...
    def lose_cursors(self) -> None: ...
    def deny(self) -> None: ...
    def trouble(self, fault: Fault | None, *, retry_after: int | None = None) -> None: ...
    def sent(self) -> Sequence[Sent]: ...


def uid(number: int) -> str:
    """Return a clean GlobalObjectId as Outlook makes them: class id, no date, creation time, data."""
    class_id, made = "040000008200E00074C5B7101A82E008", "0" * 8 + "80C5D2A1B27CDC01"
    return f"{class_id}{made}{'0' * 16}10000000{number:032X}"


def single(number: int = 1, **changes: object) -> Meeting:
    """Return a single meeting at 10:00 in Berlin."""
    meeting = Meeting(
        uid=uid(number),
        item_id="",
        sequence=0,
        critical_change=CRITICAL,
        organizer=ANNA,
        subject="Plan für das Jahr, 計画 <b>&",
        body="<html><body><p>Agenda &amp; more</p><p>PXPS:-ABC#</p></body></html>",
        body_is_html=True,
        start=datetime(2026, 11, 25, 9, 0, tzinfo=UTC),
        end=datetime(2026, 11, 25, 10, 30, tzinfo=UTC),
        zone=BERLIN,
    )
    return replace(meeting, **changes)  # type: ignore[arg-type]


def wall(day: date, at: time = time(10)) -> datetime:
    """Return a wall time in Berlin, in UTC."""
    return datetime.combine(day, at, BERLIN_IANA).astimezone(UTC)


WEEKLY = Recurrence(Frequency.WEEKLY, 1, date(2026, 11, 25), days_of_week=(2,), week_starts=0, count=10)


def series(number: int = 1, recurrence: Recurrence = WEEKLY, **changes: object) -> Meeting:
    """Return a series of 90 minutes at 10:00 in Berlin; `changes` are those of the series."""
    first = wall(recurrence.first_day)
    plan = replace(Series(recurrence, BERLIN, time(10), 90), **changes)  # type: ignore[arg-type]
    return single(number, start=first, end=first + timedelta(minutes=90), series=plan)


def moved(day: date, subject: str = "") -> Occurrence:
    """Return the occurrence of a day, moved by three hours."""
    start = wall(day, time(13))
    return Occurrence(wall(day), start, start + timedelta(minutes=30), subject)


def reply_to(item_id: str, meeting_item_id: str, **changes: object) -> Reply:
    plain = Reply(
        item_id=item_id,
        meeting_item_id=meeting_item_id,
        accept=True,
        html="<div><b>Scheduled</b> &amp; ready: äöü</div>",
        subject="Accepted: Plan, 計画",
        organizer_address=ANNA.address,
        organizer_name=ANNA.name,
        correlation_id="9f0b9a55-3c3a-4c11-9d9b-111111111111",
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def rewrite_of(meeting: Meeting) -> Rewrite:
    return Rewrite(meeting.organizer.address, meeting.uid, TAG, PLACEHOLDER, "<p>Join: 700123@vc.example</p>")


def all_arrivals(mailbox: Mailbox, cursor: str = "") -> tuple[list[Arrival], str]:
    """Return everything since a cursor, page by page, and the last cursor."""
    found: list[Arrival] = []
    for _ in range(50):
        page = mailbox.arrivals(cursor)
        found, cursor = [*found, *page.items], page.cursor
        if not page.has_more:
            return found, cursor
    raise AssertionError("the pages do not end")


def read_one(mailbox: Mailbox, item_id: str) -> Reading:
    (reading,) = mailbox.read([item_id], HORIZON)
    assert isinstance(reading, Reading), reading
    return reading


def meeting_of(mailbox: Mailbox, item_id: str) -> Meeting:
    meeting = read_one(mailbox, item_id).meeting
    assert meeting is not None
    return meeting


def fault_of(work: Callable[[], object]) -> MailboxTrouble:
    with pytest.raises(MailboxTrouble) as caught:
        work()
    return caught.value


MARK = OwnershipMark("installation-1", "integration-1", datetime(2026, 11, 23, 9, 30, tzinfo=UTC))
OPERATIONS: dict[str, Callable[[Mailbox], object]] = {
    "arrivals": lambda mailbox: mailbox.arrivals(""),
    "read": lambda mailbox: mailbox.read(["an-item"], HORIZON),
    "calendar": lambda mailbox: mailbox.calendar(HORIZON.since, HORIZON.until, ""),
    "meeting": lambda mailbox: mailbox.meeting("an-item", HORIZON),
    "find": lambda mailbox: mailbox.find(uid(1), HORIZON),
    "reply": lambda mailbox: mailbox.reply(reply_to("an-item", "a-meeting")),
    "was_sent": lambda mailbox: mailbox.was_sent("an-id", HORIZON.since),
    "rewrite": lambda mailbox: mailbox.rewrite(rewrite_of(single())),
    "tidy": lambda mailbox: mailbox.tidy("an-item"),
    "probe": lambda mailbox: mailbox.probe(),
    "owner": lambda mailbox: mailbox.owner(),
    "own": lambda mailbox: mailbox.own(MARK),
}

PATTERNS = {
    "every second day, ten times": Recurrence(Frequency.DAILY, 2, date(2026, 11, 25), count=10),
    "Monday and Friday, weeks from Monday": Recurrence(
        Frequency.WEEKLY, 2, date(2026, 11, 27), days_of_week=(0, 4), week_starts=0, last_day=date(2027, 3, 1)
    ),
    "day 31 without an end": Recurrence(Frequency.ABSOLUTE_MONTHLY, 1, date(2026, 12, 31), day_of_month=31),
    "last weekday": Recurrence(
        Frequency.RELATIVE_MONTHLY, 1, date(2026, 11, 30), days_of_week=(0, 1, 2, 3, 4), index=WeekIndex.LAST, count=5
    ),
    "29 February": Recurrence(Frequency.ABSOLUTE_YEARLY, 1, date(2028, 2, 29), day_of_month=29, month=2),
    "third Thursday of November": Recurrence(
        Frequency.RELATIVE_YEARLY, 1, date(2027, 11, 18), days_of_week=(3,), index=WeekIndex.THIRD, month=11, count=3
    ),
}


class ArrivalsContract:
    """What the inbox lists."""

    def test_nothing_arrived(self, world: World) -> None:
        page = world.mailbox().arrivals("")
        assert not page.items
        assert not page.has_more

    def test_every_message_is_listed_once_page_by_page(self, world: World) -> None:
        sent = [world.deliver(single(number)) for number in range(2 * world.page + 1 if world.page < 100 else 7)]
        found, _ = all_arrivals(world.mailbox())
        assert [arrival.item_id for arrival in found] == sent

    def test_a_cursor_goes_on_where_it_was(self, world: World) -> None:
        mailbox = world.mailbox()
        world.deliver(single(1))
        _, cursor = all_arrivals(mailbox)
        assert all_arrivals(mailbox, cursor)[0] == []
        later = world.deliver(single(2))
        assert [arrival.item_id for arrival in all_arrivals(mailbox, cursor)[0]] == [later]
        assert [arrival.item_id for arrival in all_arrivals(world.mailbox(), cursor)[0]] == [later]

    def test_a_message_that_is_listed_again_keeps_its_id(self, world: World) -> None:
        sent = world.deliver(single(1))
        _, cursor = all_arrivals(world.mailbox())
        world.repeat(sent)
        assert {arrival.item_id for arrival in all_arrivals(world.mailbox(), cursor)[0]} == {sent}

    def test_what_is_listed_tells_the_kind_and_the_time(self, world: World) -> None:
        before = world.now() - timedelta(seconds=2)
        world.deliver(single(1))
        world.deliver(single(2, is_cancelled=True), MessageKind.CANCELLATION)
        world.deliver(single(3), MessageKind.OTHER)
        found, _ = all_arrivals(world.mailbox())
        kinds = [arrival.kind for arrival in found]
        assert kinds == [MessageKind.REQUEST, MessageKind.CANCELLATION, MessageKind.OTHER]
        assert all(before <= arrival.received_at <= world.now() + timedelta(seconds=2) for arrival in found)
        assert {arrival.starts_at for arrival in found[:2]} <= {None, single().start}

    def test_a_lost_cursor_is_told_and_the_beginning_works(self, world: World) -> None:
        sent = world.deliver(single(1))
        _, cursor = all_arrivals(world.mailbox())
        world.lose_cursors()
        assert fault_of(lambda: world.mailbox().arrivals(cursor)).fault is Fault.CURSOR_LOST
        assert [arrival.item_id for arrival in all_arrivals(world.mailbox())[0]] == [sent]


class ReadingContract:
    """What messages say, and the meetings behind them."""

    def test_a_single_meeting(self, world: World) -> None:
        sent = single(sequence=3)
        reading = read_one(world.mailbox(), world.deliver(sent, sender="pa@contoso.example"))
        notice, meeting = reading.notice, reading.meeting
        assert notice is not None
        assert meeting is not None
        assert (notice.kind, notice.uid, notice.sequence) == (MessageKind.REQUEST, sent.uid, 3)
        assert (notice.critical_change, notice.occurrence, notice.sender) == (CRITICAL, None, "pa@contoso.example")
        assert (meeting.uid, meeting.sequence, meeting.critical_change) == (sent.uid, 3, CRITICAL)
        assert (meeting.start, meeting.end, meeting.series) == (sent.start, sent.end, None)
        assert (meeting.subject, meeting.zone.name) == (sent.subject, BERLIN.name)
        assert (meeting.in_calendar, meeting.is_cancelled, meeting.is_all_day) == (True, False, False)

    def test_the_organizer_has_address_and_name(self, world: World) -> None:
        meeting = meeting_of(world.mailbox(), world.deliver(single(), sender="pa@contoso.example"))
        assert meeting.organizer.is_same(ANNA)
        assert (meeting.organizer.address.lower(), meeting.organizer.name) == (ANNA.address, ANNA.name)

    def test_an_html_body(self, world: World) -> None:
        meeting = meeting_of(world.mailbox(), world.deliver(single()))
        assert meeting.body_is_html
        assert "<p>Agenda &amp; more</p><p>PXPS:-ABC#</p>" in meeting.body

    def test_a_text_body(self, world: World) -> None:
        meeting = meeting_of(
            world.mailbox(), world.deliver(single(body="Agenda & <more>\nPXPS:-A#", body_is_html=False))
        )
        assert not meeting.body_is_html
        assert meeting.body.replace("\r\n", "\n").strip() == "Agenda & <more>\nPXPS:-A#"

    def test_an_empty_body(self, world: World) -> None:
        assert meeting_of(world.mailbox(), world.deliver(single(body="", body_is_html=False))).body.strip() == ""

    def test_an_older_message_comes_with_the_newest_meeting(self, world: World) -> None:
        later = single(sequence=1, start=single().start + timedelta(days=1), end=single().end + timedelta(days=1))
        first, second = world.deliver(single()), world.deliver(later)
        one, two = world.mailbox().read([first, second], HORIZON)
        assert isinstance(one, Reading)
        assert isinstance(two, Reading)
        assert [reading.notice.sequence for reading in (one, two) if reading.notice] == [0, 1]
        assert {reading.meeting.start for reading in (one, two) if reading.meeting} == {later.start}

    def test_equal_sequences_are_told_apart_by_the_critical_change(self, world: World) -> None:
        world.deliver(single())
        later = single(critical_change=CRITICAL + timedelta(seconds=90), subject="Later")
        meeting = meeting_of(world.mailbox(), world.deliver(later))
        assert (meeting.sequence, meeting.critical_change, meeting.subject) == (0, later.critical_change, "Later")

    @pytest.mark.parametrize("pattern", PATTERNS.values(), ids=PATTERNS)
    def test_a_series(self, world: World, pattern: Recurrence) -> None:
        sent = series(1, pattern)
        reading = read_one(world.mailbox(), world.deliver(sent))
        assert reading.meeting is not None
        found = reading.meeting.series
        assert found is not None
        assert found.recurrence == pattern
        assert (found.starts, found.minutes, found.zone.name) == (time(10), 90, BERLIN.name)
        assert (reading.meeting.start, reading.meeting.end) == (sent.start, sent.end)
        assert (found.exceptions, found.deleted) == ((), ())
        assert reading.notice is not None
        assert reading.notice.occurrence is None

    def test_exceptions_and_deleted_occurrences(self, world: World) -> None:
        gone = wall(date(2026, 12, 9))
        sent = series(1, exceptions=(moved(date(2026, 12, 2), "Elsewhere"),), deleted=(gone,))
        plan = meeting_of(world.mailbox(), world.deliver(sent)).series
        assert plan is not None
        assert plan.deleted == (gone,)
        (exception,) = plan.exceptions
        expected = moved(date(2026, 12, 2), "Elsewhere")
        assert (exception.original, exception.start, exception.end) == (
            expected.original,
            expected.start,
            expected.end,
        )
        assert exception.subject in ("", "Elsewhere")

    def test_an_expansion_is_what_the_pattern_says(self, world: World) -> None:
        sent = series(1, exceptions=(moved(date(2026, 12, 2)),), deleted=(wall(date(2026, 12, 9)),))
        plan = meeting_of(world.mailbox(), world.deliver(sent)).series
        assert plan is not None
        if plan.expansion is None:
            assert plan.expanded_from is None
            return
        days = [date(2026, 11, 25) + timedelta(weeks=week) for week in range(9)]
        starts = [wall(day, time(13 if week == 1 else 10)) for week, day in enumerate(days) if week != 2]
        assert [occurrence.start for occurrence in plan.expansion] == starts
        assert [occurrence.original for occurrence in plan.expansion] == [
            wall(day) for week, day in enumerate(days) if week != 2
        ]
        assert (plan.expanded_from, plan.expanded_until) == (HORIZON.since, HORIZON.until)

    def test_a_changed_occurrence_is_read_with_its_series(self, world: World) -> None:
        world.deliver(series())
        day = date(2026, 12, 2)
        sent = replace(series(1, exceptions=(moved(day),)), sequence=1)
        reading = read_one(world.mailbox(), world.deliver(sent, occurrence=wall(day)))
        assert reading.notice is not None
        assert reading.meeting is not None
        assert (reading.notice.uid, reading.notice.occurrence) == (sent.uid, wall(day))
        assert (reading.meeting.uid, reading.meeting.start) == (sent.uid, sent.start)
        assert reading.meeting.series is not None
        assert [exception.original for exception in reading.meeting.series.exceptions] == [wall(day)]

    def test_a_cancelled_occurrence(self, world: World) -> None:
        world.deliver(series())
        gone = wall(date(2026, 12, 9))
        sent = replace(series(1, deleted=(gone,)), sequence=1)
        reading = read_one(world.mailbox(), world.deliver(sent, MessageKind.CANCELLATION, occurrence=gone))
        assert reading.notice is not None
        assert (reading.notice.kind, reading.notice.uid) == (MessageKind.CANCELLATION, sent.uid)
        assert reading.notice.occurrence == gone
        assert reading.meeting is not None
        assert reading.meeting.series is not None
        assert (reading.meeting.series.deleted, reading.meeting.is_cancelled) == ((gone,), False)

    @pytest.mark.parametrize("kind", [single, series])
    def test_a_cancelled_meeting(self, world: World, kind: Callable[[], Meeting]) -> None:
        world.deliver(kind())
        sent = replace(kind(), sequence=1, is_cancelled=True)
        reading = read_one(world.mailbox(), world.deliver(sent, MessageKind.CANCELLATION))
        assert reading.notice is not None
        assert (reading.notice.kind, reading.notice.uid) == (MessageKind.CANCELLATION, sent.uid)
        assert (reading.notice.sequence, reading.notice.occurrence) == (1, None)
        assert reading.meeting is None or reading.meeting.is_cancelled

    def test_a_cancellation_of_a_meeting_that_is_gone(self, world: World) -> None:
        item_id = world.deliver(single(is_cancelled=True), MessageKind.CANCELLATION)
        world.forget(single().uid)
        reading = read_one(world.mailbox(), item_id)
        assert reading.notice is not None
        assert reading.notice.uid == single().uid
        assert reading.meeting is None or reading.meeting.is_cancelled

    def test_a_request_whose_calendar_item_is_gone(self, world: World) -> None:
        item_id = world.deliver(single())
        world.forget(single().uid)
        reading = read_one(world.mailbox(), item_id)
        assert reading.notice is not None
        assert reading.notice.uid == single().uid
        if reading.meeting is not None:
            assert not reading.meeting.in_calendar
            assert (reading.meeting.uid, reading.meeting.start) == (single().uid, single().start)

    def test_a_message_that_was_deleted(self, world: World) -> None:
        item_id = world.deliver(single())
        world.delete(item_id)
        assert read_one(world.mailbox(), item_id) == Reading(None, None)

    def test_a_message_of_another_kind(self, world: World) -> None:
        assert read_one(world.mailbox(), world.deliver(single(), MessageKind.OTHER)) == Reading(None, None)

    def test_the_bad_message_of_a_batch_stands_in_its_place(self, world: World) -> None:
        items = [world.deliver(single(number)) for number in range(9)]
        world.spoil(items[4])
        found = world.mailbox().read(items, HORIZON)
        trouble = found[4]
        assert isinstance(trouble, MailboxTrouble)
        assert trouble.fault in (Fault.UNUSABLE, Fault.ITEM_GONE)
        uids = [reading.meeting.uid for reading in found if isinstance(reading, Reading) and reading.meeting]
        assert uids == [uid(number) for number in range(9) if number != 4]

    def test_fifty_messages_come_back_in_their_order(self, world: World) -> None:
        items = [world.deliver(single(number)) for number in range(50)]
        found = world.mailbox().read(items[::-1], HORIZON)
        uids = [reading.meeting.uid for reading in found if isinstance(reading, Reading) and reading.meeting]
        assert uids == [uid(number) for number in reversed(range(50))]

    @pytest.mark.parametrize(
        "name",
        ["Eastern Standard Time", "India Standard Time", "UTC", "Lord Howe Standard Time", "Samoa Standard Time"],
    )
    def test_zones(self, world: World, name: str) -> None:
        meeting = meeting_of(world.mailbox(), world.deliver(single(zone=Zone(name))))
        assert (meeting.zone.name, meeting.start) == (name, single().start)

    def test_a_zone_that_nobody_knows_changes_no_instant(self, world: World) -> None:
        meeting = meeting_of(world.mailbox(), world.deliver(single(zone=Zone("Middle Earth Standard Time"))))
        assert (meeting.start, meeting.end) == (single().start, single().end)

    def test_an_all_day_meeting_is_midnight_at_the_organizers(self, world: World) -> None:
        # The clocks go back on 25 October 2026: a day of 25 hours.
        start, end = wall(date(2026, 10, 25), time(0)), wall(date(2026, 10, 26), time(0))
        meeting = meeting_of(world.mailbox(), world.deliver(single(start=start, end=end, is_all_day=True)))
        assert meeting.is_all_day
        assert (meeting.start, meeting.end) == (start, end)


class CalendarContract:
    """What the calendar holds."""

    def entries(self, world: World, since: datetime = HORIZON.since, until: datetime = HORIZON.until) -> list[str]:
        mailbox, cursor, found = world.mailbox(), "", list[str]()
        for _ in range(50):
            page = mailbox.calendar(since, until, cursor)
            found, cursor = [*found, *(entry.uid for entry in page.entries)], page.cursor
            if not cursor:
                return sorted(found)
        raise AssertionError("the pages do not end")

    def test_single_meetings_and_series_each_once(self, world: World) -> None:
        world.deliver(single(1, sequence=2))
        world.deliver(series(2))
        assert self.entries(world) == [uid(1), uid(2)]

    def test_what_does_not_take_place_in_between_is_left_out(self, world: World) -> None:
        far = single(3, start=HORIZON.until + timedelta(days=2), end=HORIZON.until + timedelta(days=2, hours=1))
        past = single(4, start=HORIZON.since - timedelta(days=2), end=HORIZON.since - timedelta(days=1))
        for meeting in (single(1), far, past):
            world.deliver(meeting)
        assert self.entries(world) == [uid(1)]

    def test_a_meeting_without_a_message_is_listed(self, world: World) -> None:
        world.deliver(single(1), is_dropped=True)
        assert all_arrivals(world.mailbox())[0] == []
        assert self.entries(world) == [uid(1)]

    def test_pages(self, world: World) -> None:
        count = 2 * world.page + 1 if world.page < 100 else 7
        for number in range(count):
            world.deliver(single(number), is_dropped=True)
        assert self.entries(world) == [uid(number) for number in range(count)]

    def test_an_entry_tells_the_version(self, world: World) -> None:
        world.deliver(single(1, sequence=2))
        page = world.mailbox().calendar(HORIZON.since, HORIZON.until, "")
        listed = [*page.entries]
        while page.cursor:
            page = world.mailbox().calendar(HORIZON.since, HORIZON.until, page.cursor)
            listed += page.entries
        (entry,) = listed
        assert (entry.sequence, entry.critical_change, entry.starts_at) == (2, CRITICAL, single().start)
        assert not entry.is_cancelled
        assert abs(entry.modified_at - world.now()) < timedelta(minutes=1)
        found = world.mailbox().meeting(entry.item_id, HORIZON)
        assert found is not None
        assert (found.uid, found.item_id, found.in_calendar) == (uid(1), entry.item_id, True)

    def test_a_series_is_found_by_its_item(self, world: World) -> None:
        item_id = meeting_of(world.mailbox(), world.deliver(series())).item_id
        found = world.mailbox().meeting(item_id, HORIZON)
        assert found is not None
        assert found.series is not None
        assert found.series.recurrence == WEEKLY

    def test_an_item_that_is_gone(self, world: World) -> None:
        item_id = meeting_of(world.mailbox(), world.deliver(single())).item_id
        world.forget(single().uid)
        assert world.mailbox().meeting(item_id, HORIZON) is None

    @pytest.mark.parametrize("kind", [single, series])
    def test_a_meeting_is_found_by_its_uid(self, world: World, kind: Callable[[int], Meeting]) -> None:
        world.deliver(single(7))
        world.deliver(kind(8))
        found = world.mailbox().find(uid(8), HORIZON)
        assert found is not None
        assert (found.uid, found.series is None) == (uid(8), kind is single)

    def test_an_unknown_uid_is_not_found(self, world: World) -> None:
        world.deliver(single(7))
        assert world.mailbox().find(uid(8), HORIZON) is None


class AnsweringContract:
    """What leaves the mailbox."""

    @pytest.mark.parametrize("accept", [True, False])
    def test_a_reply_reaches_the_organizer(self, world: World, accept: bool) -> None:
        item_id = world.deliver(single())
        reply = reply_to(item_id, meeting_of(world.mailbox(), item_id).item_id, accept=accept)
        world.mailbox().reply(reply)
        (sent,) = world.sent()
        assert sent.accept in (accept, None)
        assert reply.html in sent.html
        assert (sent.to.lower(), sent.correlation_id) == (ANNA.address, reply.correlation_id)
        assert reply.subject in sent.subject

    def test_a_reply_to_a_message_that_is_gone_is_a_mail(self, world: World) -> None:
        item_id = world.deliver(single())
        reply = reply_to(item_id, meeting_of(world.mailbox(), item_id).item_id)
        world.delete(item_id)
        world.forget(single().uid)
        world.mailbox().reply(reply)
        (sent,) = world.sent()
        assert reply.html in sent.html
        assert (sent.to.lower(), sent.correlation_id) == (ANNA.address, reply.correlation_id)
        assert world.mailbox().was_sent(reply.correlation_id, world.now() - timedelta(hours=1))

    def test_a_reply_to_a_cancelled_meeting(self, world: World) -> None:
        world.deliver(single())
        item_id = world.deliver(single(sequence=1, is_cancelled=True), MessageKind.CANCELLATION)
        world.mailbox().reply(reply_to(item_id, "", accept=False))
        assert [sent.correlation_id for sent in world.sent()] == [reply_to("", "").correlation_id]

    def test_what_was_sent_is_found_again(self, world: World) -> None:
        item_id = world.deliver(single())
        reply = reply_to(item_id, meeting_of(world.mailbox(), item_id).item_id)
        before = world.now() - timedelta(minutes=10)
        assert not world.mailbox().was_sent(reply.correlation_id, before)
        world.mailbox().reply(reply)
        assert world.mailbox().was_sent(reply.correlation_id, before)
        assert not world.mailbox().was_sent("another-id", before)
        assert not world.mailbox().was_sent(reply.correlation_id, world.now() + timedelta(hours=1))

    def test_a_placeholder_gives_way_to_the_instructions_once(self, world: World) -> None:
        sent = single(body=f"<html><body><p>Agenda</p>{PLACEHOLDER}<p>{TAG}</p><p>Bye</p></body></html>")
        world.deliver(sent)
        rewrite = rewrite_of(sent)
        assert world.mailbox().rewrite(rewrite)
        found = world.mailbox().find(sent.uid, HORIZON)
        assert found is not None
        assert "700123@vc.example" in found.body
        assert TAG not in found.body
        assert not world.mailbox().rewrite(rewrite)

    def test_no_appointment_to_rewrite(self, world: World) -> None:
        world.deliver(single(1))
        assert not world.mailbox().rewrite(rewrite_of(single(2)))

    def test_no_permission_to_rewrite(self, world: World) -> None:
        world.deliver(single())
        world.deny()
        assert fault_of(lambda: world.mailbox().rewrite(rewrite_of(single()))).fault is Fault.DENIED
        world.mailbox().probe()

    def test_a_message_is_tidied_away_twice(self, world: World) -> None:
        kept, item_id = world.deliver(single(1)), world.deliver(single(2))
        world.mailbox().tidy(item_id)
        world.mailbox().tidy(item_id)
        assert [arrival.item_id for arrival in all_arrivals(world.mailbox())[0]] == [kept]
        assert world.mailbox().find(uid(2), HORIZON) is not None

    def test_tidying_what_was_deleted(self, world: World) -> None:
        item_id = world.deliver(single())
        world.delete(item_id)
        world.mailbox().tidy(item_id)

    def test_the_mark_of_an_installation(self, world: World) -> None:
        assert world.mailbox().owner() is None
        world.mailbox().own(MARK)
        assert world.mailbox().owner() == MARK
        later = replace(MARK, installation="installation-2", seen_at=MARK.seen_at + timedelta(minutes=5))
        world.mailbox().own(later)
        assert world.mailbox().owner() == later


class TroubleContract:
    """What is wrong, in the words of the port."""

    def test_nothing_is_wrong(self, world: World) -> None:
        world.mailbox().probe()
        assert world.sent() == []

    @pytest.mark.parametrize("fault", sorted(set(Fault) - {Fault.CURSOR_LOST, Fault.ITEM_GONE}))
    def test_every_operation_tells_what_is_wrong(self, world: World, fault: Fault) -> None:
        if fault not in world.faults:
            assert fault in (Fault.SIGN_IN_NEEDED, Fault.UNUSABLE), "every world must bring about the others"
            return
        world.trouble(fault, retry_after=7 if fault is Fault.BUSY else None)
        for name, operation in OPERATIONS.items():
            trouble = fault_of(lambda operation=operation: operation(world.mailbox()))  # type: ignore[misc]
            is_elsewhere = name == "rewrite" and fault is Fault.MAILBOX_UNKNOWN  # it is the organizer's mailbox
            assert trouble.fault in ({fault, Fault.DENIED} if is_elsewhere else {fault}), name
            assert trouble.retry_after == (7 if fault is Fault.BUSY else None), name
            assert trouble.message
        world.trouble(None)
        world.mailbox().probe()


class MailboxContract(ArrivalsContract, ReadingContract, CalendarContract, AnsweringContract, TroubleContract):
    """All of it."""
