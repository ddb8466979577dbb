"""Every call to the management API x 12 faults: an error of ours, and one room in the end, whatever was heard of it.

The peer is our own REST interface behind a server that plays the faults.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import delete, select

from addin_host.domain.access import ON_THIS_MACHINE, Role
from addin_host.domain.addresses import AddressPolicy, Peer
from addin_host.domain.errors import Misconfigured, Upstream
from addin_host.domain.rooms import AliasConflict, Platform, PlatformAddress, Room
from addin_host.flows import api_users, users, vmrs
from addin_host.gateways import management_calls
from addin_host.gateways.http import Outbound
from addin_host.gateways.management import ManagementPlatforms
from addin_host.store.models import ApiUserRow, ConferenceRow, EndUserRow, IvrThemeRow
from tests.gateways.peers.faulty import MATRIX, RETRY_AFTER, Faults, Kind
from tests.gateways.peers.server import LocalServer, Request, answer
from tests.web.conftest import World, a_world

ROOT = "/api/admin/configuration/v1"
ROOM = Room("sched:1", "Weekly", "", ("100200@video.example.com", "100200"), ivr_theme="Corp")
CHANGED = replace(ROOM, description="New", aliases=("100200@video.example.com", "300400"))
SLOW = frozenset({Kind.TIMEOUT, Kind.SLOW_DRIP})


def operation_of(request: Request) -> str:
    """`GET ivr_theme`, `PATCH conference`; what is asked by tag is `find`."""
    if "tag=" in request.target:
        return "find"
    return f"{request.method} {request.path.removeprefix(ROOT).strip('/').split('/')[0]}"


class FaultyPeer:
    """Our REST interface with faults before it."""

    def __init__(self, world: World) -> None:
        self.world, self.faults = world, Faults(seconds=2, huge=400_000)
        self.server = LocalServer(self.faults.behaviour(self.behave, operation_of))

    def behave(self, request: Request, connection: socket.socket) -> None:
        """Hand the request to the application; a partial batch is one of whose parts some are missing."""
        body, partial = request.body, self.faults.take(operation_of(request), Kind.PARTIAL_BATCH)
        if partial and request.method == "POST":
            body = body.replace(b', {"alias": "100200"}', b"")
        found = self.world.app.test_client().open(
            request.target, method=request.method, headers=request.headers, data=body, base_url="https://127.0.0.1"
        )
        data = found.data
        if partial and request.method == "GET":
            data = data.replace(b'"total_count":0', b'"total_count":7').replace(b'"total_count":2', b'"total_count":3')
        located = [f"Location: {found.headers['Location']}"] if "Location" in found.headers else []
        answer(connection, data, status=found.status_code, headers=("Content-Type: application/json", *located))

    def platform(self, seconds: float = 30) -> Platform:
        """Open it; `seconds` is how long an operation may take."""
        peer = Peer("http", "127.0.0.1", self.server.port)
        address = PlatformAddress(peer.origin, "manager", "token-of-manager")
        outbound = Outbound(connect_seconds=seconds, deadline_seconds=seconds)
        return ManagementPlatforms(outbound, policy=AddressPolicy(exceptions=frozenset({peer}))).open(address)

    def rooms(self) -> list[tuple[str, str, tuple[str, ...]]]:
        with self.world.database.read() as session:
            rows = session.scalars(select(ConferenceRow).where(ConferenceRow.tag == ROOM.tag)).all()
            return [(row.name, row.description, tuple(alias.alias for alias in row.aliases)) for row in rows]


@pytest.fixture(scope="module")
def _peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyPeer]:
    with a_world(tmp_path_factory.mktemp("peer")) as world:
        with world.database.write() as session:
            plain = {"role": Role.PLATFORM_ADMIN.value, "integrations": [], "created_at": world.clock()}
            session.add(ApiUserRow(name="manager", token_hash=api_users.token_hash("token-of-manager"), **plain))
        made = FaultyPeer(world)
        with made.server:
            yield made


@pytest.fixture
def peer(_peer: FaultyPeer, monkeypatch: pytest.MonkeyPatch) -> FaultyPeer:
    monkeypatch.setattr(management_calls, "_MAX_BYTES", 300_000)
    _peer.faults.clear()
    world = _peer.world
    world.clock.forward(minutes=1)  # so many requests are more than a minute may have
    with world.database.write() as session:
        for row in (ConferenceRow, EndUserRow, IvrThemeRow):
            session.execute(delete(row))
        session.add(IvrThemeRow(name="Corp"))
    with world.database.write() as session:
        more: dict[str, Any] = {"caller": ON_THIS_MACHINE, "now": world.clock()}
        for number in range(2):
            owner = {"primary_owner_email_address": "p@example.com"}
            vmrs.save(session, None, {"name": f"V{number}", **owner}, box=world.services.box, **more)
            users.save(session, None, {"primary_email_address": f"p{number}@example.com"}, **more)
    return _peer


Act = Callable[[Platform], object]
CASES: dict[str, tuple[bool, str, Act]] = {
    # what is called: whether the room is there before, the operation at fault, and what is done
    "probe": (False, "GET conference", lambda it: it.probe()),
    "find": (False, "find", lambda it: it.ensure(ROOM)),
    "theme": (False, "GET ivr_theme", lambda it: it.ensure(ROOM)),
    "create": (False, "POST conference", lambda it: it.ensure(ROOM)),
    "change": (True, "PATCH conference", lambda it: it.ensure(CHANGED)),
    "add alias": (True, "POST conference_alias", lambda it: it.ensure(CHANGED)),
    "remove alias": (True, "DELETE conference_alias", lambda it: it.ensure(CHANGED)),
    "remove": (True, "DELETE conference", lambda it: it.remove(ROOM.tag)),
    "taken": (True, "GET conference_alias", lambda it: it.taken(ROOM.aliases, ROOM.name, "sched:2")),
    "tags": (True, "GET conference", lambda it: list(it.tags())),
    "users": (False, "GET end_user", lambda it: list(it.users())),
    "vmrs": (False, "GET conference", lambda it: list(it.vmrs())),
}
GONE_IS_FINE = {("remove", Kind.NOT_FOUND), ("remove alias", Kind.NOT_FOUND)}


@pytest.mark.parametrize("kind", MATRIX, ids=str)
@pytest.mark.parametrize("name", CASES)
def test_faults(peer: FaultyPeer, name: str, kind: Kind) -> None:
    is_there, operation, act = CASES[name]
    if is_there:
        peer.platform().ensure(ROOM)
    peer.faults.plan("GET conference" if operation == "find" and kind is Kind.PARTIAL_BATCH else operation, kind)
    platform = peer.platform(0.4 if kind in SLOW else 30)
    if kind is Kind.PARTIAL_BATCH:
        with suppress(Upstream):  # a list that is cut short is no list; a room that is half there is completed
            act(platform)
    elif (name, kind) in GONE_IS_FINE:
        act(platform)
    else:
        _fails(kind, operation, lambda: act(platform))
    peer.faults.clear()
    act(peer.platform())
    if name in ("find", "theme", "create"):
        assert peer.rooms() == [(ROOM.name, "", ROOM.aliases)]
    elif name in ("change", "add alias", "remove alias"):
        assert peer.rooms() == [(ROOM.name, "New", CHANGED.aliases)]
    elif name == "remove":
        assert peer.rooms() == []


def _fails(kind: Kind, operation: str, act: Callable[[], object]) -> None:
    with pytest.raises((Upstream, Misconfigured)) as caught:
        act()
    is_of_settings = kind is Kind.EXPIRED_TOKEN or (kind is Kind.NOT_FOUND and operation.startswith(("GET", "find")))
    assert isinstance(caught.value, Misconfigured) is is_of_settings
    if kind in (Kind.UNAVAILABLE, Kind.THROTTLED):
        assert caught.value.retry_after == RETRY_AFTER
    assert "nonsense" not in caught.value.message


@pytest.mark.parametrize("kind", [Kind.RESET, Kind.TRUNCATED, Kind.ERROR, Kind.TIMEOUT], ids=str)
@pytest.mark.parametrize("name", ["create", "change", "add alias", "remove alias", "remove"])
def test_the_answer_to_a_write_is_lost(peer: FaultyPeer, name: str, kind: Kind) -> None:
    """The platform did what it was asked and nobody heard: repeated, it is done once."""
    is_there, operation, act = CASES[name]
    if is_there:
        peer.platform().ensure(ROOM)
    peer.faults.plan(operation, kind, times=1, after_acting=True)
    with pytest.raises(Upstream):
        act(peer.platform(0.4 if kind in SLOW else 30))
    act(peer.platform())
    expected = {"create": [("Weekly", "", ROOM.aliases)], "remove": []}
    assert peer.rooms() == expected.get(name, [("Weekly", "New", CHANGED.aliases)])


def test_a_conflict_that_cannot_be_looked_into_is_no_conflict_yet(peer: FaultyPeer) -> None:
    with peer.world.database.write() as session:
        more: dict[str, Any] = {"caller": ON_THIS_MACHINE, "now": peer.world.clock(), "box": peer.world.services.box}
        vmrs.save(session, None, {"name": "Other", "aliases": ["100200"]}, **more)
    peer.faults.plan("GET conference_alias", Kind.ERROR, times=1)
    with pytest.raises(Upstream):
        peer.platform().ensure(ROOM)
    with pytest.raises(AliasConflict):
        peer.platform().ensure(ROOM)
    assert peer.rooms() == []


@pytest.mark.parametrize(
    "bent",
    [
        (b'"total_count":', b'"total_count":1e999,"more":'),
        (b'"id":', b'"id":[1],"number":'),
        (b'"resource_uri":', b'"resource_uri":{"a":1},"address":'),
        (b'"conference":', b'"conference":[1],"of":'),
        (b'"aliases":', b'"aliases":true,"other":'),
    ],
    ids=["so many", "id", "address", "conference", "aliases"],
)
def test_objects_that_are_none(peer: FaultyPeer, monkeypatch: pytest.MonkeyPatch, bent: tuple[bytes, bytes]) -> None:
    def behave(request: Request, connection: socket.socket) -> None:
        found = peer.world.app.test_client().get(request.target, headers=request.headers, base_url="https://127.0.0.1")
        answer(connection, found.data.replace(*bent), headers=("Content-Type: application/json",))

    peer.platform().ensure(ROOM)
    with LocalServer(behave) as server:
        monkeypatch.setattr(peer, "server", server)
        for act in ("tags", "users", "vmrs", "taken", "find", "probe"):
            with suppress(Upstream, Misconfigured, AliasConflict):
                CASES[act][2](peer.platform())
