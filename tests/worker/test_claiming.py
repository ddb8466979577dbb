"""Claims: urgency, leases by the database's clock, and fences."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from addin_host.domain.access import ON_THIS_MACHINE
from addin_host.flows import alarms
from addin_host.flows.alarms import Wanted
from addin_host.flows.scheduling import claiming
from addin_host.flows.scheduling.claiming import LostLease
from addin_host.store.models import InboxRow, MailboxRow

HERE = 7


def put(own, *keys, integration_id=HERE, starts_in=None, due_in=timedelta()):
    now = own.now()
    with own.database.write() as session:
        for key in keys:
            claiming.enqueue(
                session,
                integration_id,
                origin="message",
                item_id=key,
                due_at=now + due_in,
                starts_at=None if starts_in is None else now + starts_in,
                key=key,
            )


def rows(own):
    with own.database.read() as session:
        return {row.item_id: row for row in session.scalars(select(InboxRow))}


def let_leases_run_out(own):
    with own.database.write() as session:
        session.execute(update(InboxRow).values(lease_until=own.database.time(session) - timedelta(seconds=1)))


def names(claimed):
    return [one.item_id for one in claimed]


def test_meetings_that_start_soon_come_first_and_alone(own):
    put(own, "next week", starts_in=timedelta(days=7))
    put(own, "long ago", starts_in=timedelta(days=-40))
    put(own, "unknown")
    put(own, "in an hour", starts_in=timedelta(hours=1))
    put(own, "in ten minutes", starts_in=timedelta(minutes=10))
    assert names(claiming.claim(own, HERE, 50)) == ["in ten minutes", "in an hour"]
    assert names(claiming.claim(own, HERE, 50)) == ["unknown", "long ago"]
    assert names(claiming.claim(own, None, 50)) == ["next week"]
    assert claiming.claim(own, HERE, 50) == []


def test_what_is_claimed_is_nobody_elses_until_the_lease_runs_out(own):
    put(own, "a", "b", "c")
    first = claiming.claim(own, HERE, 2)
    assert len(claiming.claim(own, HERE, 5)) == 1
    assert claiming.waiting(own) == {}
    let_leases_run_out(own)
    assert claiming.waiting(own) == {HERE: 3}
    again = claiming.claim(own, HERE, 5)
    assert len(again) == 3
    assert {one.id: one.fence for one in again if one.id in {f.id for f in first}} == {f.id: 2 for f in first}


def test_who_lost_the_lease_commits_nothing(own):
    put(own, "a", "b")
    paused = claiming.claim(own, HERE, 2)
    let_leases_run_out(own)
    taken_over = claiming.claim(own, HERE, 1)
    with pytest.raises(LostLease), own.database.write() as session:
        claiming.finish(session, paused)
    assert {row.state for row in rows(own).values()} == {"pending"}
    with own.database.write() as session:
        claiming.finish(session, taken_over)
    assert sorted(row.state for row in rows(own).values()) == ["done", "pending"]
    with pytest.raises(LostLease), own.database.write() as session:
        claiming.fail(session, own, next(one for one in paused if one.id == taken_over[0].id), "x", "y")


def test_a_renewed_lease_goes_on(own):
    put(own, "a")
    held = claiming.claim(own, HERE, 1)
    let_leases_run_out(own)
    claiming.renew(own, held)
    assert claiming.claim(own, HERE, 1) == []


def test_finishing_a_large_batch(own):
    put(own, *map(str, range(450)))
    held = claiming.claim(own, HERE, 450)
    with own.database.write() as session:
        claiming.finish(session, held, now=own.now())
    assert {row.state for row in rows(own).values()} == {"done"}
    assert {row.finished_at for row in rows(own).values()} == {own.now()}


def test_an_item_that_fails_waits_and_is_dead_after_five_tries(own, clock, integration):
    put(own, "a", integration_id=integration.id)
    for number in range(1, 6):
        (held,) = claiming.claim(own, integration.id, 5)
        assert held.tries == number - 1
        with own.database.write() as session:
            assert claiming.fail(session, own, held, "unusable", "It cannot be read.") is (number == 5)
        assert claiming.claim(own, integration.id, 5) == []
        clock.forward(minutes=1)
    assert rows(own)["a"].state == "dead"
    with own.database.read() as session:
        (alarm,) = alarms.find(session, Wanted(), caller=ON_THIS_MACHINE).alarms
    assert (alarm.identifier, alarm.integration_id) == ("queue_poison", integration.id)
    assert rows(own)["a"].correlation_id in alarm.details


def test_poison_is_dead_at_once(own):
    put(own, "a")
    (held,) = claiming.claim(own, HERE, 5)
    with own.database.write() as session:
        assert claiming.fail(session, own, held, "crash", "A parser crashed.", poison=True)
    assert rows(own)["a"].state == "dead"


def test_what_is_given_back_counts_no_try(own, clock):
    put(own, "a")
    held = claiming.claim(own, HERE, 5)
    claiming.release(own, held, own.now() + timedelta(minutes=1))
    assert claiming.claim(own, HERE, 5) == []
    clock.forward(minutes=1)
    assert claiming.claim(own, HERE, 5)[0].tries == 0


@pytest.mark.parametrize("trouble", [{"is_passive": True}, {"waits_until": timedelta(minutes=1)}])
def test_items_of_a_mailbox_that_waits_are_left_alone(own, clock, trouble):
    put(own, "a")
    put(own, "other", integration_id=8)
    trouble = {name: own.now() + value if isinstance(value, timedelta) else value for name, value in trouble.items()}
    with own.database.write() as session:
        session.add(MailboxRow(integration_id=HERE, identity="x", due_at=own.now(), **trouble))
    assert names(claiming.claim(own, None, 5)) == ["other"]
    assert claiming.claim(own, HERE, 5) == []
    clock.forward(minutes=2)
    assert bool(claiming.claim(own, HERE, 5)) is ("waits_until" in trouble)


def test_something_to_look_at_again_later(own, clock):
    put(own, "room", due_in=timedelta(hours=2))
    put(own, "room", due_in=timedelta(hours=1))
    put(own, "room", due_in=timedelta(hours=3))
    assert claiming.claim(own, HERE, 5) == []
    clock.forward(hours=1)
    held = claiming.claim(own, HERE, 5)
    with own.database.write() as session:
        claiming.finish(session, held)
    clock.forward(days=1)
    assert claiming.claim(own, HERE, 5) == []
    put(own, "room")
    assert names(claiming.claim(own, HERE, 5)) == ["room"]


def test_the_clock_of_the_database_is_set_back(own):
    put(own, "a")
    claiming.claim(own, HERE, 1)
    with own.database.write() as session:
        session.execute(update(InboxRow).values(lease_until=own.database.time(session) + timedelta(hours=1)))
    (held,) = claiming.claim(own, HERE, 1)
    assert held.fence == 2
