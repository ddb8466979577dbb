"""The conference platform over its management API: our own REST interface, served, is the peer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from sqlalchemy import delete, func, select
from werkzeug.serving import make_server

from addin_host.domain.access import ON_THIS_MACHINE, Role
from addin_host.domain.addresses import AddressPolicy, Peer
from addin_host.domain.errors import Misconfigured, Upstream
from addin_host.domain.rooms import AliasConflict, Platform, PlatformAddress, Room
from addin_host.flows import users, vmrs
from addin_host.gateways import management_calls
from addin_host.gateways.http import Outbound
from addin_host.gateways.management import ManagementPlatforms
from addin_host.gateways.management_calls import Pace
from addin_host.store.models import (
    ApiUserRow,
    ConferenceRow,
    EndUserRow,
    IdentityProviderGroupRow,
    IvrThemeRow,
    MeetingRow,
    ScheduledAliasRow,
)
from tests.scheduled_rooms import book, handed_out
from tests.web.conftest import World, a_world
from tests.web.rest.conftest import api_users

TAG = "sched:11111111-2222-4333-8444-555555555555"
ROOM = Room(TAG, "Weekly (Alice)", "Booked by alice@example.com", ("100200@video.example.com", "100200"))


@dataclass
class Served:
    """Our application on a port, and how a user of its API reaches it."""

    world: World
    address: PlatformAddress
    platform: Platform

    def rooms(self) -> dict[str, tuple[str, ...]]:
        with self.world.database.read() as session:
            rows = session.scalars(select(ConferenceRow).where(ConferenceRow.tag != ""))
            return {row.name: tuple(alias.alias for alias in row.aliases) for row in rows}

    def room(self, tag: str = TAG) -> ConferenceRow:
        with self.world.database.read() as session:
            return session.scalars(select(ConferenceRow).where(ConferenceRow.tag == tag)).one()

    def own_vmr(self, **values: object) -> int:
        with self.world.database.write() as session:
            box, now = self.world.services.box, self.world.clock()
            return vmrs.save(session, None, values, box=box, caller=ON_THIS_MACHINE, now=now).id


def opened(port: int, **changes: object) -> Platform:
    policy = AddressPolicy(exceptions=frozenset({Peer("http", "127.0.0.1", port)}))
    address = PlatformAddress(f"http://127.0.0.1:{port}", "manager", "token-of-manager")
    outbound = Outbound(connect_seconds=5, deadline_seconds=30)
    return ManagementPlatforms(outbound, policy=policy).open(replace(address, **changes))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def _served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with a_world(tmp_path_factory.mktemp("peer")) as world:
        with world.database.write() as session:
            plain = {"role": Role.PLATFORM_ADMIN.value, "integrations": [], "created_at": world.clock()}
            digest = api_users.token_hash("token-of-manager")
            session.add(ApiUserRow(name="manager", token_hash=digest, **plain))
        server = make_server("127.0.0.1", 0, world.app, threaded=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        address = PlatformAddress(f"http://127.0.0.1:{server.port}", "manager", "token-of-manager")
        yield Served(world, address, opened(server.port))
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def served(_served: Served) -> Served:
    with _served.world.database.write() as session:
        for row in (MeetingRow, ScheduledAliasRow, ConferenceRow, EndUserRow, IvrThemeRow, IdentityProviderGroupRow):
            session.execute(delete(row))
        session.add_all([IvrThemeRow(name="Corp"), IdentityProviderGroupRow(name="Staff")])
    return _served


def test_a_room_is_made_once_and_follows_its_changes(served):
    served.platform.ensure(ROOM)
    first = served.room()
    assert served.rooms() == {ROOM.name: ROOM.aliases}
    assert (first.service_type, first.description, first.allow_guests) == ("conference", ROOM.description, False)
    served.platform.ensure(ROOM)
    assert served.room().version == first.version
    changed = replace(
        ROOM,
        name="Weekly (Alice) 1234",
        description="",
        aliases=("100200@video.example.com", "100200", "extra@video.example.com"),
        ivr_theme="Corp",
        host_identity_provider_group="Staff",
        non_idp_participants="allow_if_trusted",
        owner="alice@example.com",
    )
    served.platform.ensure(changed)
    found = served.room()
    assert (found.id, found.name, found.description) == (first.id, changed.name, "")
    assert (found.non_idp_participants, found.primary_owner_email_address) == ("allow_if_trusted", "alice@example.com")
    assert None not in (found.ivr_theme_id, found.host_identity_provider_group_id)
    assert served.rooms() == {changed.name: changed.aliases}
    served.platform.ensure(ROOM)
    found = served.room()
    assert (found.name, found.ivr_theme_id, found.host_identity_provider_group_id) == (ROOM.name, None, None)
    assert served.rooms() == {ROOM.name: ROOM.aliases}


def test_a_room_is_removed_and_what_is_gone_is_fine(served):
    served.platform.ensure(ROOM)
    served.own_vmr(name="Somebody else's", tag="sched-not-ours", aliases=["x@video.example.com"])
    served.platform.remove(TAG)
    served.platform.remove(TAG)
    assert list(served.rooms()) == ["Somebody else's"]


def test_one_that_the_platform_keeps_is_told(served):
    """Our own interface refuses to take the two aliases from a meeting of its own."""
    with served.world.database.write() as session:
        now = served.world.clock()
        booked = book(session, "100200", [now + timedelta(days=1)], now=now)
    with pytest.raises(Misconfigured, match="given to a meeting"):
        served.platform.ensure(replace(ROOM, tag=f"sched:{booked.uuid}", aliases=("300400",)))


def test_names_that_the_platform_does_not_have_are_named(served):
    with pytest.raises(Misconfigured, match="no theme named 'Unknown'"):
        served.platform.ensure(replace(ROOM, ivr_theme="Unknown"))
    with pytest.raises(Misconfigured, match="no identity provider group named 'corp'"):
        served.platform.ensure(replace(ROOM, host_identity_provider_group="corp"))
    assert served.rooms() == {}


def test_an_alias_of_another_service_is_a_conflict_and_nothing_of_it_changes(served):
    other = served.own_vmr(name="Reception", aliases=["100200"])
    with pytest.raises(AliasConflict) as caught:
        served.platform.ensure(ROOM)
    assert caught.value.aliases == ("100200",)
    assert served.rooms() == {}
    with served.world.database.read() as session:
        assert vmrs.get(session, other).version == 1
    kept = replace(ROOM, aliases=("100200@video.example.com",))
    served.platform.ensure(kept)
    with pytest.raises(AliasConflict):
        served.platform.ensure(ROOM)
    assert served.rooms() == {ROOM.name: kept.aliases}


def test_an_alias_that_the_platform_handed_out_itself_is_a_conflict(served):
    with served.world.database.write() as session:
        handed_out(session, "100200", served.world.clock())
    with pytest.raises(AliasConflict) as caught:
        served.platform.ensure(ROOM)
    assert caught.value.aliases == ROOM.aliases


def test_a_name_of_another_service_is_told(served):
    served.own_vmr(name=ROOM.name)
    with pytest.raises(Misconfigured, match="has another VMR named"):
        served.platform.ensure(ROOM)


def test_what_is_taken(served):
    served.platform.ensure(ROOM)
    served.own_vmr(name="Reception", aliases=["Desk@video.example.com"])
    taken = served.platform.taken
    assert taken(ROOM.aliases, ROOM.name, TAG).aliases == ()
    assert taken(ROOM.aliases, ROOM.name, TAG).name is False
    assert taken(ROOM.aliases, ROOM.name, "sched:another").aliases == ROOM.aliases
    assert taken((), ROOM.name, "sched:another").name is True
    assert taken(("desk@video.example.com", "9"), "Reception", TAG).aliases == ("desk@video.example.com",)
    assert taken((), "reception", TAG).name is False


def test_tags_users_and_vmrs_come_page_by_page(served, monkeypatch):
    monkeypatch.setattr(management_calls, "PAGE", 2)
    for number in range(5):
        served.platform.ensure(replace(ROOM, tag=f"sched:{number}", name=f"R{number}", aliases=(f"77{number}",)))
        served.own_vmr(
            name=f"V{number}",
            aliases=[f"v{number}@video.example.com", f"88{number}"],
            primary_owner_email_address=f"p{number}@example.com",
            pin="13579",
        )
        with served.world.database.write() as session:
            values = {
                "primary_email_address": f"p{number}@example.com",
                "first_name": "P",
                "display_name": f"P {number}",
            }
            users.save(session, None, values, caller=ON_THIS_MACHINE, now=served.world.clock())
    served.own_vmr(name="Nobody's")
    assert list(served.platform.tags()) == [f"sched:{number}" for number in range(5)]
    found = list(served.platform.users())
    assert [one.primary_email_address for one in found] == [f"p{number}@example.com" for number in range(5)]
    assert (found[0].first_name, found[0].last_name, found[0].display_name) == ("P", "", "P 0")
    rooms = list(served.platform.vmrs())
    assert [one.name for one in rooms] == [f"V{number}" for number in range(5)]
    assert (rooms[3].pin, rooms[3].guest_pin, rooms[3].owner) == ("13579", "", "p3@example.com")
    assert rooms[3].aliases == ("v3@video.example.com", "883")


def test_a_list_that_changes_while_it_is_read_is_not_half_believed(served, monkeypatch):
    monkeypatch.setattr(management_calls, "PAGE", 2)
    numbers = [served.own_vmr(name=f"V{n}", primary_owner_email_address="p@example.com") for n in range(5)]
    reading = served.platform.vmrs()
    next(reading)
    with served.world.database.write() as session:
        vmrs.delete(session, numbers[0], caller=ON_THIS_MACHINE, now=served.world.clock())
    with pytest.raises(Upstream, match="changed the list"):
        list(reading)


def test_probe(served):
    port = int(served.address.url.rsplit(":", 1)[1])
    served.platform.probe()
    with pytest.raises(Misconfigured, match="refuses the user name or the password"):
        opened(port, password="wrong").probe()
    with pytest.raises(Misconfigured, match="missing"):
        opened(port, password="")
    with pytest.raises(Misconfigured, match="https"):
        opened(port, url="http://127.0.0.1:1")


def test_a_user_who_may_only_look_is_told_so(served):
    with served.world.database.write() as session:
        if session.scalar(select(func.count()).where(ApiUserRow.name == "viewer")) == 0:
            digest, now = api_users.token_hash("token-of-viewer"), served.world.clock()
            role = Role.VIEWER.value
            session.add(ApiUserRow(name="viewer", token_hash=digest, role=role, integrations=[], created_at=now))
    port = int(served.address.url.rsplit(":", 1)[1])
    with pytest.raises(Misconfigured, match="may not do this"):
        opened(port, username="viewer", password="token-of-viewer").ensure(ROOM)


def test_a_minute_has_a_number_of_requests():
    now = [0.0]
    pace = Pace(3, lambda: now[0])
    for _request in range(3):
        pace.take()
    with pytest.raises(Upstream) as caught:
        pace.take()
    assert caught.value.retry_after == 61
    now[0] = 60.5
    pace.take()
