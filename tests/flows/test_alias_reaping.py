"""Giving numbers back: when, and what stays."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from addin_host.domain.access import ON_THIS_MACHINE
from addin_host.domain.alarms import ALIASES_EXHAUSTED, Level
from addin_host.flows import alarms, alias_reaping, platform
from addin_host.flows.alias_reaping import reap
from addin_host.store.models import AlarmRow, ScheduledAliasRow
from tests.flows.meetings import Desk, an_integration


@pytest.fixture
def desk(database, box, clock):
    return Desk(database, box, clock, an_integration(database, box, clock))


def row(desk):
    with desk.database.read() as session:
        return session.scalars(select(ScheduledAliasRow)).one()


def change(desk, **values):
    with desk.database.write() as session:
        session.execute(update(ScheduledAliasRow).values(**values))


def test_an_unclaimed_alias_is_given_back_a_day_after_it_expired(desk, clock):
    minted = desk.mint()
    clock.forward(days=31, seconds=-1)
    assert reap(desk.database, now=clock()) == 0
    clock.forward(seconds=1)
    assert reap(desk.database, now=clock()) == 1
    stone = row(desk)
    assert (stone.uuid, stone.alias, stone.released_at) == (minted.uuid, minted.alias, clock())
    clock.forward(days=1)
    assert reap(desk.database, now=clock()) == 0
    assert row(desk).released_at == clock() - timedelta(days=1)


def test_an_alias_with_a_meeting_stays(desk, clock):
    desk.mint()
    change(desk, is_used=True)
    clock.forward(days=400)
    assert reap(desk.database, now=clock()) == 0


@pytest.mark.parametrize("is_used", [True, False])
def test_quarantine_begins_when_the_conference_is_deleted(desk, clock, is_used):
    desk.mint()
    clock.forward(days=20)
    change(desk, is_used=is_used, conference_deletion_time=clock())
    clock.forward(days=30, seconds=-1)
    assert reap(desk.database, now=clock()) == 0
    clock.forward(seconds=1)
    assert reap(desk.database, now=clock()) == 1


def test_the_quarantine_is_a_setting(desk, database, box, clock):
    with database.write() as session:
        platform.change(session, {"alias_quarantine_days": 90}, box=box, caller=ON_THIS_MACHINE, now=clock())
    desk.mint()
    change(desk, is_used=True, conference_deletion_time=clock())
    clock.forward(days=89)
    assert reap(desk.database, now=clock()) == 0
    clock.forward(days=1)
    assert reap(desk.database, now=clock()) == 1


def test_many_are_given_back_in_batches(desk, clock, monkeypatch):
    monkeypatch.setattr(alias_reaping, "_BATCH", 3)
    for number in range(10):
        desk.mint(caller=f"user:{number}")
    clock.forward(days=31)
    kept = desk.mint()
    assert reap(desk.database, now=clock()) == 10
    with desk.database.read() as session:
        left = session.scalars(select(ScheduledAliasRow.uuid).where(ScheduledAliasRow.released_at.is_(None))).all()
    assert left == [kept.uuid]


def test_one_that_is_claimed_meanwhile_is_kept(desk, clock, monkeypatch):
    desk.mint()
    clock.forward(days=31)
    found = alias_reaping._ids

    def claimed_after_that(*arguments):
        ids = found(*arguments)
        change(desk, is_used=True)
        return ids

    monkeypatch.setattr(alias_reaping, "_ids", claimed_after_that)
    assert reap(desk.database, now=clock()) == 0
    assert row(desk).released_at is None


def test_the_alarm_ends_once_an_alias_was_handed_out(desk, clock):
    def standing():
        with desk.database.read() as session:
            return session.scalar(select(AlarmRow.open_key)) is not None

    desk.mint()
    clock.forward(minutes=1)
    with desk.database.write() as session:
        alarms.raise_(
            session, ALIASES_EXHAUSTED, integration_id=desk.integration.id, level=Level.ERROR, details="x", now=clock()
        )
    reap(desk.database, now=clock())
    assert standing()
    clock.forward(minutes=1)
    desk.mint()
    reap(desk.database, now=clock())
    assert not standing()
