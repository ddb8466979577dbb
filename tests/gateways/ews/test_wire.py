"""What comes over the wire is bounded, and what goes out is valid."""

from __future__ import annotations

import re
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from lxml import etree

from addin_host.domain.calendar import MessageKind
from addin_host.domain.mailbox import Fault
from addin_host.gateways.ews.wire import MAX_DEPTH, instant, make, parse, text
from tests.gateways.ews.schema import SCHEMAS, SOAP, faults_in
from tests.gateways.ews.world import exchange_server, open_at
from tests.gateways.mailbox_contract import fault_of, meeting_of, read_one, reply_to, single

LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # by XML 1.0
HOSTILE = {
    "doctype": b"<!DOCTYPE a><a/>",
    "doctype in UTF-16": "<?xml version='1.0' encoding='utf-16'?><!DOCTYPE a><a/>".encode("utf-16"),
    "entities upon entities": f'<!DOCTYPE a [<!ENTITY l0 "ha">{LAUGHS}]><a>&l11;</a>'.encode(),
    "a file": b'<!DOCTYPE a [<!ENTITY f SYSTEM "file:///etc/passwd">]><a>&f;</a>',
    "a DTD elsewhere": b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/x.dtd"><a/>',
    "parameter entity": b'<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1:1/p"> %p;]><a/>',
    "too deep": b"<a>" * (MAX_DEPTH + 1) + b"</a>" * (MAX_DEPTH + 1),
    "very deep": b"<a>" * 100_000 + b"</a>" * 100_000,
    "long text": b"<a>" + b"x" * 11_000_000 + b"</a>",
    "not XML": b"<html>{this is neither",
    "nothing": b"",
    "unknown entity": b"<a>&nbsp;</a>",
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_hostile_answers_are_refused_at_once(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*_: object) -> None:
        raise AssertionError("a connection")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    began = time.thread_time()
    assert fault_of(lambda: parse(body)).fault is Fault.UNUSABLE
    assert time.thread_time() - began < 0.5


def test_depth_is_allowed_up_to_the_limit() -> None:
    assert parse(b"<a>" * MAX_DEPTH + b"</a>" * MAX_DEPTH).tag == "a"


def test_references_to_forbidden_characters_become_spaces() -> None:
    assert parse(b"<a>x&#x0B;y&#11;z&#x1F;&#65;&#xD800;&#x110000;&amp;</a>").text == "x y z A  &"
    for code in (*range(0x3000), *range(0xD000, 0x11000), 0x10FFFF):
        expected = " " if FORBIDDEN.match(chr(code)) else chr(code)
        both = parse(f"<a>&#{code};|&#x{code:06X};</a>".encode()).text
        assert both == f"{expected}|{expected}", hex(code)


def test_a_body_of_references_is_read_in_one_go() -> None:
    body = b"<a>" + b"<b>&#65;&#1;</b>" * 120_000 + b"</a>"
    began = time.thread_time()
    assert parse(body)[-1].text == "A "
    assert time.thread_time() - began < 0.5


@pytest.mark.parametrize(
    "answer", [body for name, body in HOSTILE.items() if name in ("doctype", "too deep", "nothing")]
)
def test_a_hostile_server_is_told_of(answer: bytes) -> None:
    with exchange_server() as server:
        server.trouble = lambda _request: (200, answer)
        assert fault_of(open_at(server).probe).fault is Fault.UNUSABLE


@pytest.mark.parametrize(
    "content",
    ["<s:Envelope xmlns:s='{s}'/>", "<s:Envelope xmlns:s='{s}'><s:Body/></s:Envelope>", "<x/>"],
)
def test_an_answer_that_is_not_what_was_asked(content: str) -> None:
    with exchange_server() as server:
        server.trouble = lambda _request: (200, content.replace("{s}", SOAP).encode())
        assert fault_of(open_at(server).probe).fault is Fault.UNUSABLE


def test_texts_with_every_kind_of_character() -> None:
    odd = "a\x00b\x0b\x1f\ud800 <&>'\" ]]> \u2028 é計\U0001f600"
    with exchange_server() as server:
        item_id = server.exchange.deliver(single(), MessageKind.REQUEST, None, "", is_dropped=False)
        open_at(server).reply(reply_to(item_id, "", html=f"<p>{odd}</p>", subject=odd))
        (copy,) = server.exchange.sent
    assert copy.sent.html == "<p>ab <&>'\" ]]> \u2028 é計\U0001f600</p>"


def test_an_unprintable_subject_is_read() -> None:
    with exchange_server() as server:
        item_id = server.exchange.deliver(single(subject="MARK"), MessageKind.REQUEST, None, "", is_dropped=False)
        answered = server._answered
        server._answered = lambda *args: answered(*args).replace(b"MARK", b"M&#x0B;K")  # type: ignore[method-assign]
        assert meeting_of(open_at(server), item_id).subject == "M K"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2026-11-25T09:00:00Z", "2026-11-25T09:00:00+00:00"),
        ("2026-11-25T10:00:00+01:00", "2026-11-25T09:00:00+00:00"),
        ("2026-11-25T09:00:00.1234567Z", "2026-11-25T09:00:00.123456+00:00"),
        ("2026-11-25T09:00:00", "2026-11-25T09:00:00+00:00"),
    ],
)
def test_instants(written: str, expected: str) -> None:
    at = instant(written)
    assert at is not None
    assert at.isoformat() == expected


