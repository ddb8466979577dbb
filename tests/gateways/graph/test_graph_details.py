"""What only Graph does: links, tokens, properties, and the allowance of a mailbox."""

from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from threading import Barrier, Thread
from typing import Any

import pytest

from addin_host.domain.addresses import AddressPolicy
from addin_host.domain.calendar import MessageKind, Zone
from addin_host.domain.errors import Misconfigured
from addin_host.domain.mailbox import Fault, MailboxAccess, MailboxTrouble
from addin_host.gateways.graph import GraphMailboxes, faults, properties
from addin_host.gateways.graph.gate import BURST, Gate
from addin_host.gateways.http import Outbound
from tests.gateways.graph.server import CLIENT, SECRET, TOKEN_PATH, GraphServer
from tests.gateways.graph.world import ACCESS, GraphWorld, integration
from tests.gateways.mailbox_contract import (
    ANNA,
    HORIZON,
    MARK,
    TAG,
    all_arrivals,
    fault_of,
    meeting_of,
    moved,
    read_one,
    reply_to,
    rewrite_of,
    series,
    single,
    uid,
    wall,
)
from tests.gateways.peers.server import Request, answer


def test_signing_in(world: GraphWorld) -> None:
    world.mailbox().probe()
    (asked,) = [request for request in world.server.requests if request.path == TOKEN_PATH]
    assert asked.form == {
        "grant_type": "client_credentials",
        "client_id": CLIENT,
        "client_secret": SECRET,
        "scope": f"{world.server.origin}/.default",
    }
    assert "authorization" not in asked.headers


def test_one_token_serves_all_mailboxes_of_an_application(world: GraphWorld) -> None:
    for _ in range(3):
        world.mailbox().probe()
    assert len([request for request in world.server.requests if request.path == TOKEN_PATH]) == 1


def test_a_token_that_is_about_to_end_is_not_used(world: GraphWorld) -> None:
    mailbox = world.mailbox()
    mailbox.probe()
    shelf = mailbox._client._tokens._shelf  # type: ignore[attr-defined]
    for name, token in list(shelf._tokens.items()):
        shelf.put(name, {**token, "expires_at": int(time.time()) + 30})
    mailbox.probe()
    assert len([request for request in world.server.requests if request.path == TOKEN_PATH]) == 2


def test_a_wrong_secret(world: GraphWorld) -> None:
    access = MailboxAccess({"oauth_client_secret": "another"})
    trouble = fault_of(world.mailboxes.open(integration(world.server), access).probe)
    assert trouble.fault is Fault.AUTHENTICATION
    assert "AADSTS7000215" in trouble.message
    assert "Invalid client secret" not in trouble.message


@pytest.mark.parametrize(
    ("changes", "secret"),
    [
        ({"authentication_method": "OAUTH"}, SECRET),
        ({"oauth_client_id": ""}, SECRET),
        ({"oauth_token_endpoint": ""}, SECRET),
        ({"graph_endpoint": ""}, SECRET),
        ({"room_mailbox_email_address": ""}, SECRET),
        ({"graph_endpoint": "http://graph.example/v1.0"}, SECRET),
        ({}, ""),
    ],
)
def test_settings_that_do_not_do(world: GraphWorld, changes: dict[str, Any], secret: str) -> None:
    access = MailboxAccess({"oauth_client_secret": secret})
    with pytest.raises(Misconfigured):
        world.mailboxes.open(integration(world.server, **changes), access)
    assert world.server.requests == []


