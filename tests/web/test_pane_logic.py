"""The pane's own rules, in Chromium: the pure modules with many cases, then every situation against a canned server."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.web.pane.stage import BASE, ORIGIN, ROOT, STATIC, TEXT, Stage, failure, render, vmr


def run(page: Page, module: str, script: str, *values: Any) -> Any:
    """Run a script with a module's exports as `m` and the values as `v`."""
    code = f"async ([path, v]) => {{ const m = await import(path); {script} }}"
    return page.evaluate(code, [f"{STATIC}/addin/{module}.js", values])


# --- location -------------------------------------------------------------------------------------------------------

LINK = "https://vc.example.com/webapp/#/?conference=kim@example.com"
OTHER = "https://vc.example.com/webapp/#/?conference=sam@example.com"


@pytest.mark.parametrize(
    ("current", "earlier", "value"),
    [
        ("", [], LINK),
        ("   ", [], LINK),
        ("Room 5", [], f"Room 5; {LINK}"),
        ("Room 5, Building 2; Street", [], f"Room 5, Building 2; Street; {LINK}"),
        (LINK, [], LINK),
        (f"Room 5; {LINK}", [], f"Room 5; {LINK}"),
        (f"Room 5; {OTHER}", [OTHER], f"Room 5; {LINK}"),
        (f"{OTHER}; Room 5", [OTHER], f"{LINK}; Room 5"),
        (f"Room 5; {OTHER}; and by phone", [OTHER], f"Room 5; {LINK}; and by phone"),
        (f"Room 5; {OTHER}", [], f"Room 5; {OTHER}; {LINK}"),
        (f"{LINK}2", [], f"{LINK}2; {LINK}"),
        (f"x{LINK}", [], f"x{LINK}; {LINK}"),
        (f"{LINK}; {OTHER}", [OTHER], LINK),
    ],
)
def test_location_takes_our_text(modules: Page, current: str, earlier: list[str], value: str) -> None:
    got = run(modules, "location", "return m.withOurs(...v)", current, LINK, earlier)
    assert got == {"value": value, "fits": True}


def test_location_is_one_line(modules: Page) -> None:
    assert run(modules, "location", "return m.withOurs(...v).value", "Room", "a\r\n b\u2028c\t ") == "Room; a b c"


def test_location_keeps_the_persons_text_when_both_do_not_fit(modules: Page) -> None:
    room = "R" * (255 - len(LINK) - 2)
    assert run(modules, "location", "return m.withOurs(...v)", room, LINK) == {"value": f"{room}; {LINK}", "fits": True}
    assert run(modules, "location", "return m.withOurs(...v)", f"{room}R", LINK) == {"value": f"{room}R", "fits": False}
    longer = OTHER + "x" * 250
    assert run(modules, "location", "return m.withOurs(...v)", f"{LINK}; Room", longer, [LINK]) == {
        "value": "Room",
        "fits": False,
    }


@pytest.mark.parametrize(
    ("current", "value"),
    [
        (LINK, ""),
        (f"Room 5; {LINK}", "Room 5"),
        (f"{LINK}; Room 6", "Room 6"),
        (f"Room 5; {LINK}; Room 6", "Room 5; Room 6"),
        ("Room 5", "Room 5"),
        (f"{LINK}2", f"{LINK}2"),
        (f"Room 5, {LINK}", "Room 5, "),
    ],
)
def test_location_gives_our_text_back(modules: Page, current: str, value: str) -> None:
    assert run(modules, "location", "return m.withoutOurs(...v)", current, [LINK]) == value


def test_location_without_ours_undoes_with_ours(modules: Page) -> None:
    chance = random.Random(1)
    pieces = ["Room 5", ";", " ", ", ", "; ", "Ä\u00fc", "https://x.example/", LINK + "9", "\u2014", "  "]
    for _ in range(400):
        before = "".join(chance.choices(pieces, k=chance.randrange(6)))[:190]
        after = run(modules, "location", "return m.withoutOurs(m.withOurs(v[0], v[1]).value, [v[1]])", before, LINK)
        assert after == (before if before.strip() else "")


# --- block ----------------------------------------------------------------------------------------------------------

HTML = vmr(7)["instructions"]
MARK = """const mark = (source, isHtml = true) => m.fingerprint(
  {kind: "personal", vmr: 7, source, isHtml, location: ""});"""


def replaced(
    page: Page, body: str, *, source: str = HTML, known: bool = True, new: str = "", is_html: bool = True
) -> Any:
    """The body without our block (or with a new one), and whether it was found edited. None when nothing was found."""
    script = (
        MARK
        + """const [body, source, known, fresh, isHtml] = v;
        const found = await m.find(body, isHtml, known ? [await mark(source, isHtml)] : []);
        if (!found.length) return null;
        return [m.replace(body, found, fresh), found.some((block) => block.edited)];"""
    )
    return run(page, "block", script, body, source, known, new, is_html)


def wrapped(page: Page, source: str = HTML, *, is_html: bool = True) -> str:
    return str(run(page, "block", MARK + "return m.wrap(v[0], v[1], await mark(...v))", source, is_html))


