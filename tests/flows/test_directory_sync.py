"""The directory follows the conference platform; what was entered here stays as it is. Over both databases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from addin_host.domain.access import BY_ITSELF, ON_THIS_MACHINE, Caller, Role
from addin_host.domain.directory import User, Vmr
from addin_host.domain.errors import Misconfigured, Refused, Upstream
from addin_host.domain.rooms import PlatformAddress
from addin_host.flows import directory_sync, leases, platform, users, vmrs
from addin_host.flows.directory import pin_place
from addin_host.flows.directory_sync import DONE, FAILED, STOPPED, Syncing
from addin_host.flows.directory_sync_vmrs import SYNC_TAG
from addin_host.gateways.outside import no_outside
from addin_host.store.models import AlarmRow, AuditRow, ConferenceRow, DirectorySyncRow, EndUserRow
from tests.scheduled_rooms import book, handed_out

PIN = "97531024"


class Remote:
    """The platform: what it has, or what is wrong with it."""

    def __init__(self) -> None:
        self.people: list[User] = [User(f"p{n}@example.com", "P", str(n), f"P {n}") for n in range(5)]
        self.rooms: list[Vmr] = [a_vmr(n) for n in range(5)]
        self.trouble: Exception | None = None
        self.opened: list[PlatformAddress] = []

    def open(self, address: PlatformAddress) -> Any:
        self.opened.append(address)
        return self

    def users(self) -> Iterator[User]:
        if self.trouble:
            raise self.trouble
        yield from self.people

    def vmrs(self) -> Iterator[Vmr]:
        yield from self.rooms


def a_vmr(number: int, **changes: Any) -> Vmr:
    aliases = (f"v{number}@video.example.com", f"88{number}")
    plain = Vmr(f"V{number}", "Of P", "conference", PIN, "", False, f"p{number}@example.com", aliases)
    return replace(plain, **changes)


@pytest.fixture
def remote() -> Remote:
    return Remote()


@pytest.fixture
def own(database, box, clock, remote) -> Syncing:
    values = {"platform_sync": True, "platform_url": "https://manager.example.com", "platform_username": "me"}
    with database.write() as session:
        wanted = {**values, "platform_password": "canary-platform"}
        platform.change(session, wanted, box=box, caller=ON_THIS_MACHINE, now=clock())
    outside = replace(no_outside(), platforms=remote)
    return Syncing(database, box, outside, clock, "me")


def synchronise(own: Syncing, **options: Any) -> DirectorySyncRow:
    assert directory_sync.run(own, caller=BY_ITSELF, **options)
    with own.database.read() as session:
        found = directory_sync.newest(session)
        assert found is not None
        session.expunge(found)
        return found


def counts(run: DirectorySyncRow) -> tuple[str, int, int, int]:
    return run.state, run.added, run.changed, run.removed


def stored(own: Syncing, name: str) -> dict[str, Any]:
    with own.database.read() as session:
        row = session.scalars(select(ConferenceRow).where(ConferenceRow.name == name)).one()
        pin = own.box.open(pin_place(row.uuid, "pin"), row.sealed_pin) if row.sealed_pin else ""
        aliases = [one.alias for one in sorted(row.aliases, key=lambda one: one.view_order)]
        return {**vmrs.seen(row), "pin": pin, "aliases": aliases, "version": row.version, "sync_tag": row.sync_tag}


def names(own: Syncing, row: Any = ConferenceRow, column: str = "name") -> set[str]:
    with own.database.read() as session:
        return set(session.scalars(select(getattr(row, column))))


def alarms(own: Syncing) -> set[str]:
    with own.database.read() as session:
        return set(session.scalars(select(AlarmRow.identifier).where(AlarmRow.open_key.is_not(None))))


def test_the_first_run_takes_everything_and_the_next_one_nothing(own, remote):
    first = synchronise(own)
    assert counts(first) == (DONE, 10, 0, 0)
    assert ["VMR", "V3", "added"] in first.changes
    assert ["user", "p3@example.com", "added"] in first.changes
    assert PIN not in str(first.changes)
    found = stored(own, "V3")
    assert (found["pin"], found["sync_tag"], found["version"]) == (PIN, SYNC_TAG, 1)
    assert (found["aliases"], found["primary_owner_email_address"]) == (
        ["v3@video.example.com", "883"],
        "p3@example.com",
    )
    assert remote.opened[0].password == "canary-platform"
    again = synchronise(own)
    assert counts(again) == (DONE, 0, 0, 0)
    assert again.changes == []
    assert stored(own, "V3")["version"] == 1


def test_changes_are_followed_and_told(own, remote):
    synchronise(own)
    remote.rooms[1] = a_vmr(1, description="New", pin="24680135", aliases=("881", "new@video.example.com"))
    remote.rooms[2] = a_vmr(2, guest_pin="135790", allow_guests=True, owner="p1@example.com")
    remote.people[0] = User("P0@example.com", "Paula", "0", "P 0")
    run = synchronise(own)
    assert counts(run) == (DONE, 0, 3, 0)
    assert run.changes == [
        ["user", "P0@example.com", "changed: first name"],
        ["VMR", "V1", "changed: description, PIN, aliases"],
        ["VMR", "V2", "changed: guests, owner, guest PIN"],
    ]
    found = stored(own, "V1")
    assert (found["description"], found["pin"], found["version"]) == ("New", "24680135", 2)
    assert found["aliases"] == ["881", "new@video.example.com"]
    assert counts(synchronise(own)) == (DONE, 0, 0, 0)


def test_what_left_is_removed(own, remote):
    synchronise(own)
    del remote.rooms[0], remote.people[4]
    run = synchronise(own)
    assert counts(run) == (DONE, 0, 0, 2)
    assert run.changes == [["VMR", "V0", "removed"], ["user", "p4@example.com", "removed"]]
    assert "V0" not in names(own)
    assert "p4@example.com" not in names(own, EndUserRow, "primary_email_address")


@pytest.mark.parametrize("what", ["rooms", "people"])
def test_more_than_half_gone_stops_the_run(own, remote, what, clock):
    synchronise(own)
    kept = getattr(remote, what)
    setattr(remote, what, kept[:2])
    remote.rooms[0] = replace(remote.rooms[0], description="New")
    run = synchronise(own)
    assert counts(run) == (STOPPED, 0, 0, 0)
    assert "more than half" in run.message
    assert alarms(own) == {"directory_sync_stopped"}
    assert stored(own, "V0")["description"] == "Of P"
    forced = synchronise(own, remove_all=True)
    assert counts(forced) == (DONE, 0, 1, 3)
    assert alarms(own) == set()


def test_what_was_entered_here_is_never_touched(own, remote, box, clock):
    with own.database.write() as session:
        more = {"caller": ON_THIS_MACHINE, "now": clock()}
        vmrs.save(session, None, {"name": "V1", "description": "Mine"}, box=box, **more)
        vmrs.save(session, None, {"name": "Mine", "aliases": ["882"]}, box=box, **more)
        users.save(session, None, {"primary_email_address": "P2@example.com", "first_name": "Mine"}, **more)
        users.save(session, None, {"primary_email_address": "mine@example.com"}, **more)
        handed_out(session, "883", clock())
        book(session, "990000", [clock()], now=clock(), name="V4")
    run = synchronise(own)
    assert counts(run) == (DONE, 7, 0, 0)
    assert run.message == "3 stay as they were entered here."
    assert stored(own, "V1")["description"] == "Mine"
    assert stored(own, "V4")["sync_tag"] == ""
    assert stored(own, "V2")["aliases"] == ["v2@video.example.com"]
    assert stored(own, "V3")["aliases"] == ["v3@video.example.com"]
    assert ["VMR", "V2", "added; without 1 of its aliases, which are in use here"] in run.changes
    remote.rooms, remote.people = [], []
    synchronise(own, remove_all=True)
    assert names(own) == {"V1", "V4", "Mine"}
    assert {one.lower() for one in names(own, EndUserRow, "primary_email_address")} == {
        "p2@example.com",
        "mine@example.com",
    }


def test_aliases_change_hands_on_the_platform(own, remote):
    synchronise(own)
    first, second = remote.rooms[0].aliases, remote.rooms[1].aliases
    remote.rooms[0] = replace(remote.rooms[0], aliases=second)
    remote.rooms[1] = replace(remote.rooms[1], aliases=first)
    synchronise(own)
    assert (stored(own, "V0")["aliases"], stored(own, "V1")["aliases"]) == (list(second), list(first))
    remote.rooms[3] = replace(remote.rooms[3], aliases=())
    remote.rooms[4] = replace(remote.rooms[4], aliases=("883", *remote.rooms[4].aliases))
    synchronise(own)
    assert stored(own, "V4")["aliases"] == ["883", "v4@video.example.com", "884"]
    assert stored(own, "V3")["aliases"] == []
    assert counts(synchronise(own)) == (DONE, 0, 0, 0)


def test_what_cannot_be_taken_is_told_without_its_value(own, remote):
    remote.rooms[0] = replace(remote.rooms[0], pin="12ab-canary")
    remote.people[0] = User("no address")
    run = synchronise(own)
    assert counts(run) == (DONE, 8, 0, 0)
    left_out = [change for change in run.changes if change[2].startswith("left out")]
    assert [change[:2] for change in left_out] == [["user", "no address"], ["VMR", "V0"]]
    assert "canary" not in str(run.changes)


@pytest.mark.parametrize("trouble", [Upstream("Away."), Misconfigured("Refused.")])
def test_a_platform_in_trouble_changes_nothing_and_is_an_alarm(own, remote, trouble, clock):
    synchronise(own)
    remote.trouble = trouble
    run = synchronise(own)
    assert (counts(run), run.message) == ((FAILED, 0, 0, 0), trouble.message)
    assert alarms(own) == {"platform_unreachable"}
    assert len(names(own)) == 5
    remote.trouble = None
    clock.forward(minutes=6)
    assert directory_sync.due(own)
    assert alarms(own) == set()


def test_it_runs_when_it_is_due_and_once(own, remote, clock):
    assert directory_sync.due(own)
    assert not directory_sync.due(own)
    clock.forward(minutes=59)
    assert not directory_sync.due(own)
    clock.forward(minutes=1)
    with own.database.write() as session:
        leases.take(session, "directory_sync", holder="other", lasts=timedelta(minutes=1), now=clock())
    assert not directory_sync.due(own)
    clock.forward(minutes=1)
    assert directory_sync.due(own)
    assert len(remote.opened) == 2


def test_switched_off_nothing_runs_and_its_alarm_ends(own, remote, box, clock):
    remote.trouble = Upstream("Away.")
    synchronise(own)
    with own.database.write() as session:
        platform.change(session, {"platform_sync": False}, box=box, caller=ON_THIS_MACHINE, now=clock())
    clock.forward(hours=2)
    assert not directory_sync.due(own)
    assert alarms(own) == set()
    with pytest.raises(Refused, match="Switch on"):
        directory_sync.run(own, caller=BY_ITSELF)


def test_a_run_that_was_broken_off_is_told_and_finished(own, remote):
    with own.database.write() as session:
        session.add(DirectorySyncRow(started_at=own.now()))
    assert counts(synchronise(own)) == (DONE, 10, 0, 0)
    with own.database.read() as session:
        first = directory_sync.runs(session)[-1]
        assert (first.state, "broken off" in first.message) == (FAILED, True)


def test_a_pin_whose_key_is_gone_is_mended(own, remote):
    synchronise(own)
    with own.database.write() as session:
        session.execute(update(ConferenceRow).where(ConferenceRow.name == "V0").values(sealed_pin="unreadable"))
    run = synchronise(own)
    assert run.changes == [["VMR", "V0", "changed: PIN"]]
    assert stored(own, "V0")["pin"] == PIN


def test_who_may_not_change_the_directory_may_not_synchronise(own):
    viewer = Caller("account", 1, "v", Role.VIEWER)
    with pytest.raises(Refused):
        directory_sync.run(own, caller=viewer)


def test_the_audit_log_tells_the_numbers(own):
    synchronise(own)
    with own.database.read() as session:
        entry = session.scalars(select(AuditRow).order_by(AuditRow.id.desc())).first()
        assert (entry.action, entry.after) == ("synchronise", {"added": 10, "changed": 0, "removed": 0})
