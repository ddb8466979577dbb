"""Guessing is slow, nobody is locked out, and many at once are no way around (security.md S3, S5)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from addin_host.domain.errors import Reason, Refused, Upstream
from addin_host.flows import throttle
from addin_host.flows.throttle import Counted
from addin_host.store.models import AuditRow, FailureRow

ALICE = Counted(throttle.account_key("Alice"), "net:192.0.2.0/24", "192.0.2.7", "alice")


def guess(database, now, counted=ALICE, *, right=False, settles=True):
    """Try once; True when it was evaluated, and the seconds to wait when it was not."""
    evaluated = False
    try:
        with throttle.attempt(database, counted, now=now, settles=settles):
            evaluated = True
            if not right:
                raise Refused(Reason.UNAUTHENTICATED, "wrong")
    except Refused as refusal:
        return True if evaluated else refusal.retry_after
    return True


def test_however_often_somebody_guesses_twenty_at_most_are_evaluated_in_a_quarter_of_an_hour(database, clock):
    """The fastest guesser there can be: each guess comes the moment it would be evaluated, and many come between."""
    start, evaluated = clock(), []
    while clock() - start < timedelta(hours=6):
        answer = guess(database, clock())
        if answer is True:
            evaluated.append(clock())
        else:
            assert all(guess(database, clock()) is not True for _ in range(3))
            clock.forward(seconds=answer)
    busiest = max(sum(one <= other < one + timedelta(minutes=15) for other in evaluated) for one in evaluated)
    assert 10 < busiest <= 20


def test_the_delays(database, clock):
    assert [guess(database, clock()) for _ in range(5)] == [True] * 5
    waits = []
    for _ in range(12):
        wait = guess(database, clock())
        waits.append(wait)
        clock.forward(seconds=wait)
        assert guess(database, clock()) is True
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]


def test_the_right_password_after_the_delay_works_and_clears(database, clock):
    for _ in range(7):
        guess(database, clock())
        clock.forward(seconds=2)
    wait = guess(database, clock(), right=True)
    assert wait > 1
    clock.forward(seconds=wait)
    assert guess(database, clock(), right=True) is True
    with database.read() as session:
        assert session.get(FailureRow, ALICE.own) is None
    fresh = Counted(ALICE.own, "net:198.51.100.0/24")
    assert [guess(database, clock(), fresh) for _ in range(5)] == [True] * 5


def test_an_account_is_slow_from_everywhere_and_a_network_for_everybody(database, clock):
    elsewhere = [Counted(ALICE.own, f"net:10.0.{number}.0/24") for number in range(6)]
    assert [guess(database, clock(), one) for one in elsewhere] == [True] * 5 + [1]
    clock.forward(hours=2)
    others = [Counted(throttle.account_key(f"user{number}"), ALICE.network) for number in range(6)]
    assert [guess(database, clock(), one) for one in others] == [True] * 5 + [1]


def test_an_own_account_does_not_clear_the_network(database, clock):
    own = Counted(throttle.account_key("mallory"), ALICE.network)
    start, evaluated = clock(), 0
    while clock() - start < timedelta(minutes=15):
        victim = Counted(throttle.account_key(f"victim{evaluated}"), ALICE.network)
        answer = guess(database, clock(), victim)
        evaluated += answer is True
        for attempt in (guess(database, clock(), own, right=True), answer):
            if attempt is not True:
                clock.forward(seconds=attempt)
    assert evaluated <= 20


def test_a_code_that_is_missing_still_settles_nothing(database, clock):
    for _ in range(3):
        guess(database, clock())
        guess(database, clock(), right=True, settles=False)
    with database.read() as session:
        assert session.get(FailureRow, ALICE.own).number == 3


def test_what_fails_for_other_reasons_is_taken_back(database, clock):
    for _ in range(8):
        with pytest.raises(Upstream), throttle.attempt(database, ALICE, now=clock()):
            raise Upstream("away")
    assert guess(database, clock()) is True


def test_many_at_once_are_no_way_around(database, clock):
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _number: guess(database, clock()), range(60)))
    assert sum(answer is True for answer in answers) == 5


def test_failures_are_forgotten_after_an_hour_and_rows_with_them(database, clock):
    for _ in range(5):
        guess(database, clock())
    clock.forward(hours=1, seconds=1)
    guess(database, clock(), Counted(throttle.account_key("bob"), "net:10.9.9.0/24"))
    with database.read() as session:
        assert session.get(FailureRow, ALICE.own) is None


def test_the_audit_log_notes_the_beginning_of_a_delay_once(database, clock):
    for _ in range(9):
        guess(database, clock())
        clock.forward(seconds=20)
    with database.read() as session:
        rows = session.scalars(select(AuditRow).order_by(AuditRow.id)).all()
    assert {(row.action, row.object_name, row.network) for row in rows} == {
        ("delay", "alice", "192.0.2.7"),
        ("delay", "192.0.2.0/24", "192.0.2.7"),
    }
    assert len(rows) == 2