BODIES = [
    "",
    "<div>Hello</div>",
    "<html><head><style>p > a {}</style></head><body><p class=MsoNormal>Hi &lt;all&gt;<o:p></o:p></p></body></html>",
    "<table><tr><td>1<td>2</table><p>open <b>bold",
    "<blockquote><div>On Monday <a href='https://x.example/?a>b'>Sam</a>:<blockquote>Old</blockquote></div></blockquote>",
    '<!-- <div id="addin-host-00000000"> --><div>Text with a &amp; and \u00e4</div><!--[if mso]><p>x</p><![endif]-->',
    "<script>if (a<b) document.write('</div>')</script><div>after</div>",
]


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("known", [True, False])
def test_removing_gives_the_body_back_to_the_byte(modules: Page, body: str, known: bool) -> None:
    block = wrapped(modules)
    assert re.fullmatch(r'<div id="addin-host-[0-9a-f]{8}">.*</div>', block, re.DOTALL)
    assert replaced(modules, block + body, known=known) == [body, False]
    assert replaced(modules, body, known=known) is None


@pytest.mark.parametrize("body", BODIES[:3])
def test_replacing_puts_the_new_block_in_the_place_of_the_old(modules: Page, body: str) -> None:
    new = wrapped(modules, vmr(8)["instructions"])
    assert replaced(modules, "<p>Before</p>" + wrapped(modules) + body, new=new) == [
        "<p>Before</p>" + new + body,
        False,
    ]


OUTLOOK_REWRITES = {
    "id prefixed, attributes reordered": lambda html: html.replace('<div id="', '<DIV class="x_a" style="" ID="x_'),
    "id unquoted": lambda html: re.sub(r'id="([^"]+)"', r"id=\1 dir=ltr", html),
    "id gone": lambda html: re.sub(r' id="[^"]+"', "", html),
    "wrapper gone": lambda html: re.sub(r'^<div id="[^"]+">', "", html).removesuffix("</div>"),
    "styles rewritten": lambda html: re.sub(r' (id|style)="[^"]*"', ' class="elementToProof"', html),
    "spans everywhere": lambda html: re.sub(
        r"( id=\"[^\"]+\")|(?<=>)([^<>\n]+)(?=<)", lambda m: f"<span lang=EN>{m[2]}</span>" if m[2] else "", html
    ),
    "white space changed": lambda html: (
        re.sub(r' id="[^"]+"', "", html).replace(" meeting ", "&nbsp;meeting\n").replace("\n", "\r\n")
    ),
    "entities": lambda html: re.sub(r' id="[^"]+"', "", html).replace("Room", "&#82;o&#x6f;m"),
}


def as_word(html: str) -> str:
    """What classic Outlook makes of it: no wrapper, no division, a paragraph per line."""
    text = re.sub(r"</?div[^>]*>|\n", "", html)
    lines = [f"<p class=MsoNormal>{line or '&nbsp;'}<o:p></o:p></p>" for line in text.split("<br>")]
    return "\r\n".join(lines)


@pytest.mark.parametrize("name", OUTLOOK_REWRITES)
def test_a_rewritten_block_is_found_by_its_text(modules: Page, name: str) -> None:
    before, after = "<div>Dear all, please read.</div>", "<p>Signature <b>bold</b></p>"
    body, edited = replaced(modules, before + OUTLOOK_REWRITES[name](wrapped(modules)) + after)
    assert not edited
    assert body.startswith(before)
    assert body.endswith(after)
    assert re.sub(r"<div>\s*</div>|\s", "", body.removeprefix(before).removesuffix(after)) == ""


def test_a_block_that_word_rewrote_is_taken_out_with_its_paragraphs(modules: Page) -> None:
    before, after = "<p class=MsoNormal>Dear all</p>", "<p class=MsoNormal>Yours</p>"
    page = f"<html><body>{before}{as_word(wrapped(modules))}{after}</body></html>"
    body, edited = replaced(modules, page)
    assert not edited
    left = re.sub(r"\s", "", f"<html><body>{before}<p class=MsoNormal>&nbsp;<o:p></o:p></p>{after}</body></html>")
    assert re.sub(r"\s", "", body) == left
    new = wrapped(modules, vmr(8)["instructions"])
    body, _ = replaced(modules, page, new=new)
    assert body.count(new) == 1
    assert body.index(before) < body.index(new) < body.index(after)


@pytest.mark.parametrize("known", [True, False])
def test_an_edited_block_is_found_and_said_to_be_edited(modules: Page, known: bool) -> None:
    body = (
        "<div>Keep</div>"
        + wrapped(modules).replace("From a web browser", "From any web browser, please")
        + "<p>Also</p>"
    )
    assert replaced(modules, body, known=known) == ["<div>Keep</div><p>Also</p>", True]


def test_an_edited_block_without_its_id_is_found_by_first_and_last_line(modules: Page) -> None:
    block = re.sub(r' id="[^"]+"', "", wrapped(modules)).replace("From a web browser", "By web browser")
    body, edited = replaced(modules, "<p>Keep</p>" + block + "<p>Also</p>")
    assert edited
    assert "<p>Keep</p>" in body
    assert "<p>Also</p>" in body
    assert "browser" not in body


def test_what_a_person_writes_around_our_text_inside_our_division_stays(modules: Page) -> None:
    block = wrapped(modules).removesuffix("</div>")
    body, edited = replaced(modules, block + "<p>My own words</p></div><p>More</p>")
    assert not edited
    assert "<p>My own words</p></div><p>More</p>" in body
    assert "addin-host" not in body
    assert "conference" not in body
    new = wrapped(modules, vmr(8)["instructions"])
    again, _ = replaced(modules, block + "<p>My own words</p></div>", new=new)
    assert again.count("addin-host-") == 1
    last, edited = replaced(modules, again, source=vmr(8)["instructions"])
    assert not edited
    assert "My own words" in last
    assert "conference" not in last