def test_the_scope_follows_the_cloud(server: GraphServer) -> None:
    national = integration(server, graph_endpoint="https://microsoftgraph.chinacloudapi.cn/v1.0")
    national.values["oauth_token_endpoint"] = "https://login.partner.microsoftonline.cn/tenant/oauth2/v2.0/token"  # type: ignore[index]
    opened: Any = GraphMailboxes(Outbound(), policy=AddressPolicy()).open(national, ACCESS)
    assert opened._client._tokens._application.scope == "https://microsoftgraph.chinacloudapi.cn/.default"


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/v1.0/users/x/messages",
        "http://127.0.0.1:1/v1.0/users/x",
        "{origin}/v1.0.evil.example/users",
        "{origin}/beta/users/x",
        "",
        7,
    ],
)
def test_links_lead_nowhere_else(world: GraphWorld, link: Any) -> None:
    link = link.format(origin=world.server.origin) if isinstance(link, str) else link
    world.server.bend = lambda operation, document: (
        {"value": [], "@odata.deltaLink": link} if operation == "delta" else document
    )
    assert fault_of(lambda: world.mailbox().arrivals("")).fault is Fault.UNUSABLE
    world.server.bend = lambda _operation, _document: {"value": [], "@odata.nextLink": link or "x"}
    assert fault_of(lambda: world.mailbox().calendar(HORIZON.since, HORIZON.until, "")).fault is Fault.UNUSABLE


@pytest.mark.parametrize(
    "cursor", ["nonsense", "other@contoso.example /users/other/x", "room@contoso.example https://evil.example/users"]
)
def test_a_cursor_that_is_not_of_this_mailbox_is_lost(world: GraphWorld, cursor: str) -> None:
    assert fault_of(lambda: world.mailbox().arrivals(cursor)).fault is Fault.CURSOR_LOST
    calendar = lambda: world.mailbox().calendar(HORIZON.since, HORIZON.until, f"1{cursor}")  # noqa: E731
    assert fault_of(calendar).fault is Fault.CURSOR_LOST
    assert world.server.operations == []


def test_a_cursor_that_graph_does_not_take_is_lost(world: GraphWorld) -> None:
    _, cursor = all_arrivals(world.mailbox())
    world.server.refusals["delta"] = (400, {"error": {"code": "BadRequest", "message": "Badly formed token."}})
    assert fault_of(lambda: world.mailbox().arrivals(cursor)).fault is Fault.CURSOR_LOST


def test_a_long_link_travels_in_a_batch(world: GraphWorld) -> None:
    first = world.deliver(single(1))
    padding = "x" * 3000
    world.server.bend = lambda operation, document: (
        document | {"@odata.deltaLink": document["@odata.deltaLink"] + f"&$skip={padding}"}
        if operation == "delta" and "@odata.deltaLink" in document
        else document
    )
    found, cursor = all_arrivals(world.mailbox())
    assert [one.item_id for one in found] == [first]
    second = world.deliver(single(2))
    assert [one.item_id for one in all_arrivals(world.mailbox(), cursor)[0]] == [second]
    assert world.server.operation_of(world.server.requests[-1]) == "batch"


def test_a_graph_that_lists_no_casts_is_asked_without(world: GraphWorld) -> None:
    sent = world.deliver(single())
    world.server.knows_casts = False
    (arrival,) = world.mailbox().arrivals("").items
    assert arrival.item_id == sent


def test_a_long_series_is_read_over_several_pages(world: GraphWorld) -> None:
    daily = replace(series().series.recurrence, count=None) if series().series else None
    assert daily is not None
    item = world.deliver(series(1, daily))
    plan = meeting_of(world.mailbox(), item).series
    assert plan is not None
    assert plan.expansion is not None
    assert len(plan.expansion) == 9 > world.server.page


def test_an_occurrence_that_moved_and_was_deleted_is_known_by_its_property(world: GraphWorld) -> None:
    day = date(2026, 12, 2)
    world.deliver(series())
    sent = replace(series(1, exceptions=(moved(day),)), sequence=1)
    item = world.deliver(sent, MessageKind.CANCELLATION, occurrence=wall(day))
    world.deliver(replace(series(1, deleted=(wall(day),)), sequence=2), is_dropped=True)
    reading = read_one(world.mailbox(), item)
    assert reading.notice is not None
    assert reading.notice.occurrence == wall(day)
    assert reading.meeting is not None
    assert reading.meeting.series is not None


def test_a_request_without_an_event_is_read_from_the_message(world: GraphWorld) -> None:
    item = world.deliver(series())
    world.forget(series().uid)
    meeting = meeting_of(world.mailbox(), item)
    assert (meeting.in_calendar, meeting.item_id, meeting.uid) == (False, item, uid(1))
    assert meeting.organizer == ANNA
    assert "PXPS:-ABC#" in meeting.body
    assert meeting.series is not None
    assert series().series is not None
    assert meeting.series.recurrence == series().series.recurrence  # type: ignore[union-attr]
    assert meeting.series.expansion is None


