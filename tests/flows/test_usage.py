"""Figures per day: nothing is lost when many count at once, and only one's own integrations are summed."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta

from sqlalchemy import select

from addin_host.domain.access import ON_THIS_MACHINE
from addin_host.flows import integrations, usage
from addin_host.flows.usage import Happening, Lately
from addin_host.store.db import Database
from addin_host.store.models import UsageRow
from addin_host.store.secrets import SecretBox
from tests.conftest import Clock, a_record


def save(database: Database, box: SecretBox, clock: Clock, names: Sequence[str] = ("Sales",)) -> list[int]:
    made = []
    for name in names:
        draft = integrations.prepare(a_record(name=name), before=None, trial=lambda found: [None] * len(found))
        with database.write() as session:
            row = integrations.save(session, draft, expected_version=None, caller=ON_THIS_MACHINE, box=box, now=clock())
            made.append(row.id)
    return made


def test_nothing_is_lost_when_eight_count_at_once(database: Database, box: SecretBox, clock: Clock) -> None:
    (number,) = save(database, box, clock)

    def count_often(_thread: int) -> None:
        for _time in range(20):
            with database.write() as session:
                usage.count(session, number, Happening.SIGN_IN, clock())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count_often, range(8)))
    with database.read() as session:
        assert [row.number for row in session.scalars(select(UsageRow))] == [160]


def test_days_are_summed_over_what_the_caller_reaches(database: Database, box: SecretBox, clock: Clock) -> None:
    first, second = save(database, box, clock, ("Sales", "Development"))
    kinds = (Happening.SIGN_IN, Happening.REFUSAL, Happening.INSERTION)
    with database.write() as session:
        for number in (first, second):
            for kind in kinds:
                usage.count(session, number, kind, clock())
        usage.count(session, first, Happening.INSERTION, clock() - timedelta(days=2))
        usage.count(session, first, Happening.INSERTION, clock() - timedelta(days=3))
    with database.read() as session:
        every = usage.days(session, until=clock(), number=3, within=None)
        own = usage.days(session, until=clock(), number=3, within=frozenset({second}))
        nobody = usage.days(session, until=clock(), number=3, within=frozenset())
    assert [one.day for one in every] == [date(2026, 11, 21), date(2026, 11, 22), date(2026, 11, 23)]
    assert [[one[kind] for kind in kinds] for one in every] == [[0, 0, 1], [0, 0, 0], [2, 2, 2]]
    assert [[one[kind] for kind in kinds] for one in own] == [[0, 0, 0], [0, 0, 0], [1, 1, 1]]
    assert not any(one.numbers for one in nobody)


def test_a_day_is_one_of_utc(database: Database, box: SecretBox, clock: Clock) -> None:
    (number,) = save(database, box, clock)
    late = datetime.fromisoformat("2026-11-23T23:30:00-05:00")
    with database.write() as session:
        usage.count(session, number, Happening.SIGN_IN, late)
        usage.count(session, number, Happening.SIGN_IN, late - timedelta(days=1))
        assert sorted(session.scalars(select(UsageRow.day))) == ["2026-11-23", "2026-11-24"]


def test_a_sender_counts_once_in_two_seconds(clock: Clock) -> None:
    lately = Lately(2, remembered=2)
    assert not lately.again("a", clock())
    assert lately.again("a", clock())
    clock.forward(seconds=2)
    assert not lately.again("a", clock())
    assert not lately.again("b", clock())
    assert not lately.again("c", clock())  # what is remembered is bounded: the others are forgotten
    assert not lately.again("b", clock())