def test_text_far_apart_is_not_taken_for_our_block(modules: Page) -> None:
    first, last = "Please join my Virtual Meeting Room:", "Call room7@example.com &amp; wait"
    body = f"<p>{first}</p>" + "<p>The minutes of the last meeting. </p>" * 40 + f"<p>{last}</p>"
    assert replaced(modules, body) is None


def test_an_unknown_block_of_a_colleague_further_down_stays_when_ours_is_known(modules: Page) -> None:
    theirs = wrapped(modules, vmr(9)["instructions"])
    body = f"<p>Top</p>{wrapped(modules)}<blockquote>{theirs}</blockquote>"
    assert replaced(modules, body) == [f"<p>Top</p><blockquote>{theirs}</blockquote>", False]


def test_the_same_block_twice_is_taken_out_twice(modules: Page) -> None:
    block = wrapped(modules)
    assert replaced(modules, f"{block}<p>Between</p>{block}") == ["<p>Between</p>", False]


def test_a_block_in_a_table_cell_leaves_the_table(modules: Page) -> None:
    block = re.sub(r' id="[^"]+"', "", wrapped(modules))
    body, edited = replaced(modules, f"<table><tr><td>{block}</td><td>B</td></tr></table>")
    assert not edited
    assert re.fullmatch(r"<table><tr><td>.*</td><td>B</td></tr></table>", body, re.DOTALL)
    assert "conference" not in body


PLAIN = TEXT.format("room7@example.com")


@pytest.mark.parametrize("body", ["", "Hello", "\n\nHello\n", "a\r\nb", " \n", "Call room7@example.com"])
def test_plain_text_comes_back_to_the_byte(modules: Page, body: str) -> None:
    block = wrapped(modules, PLAIN, is_html=False)
    assert replaced(modules, block + body, source=PLAIN, is_html=False) == [body, False]


def test_plain_text_is_found_edited_rewrapped_and_in_the_middle(modules: Page) -> None:
    block = wrapped(modules, PLAIN, is_html=False)
    rewrapped = block.replace("\n", "\r\n").replace("Virtual Meeting", "Virtual  Meeting")
    assert replaced(modules, f"Top\r\n{rewrapped}End", source=PLAIN, is_html=False) == ["Top\r\nEnd", False]
    edited = block.replace("From a web browser", "In a browser")
    assert replaced(modules, f"Top\n{edited}End", source=PLAIN, is_html=False) == ["Top\nEnd", True]
    new = wrapped(modules, TEXT.format("room8@example.com"), is_html=False)
    assert replaced(modules, f"Top\n{block}End", source=PLAIN, new=new, is_html=False) == [f"Top\n{new}End", False]


def test_whatever_stands_around_the_block_stays_as_it_is(modules: Page) -> None:
    """Random bodies, random rewriting: text that is not ours is the same afterwards, in order."""
    chance = random.Random(2)
    parts = (
        "<p>|</p>|<b>|</b>|<table><tr><td>|</td></tr></table>|text |&amp;|<br/>|<img src='a>b'>|<div class=\"addin\">"
    )
    parts = f"{parts}|</div>|<!-- c -->|caf\u00e9 |&nbsp;|<a href=x>link</a>|1 < 2 "
    rewrites = list(OUTLOOK_REWRITES.values())
    block = wrapped(modules)
    for _ in range(150):
        before = "".join(chance.choices(parts.split("|"), k=chance.randrange(9)))
        after = "".join(chance.choices(parts.split("|"), k=chance.randrange(9)))
        rewrite = chance.choice([lambda html: html, *rewrites])
        found = replaced(modules, before + rewrite(block) + after)
        assert found is not None, (before, after)
        texts = run(modules, "html", "return v.map((one) => m.flatten(one, true).chars)", before + after, found[0])
        assert texts[0] == texts[1], (before, after)


def test_a_large_body_is_searched_quickly(modules: Page) -> None:
    body = "<p>Some text of a long thread, <a href='x'>again</a> and again</p>" * 12_000 + re.sub(
        r' id="[^"]+"', "", wrapped(modules)
    )
    spent = run(
        modules,
        "block",
        MARK
        + "const one = await mark(v[1]); const began = performance.now(); const [f] = await m.find(v[0], true, [one]);"
        "m.replace(v[0], [f]); return performance.now() - began",
        body,
        HTML,
    )
    assert spent < 4_000


# --- the pane -------------------------------------------------------------------------------------------------------


def screen(stage: Stage) -> str:
    return stage.page.locator("#screen").inner_text()


TOLD = ("POST", "/insertions", {"kind": "personal"})


@pytest.mark.parametrize("answer", [0, 401, 500])
def test_nobody_waits_for_the_word_that_a_vmr_was_added(stage: Stage, answer: int) -> None:
    stage.server.insertion_answer = answer
    stage.open()
    stage.sign_in()
    stage.press("Room 1")
    stage.wait("success")
    stage.page.wait_for_timeout(300)
    assert stage.server.asked.count(TOLD) == 1
    assert stage.page.locator("#screen").get_attribute("data-screen") == "success"
    assert not [line for line in stage.complaints if "insertions" not in line and "Failed to load" not in line]


def test_a_vmr_that_could_not_be_added_is_not_told(stage: Stage) -> None:
    stage.open({"fail": {"body.prepend": 9030}})
    stage.sign_in()
    stage.press("Room 1")
    stage.wait("problem")
    stage.page.wait_for_timeout(300)
    assert TOLD not in stage.server.asked