def test_a_long_global_object_id_is_hashed_and_found_page_by_page(world: GraphWorld) -> None:
    long = uid(1)[:80] + "AB" * 120
    named = "H" + hashlib.sha256(long.encode()).hexdigest()
    item = world.deliver(single(1, uid=long))
    for number in range(2, 9):
        world.deliver(single(number))
    assert meeting_of(world.mailbox(), item).uid == named
    found = world.mailbox().find(named, HORIZON)
    assert found is not None
    assert found.uid == named
    assert world.mailbox().find("H" + "0" * 64, HORIZON) is None
    assert not world.mailbox().rewrite(replace(rewrite_of(single()), uid=named))


def test_without_the_property_the_uid_of_the_event_tells(world: GraphWorld) -> None:
    item = world.deliver(single())

    def without(operation: str, document: Any) -> Any:
        return {name: value for name, value in document.items() if name != "singleValueExtendedProperties"}

    world.server.bend = without
    reading = read_one(world.mailbox(), item)
    assert reading.notice is not None
    assert reading.meeting is not None
    assert reading.notice.uid == reading.meeting.uid == uid(1)


def test_names_of_meetings() -> None:
    occurrence = bytearray.fromhex(uid(1))
    occurrence[16:20] = bytes([0x07, 0xEA, 12, 2])
    assert properties.uid_of({"iCalUId": occurrence.hex()}) == uid(1)
    assert properties.uid_of({"iCalUId": "abc@google.example"}) == ""
    packed = bytes.fromhex(uid(1))[:40] + b"vCal-Uid\x01\x00\x00\x00abc@google.example\x00"
    assert properties.calendar_uid(properties.named(packed)) == "abc@google.example"
    assert properties.calendar_uid(uid(1)) == uid(1)
    assert properties.having("String {x} Name y", "it's").endswith("ep/value eq 'it''s')")


def test_an_event_of_a_foreign_maker_is_found_by_its_property(world: GraphWorld) -> None:
    packed = bytes.fromhex(uid(1))[:40] + b"vCal-Uid\x01\x00\x00\x00abc@google.example\x00"
    name = properties.named(packed)
    world.deliver(single(1, uid=name))
    found = world.mailbox().find(name, HORIZON)
    assert found is not None
    assert found.uid == name


def test_an_unknown_zone_of_a_series_keeps_its_name(world: GraphWorld) -> None:
    sent = series(1, exceptions=(moved(date(2026, 12, 2)),))
    plan = meeting_of(world.mailbox(), world.deliver(replace(sent, zone=Zone("UTC")))).series
    assert plan is not None
    assert (plan.zone.name, plan.starts.hour) == ("UTC", 9)


@pytest.mark.parametrize(("accept", "action"), [(True, "accept"), (False, "decline")])
def test_a_reply_is_a_response_without_a_mail_and_a_mail(world: GraphWorld, accept: bool, action: str) -> None:
    item = world.deliver(single())
    event = meeting_of(world.mailbox(), item).item_id
    world.mailbox().reply(reply_to(item, event, accept=accept))
    assert world.server.responses == [(action, event)]
    ((message, _at),) = world.server.sent
    assert message["toRecipients"] == [{"emailAddress": {"address": ANNA.address, "name": ANNA.name}}]
    assert {one["name"] for one in message["internetMessageHeaders"]} == {
        "x-addin-host-correlation-id",
        "x-auto-response-suppress",
    }


def test_a_meeting_without_a_calendar_item_gets_the_mail_alone(world: GraphWorld) -> None:
    item = world.deliver(single())
    world.mailbox().reply(reply_to(item, item))
    assert world.server.responses == []
    assert len(world.sent()) == 1


def test_the_organizers_mailbox_is_elsewhere(world: GraphWorld) -> None:
    world.server.refusals["events"] = (404, {"error": {"code": "MailboxNotEnabledForRESTAPI", "message": "-"}})
    assert fault_of(lambda: world.mailbox().rewrite(rewrite_of(single()))).fault is Fault.DENIED


