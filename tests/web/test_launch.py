"""The check on Send, in an engine without a page: what it warns of, what it lets go, and how little it asks for."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from addin_host.domain.tag import Kind, Tag, find_tags, print_tag

HERE = Path(__file__).parent
SCRIPT = HERE.parents[1] / "static/addin/launch.js"
KEYS = {1: b"k" * 32}
UUID_ = UUID("7d2f6c1e-94b0-4a55-8d0e-2f8f3b1c9a64")
TAG = print_tag(Tag(Kind.ALIAS, 1, 1, UUID_), KEYS)
TOK = print_tag(Tag(Kind.PLACEHOLDER, 1, 1, UUID_, datetime(2026, 11, 23, tzinfo=UTC)), KEYS)
MAILBOX = "vmr@example.com"


def mark(tag: str = TAG, **changed: Any) -> dict[str, Any]:
    return {"kind": "single-use", "tag": tag, "mailbox": MAILBOX, "first": "x", "sha": "y"} | changed


def good(**changed: Any) -> dict[str, Any]:
    """A meeting about which there is nothing to say."""
    return {"body": f"<p>Join</p><p>{TAG}</p>", "mark": mark(), "required": ["kim@example.com", MAILBOX]} | changed


class Classic:
    """The engine, kept for all tests of this file."""

    def __init__(self) -> None:
        node = shutil.which("node")
        assert node, "node is not installed"
        command = [node, str(HERE / "pane/classic.mjs"), str(SCRIPT)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def __call__(self, *cases: dict[str, Any]) -> list[dict[str, Any]]:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(cases) + "\n")
        results: list[dict[str, Any]] = json.loads(self.process.stdout.readline())
        return results


@pytest.fixture(scope="module")
def play() -> Iterator[Classic]:
    classic = Classic()
    yield classic
    assert classic.process.stdin
    classic.process.stdin.close()
    assert classic.process.wait(10) == 0


def words_of(result: dict[str, Any]) -> str:
    """The warning, after what holds for every run: one completion, after the last call, before any timer."""
    (only,) = result["outcomes"]
    assert only["after"] == len(result["calls"]) <= 6
    assert result["before"] == 1
    outcome = only["outcome"]
    assert outcome["allowEvent"] is ("errorMessage" not in outcome)
    return str(outcome.get("errorMessage", ""))


HALF = len(TAG) // 2
A, B = TAG[:HALF], TAG[HALF:]
MANGLED = {
    "plain": TAG,
    "hard wrap": f"{A}\r\n  {B}",
    "br": f"{A}<br>{B}",
    "br in capitals": f"{A}<BR />{B}",
    "tab": f"{A}\t{B}",
    "spans": f"<span>{A}</span><span style='x'>{B}</span>",
    "wbr": f"{A}<wbr>{B}",
    "lower case": TAG.lower(),
    "nbsp": f"{A}&nbsp;{B}",
    "zero width space": f"{A}\u200b{B}",
    "soft hyphen": f"{A}\u00ad{B}",
    "soft hyphen by name": f"{A}&shy;{B}",
    "quoted": f"&gt; {A}\n&gt; {B}",
    "quoted twice": f">> {A}\n> > {B}",
    "non-breaking hyphen": TAG.replace("-", "\u2011"),
    "ndash": TAG.replace("-", "&ndash;"),
    "minus": TAG.replace("-", "\u2212"),
    "full width": TAG.replace(":", "\uff1a").replace("#", "\uff03"),
    "numeric entities": "".join(f"&#{ord(letter)};" for letter in TAG),
    "hexadecimal entities": "".join(f"&#x{ord(letter):X};" for letter in TAG),
    "conditional comment": f"{A}<!--[if mso]><p>PXPS:-NOT<![endif]-->{B}",
    "style between": f"{A}<style>p > b {{color: red}}</style>{B}",
    "script between": f'{A}<SCRIPT type="x">if (1 < 2) "</p>"</script >{B}',
    "bidi marks": f"\u202a{TAG}\u202c\u200e",
    "no hyphen": TAG.replace("-", "", 1),
    "two hyphens": TAG.replace("-", "--", 1),
    "auto-link": f'<a href="https://safe.example.com/?{A}">{TAG}</a>',
    "auto-link inside": f'PXPS:-<a href="x">{TAG[6:-1]}</a>#',
    "no number sign": TAG.rstrip("#"),
    "after a broken comment": f"<!-- never closed > 2 {TAG}",
    "after a broken style": f"<style>p {{}} {TAG}",
    "before a lone bracket": f"{TAG} 1 < 2",
    "among another tag": f"{TOK} {TAG}",
}


@pytest.fixture(scope="module")
def mangled(play: Classic) -> dict[str, dict[str, Any]]:
    return dict(zip(MANGLED, play(*(good(body=f"<p>{text}</p>") for text in MANGLED.values())), strict=True))


@pytest.mark.parametrize("name", MANGLED)
def test_a_tag_that_the_server_can_read_is_intact(mangled: dict[str, dict[str, Any]], name: str) -> None:
    assert UUID_ in {tag.uuid for tag in find_tags(f"<p>{MANGLED[name]}</p>", KEYS, is_html=True)}
    assert words_of(mangled[name]) == ""


DAMAGED = {
    "gone": "<p>Join</p>",
    "empty": "",
    "cut short": TAG[:-2],
    "first letter gone": f"PXPS:-{TAG[7:]}",
    "one letter changed": TAG.replace(TAG[20], "2" if TAG[20] != "2" else "3", 1),
    "a letter too many inside": f"{A}X{B}",
    "without its kind": TAG[6:],
    "of the other kind": TAG.replace("PXPS", "TOK"),
    "another VMR": print_tag(Tag(Kind.ALIAS, 1, 1, UUID(int=7)), KEYS),
    "in an attribute only": f'<a href="https://x.example/{TAG}">join</a>',
    "in a comment only": f"<!-- {TAG} -->",
    "in a style only": f"<style>{TAG}</style>",
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_tag_is_warned_about(play: Classic, name: str) -> None:
    if name != "another VMR":
        assert UUID_ not in {tag.uuid for tag in find_tags(DAMAGED[name], KEYS, is_html=True)}
    html_only = "only" in name
    (result,) = play(good(body=DAMAGED[name], text="join" if html_only else None))
    assert words_of(result).startswith("The line that begins with PXPS: was changed or removed")
    assert result["calls"] == ["properties", "body", "body"]


def test_every_single_damaged_letter_is_noticed(play: Classic) -> None:
    bodies = [TAG[:at] + ("A" if TAG[at] != "A" else "B") + TAG[at + 1 :] for at in range(6, len(TAG) - 1)]
    results = play(*(good(body=body) for body in bodies))
    assert all("was changed or removed" in words_of(result) for result in results)


def test_a_placeholder_is_checked_like_a_tag(play: Classic) -> None:
    fine, cut = play(good(mark=mark(TOK), body=TOK), good(mark=mark(TOK), body=TOK[:-9]))
    assert words_of(fine) == ""
    assert words_of(cut).startswith("The line that begins with TOK: was changed")


def test_a_body_that_only_its_text_tells_about(play: Classic) -> None:
    refused, plain = play(good(fail={"body": 9020}), good(body="<p>nothing</p>", text=f"> {A}\n> {B}"))
    assert words_of(refused) == ""
    assert words_of(plain) == ""


X500 = "/o=Org/ou=Exchange/cn=Recipients/cn=vmr"


@pytest.mark.parametrize(
    ("people", "is_missed"),
    [
        ({"required": [MAILBOX]}, False),
        ({"required": ["VMR@Example.COM"]}, False),
        ({"required": ["kim@example.com"], "optional": [MAILBOX]}, False),
        ({"required": [], "optional": [], "places": [MAILBOX]}, False),
        ({"required": [X500]}, False),
        ({"required": []}, True),
        ({"required": ["kim@example.com"], "optional": ["sam@example.com"]}, True),
        ({"required": ["kim@example.com"], "places": ["", "room@example.com"]}, True),
        ({"required": ["vmr@example.com.evil.test"]}, True),
        ({"required": [], "mark": mark(mailbox="")}, False),
        ({"required": [], "mark": mark(mailbox=None)}, False),
    ],
)
def test_a_mailbox_that_is_not_invited_any_more(play: Classic, people: dict[str, Any], is_missed: bool) -> None:
    (result,) = play(good(**people))
    assert ("vmr@example.com is no longer invited" in words_of(result)) is is_missed


def day(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).date().isoformat()


@pytest.mark.parametrize(
    ("times", "is_over"),
    [
        ({"ends": 5}, False),
        ({"ends": -5}, True),
        ({"ends": -500_000}, True),
        ({"ends": -5, "series": {"endDate": None}}, False),
        ({"ends": -5, "series": {"endDate": day(+1)}}, False),
        ({"ends": -5, "series": {"endDate": day(0)}}, False),
        ({"ends": -5, "series": {"endDate": day(-4)}}, True),
        ({"ends": -5, "series": {"endDate": "soon"}}, False),
        ({"ends": -5, "without": ["recurrence"]}, False),
        ({"ends": -5, "fail": {"recurrence": 9020}}, False),
    ],
)
def test_a_meeting_that_has_ended(play: Classic, times: dict[str, Any], is_over: bool) -> None:
    (result,) = play(good(**times))
    assert words_of(result).startswith("This meeting has already ended") is is_over


@pytest.mark.parametrize(
    "marks",
    [
        {"marks": []},
        {"stored": ""},
        {"stored": "not JSON"},
        {"stored": "{}"},
        {"stored": "[null]"},
        {"stored": "[7]"},
        {"stored": json.dumps([mark(kind="personal"), mark()])},
        {"stored": json.dumps([mark(kind=""), mark()])},
        {"stored": json.dumps([mark(tag=None)])},
        {"stored": json.dumps([mark(tag="PXPS:-SHORT#")])},
        {"stored": json.dumps([mark(tag=f"<b>{TAG[:-5]}")])},
    ],
)
def test_a_meeting_without_a_single_use_vmr_goes_after_one_call(play: Classic, marks: dict[str, Any]) -> None:
    (result,) = play(good(body="", required=[]) | marks)
    assert words_of(result) == ""
    assert result["calls"] == ["properties"]


CALLS = ["properties", "body", "required", "optional", "places", "end", "recurrence"]
ALL_ASKED = {"required": [], "optional": [], "places": [MAILBOX], "ends": -5}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("failure", ["throw", 9020, "silent", "twice"])
def test_a_call_that_fails_lets_the_meeting_go(play: Classic, call: str, failure: Any) -> None:
    """What is wrong besides is not told either: a check that cannot end is no check."""
    meeting = good(**ALL_ASKED) if call in ("optional", "places") else good(ends=-5)
    (result,) = play(meeting | {"fail": {call: failure}})
    (only,) = result["outcomes"]
    assert call in result["calls"]
    assert len(result["calls"]) <= 6
    if failure == "silent":
        assert result["before"] == 0
        assert result["within"] == [4500]
    if failure != "twice":
        assert only["outcome"] == {"allowEvent": True} or call == "body"


def test_without_timers_and_without_office_in_reach_nothing_breaks(play: Classic) -> None:
    bare, nothing = play(good(timers=False), good(office=False))
    assert words_of(bare) == ""
    assert nothing["outcomes"][0]["outcome"] == {"allowEvent": True}
    assert nothing["isGlobal"]


def test_the_most_that_is_asked(play: Classic) -> None:
    (result,) = play(good(body="<p></p>", text=TAG, **ALL_ASKED))
    assert result["calls"] == ["properties", "body", "body", "required", "optional", "places"]
    assert words_of(result) == ""  # whether it has ended would be a seventh call
    (usual,) = play(good())
    assert usual["calls"] == ["properties", "body", "required", "end"]


def test_a_large_body_is_read_in_no_time(play: Classic) -> None:
    large = [
        f"{piece * (900_000 // len(piece))}{TAG}" for piece in ("<!--", "<style", "<", "a > ", "&#", "P", "> ", "-")
    ]
    for result in play(*(good(body=body, text=TAG) for body in large)):
        assert words_of(result) == ""
        assert result["cpu"] < 1


def test_warnings_are_short_and_say_what_to_do(play: Classic) -> None:
    long = mark(mailbox=f"{'m' * 300}@example.com")
    results = play(good(body=""), good(required=[]), good(mark=long, required=[]), good(ends=-5))
    for result in results:
        words = words_of(result)
        assert 40 < len(words) <= 500
        assert words.endswith(".")
        assert re.search(r"\. (Undo|Add|Choose) ", words)


def test_the_script_holds_nothing_that_classic_outlook_does_not_know() -> None:
    code = re.sub(r"/\*.*?\*/|(?<!:)//[^\n]*", "", SCRIPT.read_text(), flags=re.DOTALL)
    newer = (
        r"\basync\b|\bawait\b|\bimport\b|\bexport\b|\?\.|\?\?|\.\.\.|\bcatch\s*\{|\*\*|\bglobalThis\b|\bdocument\b|\bwindow\b"
        r"|\bonReady\b|\(\?<|padStart|padEnd|Object\.(entries|values|fromEntries)|\.(?:flat|flatMap|matchAll|replaceAll|at)\("
        r"|\.finally\(|\.trimStart|\.trimEnd|,\s*\)"
    )
    assert re.findall(newer, code) == []