def test_the_common_path(stage: Stage) -> None:
    stage.open({"body": "<div>Agenda</div>", "location": "Room 5"})
    assert stage.page.get_by_role("heading", level=1).inner_text() == "Add a VMR"
    stage.sign_in()
    assert stage.verifier_matches()
    assert stage.host("dialogs")[0]["closed"]
    assert stage.host("dialogs")[0]["options"]["displayInIframe"] is False
    first = stage.page.get_by_role("button", name="Room 1")
    assert first.get_attribute("title") == "The 1. room"
    assert "Select the VMR you want to add to the meeting" in screen(stage)
    stage.set_host(calls=[])
    first.click()
    stage.wait("success")
    assert len(stage.host("calls")) <= 10
    assert stage.host("location") == f"Room 5; {vmr(1)['location']}"
    assert stage.host("body").endswith("</div><div>Agenda</div>")
    assert vmr(1)["instructions"] in stage.host("body")
    assert "Success" in screen(stage)
    assert "not scheduled until you select Send" in screen(stage)
    expect(stage.page.get_by_role("heading", name="Success")).to_be_focused()
    assert [asked for asked in stage.server.asked if asked[1] == "/insertions"] == [TOLD]
    stage.press("Replace")
    stage.wait("list")
    stage.press("Room 2")
    stage.wait("success")
    assert stage.host("location") == f"Room 5; {vmr(2)['location']}"
    assert stage.host("body").count("addin-host-") == 1
    assert vmr(1)["alias"] not in stage.host("body")
    stage.press("Remove")
    stage.wait("home")
    assert stage.host("body") == "<div>Agenda</div>"
    assert stage.host("location") == "Room 5"
    assert stage.host("stored") == {}
    expect(stage.page.get_by_role("status")).to_have_text("The VMR was removed from this meeting.")
    assert stage.complaints == []


def test_plain_text_gets_the_text_and_gives_it_back(stage: Stage) -> None:
    stage.open({"type": "text", "body": "Agenda\n"})
    stage.sign_in()
    stage.press("Room 1")
    stage.wait("success")
    assert stage.host("body") == f"{vmr(1)['instructions_text']}\n\nAgenda\n"
    stage.press("Remove")
    stage.wait("home")
    assert stage.host("body") == "Agenda\n"


def test_presses_in_flight_are_dropped_and_later_ones_replace(stage: Stage) -> None:
    stage.open({"delay": 30})
    stage.sign_in()
    stage.page.evaluate("document.querySelectorAll('.vmr').forEach((one) => { one.click(); one.click(); })")
    stage.wait("success")
    assert stage.host("calls").count("body.prepend") == 1
    stage.press("Replace")
    stage.wait("list")
    stage.press("Room 1")
    stage.wait("success")
    assert stage.host("body").count("addin-host-") == 1


def test_progress_comes_late_and_the_button_keeps_its_place(stage: Stage) -> None:
    stage.open({"delay": 250})
    stage.sign_in()
    button = stage.page.get_by_role("button", name="Room 1")
    before = button.bounding_box()
    button.click()
    expect(stage.page.get_by_role("status")).to_have_text("")
    expect(stage.page.get_by_role("status")).to_have_text("Adding the VMR")
    assert button.bounding_box() == before
    assert stage.page.locator("#screen").get_attribute("aria-busy") == "true"
    stage.wait("success")
    assert stage.page.locator("#screen").get_attribute("aria-busy") is None


def test_a_meeting_that_has_our_block_is_recognised_on_opening(stage: Stage) -> None:
    stage.open()
    stage.sign_in()
    stage.press("Room 1")
    stage.wait("success")
    kept = {"body": re.sub(r' id="[^"]+"', "", stage.host("body")), "stored": stage.host("stored"), "location": "x"}
    stage.open(kept)
    stage.wait("already")
    assert "VMR already assigned" in screen(stage)
    assert "already been set up" in screen(stage)
    stage.press("Replace")
    stage.say_code()
    stage.wait("list")
    stage.press("Back")
    stage.wait("already")
    stage.press("Remove")
    stage.wait("home")
    assert "conference" not in stage.host("body")


def test_edited_instructions_are_replaced_only_after_asking(stage: Stage) -> None:
    stage.open()
    stage.sign_in()
    stage.press("Room 1")
    stage.wait("success")
    edited = stage.host("body").replace("From a web browser", "From YOUR web browser")
    stage.set_host(body=edited)
    stage.press("Replace")
    stage.wait("list")
    stage.press("Room 2")
    stage.wait("question")
    assert "edited" in screen(stage)
    assert stage.host("body") == edited
    stage.press("Keep them")
    stage.wait("already")
    stage.press("Remove")
    stage.wait("question")
    stage.press("Remove")
    stage.wait("home")
    assert stage.host("body") == ""
    assert stage.host("location") == ""


def test_a_long_location_is_left_and_said(stage: Stage) -> None:
    stage.open({"location": "R" * 220})
    stage.sign_in()
    stage.press("Room 1")
    stage.wait("success")
    assert stage.host("location") == "R" * 220
    assert "too long" in screen(stage)