def test_what_stood_around_the_placeholder_stays(world: GraphWorld) -> None:
    rewrite = rewrite_of(single())
    body = f"<html><body><p>Agenda</p>{rewrite.placeholder_html}<p>{TAG}</p><p>Bye</p></body></html>"
    world.deliver(single(body=body))
    assert world.mailbox().rewrite(rewrite)
    found = world.mailbox().find(uid(1), HORIZON)
    assert found is not None
    assert found.body.startswith("<html><body><p>Agenda</p><div>" + rewrite.html)
    assert found.body.endswith("<p>Bye</p></body></html>")
    assert "sent to you soon" not in found.body


@pytest.mark.parametrize(
    "written", ["", "{", '{"installation": 1}', '{"installation":"a","integration":"b","seen_at":1}']
)
def test_a_mark_that_nobody_of_ours_wrote(world: GraphWorld, written: str) -> None:
    world.server.mark[properties.OWNER.lower()] = written
    assert world.mailbox().owner() is None
    world.mailbox().own(MARK)
    assert world.mailbox().owner() == MARK


@pytest.mark.parametrize(
    ("status", "code", "fault"),
    [
        (404, "ErrorItemNotFound", Fault.ITEM_GONE),
        (404, "ErrorInvalidUser", Fault.MAILBOX_UNKNOWN),
        (404, "MailboxNotEnabledForRESTAPI", Fault.MAILBOX_UNKNOWN),
        (400, "ErrorInvalidIdMalformed", Fault.ITEM_GONE),
        (410, "anything", Fault.CURSOR_LOST),
        (404, "SyncStateNotFound", Fault.CURSOR_LOST),
        (403, "ErrorAccessDenied", Fault.DENIED),
        (401, "InvalidAuthenticationToken", Fault.AUTHENTICATION),
        (429, "ErrorItemNotFound", Fault.BUSY),
        (500, "ErrorInternalServerError", Fault.UNREACHABLE),
        (502, "", Fault.UNREACHABLE),
        (504, "", Fault.UNREACHABLE),
        (507, "", Fault.UNREACHABLE),
        (400, "<script>", Fault.UNUSABLE),
        (418, "", Fault.UNUSABLE),
    ],
)
def test_what_an_answer_means(status: int, code: str, fault: Fault) -> None:
    trouble = faults.of_answer(status, {}, {"error": {"code": code, "message": "secret detail"}})
    assert (trouble.fault, trouble.retry_after) == (fault, None)
    assert "detail" not in trouble.message
    assert "<" not in trouble.message


def test_how_long_to_wait() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    waits = [
        faults.of_answer(429, {"retry-after": written}, None).retry_after
        for written in ("0", "17", "99999999", "-1", "soon", "", f"Mon, 01 Jan {'9' * 30} 00:00:00 GMT")
    ]
    assert waits == [0, 17, 3600, None, None, None, None]
    assert 88 <= (faults.of_answer(503, {"Retry-After": later}, None).retry_after or 0) <= 90
    assert faults.of_answer(504, {"Retry-After": "5"}, None).fault is Fault.BUSY


def test_the_allowance_of_a_mailbox() -> None:
    gate = Gate()
    with gate.passing(int(BURST)), pytest.raises(MailboxTrouble) as caught, gate.passing(14):
        pass
    assert (caught.value.fault, caught.value.retry_after) == (Fault.BUSY, 1)


def test_three_calls_are_in_flight_at_once(world: GraphWorld) -> None:
    gate, together, refused = Gate(), Barrier(3, timeout=5), list[MailboxTrouble]()

    def hold() -> None:
        with gate.passing(1):
            together.wait()
            together.wait()

    threads = [Thread(target=hold) for _ in range(2)]
    for thread in threads:
        thread.start()
    together.wait()
    with gate.passing(1):
        try:
            with gate.passing(1):
                pass
        except MailboxTrouble as trouble:
            refused.append(trouble)
    together.wait()
    for thread in threads:
        thread.join()
    assert [(trouble.fault, trouble.retry_after) for trouble in refused] == [(Fault.BUSY, 1)]
    with gate.passing(4, seats=3):
        pass


