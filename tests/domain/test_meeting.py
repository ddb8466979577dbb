"""The rows of design/scheduling.md section 5, one by one, without a database."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from addin_host.domain.binding import Alias, Choice, Holding, choose
from addin_host.domain.calendar import (
    Frequency,
    Meeting,
    MessageKind,
    Notice,
    Occurrence,
    Organizer,
    Recurrence,
    Series,
    Zone,
)
from addin_host.domain.fingerprint import fingerprint, of_times
from addin_host.domain.meeting import decide
from addin_host.domain.situation import OVER, Decision, Known, Outcome, Situation, State, Version, effective
from addin_host.domain.tag import Kind, Tag

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
START, HOUR, DAY = NOW + timedelta(days=1), timedelta(hours=1), timedelta(days=1)
ALICE, MALLORY = Organizer("alice@example.com", "Alice"), Organizer("mallory@example.com")
OWN = Alias(1, "own", "8001@vmr.example.com", "8001", uid="A")
SERIES = Series(Recurrence(Frequency.DAILY, 1, START.date(), count=5), Zone("UTC"), time(12, 0), 60)


def a_meeting(**given: Any) -> Meeting:
    values: dict[str, Any] = {
        "uid": "A",
        "item_id": "calendar:A",
        "sequence": 1,
        "critical_change": NOW,
        "organizer": ALICE,
        "subject": "Plans",
        "body": "",
        "body_is_html": False,
        "start": START,
        "end": START + HOUR,
    }
    return Meeting(**values | given)


def known(meeting: Meeting, **given: Any) -> Known:
    values: dict[str, Any] = {
        "state": State.SCHEDULED,
        "version": Version(meeting.sequence, meeting.critical_change),
        "fingerprint": fingerprint(meeting),
        "organizer": meeting.organizer,
        "subject": meeting.subject,
        "alias": "own",
        "has_room": True,
        "in_calendar": True,
        "series": meeting.series,
    }
    return Known(**values | given)


def notice(meeting: Meeting, kind: MessageKind = MessageKind.REQUEST, **given: Any) -> Notice:
    values: dict[str, Any] = {
        "item_id": "message:1",
        "kind": kind,
        "uid": meeting.uid,
        "sequence": meeting.sequence,
        "critical_change": meeting.critical_change,
        "occurrence": None,
        "sender": ALICE.address,
        "received_at": NOW,
    }
    return Notice(**values | given)


def decided(meeting: Meeting | None, **given: Any) -> Decision:
    values: dict[str, Any] = {
        "notice": notice(meeting) if meeting else None,
        "meeting": meeting,
        "known": None,
        "choice": Choice(Holding.OWN, OWN),
        "now": NOW,
        "after": HOUR,
    }
    return decide(Situation(**values | given))


def summary(decision: Decision) -> tuple[int, Outcome]:
    return decision.row, decision.outcome


SINGLE, RECURRING = a_meeting(), a_meeting(series=SERIES)
MOVED = a_meeting(sequence=2, start=START + HOUR, end=START + 2 * HOUR)


def test_row_1() -> None:
    assert summary(decided(SINGLE, known=known(MOVED))) == (1, Outcome.IGNORE)
    earlier = replace(SINGLE, critical_change=NOW - HOUR)
    assert summary(decided(earlier, known=known(SINGLE))) == (1, Outcome.IGNORE)
    tombstone = Known(State.CANCELLED, Version(1, NOW))
    assert summary(decided(replace(SINGLE, in_calendar=False), known=tombstone)) == (1, Outcome.IGNORE)
    assert summary(decided(SINGLE, known=tombstone)) == (12, Outcome.ACCEPT)  # the calendar has it: it was re-invited


def test_row_2() -> None:
    gone = replace(SINGLE, sequence=2, is_cancelled=True)
    cancelling = notice(gone, MessageKind.CANCELLATION)
    assert summary(decided(gone, notice=cancelling, known=known(SINGLE))) == (2, Outcome.CANCEL)
    assert summary(decided(None, notice=cancelling, known=known(SINGLE))) == (2, Outcome.CANCEL)
    assert summary(decided(None, notice=cancelling)) == (2, Outcome.CANCEL)
    assert summary(decided(SINGLE, notice=cancelling, known=known(SINGLE))) == (2, Outcome.CANCEL)  # the copy lags
    assert summary(decided(None, is_absent=True, known=known(SINGLE))) == (2, Outcome.CANCEL)
    assert decided(gone, notice=cancelling, known=known(SINGLE)).version == Version(2, NOW)


def test_row_2_is_not_repeated_and_not_done_for_an_old_one() -> None:
    gone = replace(SINGLE, is_cancelled=True)
    cancelling = notice(gone, MessageKind.CANCELLATION)
    assert summary(decided(gone, notice=cancelling, known=Known(State.CANCELLED, Version(1, NOW)))) == (
        1,
        Outcome.IGNORE,
    )
    assert summary(decided(gone, notice=cancelling, known=known(MOVED))) == (1, Outcome.IGNORE)
    assert summary(decided(MOVED, notice=cancelling, known=known(SINGLE))) == (14, Outcome.ACCEPT)  # invited since
    assert decided(None, is_absent=True).outcome is Outcome.IGNORE
    assert decided(None, is_absent=True, known=known(SINGLE, in_calendar=False)).outcome is Outcome.IGNORE


def test_row_3() -> None:
    original = START + DAY
    thin = replace(RECURRING, series=replace(SERIES, deleted=(original,)), critical_change=NOW + HOUR)
    cancelling = notice(thin, MessageKind.CANCELLATION, occurrence=original)
    decision = decided(thin, notice=cancelling, known=known(RECURRING), choice=Choice(Holding.NOBODY))
    assert (*summary(decision), decision.occurrence) == (3, Outcome.CONVERGE, "20261125T120000Z")
    assert summary(decided(None, notice=cancelling, known=known(RECURRING))) == (3, Outcome.CANCEL_OCCURRENCE)
    assert summary(decided(None, notice=cancelling)) == (3, Outcome.IGNORE)


def test_row_3_with_another_change_is_answered() -> None:
    other = Occurrence(START, START + HOUR, START + 2 * HOUR)
    both = replace(RECURRING, series=replace(SERIES, deleted=(START + DAY,), exceptions=(other,)), sequence=2)
    assert summary(decided(both, known=known(RECURRING))) == (15, Outcome.ACCEPT)


@pytest.mark.parametrize(
    ("holding", "row", "template"),
    [
        (Holding.NOBODY, 4, "reject_invalid_alias_id_template"),
        (Holding.ANOTHER, 5, "reject_invalid_alias_id_template"),
        (Holding.GONE, 7, "reject_alias_deleted_template"),
    ],
)
def test_rows_4_5_and_7(holding: Holding, row: int, template: str) -> None:
    decision = decided(SINGLE, choice=Choice(holding))
    assert (*summary(decision), decision.template) == (row, Outcome.REJECT, template)
    again = known(SINGLE, state=State.REJECTED, reason=template.removesuffix("_template"))
    assert summary(decided(SINGLE, choice=Choice(holding), known=again)) == (8, Outcome.IGNORE)


def test_row_6() -> None:
    decision = decided(replace(MOVED, organizer=MALLORY), known=known(SINGLE))
    assert (*summary(decision), decision.keeps_room) == (6, Outcome.REJECT, True)
    outside = decided(SINGLE, is_outsider=True)
    assert (*summary(outside), outside.template, outside.keeps_room) == (6, Outcome.REJECT, "", False)
    gone = replace(MOVED, organizer=MALLORY, is_cancelled=True)
    cancelling = notice(gone, MessageKind.CANCELLATION)
    assert summary(decided(gone, notice=cancelling, known=known(SINGLE))) == (6, Outcome.IGNORE)


def test_row_7_after_an_administrator() -> None:
    assert summary(decided(MOVED, known=known(SINGLE, has_room=False))) == (7, Outcome.REJECT)
    assert summary(decided(MOVED, known=known(SINGLE, state=State.REMOVED))) == (7, Outcome.REJECT)
    assert summary(decided(SINGLE, known=known(SINGLE, has_room=False))) == (8, Outcome.IGNORE)
    another = Choice(Holding.FREE, replace(OWN, uuid="new", uid=""))
    assert summary(decided(MOVED, known=known(SINGLE, state=State.REMOVED), choice=another)) == (12, Outcome.ACCEPT)


def test_row_8() -> None:
    assert summary(decided(SINGLE, known=known(SINGLE))) == (8, Outcome.IGNORE)
    assert summary(decided(replace(SINGLE, sequence=2), known=known(SINGLE))) == (8, Outcome.CONVERGE)
    assert summary(decided(replace(SINGLE, subject="Budget"), known=known(SINGLE))) == (8, Outcome.CONVERGE)
    assert decided(replace(SINGLE, subject="Budget"), known=known(SINGLE)).template == ""


def test_rows_9_and_10() -> None:
    past = a_meeting(sequence=2, start=NOW - 3 * HOUR, end=NOW - HOUR)
    assert summary(decided(past)) == (9, Outcome.REJECT)
    assert summary(decided(past, known=known(SINGLE))) == (9, Outcome.REJECT)
    assert summary(decided(replace(past, end=NOW - HOUR + timedelta(seconds=1)))) == (12, Outcome.ACCEPT)
    assert summary(decided(past, known=known(past, has_room=False, reason=OVER))) == (8, Outcome.IGNORE)
    old = replace(SERIES, recurrence=replace(SERIES.recurrence, first_day=(NOW - 9 * DAY).date()))
    assert summary(decided(replace(RECURRING, series=old, sequence=2), known=known(RECURRING))) == (10, Outcome.REJECT)


def test_row_11() -> None:
    taken = Choice(Holding.FREE, replace(OWN, uid="", is_taken=True))
    assert summary(decided(SINGLE, choice=taken)) == (11, Outcome.REJECT)
    refused = Choice(Holding.OWN, replace(OWN, is_taken=True))
    assert summary(decided(SINGLE, choice=refused, known=known(SINGLE))) == (11, Outcome.REJECT)


def test_rows_12_to_16() -> None:
    assert summary(decided(SINGLE)) == (12, Outcome.ACCEPT)
    assert summary(decided(RECURRING)) == (13, Outcome.ACCEPT)
    assert summary(decided(MOVED, known=known(SINGLE))) == (14, Outcome.ACCEPT)
    later = Occurrence(START + DAY, START + DAY + HOUR, START + DAY + 2 * HOUR)
    one = replace(RECURRING, series=replace(SERIES, exceptions=(later,)))
    decision = decided(one, notice=notice(one, occurrence=START + DAY), known=known(RECURRING))
    assert (*summary(decision), decision.occurrence) == (15, Outcome.ACCEPT, "20261125T120000Z")
    assert summary(decided(one, notice=None, known=known(RECURRING))) == (15, Outcome.ACCEPT)  # swept
    daily = replace(RECURRING, sequence=2, series=replace(SERIES, starts=time(9, 0)))
    decision = decided(daily, known=known(RECURRING))
    assert (*summary(decision), decision.template) == (16, Outcome.ACCEPT, "accept_edited_recurring_series_template")


def test_conversions_and_states_that_begin_anew() -> None:
    assert summary(decided(replace(RECURRING, sequence=2), known=known(SINGLE))) == (16, Outcome.ACCEPT)
    assert summary(decided(MOVED, known=known(RECURRING))) == (14, Outcome.ACCEPT)
    for state in (State.CANCELLED, State.REJECTED):
        assert summary(decided(MOVED, known=known(SINGLE, state=state, has_room=False))) == (12, Outcome.ACCEPT)
    over = known(SINGLE, has_room=False, reason=OVER)
    assert summary(decided(MOVED, known=over)) == (14, Outcome.ACCEPT)


def test_occurrence_invited_alone() -> None:
    of_series = notice(SINGLE, occurrence=START)
    assert summary(decided(SINGLE, notice=of_series, alone="K")) == (12, Outcome.ACCEPT)
    another = known(SINGLE, fingerprint="")
    assert summary(decided(SINGLE, notice=of_series, alone="K", known=another)) == (12, Outcome.ACCEPT)
    before = known(SINGLE, fingerprint=of_times(START, START + HOUR))
    decision = decided(MOVED, notice=of_series, alone="K", known=before)
    assert (*summary(decision), decision.occurrence) == (15, Outcome.ACCEPT, "K")
    gone = replace(SINGLE, is_cancelled=True)
    decision = decided(gone, notice=notice(gone, MessageKind.CANCELLATION, occurrence=START), alone="K", known=before)
    assert (*summary(decision), decision.occurrence) == (3, Outcome.CANCEL_OCCURRENCE, "K")


def test_nothing_left_to_look_at() -> None:
    assert summary(decided(None)) == (0, Outcome.IGNORE)
    assert decided(None, notice=notice(SINGLE), known=known(SINGLE)).outcome is Outcome.IGNORE


def test_version_order() -> None:
    assert Version(1, NOW).is_older_than(Version(2, NOW - HOUR))
    assert Version(1, NOW - HOUR).is_older_than(Version(1, NOW))
    assert not Version(1, None).is_older_than(Version(1, NOW))
    assert not Version(2, NOW).is_older_than(Version(1, NOW + HOUR))


def test_a_cancelled_occurrence_is_out_even_where_the_copy_lags() -> None:
    moved = Occurrence(START, START + HOUR, START + 2 * HOUR)
    copy = replace(RECURRING, series=replace(SERIES, exceptions=(moved,), expansion=(moved,)))
    found = effective(notice(copy, MessageKind.CANCELLATION, occurrence=START), copy, None)
    assert found is not None
    assert found.series is not None
    assert (found.series.exceptions, found.series.deleted, found.series.expansion) == ((), (START,), ())
    old = notice(copy, MessageKind.CANCELLATION, occurrence=START, sequence=0)
    assert effective(old, copy, None) is copy


def tag(uuid_number: int, kind: Kind = Kind.ALIAS, issued: datetime | None = None) -> Tag:
    return Tag(kind, 1, 1, uuid.UUID(int=uuid_number), issued)


def alias(number: int, uid: str = "", **given: Any) -> Alias:
    return Alias(number, str(tag(number).uuid), f"{number}@x", str(number), uid, **given)


@pytest.mark.parametrize(
    ("aliases", "holding", "number"),
    [
        ([], Holding.GONE, None),
        ([alias(1)], Holding.FREE, 1),
        ([alias(1, "A")], Holding.OWN, 1),
        ([alias(1, "B")], Holding.ANOTHER, 1),
        ([alias(1, is_gone=True)], Holding.GONE, 1),
        ([alias(1, "A", is_gone=True)], Holding.GONE, 1),
    ],
)
def test_choice_of_one_tag(aliases: list[Alias], holding: Holding, number: int | None) -> None:
    choice = choose([tag(1)], {found.uuid: found for found in aliases}, "A", "", NOW)
    assert (choice.holding, choice.alias.id if choice.alias else None) == (holding, number)


@pytest.mark.parametrize(
    ("first", "second", "holding", "number"),
    [
        (alias(1), alias(2), Holding.NOBODY, None),
        (alias(1), alias(2, "A"), Holding.OWN, 2),
        (alias(1), alias(2, "B"), Holding.FREE, 1),
        (alias(1, "B"), alias(2, "C"), Holding.ANOTHER, 1),
        (alias(1, "A"), alias(2, "A"), Holding.OWN, 2),
    ],
)
def test_choice_of_two_tags(first: Alias, second: Alias, holding: Holding, number: int | None) -> None:
    choice = choose([tag(1), tag(2)], {first.uuid: first, second.uuid: second}, "A", alias(2).uuid, NOW)
    assert (choice.holding, choice.alias.id if choice.alias else None) == (holding, number)


def test_choice_of_a_placeholder() -> None:
    fresh, old = tag(1, Kind.PLACEHOLDER, NOW - HOUR), tag(1, Kind.PLACEHOLDER, NOW - 25 * HOUR)
    promised = choose([fresh], {}, "A", "", NOW)
    assert (promised.holding, promised.alias) == (Holding.FREE, Alias(0, str(fresh.uuid), "", ""))
    assert choose([old], {}, "A", "", NOW).holding is Holding.NOBODY
    redeemed = alias(1, "A")
    assert choose([old], {redeemed.uuid: redeemed}, "A", "", NOW).holding is Holding.OWN
    assert choose([], {}, "A", "", NOW).holding is Holding.NOBODY