def test_a_room_that_was_picked_stays_a_room(stage: Stage) -> None:
    room = {"locationIdentifier": {"id": "room4@example.com", "type": "room"}, "displayName": "Room 4"}
    stage.open({"location": "Room 4", "places": [room]})
    stage.sign_in()
    stage.set_host(calls=[])
    stage.press("Room 1")
    stage.wait("success")
    assert len(stage.host("calls")) <= 10
    assert "location.set" not in stage.host("calls")
    assert stage.host("location") == f"Room 4; {vmr(1)['location']}"
    stage.press("Replace")
    stage.wait("list")
    stage.press("Room 2")
    stage.wait("success")
    assert stage.host("location") == f"Room 4; {vmr(2)['location']}"
    stage.press("Remove")
    stage.wait("home")
    assert stage.host("places") == [room]


def test_lost_properties_still_give_the_location_back(stage: Stage) -> None:
    stage.open({"location": "Room 5"})
    stage.sign_in()
    stage.press("Room 1")
    stage.wait("success")
    stage.open({"body": stage.host("body"), "location": stage.host("location")})
    stage.wait("already")
    stage.press("Remove")
    stage.wait("home")
    assert stage.host("location") == "Room 5"
    assert stage.host("body") == ""


def test_a_call_that_fails_leaves_nothing_behind_and_can_be_repeated(stage: Stage) -> None:
    stage.open({"body": "<p>Agenda</p>", "location": "Room 5"})
    stage.sign_in()
    calls = ["body.type", "body.get", "location.get", "properties.save", "body.prepend", "location.set"]
    for call, code in [(call, code) for call in calls for code in (9030, "throw")]:
        stage.set_host(fail={call: code}, calls=[])
        stage.press("Room 1" if (call, code) == (calls[0], 9030) else "Try again")
        stage.until(f"host.calls.includes('{call}') && !document.querySelector('[aria-busy]')")
        assert "There was a problem adding the joining instructions" in screen(stage)
        assert (stage.host("body"), stage.host("location")) == ("<p>Agenda</p>", "Room 5"), (call, code)
        expect(stage.page.get_by_role("heading", name="Error")).to_be_focused()
    stage.set_host(fail={})
    stage.press("Try again")
    stage.wait("success")
    assert stage.host("body").count("addin-host-") == 1
    assert stage.complaints == []


@pytest.mark.parametrize("call", ["body.set", "location.set"])
def test_a_replacement_that_fails_leaves_the_earlier_vmr(stage: Stage, call: str) -> None:
    stage.open({"body": "<p>Agenda</p>"})
    stage.sign_in()
    stage.press("Room 1")
    stage.wait("success")
    body, location = stage.host("body"), stage.host("location")
    stage.press("Replace")
    stage.wait("list")
    stage.set_host(fail={call: 9020})
    stage.press("Room 2")
    stage.wait("problem")
    stage.set_host(fail={})
    assert (stage.host("body"), stage.host("location")) == (body, location)
    stage.press("Try again")
    stage.wait("success")
    assert stage.host("location") == vmr(2)["location"]
    assert stage.host("body").count("addin-host-") == 1


def test_a_withheld_answer_ends_and_a_late_write_is_not_doubled(stage: Stage) -> None:
    stage.open({"body": "<p>Agenda</p>"})
    stage.sign_in()
    stage.set_host(fail={"body.prepend": "late"})
    stage.press("Room 1")
    stage.page.wait_for_selector('#screen[data-screen="problem"]', timeout=20_000)
    stage.until("host.body.includes('addin-host-')")
    stage.set_host(fail={})
    stage.press("Try again")
    stage.wait("success")
    assert stage.host("body").count("addin-host-") == 1


SIGN_IN_PROBLEM = "There was a problem signing you in. Please try again."


@pytest.mark.parametrize("code", [12002, 12004, 12005, 12007, 12009, 5001])
def test_a_dialog_that_does_not_open_is_explained(stage: Stage, code: int) -> None:
    stage.open({"dialogError": code})
    stage.press("Sign In")
    stage.wait("problem")
    assert SIGN_IN_PROBLEM in screen(stage)
    stage.page.get_by_text("Details").click()
    assert len(stage.page.locator("details p").first.inner_text()) > 30
    stage.set_host(dialogError=0)
    stage.press("Try again")
    stage.until("host.dialogs.length > 1")
    stage.say_code()
    stage.wait("list")


@pytest.mark.parametrize("host", [{"dialogError": 12011}, {"noDialog": True}])
def test_without_a_dialog_the_page_opens_by_itself_and_polling_finds_the_session(
    stage: Stage, host: dict[str, Any]
) -> None:
    stage.open(host)
    stage.press("Sign In")
    stage.press("Open the sign-in page")
    url, target, features = stage.host("opened")[0]
    assert url.startswith(f"{ORIGIN}{BASE}/signin?hash=")
    assert (target, features) == ("_blank", "noopener")
    stage.server.polling = stage.server.session
    stage.wait("list")
    assert stage.server.asked[0][2].keys() == {"verifier"}


def test_a_dialog_cut_off_from_the_pane_is_overtaken_by_polling(stage: Stage) -> None:
    stage.open()
    stage.press("Sign In")
    stage.until("host.dialogs.length > 0")
    stage.page.evaluate("host.dialogEvent(12006)")
    stage.server.polling = stage.server.session
    stage.wait("list")


def test_a_closed_dialog_is_waited_for_ten_seconds(stage: Stage) -> None:
    stage.page.clock.install()
    stage.open()
    stage.press("Sign In")
    stage.until("host.dialogs.length > 0")
    stage.page.evaluate("host.dialogEvent(12006)")
    turn(stage, 4)
    assert stage.page.locator("#screen").get_attribute("data-screen") == "home"
    turn(stage, 4)
    stage.wait("problem")
    assert "closed before you were signed in" in stage.page.locator("details").text_content()


