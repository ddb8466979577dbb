"""Every call to Graph, and twelve faults: each ends soon, in the words of the port, and the next call works."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest

from addin_host.domain.calendar import Reading
from addin_host.domain.mailbox import Fault, Mailbox, MailboxTrouble
from addin_host.gateways.graph import GraphMailboxes
from tests.gateways.graph.server import TOKEN_PATH
from tests.gateways.graph.world import ACCESS, GraphWorld, impatient, integration
from tests.gateways.mailbox_contract import HORIZON, MARK, meeting_of, reply_to, rewrite_of, series, single, uid
from tests.gateways.peers.faulty import RETRY_AFTER, Kind

Work = Callable[[Mailbox, str, str], object]
# The calls that the adapter makes, each with the operation of the port that leads to it.
CALLS: dict[str, Work] = {
    "token": lambda mailbox, _item, _event: mailbox.arrivals(""),
    "delta": lambda mailbox, _item, _event: mailbox.arrivals(""),
    "batch": lambda mailbox, item, _event: mailbox.read([item, item], HORIZON),
    "message": lambda mailbox, item, _event: mailbox.read([item], HORIZON),
    "event": lambda mailbox, _item, event: mailbox.meeting(event, HORIZON),
    "instances": lambda mailbox, _item, event: mailbox.meeting(event, HORIZON),
    "events": lambda mailbox, _item, _event: mailbox.find(uid(1), HORIZON),
    "list": lambda mailbox, _item, _event: mailbox.calendar(HORIZON.since, HORIZON.until, ""),
    "accept": lambda mailbox, item, event: mailbox.reply(reply_to(item, event)),
    "decline": lambda mailbox, item, event: mailbox.reply(reply_to(item, event, accept=False)),
    "sendMail": lambda mailbox, item, event: mailbox.reply(reply_to(item, event)),
    "sentitems": lambda mailbox, _item, _event: mailbox.was_sent("id", HORIZON.since),
    "rewrite": lambda mailbox, _item, _event: mailbox.rewrite(rewrite_of(single())),
    "inbox": lambda mailbox, _item, _event: mailbox.owner(),
    "mark": lambda mailbox, _item, _event: mailbox.own(MARK),
    "calendar": lambda mailbox, _item, _event: mailbox.probe(),
    "move": lambda mailbox, item, _event: mailbox.tidy(item),
}
BATCHED = {"batch", "message", "event", "instances"}  # these travel as parts of a batch
FAULTS = {
    Kind.ERROR: {Fault.UNREACHABLE},
    Kind.UNAVAILABLE: {Fault.BUSY},
    Kind.THROTTLED: {Fault.BUSY},
    Kind.TIMEOUT: {Fault.UNREACHABLE},
    Kind.RESET: {Fault.UNREACHABLE},
    Kind.SLOW_DRIP: {Fault.UNREACHABLE},
    Kind.TRUNCATED: {Fault.UNREACHABLE},
    Kind.BAD_BODY: {Fault.UNUSABLE},
    Kind.HUGE_BODY: {Fault.UNUSABLE},
    Kind.GZIP_BOMB: {Fault.UNUSABLE},
    Kind.EXPIRED_TOKEN: {Fault.AUTHENTICATION},
    Kind.NOT_FOUND: {Fault.MAILBOX_UNKNOWN, Fault.DENIED, Fault.AUTHENTICATION},  # also: the organizer's, the endpoint
}
GONE_IS_FINE = {"accept", "decline", "move", "rewrite", "event", "instances", "message"}
NOTHING_TO_READ = {"accept", "decline", "sendMail", "move", "mark", "rewrite"}  # an answer's body is not looked at
SLOW = {Kind.TIMEOUT, Kind.SLOW_DRIP}
LARGE = 300_000


def outcome(work: Callable[[], object]) -> object:
    """Return what came of a call, or the trouble; one that stands in an item's place as well."""
    try:
        result = work()
    except MailboxTrouble as trouble:
        return trouble
    return (
        next((one for one in result if isinstance(one, MailboxTrouble)), result) if isinstance(result, list) else result
    )


def operation_of(call: str) -> str:
    return "batch" if call in BATCHED else "events" if call == "list" else call