def test_the_local_server_complains_about_what_the_schema_forbids() -> None:
    envelope = etree.Element(f"{{{SOAP}}}Envelope")
    body = etree.SubElement(envelope, f"{{{SOAP}}}Body")
    body.append(make("m:GetItem", make("m:ItemIds", make("t:ItemId", Id="x"))))
    assert bool(faults_in(envelope)) == SCHEMAS.exists()


def test_the_newest_known_version_is_asked_for_and_an_older_server_followed() -> None:
    with exchange_server() as server:
        answered = server._soap

        def as_2010(envelope: etree._Element, asked: etree._Element) -> tuple[int, bytes]:
            from tests.gateways.ews.exchange import Refused
            from tests.gateways.ews.server import soap_fault

            version = envelope.find(".//{*}RequestServerVersion")
            assert version is not None
            if version.get("Version") != "Exchange2010_SP2":
                return 500, soap_fault(Refused("ErrorInvalidServerVersion"))
            status, content = answered(envelope, asked)
            return status, content.replace(b'MajorVersion="15"', b'MajorVersion="14"').replace(
                b'Version="V2017_07_11"', b'Version="Exchange2010_SP2"'
            )

        server._soap = as_2010  # type: ignore[method-assign]
        mailbox = open_at(server)
        mailbox.probe()
        mailbox.probe()
        assert server.versions == ["Exchange2010_SP2", "Exchange2010_SP2"]
        assert server.operations == ["GetFolder"] * 3


def test_nothing_is_left_on_disk() -> None:
    folder = Path(tempfile.gettempdir())
    before = set(folder.glob("exchangelib*"))
    with exchange_server() as server:
        item_id = server.exchange.deliver(single(), MessageKind.REQUEST, None, "", is_dropped=False)
        read_one(open_at(server), item_id)
    assert set(folder.glob("exchangelib*")) == before


def test_every_request_names_the_anchor() -> None:
    with exchange_server() as server:
        open_at(server).arrivals("")
    (request,) = server.requests
    assert request.headers["x-anchormailbox"] == "room@contoso.example"
    assert text(etree.fromstring(request.body), ".//t:EmailAddress") == "room@contoso.example"


def test_mailboxes_of_two_threads_do_not_share_a_connection() -> None:
    from concurrent.futures import ThreadPoolExecutor

    with exchange_server() as server:
        works: list[Callable[[], None]] = [open_at(server).probe for _ in range(4)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda work: [work() for _ in range(5)], works))
        assert (server.connections, len(server.operations)) == (4, 20)