def turn(stage: Stage, rounds: int) -> None:
    """Let two seconds pass several times, with time for an answer each."""
    for _ in range(rounds):
        stage.page.clock.run_for(2_000)
        stage.page.wait_for_timeout(20)


def cut_off(stage: Stage) -> None:
    """Sign in with a window that Outlook takes for closed, until the pane shows its error."""
    stage.page.clock.install()
    stage.open()
    stage.press("Sign In")
    stage.until("host.dialogs.length > 0")
    stage.page.evaluate("host.dialogEvent(12006)")
    turn(stage, 8)
    stage.wait("problem")


def test_after_the_error_the_pane_still_goes_on_when_the_person_signs_in(stage: Stage) -> None:
    cut_off(stage)
    stage.server.polling = stage.server.session
    turn(stage, 2)
    stage.wait("list")


def test_another_try_ends_the_waiting_for_the_first_one(stage: Stage) -> None:
    cut_off(stage)
    first = stage.server.asked[0][2]["verifier"]
    stage.press("Try again")
    stage.until("host.dialogs.length > 1")
    asked = len(stage.server.asked)
    turn(stage, 5)
    later = [body["verifier"] for _method, _path, body in stage.server.asked[asked + 1 :]]
    assert len(later) >= 3
    assert first not in later


def test_after_the_error_asking_stops_after_three_minutes_too(stage: Stage) -> None:
    cut_off(stage)
    turn(stage, 95)
    assert len(stage.server.asked) <= 92
    before = len(stage.server.asked)
    turn(stage, 5)
    assert len(stage.server.asked) == before


def test_polling_stops_after_three_minutes(stage: Stage) -> None:
    stage.page.clock.install()
    stage.open()
    stage.press("Sign In")
    stage.until("host.dialogs.length > 0")
    for _ in range(95):
        stage.page.clock.run_for(2_000)
    stage.wait("problem")
    assert len(stage.server.asked) <= 91
    assert "three minutes" in stage.page.locator("details").text_content()


@pytest.mark.parametrize(
    ("origin", "changes"),
    [("https://evil.example.test", {}), (ORIGIN, {"nonce": "another"}), (None, {}), (ORIGIN + ".evil.test", {})],
)
def test_a_message_that_is_not_ours_is_dropped(stage: Stage, origin: Any, changes: dict[str, str]) -> None:
    stage.open()
    stage.press("Sign In")
    stage.say_code(origin, **changes)
    stage.page.wait_for_timeout(300)
    assert [body for _, _, body in stage.server.asked if "code" in body] == []
    stage.say_code()
    stage.wait("list")


def test_messages_that_are_no_json_are_dropped(stage: Stage) -> None:
    stage.open()
    stage.press("Sign In")
    stage.until("host.dialogs.length > 0")
    for text in ("", "{", "null", "[]", '"x"'):
        stage.page.evaluate("([text, origin]) => host.dialogMessage(text, origin)", [text, ORIGIN])
    stage.say_code()
    stage.wait("list")
    assert stage.complaints == []


def test_a_refusal_shows_the_servers_sentence_in_details(stage: Stage) -> None:
    stage.server.polling = lambda: failure(403, "forbidden", "You may not use this add-in.")
    stage.open()
    stage.press("Sign In")
    stage.say_code(code="", error="forbidden")
    stage.wait("problem")
    assert SIGN_IN_PROBLEM in screen(stage)
    stage.page.get_by_text("Details").click()
    assert "You may not use this add-in." in screen(stage)
    assert "c0ffee" in screen(stage)


def test_signing_in_can_be_cancelled(stage: Stage) -> None:
    stage.open()
    stage.press("Sign In")
    stage.press("Cancel")
    stage.wait("home")
    assert stage.host("dialogs")[0]["closed"]


def test_no_vmrs(stage: Stage) -> None:
    stage.server.vmrs = []
    stage.open()
    stage.press("Sign In")
    stage.say_code()
    stage.wait("none")
    assert "You do not have any personal VMRs" in screen(stage)


def test_one_vmr_is_shown_and_has_the_focus(stage: Stage) -> None:
    stage.server.vmrs = [vmr(1)]
    stage.open()
    stage.sign_in()
    expect(stage.page.get_by_role("button", name="Room 1")).to_be_focused()
    stage.page.keyboard.press("Enter")
    stage.wait("success")


def test_many_vmrs_can_be_filtered(stage: Stage) -> None:
    stage.server.vmrs = [vmr(number) for number in range(1, 8)]
    stage.open()
    stage.sign_in()
    assert stage.page.get_by_role("searchbox").count() == 0
    stage.server.vmrs.append(vmr(8))
    stage.open()
    stage.sign_in()
    stage.page.get_by_role("searchbox").fill("ROOM8@")
    expect(stage.page.locator(".vmr:visible")).to_have_count(1)
    expect(stage.page.get_by_role("status")).to_have_text("1 of 8 VMRs")
    stage.page.get_by_role("searchbox").fill("nothing like it")
    expect(stage.page.get_by_role("status")).to_have_text("No VMR fits this filter.")


def test_an_unusable_vmr_says_why_and_cannot_be_chosen(stage: Stage) -> None:
    stage.server.vmrs = [vmr(1, usable=False, alias="", reason="This VMR has no alias."), vmr(2)]
    stage.open()
    stage.sign_in()
    button = stage.page.get_by_role("button", name="Room 1")
    assert button.get_attribute("aria-disabled") == "true"
    assert "This VMR has no alias." in button.inner_text()
    button.click(force=True)
    stage.page.wait_for_timeout(100)
    assert stage.host("body") == ""