@pytest.mark.parametrize("kind", [*FAULTS])
def test_every_call_with_a_fault(world: GraphWorld, kind: Kind) -> None:
    world.server.faults.huge = LARGE
    item = world.deliver(series())
    well = world.mailbox()
    event = meeting_of(well, item).item_id
    for call, work in CALLS.items():
        hurried = impatient(world.server, seconds=0.25 if kind in SLOW else 20, max_bytes=LARGE // 2)
        mailbox = hurried.open(integration(world.server), ACCESS)
        if call != "token" and kind in SLOW:
            signed_in(hurried, well)
        started = time.monotonic()
        with world.server.faults.during(operation_of(call), kind) as faults:
            found = outcome(partial(work, mailbox, item, event))
            assert faults.played, f"{call} was not called"
        assert time.monotonic() - started < 10, call
        judge(call, kind, found)
        again = outcome(partial(work, well, item, event))
        assert not isinstance(again, MailboxTrouble), (call, again.message)


def signed_in(hurried: GraphMailboxes, well: Mailbox) -> None:
    """Give one's token to the other: fetching it is no part of what is hurried."""
    for name, token in well._client._tokens._shelf._tokens.items():  # type: ignore[attr-defined]
        hurried._shelf.put(name, token)


def judge(call: str, kind: Kind, found: object) -> None:
    """Check that what came of a call is what the fault means."""
    is_trouble = isinstance(found, MailboxTrouble)
    if kind is Kind.NOT_FOUND and call in GONE_IS_FINE and not is_trouble:
        return
    if kind is Kind.BAD_BODY and call in NOTHING_TO_READ and not is_trouble:
        return
    assert isinstance(found, MailboxTrouble), (call, found)
    assert found.fault in FAULTS[kind], (call, found.message)
    assert found.retry_after == (RETRY_AFTER if found.fault is Fault.BUSY else None), call


@pytest.mark.parametrize("part", ["message", "event", "instances"])
@pytest.mark.parametrize(
    ("status", "fault"), [(429, Fault.BUSY), (503, Fault.BUSY), (401, Fault.AUTHENTICATION), (403, Fault.DENIED)]
)
def test_a_part_of_a_batch_tells_what_is_wrong_with_the_mailbox(
    world: GraphWorld, part: str, status: int, fault: Fault
) -> None:
    items = [world.deliver(series(number)) for number in range(3)]
    world.server.refusals[part] = (status, {})
    trouble = outcome(lambda: world.mailbox().read(items, HORIZON))
    assert isinstance(trouble, MailboxTrouble)
    assert (trouble.fault, trouble.retry_after) == (fault, 7 if fault is Fault.BUSY else None)


@pytest.mark.parametrize("part", ["message", "event", "instances"])
@pytest.mark.parametrize("answer", [(500, {}), (200, {}), (200, None), (200, {"value": 1, "type": "seriesMaster"})])
def test_parts_that_cannot_be_read_stand_in_their_place(
    world: GraphWorld, part: str, answer: tuple[int, dict[str, object] | None]
) -> None:
    item = world.deliver(series())
    world.server.refusals[part] = answer
    (found,) = world.mailbox().read([item], HORIZON)
    if part == "message" and answer[1] is not None and answer[0] == 200:
        assert found == Reading(None, None)  # a message, but none about a meeting
        return
    assert isinstance(found, MailboxTrouble)
    assert found.fault is Fault.UNUSABLE


def test_a_part_of_a_batch_fails(world: GraphWorld) -> None:
    items = [world.deliver(single(number)) for number in range(4)]
    world.server.faults.plan("batch", Kind.PARTIAL_BATCH, times=1)
    found = world.mailbox().read(items, HORIZON)
    assert [type(one) for one in found] == [MailboxTrouble, MailboxTrouble, Reading, Reading]
    assert {one.fault for one in found if isinstance(one, MailboxTrouble)} == {Fault.UNUSABLE}
    assert all(isinstance(one, Reading) for one in world.mailbox().read(items, HORIZON))


@pytest.mark.parametrize("kind", [Kind.TIMEOUT, Kind.RESET, Kind.TRUNCATED])
def test_a_mail_that_was_sent_before_the_answer_was_lost_is_found(world: GraphWorld, kind: Kind) -> None:
    item = world.deliver(single())
    well = world.mailbox()
    reply = reply_to(item, meeting_of(well, item).item_id)
    hurried = impatient(world.server, seconds=0.4, max_bytes=LARGE)
    signed_in(hurried, well)
    world.server.faults.plan("sendMail", kind, times=1, after_acting=True)
    trouble = outcome(lambda: hurried.open(integration(world.server), ACCESS).reply(reply))
    assert isinstance(trouble, MailboxTrouble)
    assert trouble.fault is Fault.UNREACHABLE
    assert well.was_sent(reply.correlation_id, world.now() - timedelta(minutes=1))
    assert len(world.sent()) == 1


def test_a_token_that_ended_is_fetched_again_once(world: GraphWorld) -> None:
    mailbox = world.mailbox()
    mailbox.probe()
    world.server.tokens.clear()
    mailbox.probe()
    asked = [request for request in world.server.requests if request.path == TOKEN_PATH]
    assert len(asked) == 2


def test_an_operation_of_many_calls_ends_in_time(world: GraphWorld) -> None:
    items = [world.deliver(single(number)) for number in range(40)]
    well = world.mailbox()
    well.probe()
    hurried = impatient(world.server, seconds=1.0, max_bytes=10 * LARGE)
    signed_in(hurried, well)
    world.server.bend = lambda _operation, document: time.sleep(0.05) or document  # type: ignore[func-returns-value]
    started = time.monotonic()
    trouble = outcome(lambda: hurried.open(integration(world.server), ACCESS).read(items, HORIZON))
    assert time.monotonic() - started < 2.5
    assert isinstance(trouble, MailboxTrouble)
    assert trouble.fault is Fault.UNREACHABLE