def test_who_waits_is_not_held_off_by_batches_in_a_row() -> None:
    gate, order = Gate(), list[str]()
    waits = Barrier(2, timeout=5)

    def send() -> None:
        waits.wait()
        with gate.passing(1):
            order.append("sent")

    sender = Thread(target=send)
    with gate.passing(4, seats=3):
        sender.start()
        waits.wait()
        while not gate._waiting:
            time.sleep(0.001)
    with gate.passing(4, seats=3):
        order.append("read")
    sender.join()
    assert order == ["sent", "read"]


@pytest.mark.parametrize("nonsense", [[], "text", 7, {"value": 3}, {"value": [3]}, {"value": [{"id": "x"}]}])
@pytest.mark.parametrize("operation", ["delta", "events", "sentitems"])
def test_answers_of_another_shape(world: GraphWorld, operation: str, nonsense: Any) -> None:
    calls: dict[str, Callable[[], object]] = {
        "delta": lambda: world.mailbox().arrivals(""),
        "events": lambda: world.mailbox().calendar(HORIZON.since, HORIZON.until, ""),
        "sentitems": lambda: world.mailbox().was_sent("id", HORIZON.since),
    }
    world.server.bend = lambda _operation, _document: nonsense
    if operation == "events" and nonsense == {"value": [{"id": "x"}]}:
        assert world.mailbox().calendar(HORIZON.since, HORIZON.until, "").entries == []  # one bad event hides no other
        return
    assert fault_of(calls[operation]).fault is Fault.UNUSABLE


NO_TOKENS = {
    "nested": b"[" * 100_000,
    "for ever": b'{"access_token": "a", "token_type": "Bearer", "expires_in": 1e999}',
    "at no time": b'{"access_token": "a", "token_type": "Bearer", "expires_at": 1e999}',
    "two lines": b'{"access_token": "a\\nb", "token_type": "Bearer"}',
    "no ASCII": b'{"access_token": "\\u20ac", "token_type": "Bearer"}',
    "half a character": b'{"access_token": "\\ud800", "token_type": "Bearer"}',
}


@pytest.mark.parametrize("raw", NO_TOKENS.values(), ids=NO_TOKENS)
def test_a_token_endpoint_that_gives_none(raw: bytes) -> None:
    class NoTokens(GraphServer):
        def respond(self, request: Request, connection: socket.socket) -> None:
            answer(connection, raw, headers=("Content-Type: application/json",))

    with NoTokens() as peer:
        assert fault_of(GraphWorld(peer).mailbox().probe).fault is Fault.UNUSABLE


def test_an_event_that_makes_no_sense_is_trouble_of_the_port(world: GraphWorld) -> None:
    world.deliver(single())
    nonsense = {"id": "x", "singleValueExtendedProperties": [{"value": 3}]}
    world.server.bend = lambda _operation, _document: {"value": [nonsense]}
    assert fault_of(lambda: world.mailbox().find(uid(1), HORIZON)).fault is Fault.UNUSABLE
    unnamed = {"body": {"contentType": "html", "content": TAG}}
    world.server.bend = lambda _operation, _document: {"value": [unnamed]}
    assert fault_of(lambda: world.mailbox().rewrite(rewrite_of(single()))).fault is Fault.UNUSABLE


def test_halves_of_characters_and_nul_are_left_out(world: GraphWorld) -> None:
    broken = "a\ud800b\x00c\U0001f600d\udc00"
    item = world.deliver(single(subject=broken, body=f"<p>{broken}</p>", organizer=replace(ANNA, name=broken)))
    meeting = meeting_of(world.mailbox(), item)
    told = (meeting.subject, meeting.organizer.name, meeting.body)
    assert told == ("abc\U0001f600d", "abc\U0001f600d", "<p>abc\U0001f600d</p>")


def test_half_a_character_in_an_id_asks_for_nothing(world: GraphWorld) -> None:
    assert read_one(world.mailbox(), "\ud800").meeting is None


def test_connections_are_kept_between_calls(world: GraphWorld) -> None:
    before = world.server.connections
    mailbox = world.mailbox()
    for _ in range(5):
        mailbox.probe()
    assert world.server.connections - before <= 2
