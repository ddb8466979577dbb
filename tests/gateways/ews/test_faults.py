"""Every operation of a mailbox over EWS x everything that may go wrong on the way."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from addin_host.domain.calendar import MessageKind, Reading
from addin_host.domain.mailbox import Fault, MailboxTrouble
from addin_host.gateways.http import Outbound
from tests.gateways.ews.exchange import Refused
from tests.gateways.ews.server import EwsServer, soap_fault
from tests.gateways.ews.world import exchange_server, open_at
from tests.gateways.mailbox_contract import HORIZON, OPERATIONS, fault_of, reply_to, rewrite_of, single
from tests.gateways.peers.faulty import ALL, HUGE, MATRIX, RETRY_AFTER, Kind

EXPECTED = {
    Kind.ERROR: Fault.UNREACHABLE,
    Kind.UNAVAILABLE: Fault.BUSY,
    Kind.THROTTLED: Fault.BUSY,
    Kind.TIMEOUT: Fault.UNREACHABLE,
    Kind.RESET: Fault.UNREACHABLE,
    Kind.SLOW_DRIP: Fault.UNREACHABLE,
    Kind.TRUNCATED: Fault.UNREACHABLE,
    Kind.BAD_BODY: Fault.UNUSABLE,
    Kind.HUGE_BODY: Fault.UNUSABLE,
    Kind.GZIP_BOMB: Fault.UNUSABLE,
    Kind.EXPIRED_TOKEN: Fault.AUTHENTICATION,
    Kind.NOT_FOUND: Fault.UNREACHABLE,
}
BATCHES = ("read", "meeting")  # when nothing else can be read either, it is not the item's fault
SECONDS = 0.4
HUGE_ANSWER = b" " * HUGE


@pytest.fixture(scope="module")
def server() -> Iterator[EwsServer]:
    with exchange_server() as server:
        server.exchange.deliver(single(1), MessageKind.REQUEST, None, "", is_dropped=False)
        yield server


@pytest.fixture
def item_id(server: EwsServer) -> Iterator[str]:
    yield next(iter(server.exchange.messages))
    server.faults.clear()


@pytest.mark.parametrize("kind", [kind for kind in EXPECTED if kind not in (Kind.HUGE_BODY, Kind.GZIP_BOMB)])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_fault_is_told_within_the_time(server: EwsServer, item_id: str, operation: str, kind: Kind) -> None:
    slow = kind in (Kind.TIMEOUT, Kind.SLOW_DRIP)
    mailbox = open_at(server, seconds=SECONDS if slow else 10)
    server.faults.plan(ALL, kind)
    began = time.monotonic()
    trouble = fault_of(lambda: OPERATIONS[operation](mailbox))
    if slow:
        assert time.monotonic() - began < SECONDS + 2
    in_batch = EXPECTED[kind] is Fault.UNUSABLE and operation in BATCHES
    assert trouble.fault is (Fault.UNREACHABLE if in_batch else EXPECTED[kind])
    assert trouble.retry_after == (RETRY_AFTER if trouble.fault is Fault.BUSY else None)
    server.faults.clear()
    mailbox.probe()


@pytest.mark.parametrize("kind", [Kind.HUGE_BODY, Kind.GZIP_BOMB])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_huge_answer_is_given_up(server: EwsServer, item_id: str, operation: str, kind: Kind) -> None:
    mailbox = open_at(server)
    server.faults.plan(ALL, kind)
    expected = Fault.UNREACHABLE if operation in BATCHES else Fault.UNUSABLE
    assert fault_of(lambda: OPERATIONS[operation](mailbox)).fault is expected


def test_every_fault_of_the_matrix_is_played() -> None:
    assert set(MATRIX) <= {*EXPECTED, Kind.PARTIAL_BATCH}


def test_a_batch_that_is_refused_half_way_is_refused_as_a_whole(server: EwsServer, item_id: str) -> None:
    server.faults.plan("GetItem", Kind.PARTIAL_BATCH, times=1)
    trouble = fault_of(lambda: open_at(server).read([item_id, item_id], HORIZON))
    assert (trouble.fault, trouble.retry_after) == (Fault.BUSY, 7)


@pytest.mark.parametrize("code", ["ErrorInternalServerError", "ErrorAccessDenied", "ErrorItemCorrupt"])
def test_a_corrupt_item_does_not_hold_up_the_mailbox(server: EwsServer, item_id: str, code: str) -> None:
    server.exchange.refused["corrupt"] = code
    first, bad, last = open_at(server).read([item_id, "corrupt", item_id], HORIZON)
    assert isinstance(first, Reading)
    assert isinstance(last, Reading)
    assert isinstance(bad, MailboxTrouble)
    assert bad.fault is Fault.UNUSABLE


def test_an_item_that_fails_with_the_whole_mailbox_is_not_at_fault(server: EwsServer, item_id: str) -> None:
    server.exchange.refused["corrupt"] = "ErrorInternalServerError"
    server.faults.plan("GetFolder", Kind.ERROR)
    assert fault_of(lambda: open_at(server).read([item_id, "corrupt"], HORIZON)).fault is Fault.UNREACHABLE


def test_an_answer_that_lacks_items_is_asked_for_again(server: EwsServer, item_id: str) -> None:
    answered = server.exchange.answer
    lost: list[str] = []

    def forgetful(request, acting_as):  # type: ignore[no-untyped-def]
        messages = answered(request, acting_as)
        if len(messages) > 1 and request.tag.endswith("}GetItem"):
            lost.append("one")
            return messages[:-1]
        return messages

    server.exchange.answer = forgetful  # type: ignore[method-assign]
    try:
        found = open_at(server).read([item_id, "gone", item_id], HORIZON)
    finally:
        server.exchange.answer = answered  # type: ignore[method-assign]
    assert [isinstance(one, Reading) and one.notice is not None for one in found] == [True, False, True]
    assert lost


@pytest.mark.parametrize("kind", [Kind.TRUNCATED, Kind.RESET, Kind.ERROR])
def test_a_reply_whose_answer_was_lost_is_found(server: EwsServer, item_id: str, kind: Kind) -> None:
    reply = reply_to(item_id, "", correlation_id=f"lost-{kind}")
    server.faults.plan("UpdateItem", kind, times=1, after_acting=True)
    mailbox = open_at(server)
    assert fault_of(lambda: mailbox.reply(reply)).fault is Fault.UNREACHABLE
    assert mailbox.was_sent(reply.correlation_id, HORIZON.since)


def test_a_reply_that_was_not_begun_is_not_found(server: EwsServer, item_id: str) -> None:
    reply = reply_to(item_id, "", correlation_id="never")
    server.faults.plan("CreateItem", Kind.RESET, times=1)
    mailbox = open_at(server)
    assert fault_of(lambda: mailbox.reply(reply)).fault is Fault.UNREACHABLE
    assert not mailbox.was_sent(reply.correlation_id, HORIZON.since)
    mailbox.reply(reply)
    assert mailbox.was_sent(reply.correlation_id, HORIZON.since)


CODES = {
    "ErrorServerBusy": Fault.BUSY,
    "ErrorExceededConnectionCount": Fault.BUSY,
    "ErrorInternalServerTransientError": Fault.UNREACHABLE,
    "ErrorMailboxStoreUnavailable": Fault.UNREACHABLE,
    "ErrorNonExistentMailbox": Fault.MAILBOX_UNKNOWN,
    "ErrorAccessDenied": Fault.DENIED,
    "ErrorImpersonateUserDenied": Fault.DENIED,
    "ErrorSchemaValidation": Fault.UNUSABLE,
    "ErrorInvalidServerVersion": Fault.UNUSABLE,
    "ErrorThatNobodyKnows": Fault.UNUSABLE,
}


@pytest.mark.parametrize("code", CODES)
def test_codes_of_a_soap_fault(server: EwsServer, item_id: str, code: str) -> None:
    server.trouble = lambda _request: (500, soap_fault(Refused(code)))
    try:
        trouble = fault_of(open_at(server).probe)
    finally:
        server.trouble = None
    assert (trouble.fault, trouble.retry_after) == (CODES[code], None)


@pytest.mark.parametrize(("milliseconds", "seconds"), [("1", 1), ("6500", 7), ("300000", 300), ("99000000", 3600)])
def test_the_servers_own_wait_is_rounded_up(server: EwsServer, item_id: str, milliseconds: str, seconds: int) -> None:
    fault = soap_fault(Refused("ErrorServerBusy", BackOffMilliseconds=milliseconds))
    server.trouble = lambda _request: (500, fault)
    try:
        assert fault_of(open_at(server).probe).retry_after == seconds
    finally:
        server.trouble = None


def test_the_organizers_mailbox_being_unknown_is_no_trouble_of_ours(server: EwsServer, item_id: str) -> None:
    unknown = soap_fault(Refused("ErrorNonExistentMailbox"))
    server.trouble = lambda request: (500, unknown) if b"PrimarySmtpAddress" in request.body else (200, good)
    good = server._answered(*_folder_answer(server))
    try:
        assert fault_of(lambda: open_at(server).rewrite(rewrite_of(single(1)))).fault is Fault.DENIED
    finally:
        server.trouble = None


def _folder_answer(server: EwsServer):  # type: ignore[no-untyped-def]
    from addin_host.gateways.ews.payloads import look_at

    request = look_at("room@contoso.example", "inbox", "calendar")
    return request, server.exchange.answer(request, "")


def test_all_calls_of_an_operation_share_one_budget(server: EwsServer, item_id: str) -> None:
    """Each answer comes in time by itself; the operation as a whole does not."""
    server.trouble = None
    mailbox = open_at(server, seconds=0.6)
    answered = server.exchange.answer

    def slow(request, acting_as):  # type: ignore[no-untyped-def]
        time.sleep(0.35)
        return answered(request, acting_as)

    server.exchange.answer = slow  # type: ignore[method-assign]
    began = time.monotonic()
    try:
        assert fault_of(lambda: mailbox.read([item_id], HORIZON)).fault is Fault.UNREACHABLE
    finally:
        server.exchange.answer = answered  # type: ignore[method-assign]
    assert time.monotonic() - began < 3


def test_production_gives_an_operation_thirty_seconds() -> None:
    from addin_host.domain.addresses import AddressPolicy
    from addin_host.gateways.outside import real_outside

    mailboxes = real_outside(AddressPolicy(), lambda: HORIZON.since).mailboxes
    outbound = vars(mailboxes)["_outbound"]
    assert isinstance(outbound, Outbound)
    assert (outbound.connect_seconds, outbound.deadline_seconds) == (5, 30)


def test_a_batch_that_is_too_large_is_read_in_parts(server: EwsServer, item_id: str) -> None:
    """One message is too large by itself; together with it, no other is small enough."""
    exchange = server.exchange
    small, endless = (
        exchange.deliver(single(number), MessageKind.REQUEST, None, "", is_dropped=False) for number in (2, 3)
    )
    server.trouble = lambda request: (200, HUGE_ANSWER) if endless.encode() in request.body else None
    try:
        found = open_at(server, seconds=20).read([item_id, endless, small], HORIZON)
    finally:
        server.trouble = None
    assert [isinstance(one, Reading) for one in found] == [True, False, True]
    assert isinstance(found[1], MailboxTrouble)
    assert found[1].fault is Fault.UNUSABLE
