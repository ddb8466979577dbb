"""From Send to the room and back: Outlook, pane, mailbox, worker, reply, and what a conference node is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page

from addin_host.domain.calendar import MessageKind
from addin_host.domain.tag import Kind
from tests.gateways.graph.world import GraphWorld

from . import chain as chains
from .chain import Chain, Organizer
from .conftest import World
from .exchange_metadata import Exchange
from .pane import DOWN

REJECTED = {"status": "success", "action": "reject"}
BEFORE, AFTER = timedelta(minutes=30), timedelta(minutes=60)
STEPS = ["fetched", "decided", "room", "reply"]


@pytest.fixture(scope="module", params=["EWS over PostgreSQL", "Graph over SQLite"])
def chain(request: pytest.FixtureRequest, world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    is_ews = request.param.startswith("EWS")
    url = request.getfixturevalue("cluster").create("chain") if is_ews else ""
    side: AbstractContextManager = (chains.behind_ews if is_ews else chains.behind_graph)(world.certificate)
    with side as opened, chains.installed(world, tmp_path_factory.mktemp("chain"), url, opened) as running:
        yield running
        assert running.complaints() == []


@pytest.fixture
def organizer(page: Page, chain: Chain, exchange: Exchange) -> Organizer:
    assert exchange.fault is None
    return Organizer(page, chain)


def whole_minute(**from_now: float) -> datetime:
    return (datetime.now(UTC) + timedelta(**from_now)).replace(second=0, microsecond=0)


def test_a_meeting_is_scheduled_moved_and_cancelled(organizer: Organizer, chain: Chain) -> None:
    records, start = chain.records, whole_minute(days=10)
    organizer.write("Budget", start)
    organizer.pane.add_single_use()
    (tag,) = records.tags(organizer.host.body)
    alias = records.alias(tag)
    assert chain.policy(alias.alias) == REJECTED
    organizer.send()
    chain.start_worker()
    organizer.until(chain.told, "the meeting is answered")
    (accepted,) = chain.told()
    assert accepted.accept in (True, None)
    assert (accepted.to, accepted.subject) == ("alice@contoso.example", "Accepted: Budget")
    assert f"scheduled using the aliases: {alias.alias} and {alias.numeric_alias}" in accepted.html
    room = records.room(organizer.uid)
    assert room is not None
    assert (room.name, room.aliases) == ("Budget (Alice Example)", (alias.alias, alias.numeric_alias))
    assert room.windows == ((start - BEFORE, start + timedelta(hours=1) + AFTER),)
    assert chain.policy(alias.alias) == REJECTED
    look_at_it(chain, alias.alias, accepted.correlation_id)

    soon = whole_minute(minutes=10)
    organizer.move(soon)
    organizer.send()
    organizer.until(lambda: chain.told(beyond=1), "the change is answered")
    (edited,) = chain.told(beyond=1)
    assert f"rescheduled using the aliases: {alias.alias} and {alias.numeric_alias}" in edited.html
    moved = records.room(organizer.uid)
    assert moved is not None
    assert (moved.uuid, moved.windows) == (room.uuid, ((soon - BEFORE, soon + timedelta(hours=1) + AFTER),))
    for dialled in (f"sip:{alias.alias}", alias.numeric_alias):
        told = chain.policy(dialled)
        assert told["action"] == "continue"
        assert told["result"]["name"] == "Budget (Alice Example)"
        assert told["result"]["service_tag"] == f"sched:{room.uuid}"

    organizer.send(MessageKind.CANCELLATION)
    organizer.until(lambda: records.room(organizer.uid) is None, "the room is gone")
    assert chain.policy(alias.alias) == REJECTED
    assert records.outbox(organizer.uid) == [("reply", "done")] * 2
    assert len(chain.told()) == 2


def look_at_it(chain: Chain, alias: str, correlation_id: str) -> None:
    """The commands tell of the meeting, and the id of the reply leads to every step."""
    (listed,) = chain.command("conference", "list")
    assert (listed["name"], listed["organizer"], listed["state"]) == (
        "Budget (Alice Example)",
        "alice@contoso.example",
        "To come",
    )
    shown = chain.command("conference", "show", alias)
    assert shown["id"] == listed["id"]
    steps = [step for step in shown["history"] if step["correlation_id"] == correlation_id]
    assert sorted([step["step"] for step in steps], key=STEPS.index) == STEPS
    assert all(step["success"] for step in steps)
    logged = [line["message"] for line in chain.log() if line["correlation_id"] == correlation_id]
    assert [message.partition(": ")[2] for message in logged] == [
        "fetched request, decided accept_new_single_meeting, room room_written",
        "reply reply_sent",
    ]
    assert not [line for line in chain.log() if "Budget" in line["message"] or "alice" in line["message"]]


def test_a_placeholder_gets_its_alias_once_the_service_is_back(organizer: Organizer, chain: Chain) -> None:
    so_far = len(chain.told())
    organizer.write("Roadmap", whole_minute(days=3))
    with chain.world.down():
        organizer.pane.add_single_use(then=DOWN)
    (promise,) = chain.records.tags(organizer.host.body)
    assert promise.kind is Kind.PLACEHOLDER
    organizer.send()
    chain.start_worker()
    organizer.until(lambda: chain.told(beyond=so_far), "the meeting is answered")
    (accepted,) = chain.told(beyond=so_far)
    alias, room = chain.records.alias(promise), chain.records.room(organizer.uid)
    assert room is not None
    assert room.aliases == (alias.alias, alias.numeric_alias)
    assert f"scheduled using the aliases: {alias.alias}" in accepted.html
    is_written = isinstance(chain.side, GraphWorld)
    instructions = chain.appointment(organizer.uid) if is_written else accepted.html
    assert f"pexip://{alias.alias}" in instructions
    (tag,) = chain.records.tags(instructions)
    assert (tag.kind, tag.uuid) == (Kind.ALIAS, promise.uuid)
    if is_written:  # everybody gets the update, the mailbox too: nothing that it would answer
        assert f"pexip://{alias.alias}" not in accepted.html
        organizer.host.edit(body=instructions)
        organizer.send()
        organizer.until(lambda: "decided updated" in chain.log()[-1]["message"], "the update was looked at")
        assert chain.records.outbox(organizer.uid) == [("rewrite", "done"), ("reply", "done")]