@pytest.mark.parametrize("answer", [failure(503, "upstream", "Try later."), (0, None), (200, None), (500, "no shape")])
def test_a_list_that_does_not_come_is_said_and_can_be_repeated(stage: Stage, answer: tuple[int, Any]) -> None:
    stage.server.list_answers = [answer]
    stage.open()
    stage.press("Sign In")
    stage.say_code()
    stage.wait("problem")
    assert "There was a problem getting your personal VMRs. Please try again." in screen(stage)
    stage.press("Try again")
    stage.wait("list")


def test_an_expired_bearer_is_renewed_once_without_asking(stage: Stage) -> None:
    stage.server.list_answers = [failure(401, "unauthenticated", "Expired.")]
    stage.open()
    stage.sign_in()
    assert [path for _, path, _ in stage.server.asked] == ["/session", "/personal_vmrs", "/session", "/personal_vmrs"]


def test_an_ended_session_asks_to_sign_in_again(stage: Stage) -> None:
    stage.server.list_answers = [failure(401, "unauthenticated", "Expired.")]
    stage.server.renew_answers = [failure(401, "unauthenticated", "Ended.")]
    stage.open()
    stage.press("Sign In")
    stage.say_code()
    stage.wait("home")
    expect(stage.page.get_by_role("status")).to_have_text("Your session has ended. Sign in again.")
    stage.press("Sign In")
    stage.until("host.dialogs.length > 1")
    stage.say_code()
    stage.wait("list")


def test_the_bearer_is_renewed_before_it_expires(stage: Stage) -> None:
    stage.server.expires_in = 61
    stage.open()
    stage.sign_in()
    with stage.page.expect_request(lambda request: '"renew":true' in (request.post_data or ""), timeout=9_000):
        pass


def test_the_switched_off_integration_says_so(stage: Stage) -> None:
    stage.open(enabled=False)
    stage.wait("sentence")
    assert "switched off" in screen(stage)
    assert stage.page.get_by_role("button").count() == 0


def test_without_any_kind_of_vmr_the_pane_says_so(stage: Stage) -> None:
    stage.open(personal=False, singleUse=False)
    stage.wait("sentence")
    assert "No kind of VMR" in screen(stage)


def test_outside_an_appointment_the_pane_says_so(stage: Stage) -> None:
    stage.open({"noItem": True})
    stage.wait("sentence")
    assert "meeting that you are writing" in screen(stage)


def test_an_outlook_that_is_too_old_is_told_apart(stage: Stage) -> None:
    stage.open({"tooOld": True})
    stage.wait("sentence")
    assert "too old for this add-in" in screen(stage)


def test_a_host_that_never_starts_is_said(stage: Stage) -> None:
    stage.page.clock.install()
    stage.open({"neverReady": True})
    stage.page.clock.run_for(16_000)
    stage.wait("sentence")
    assert "does not answer" in screen(stage)


def test_buttons_work_while_the_meeting_is_still_being_read(stage: Stage) -> None:
    stage.page.add_init_script("sessionStorage.getItem('host')")
    stage.open({"delay": 400})
    stage.page.reload()
    stage.page.wait_for_selector("html[data-ready]")
    assert stage.page.evaluate("document.documentElement.dataset.checked") is None
    stage.press("Sign In")
    stage.say_code()
    stage.wait("list")


def test_configured_texts_are_shown_as_html_everywhere(stage: Stage) -> None:
    stage.open(
        values={
            "addin_pane_title": "Add <i>it</i>",
            "addin_pane_personal_vmr_sign_in_button": "<b>Enter</b>",
            "addin_pane_personal_vmr_select_message": "Pick <em>one</em>",
        }
    )
    assert stage.page.locator("h1 i").inner_text() == "it"
    stage.sign_in("Enter")
    assert stage.page.locator("h2 em").inner_text() == "one"


def test_names_from_the_server_are_text(stage: Stage) -> None:
    stage.server.vmrs = [vmr(1, name="<img src=x onerror=alert(1)>", description="<b>x</b>", alias="<i>y</i>")]
    stage.open()
    stage.sign_in()
    assert stage.page.locator(".vmr img, .vmr b, .vmr i").count() == 0
    assert "<img src=x" in screen(stage)


def test_the_theme_follows_outlook(stage: Stage) -> None:
    stage.open({"theme": {"bodyBackgroundColor": "#1F1F1F"}})
    assert stage.page.evaluate("document.documentElement.dataset.theme") == "dark"
    background = "getComputedStyle(document.documentElement).backgroundColor"
    assert stage.page.evaluate(background) == "rgb(31, 31, 31)"
    stage.page.evaluate("host.themeHandler({officeTheme: {bodyBackgroundColor: '#ffffff'}})")
    assert stage.page.evaluate(background) == "rgb(255, 255, 255)"


@pytest.mark.parametrize("width", [160, 320, 450])
def test_nothing_scrolls_sideways(stage: Stage, width: int) -> None:
    stage.page.set_viewport_size({"width": width, "height": 600})
    stage.server.vmrs = [vmr(number, name="Averyveryverylongnamewithoutanyspace" * 2) for number in range(1, 9)]
    stage.open(debug=True)
    stage.sign_in()
    fits = "document.documentElement.scrollWidth <= innerWidth"
    assert stage.page.evaluate(fits)
    stage.press("Avery")
    stage.wait("success")
    assert stage.page.evaluate(fits)


