"""The organizer's text, in which a placeholder gives way to the joining instructions."""

from __future__ import annotations

import time

import pytest

from addin_host.domain.mailbox import Rewrite
from addin_host.gateways.placeholder import rewritten

TAG = "TOK:-" + "A2B3" * 16 + "#"
WORDS = "<div>This meeting will be hosted in a VMR.<br>\nInstructions &amp; more<br>\nsoon.</div>"
JOIN = "<p>Join: 700123@vc.example &ndash; PXPS:-X#</p>"
REWRITE = Rewrite("anna@contoso.example", "040000", TAG, WORDS, JOIN)


def body(inside: str) -> str:
    return f"<html><head><style>p {{ color: red }}</style></head><body><p>Agenda</p>{inside}<p>Bye</p></body></html>"


@pytest.mark.parametrize(
    "inside",
    [
        f"{WORDS}<p>{TAG}</p>",
        f'<p class="x">This meeting will be hosted in&nbsp;a VMR.<br>Instructions &#38; more</p><p>soon.</p>{TAG}',
        f"{WORDS.upper()}<div>{TAG.lower()}</div>",
        f"<b>This</b> meeting\r\n will be hosted in a V<i>M</i>R. Instructions &amp; more soon. "
        f"{TAG[:20]}<wbr>{TAG[20:40]}\r\n{TAG[40:]}",
        f"{WORDS}<!-- TOK:-not this --><span>TOK:-&shy;{TAG[5:]}</span>",
    ],
)
def test_words_and_tag_go_and_the_rest_stays(inside: str) -> None:
    found = rewritten(body(inside), REWRITE)
    assert found is not None
    assert JOIN in found
    assert found.count("Agenda") == found.count("Bye") == 1
    for gone in ("hosted", "soon.", TAG[:15], "HOSTED"):
        assert gone not in found
    for name in ("div", "p", "b", "span", "i"):
        assert found.count(f"<{name}>") + found.count(f"<{name} ") == found.count(f"</{name}>"), found
    assert rewritten(found, REWRITE) is None


def test_words_that_were_edited_stay_and_the_tag_gives_way() -> None:
    found = rewritten(body(f"<p>Our own words, soon.</p><p>{TAG}</p>"), REWRITE)
    assert found is not None
    assert f"<p>Our own words, soon.</p><p>{JOIN}</p>" in found


def test_without_a_tag_the_instructions_are_appended() -> None:
    found = rewritten(body("<p>Nothing is left</p>"), REWRITE)
    assert found is not None
    assert found.endswith(f"<p>Bye</p>{JOIN}</body></html>")
    assert rewritten("", REWRITE) == JOIN


def test_the_same_instructions_in_other_markup_are_there_already() -> None:
    assert rewritten(body("<div>Join: <a href='x'>700123@vc.example</a> – PXPS:-X#</div>"), REWRITE) is None  # noqa: RUF001


def test_a_text_becomes_html() -> None:
    found = rewritten(f"Agenda: a < b\n{TAG}\nBye", REWRITE, is_html=False)
    assert found == f"<div>Agenda: a &lt; b<br>{JOIN}<br>Bye</div>"


@pytest.mark.parametrize("piece", ["<!--", "<style>", "<a ", "&amp", "<", "<script", "&#"])
def test_a_body_made_to_be_slow(piece: str) -> None:
    started = time.thread_time()
    found = rewritten(piece * (200_000 // len(piece)) + TAG, REWRITE)
    assert time.thread_time() - started < 10
    assert found is not None


def test_a_very_large_body_is_not_searched() -> None:
    large = "<p>x</p>" * 200_000
    found = rewritten(large + TAG, REWRITE)
    assert found == large + TAG + JOIN
    assert rewritten(found, REWRITE) is None