def test_the_debug_log_shows_calls_but_no_secret(stage: Stage) -> None:
    stage.open()
    assert stage.page.get_by_text("Debug log").count() == 0
    stage.open(debug=True)
    stage.sign_in()
    stage.press("Room 1")
    stage.wait("success")
    stage.page.get_by_text("Debug log").click()
    shown = stage.page.locator("#log").inner_text()
    assert "body.prepend: done" in shown
    assert "GET /personal_vmrs: 200" in shown
    for secret in ("bearer-", "one-time-code", stage.server.asked[0][2]["verifier"], "room1@"):
        assert secret not in shown


def test_the_keyboard_reaches_everything(stage: Stage) -> None:
    stage.open()
    stage.page.keyboard.press("Tab")
    expect(stage.page.get_by_role("button", name="Sign In")).to_be_focused()
    stage.page.keyboard.press("Enter")
    stage.say_code()
    stage.wait("list")
    for name in ("Room 1", "Room 2"):
        stage.page.keyboard.press("Tab")
        expect(stage.page.get_by_role("button", name=name)).to_be_focused()
    stage.page.keyboard.press("Space")
    stage.wait("success")
    assert stage.page.evaluate("document.documentElement.lang") == "en"


def test_nothing_is_kept_in_the_browser(stage: Stage) -> None:
    stage.open()
    stage.sign_in()
    stage.press("Room 1")
    stage.wait("success")
    kept = stage.page.evaluate("[document.cookie, localStorage.length, Object.keys(sessionStorage), window.name]")
    assert kept == ["", 0, ["host"], ""]
    assert "bearer" not in json.dumps(stage.host("stored"))
    assert len(json.dumps(stage.host("stored"))) < 2_500


# --- the dialog's last page and the commands ------------------------------------------------------------------------


def open_done(stage: Stage, outcome: dict[str, str], office: str) -> Any:
    """Open the last page of the dialog over a tiny host; returns what it sent."""
    page = render("signin/done.html", outcome=outcome).replace("/test/office.js", f"{STATIC}/none.js")
    stage.pages[f"{BASE}/signin/callback"] = page
    stage.page.add_init_script(office)
    stage.page.goto(f"{ORIGIN}{BASE}/signin/callback?code=from-provider&state=secret&_host_Info=Outlook%24Web")
    stage.page.wait_for_timeout(100)
    return stage.page.evaluate("globalThis.sent")


SENDS = """globalThis.sent = null; globalThis.Office = {
  onReady: (callback) => { globalThis.addressThen = location.href; callback({}); },
  context: {ui: {messageParent: (message, options) => { globalThis.sent = [message, options]; }}}};"""


@pytest.mark.parametrize("outcome", [{"code": "c", "nonce": "n"}, {"error": "forbidden", "nonce": "n"}])
def test_the_dialog_hands_over_to_its_own_origin_only(stage: Stage, outcome: dict[str, str]) -> None:
    stage.page.route(f"**{STATIC}/none.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    message, options = open_done(stage, outcome | {"origin": ORIGIN}, SENDS)
    assert json.loads(message) == outcome
    assert options == {"targetOrigin": ORIGIN}
    address = stage.page.evaluate("addressThen")
    assert "from-provider" not in address
    assert "secret" not in address
    assert address.endswith("?_host_Info=Outlook%24Web")
    assert "You may close this window" in stage.page.locator("body").inner_text()


@pytest.mark.parametrize(
    "office", ["", "globalThis.Office = {onReady: (callback) => callback({host: null}), context: {}};"]
)
def test_a_dialog_without_its_pane_says_what_to_do(stage: Stage, office: str) -> None:
    stage.page.route(f"**{STATIC}/none.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    open_done(stage, {"code": "c", "nonce": "n", "origin": ORIGIN}, office)
    assert "You may close this window" in stage.page.locator("body").inner_text()
    assert stage.complaints == []


# --- our scripts themselves -----------------------------------------------------------------------------------------

SCRIPTS = sorted(path for path in (ROOT / "static").rglob("*.js") if path.parent.name != "vendor")
NEVER = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|localStorage|sessionStorage"
    r"|document\.cookie|window\.name\s*=|roamingSettings|\balert\(|\bconfirm\(|\bprompt\(|targetOrigin:\s*[\"']\*"
)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_hold_nothing_that_is_never_allowed(path: Any) -> None:
    text = path.read_text()
    if path.parent.name == "admin":
        text = text.replace("localStorage", "")  # these pages stand in no frame: a browser keeps the theme there
    assert NEVER.search(text) is None
    assert len(text.splitlines()) <= 300
    for call in re.finditer(r"messageParent\(JSON", text):
        assert "targetOrigin: origin" in text[call.start() : call.start() + 160]


def test_every_module_is_asked_for_at_once() -> None:
    """None waits for the import of another: those of the first button stand in the page, the rest in pane.js."""
    template = (ROOT / "templates/addin/pane.html").read_text()
    early = re.search(r"set modules = (\[.*?\])", template)
    late = re.search(r"(?s)LATER = (\[.*?\])", (ROOT / "static/addin/pane.js").read_text())
    assert early
    assert late
    modules = {path.stem for path in (ROOT / "static/addin").glob("*.js")}
    assert {*json.loads(early[1]), *json.loads(late[1])} == modules - {
        "pane",
        "screens",
        "commands",
        "add-room",
        "launch",
        "signin-done",
    }
