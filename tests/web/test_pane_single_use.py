"""Single-use VMRs in the pane, in Chromium, every situation against a canned server and a host that can be steered."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.web.pane.stage import (
    ROOM_MAILBOX,
    STATIC,
    TOKEN_KIND,
    Stage,
    failure,
    promise,
    room,
    tag,
    vmr,
)

ADD = "Add a Single-use VMR"
ADD_PERSONAL = "Add a Personal VMR"
TOLD = ("POST", "/insertions", {"kind": "single-use"})
ANN = {"displayName": "Ann", "emailAddress": "ann@example.com"}
MAILBOX = {"displayName": "Rooms", "emailAddress": ROOM_MAILBOX}
BUTTONS = "Array.from(document.querySelectorAll('.choices button .label'), (one) => one.textContent)"


def open_pane(stage: Stage, host: dict[str, Any] | None = None, **config: Any) -> None:
    """Open a pane with single-use VMRs only, in a client that gives an Exchange token, unless told otherwise."""
    given = {"tokens": ["jwt"]} | (host or {})
    usual: dict[str, Any] = {"singleUse": True, "personal": False, "kinds": [TOKEN_KIND]}
    stage.open(given, **(usual | config))


def screen(stage: Stage) -> str:
    return stage.page.locator("#screen").inner_text()


def buttons(stage: Stage) -> Any:
    return stage.page.evaluate(BUTTONS)


def add(stage: Stage, host: dict[str, Any] | None = None, **config: Any) -> None:
    """Open a pane and add a single-use VMR."""
    open_pane(stage, host, **config)
    stage.press(ADD)
    stage.wait("success")


def reopen(stage: Stage, *lost: str, **config: Any) -> None:
    """Open the pane again over what the appointment has become, without what was lost."""
    names = ("type", "body", "location", "stored", "required", "optional", "places", "itemId", "seriesId")
    kept = {name: stage.host(name) for name in names if name not in lost}
    open_pane(stage, kept, **config)


def details(stage: Stage) -> str:
    return stage.page.locator("#screen details").text_content() or ""


# --- tags in a body -------------------------------------------------------------------------------------------------


def found(page: Page, text: str, *, is_html: bool = True) -> Any:
    code = "async ([path, ...v]) => (await import(path)).findTags(...v).map((one) => one.tag)"
    return page.evaluate(code, [f"{STATIC}/addin/tags.js", text, is_html])


PXPS = tag(1)
MANGLED = {
    "as printed": PXPS,
    "lower case": PXPS.lower(),
    "in a paragraph with spans": f"<p><span>PXPS</span>:-{PXPS[6:30]}<wbr>{PXPS[30:]}</p>",
    "wrapped": f"{PXPS[:40]}<br>\r\n{PXPS[40:]}",
    "non-breaking": PXPS.replace(":-", ":&#8209;").replace("A", "A&nbsp;&#8203;", 3),
    "a dash that is none": PXPS.replace("-", "&ndash;"),
    "full width": PXPS.replace(":", "\uff1a").replace("#", "\uff03"),
    "without its end": PXPS.removesuffix("#"),
    "bidi marks": f"\u202a{PXPS[:9]}\u2067{PXPS[9:]}\u202c",
}


@pytest.mark.parametrize("name", MANGLED)
def test_a_tag_is_found_whatever_became_of_it(modules: Page, name: str) -> None:
    assert found(modules, f"<div>Agenda {MANGLED[name]}<br>end</div>") == [PXPS]


def test_both_kinds_of_tag_are_found_and_nothing_shorter(modules: Page) -> None:
    assert found(modules, f"{tag(2, 'TOK')}\n{PXPS}", is_html=False) == [tag(2, "TOK"), PXPS]
    assert found(modules, PXPS[:60] + "#") == []
    assert found(modules, f"TOK:-{'A' * 58}#") == []
    assert found(modules, f'<a href="{PXPS}">x</a><!-- {PXPS} --><style>{PXPS}</style>') == []


ESSAYS = "Students present their essays to the whole class and then discuss them together"


@pytest.mark.parametrize("text", [f"TOK: {ESSAYS}", f"TOK:\n- {ESSAYS}", f"Tok: {ESSAYS.lower()}"])
def test_a_sentence_is_no_tag(modules: Page, text: str) -> None:
    assert found(modules, text, is_html=False) == []


def test_a_body_full_of_blocks_that_pretend_is_read_in_no_time(modules: Page) -> None:
    code = """async (path) => {
      const { find } = await import(path);
      const body = '<div id="addin-host-0123abcd">x'.repeat(20_000) + "</div>".repeat(20_000);
      return (await find(body, true, [])).map(({ start, end, edited }) => [start, end === body.length, edited]);
    }"""
    assert modules.evaluate(code, f"{STATIC}/addin/block.js") == [[0, True, True]]


# --- the first screen -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("single_use", "personal", "shown"),
    [(True, True, [ADD, "Sign In"]), (True, False, [ADD]), (False, True, ["Sign In"])],
)
def test_the_buttons_of_what_is_switched_on(stage: Stage, single_use: bool, personal: bool, shown: list[str]) -> None:
    open_pane(stage, singleUse=single_use, personal=personal, kinds=[])
    assert buttons(stage) == shown
    assert stage.page.locator(".button.primary").count() == 1
    stage.page.keyboard.press("Tab")
    expect(stage.page.get_by_role("button", name=shown[0])).to_be_focused()


def test_a_person_who_is_known_needs_no_sign_in(stage: Stage) -> None:
    open_pane(stage, personal=True)
    stage.until(f"{BUTTONS}[1] === '{ADD_PERSONAL}'")
    stage.press(ADD_PERSONAL)
    stage.wait("list")
    assert stage.host("dialogs") == []
    assert [path for _, path, _ in stage.server.asked] == ["/session", "/personal_vmrs"]


def test_the_sign_in_button_keeps_the_focus_when_the_person_becomes_known(stage: Stage) -> None:
    held: list[Route] = []
    stage.page.route("**/session", lambda route: held.append(route))  # noqa: PLW0108 - it is given an attribute
    open_pane(stage, personal=True)
    stage.page.get_by_role("button", name="Sign In").focus()
    while not held:
        stage.page.wait_for_timeout(20)
    for route in held:
        route.fallback()
    expect(stage.page.get_by_role("button", name=ADD_PERSONAL)).to_be_focused()


def test_somebody_whom_the_directory_does_not_know_signs_in_for_personal_vmrs(stage: Stage) -> None:
    stage.server.knows = False
    open_pane(stage, personal=True)
    stage.until("host.calls.includes('token.get')")
    assert buttons(stage) == [ADD, "Sign In"]
    stage.press("Sign In")
    stage.server.knows = True
    stage.say_code()
    stage.wait("list")


def test_a_refusal_of_personal_vmrs_is_shown(stage: Stage) -> None:
    stage.server.knows = False
    status, answer = stage.server.session()
    stage.server.token_answers = [(status, answer | {"personal_refusal": "You are not in the directory."})]
    open_pane(stage, personal=True, dialog=False)
    stage.press("Sign In")
    stage.wait("problem")
    assert "You are not in the directory." in details(stage)


# --- adding ---------------------------------------------------------------------------------------------------------


def test_the_common_path(stage: Stage) -> None:
    host = {"body": "<div>Agenda</div>", "location": "Room 5", "required": [ANN]}
    open_pane(stage, host)
    stage.until("host.calls.includes('token.get')")
    stage.set_host(calls=[])
    stage.press(ADD)
    stage.wait("success")
    assert len(stage.host("calls")) <= 10
    assert room(1)["instructions"] in stage.host("body")
    assert stage.host("body").endswith("</div><div>Agenda</div>")
    assert stage.host("location") == f"Room 5; {room(1)['location']}"
    assert stage.host("required") == [ANN, MAILBOX]
    [mark] = json.loads(stage.host("stored")["addinHost"])
    assert (mark["kind"], mark["tag"], mark["mailbox"]) == ("single-use", tag(1), ROOM_MAILBOX)
    assert "not scheduled until you select Send" in screen(stage)
    expect(stage.page.get_by_role("heading", name="Success")).to_be_focused()
    assert stage.server.asked.count(TOLD) == 1
    stage.press("Remove")
    stage.wait("home")
    assert (stage.host("body"), stage.host("location")) == ("<div>Agenda</div>", "Room 5")
    assert (stage.host("required"), stage.host("stored")) == ([ANN], {})
    expect(stage.page.get_by_role("status")).to_have_text("The VMR was removed from this meeting.")
    assert stage.complaints == []


def test_an_insertion_beside_picked_rooms_takes_no_more_calls(stage: Stage) -> None:
    picked = {"locationIdentifier": {"id": "room4@example.com", "type": "room"}, "displayName": "Room 4"}
    host = {"location": "Room 4", "places": [picked], "required": [ANN], "optional": [ANN]}
    open_pane(stage, host, personal=True)
    stage.until(f"{BUTTONS}[1] === '{ADD_PERSONAL}'")
    for name in (ADD, "Room 2", ADD):
        if name != ADD:
            stage.press(ADD_PERSONAL)
            stage.wait("list")
        stage.set_host(calls=[])
        stage.press(name)
        stage.wait("success")
        assert len(stage.host("calls")) <= 10, stage.host("calls")
        assert stage.host("location").startswith("Room 4; https://")
        stage.press("Replace")
        stage.wait("question")


def test_plain_text_gets_the_text_and_gives_it_back(stage: Stage) -> None:
    add(stage, {"type": "text", "body": "Agenda\n"})
    assert stage.host("body") == f"{room(1)['instructions_text']}\n\nAgenda\n"
    reopen(stage, "stored")
    stage.wait("already")


def test_an_empty_location_of_the_room_leaves_the_location_alone(stage: Stage) -> None:
    stage.server.room_answers = [(200, {"status": "success", "result": room(1, location="")})]
    add(stage, {"location": "Room 5"})
    assert stage.host("location") == "Room 5"
    assert "location.set" not in stage.host("calls")


@pytest.mark.parametrize("field", ["required", "optional", "places"])
def test_a_mailbox_that_is_invited_already_is_not_invited_twice(stage: Stage, field: str) -> None:
    shouted = {"displayName": "Rooms", "emailAddress": ROOM_MAILBOX.upper()}
    as_room = shouted | {"locationIdentifier": {"id": ROOM_MAILBOX, "type": "room"}}
    add(stage, {field: [as_room if field == "places" else shouted], "location": "Rooms"})
    assert "required.add" not in stage.host("calls")
    stage.press("Remove")
    stage.wait("home")
    assert stage.host(field) == []


# --- who is asking --------------------------------------------------------------------------------------------------


def test_without_a_token_the_dialog_asks_and_the_room_follows(stage: Stage) -> None:
    open_pane(stage, {"tokens": []})
    stage.press(ADD)
    stage.say_code()
    stage.wait("success")
    assert stage.host("dialogs")[0]["closed"]
    assert stage.page.locator("#aside button").count() == 0


def test_leaving_the_dialog_leads_back(stage: Stage) -> None:
    open_pane(stage, {"tokens": []})
    stage.press(ADD)
    stage.press("Cancel")
    stage.wait("home")
    assert stage.host("body") == ""


@pytest.mark.parametrize(("kinds", "words"), [([TOKEN_KIND], "Exchange identity tokens"), ([], "no way to find out")])
def test_when_there_is_no_way_the_details_say_what_is_missing(stage: Stage, kinds: list[str], words: str) -> None:
    open_pane(stage, {"tokens": []}, kinds=kinds, dialog=False)
    stage.press(ADD)
    stage.wait("problem")
    assert "Error" in screen(stage)
    assert "There was a problem adding the joining instructions" in screen(stage)
    assert words in details(stage)


def test_a_token_that_the_server_refuses_leads_to_the_dialog(stage: Stage) -> None:
    stage.server.token_answers = [failure(401, "unauthenticated", "No.")]
    open_pane(stage)
    stage.press(ADD)
    stage.say_code()
    stage.wait("success")


def test_a_refusal_is_said_in_words(stage: Stage) -> None:
    stage.server.promised = promise()
    stage.server.room_answers = [
        failure(403, "forbidden", "Switched off here."),
        failure(429, "rate_limited", "You have added many."),
    ]
    open_pane(stage)
    for words, message in (("You may not add", "Switched off here."), ("Too many VMRs", "You have added many.")):
        stage.press(ADD)
        stage.wait("problem")
        assert words in screen(stage)
        assert message in details(stage)
        assert "c0ffee" in details(stage)
        assert stage.host("body") == ""
        if words == "You may not add":
            assert buttons(stage) == ["Back"]
            stage.press("Back")
    assert buttons(stage) == ["Try again"]


def test_a_failure_of_a_moment_does_not_keep_the_button_dead(stage: Stage) -> None:
    stage.page.clock.install()
    open_pane(stage, {"fail": {"token.get": 9041}}, dialog=False)
    stage.until("host.calls.includes('token.get')")
    stage.page.clock.run_for(2_000)
    stage.set_host(fail={})
    stage.press(ADD)
    stage.wait("success")


# --- when something fails -------------------------------------------------------------------------------------------

CALLS = ["body.type", "body.get", "location.get", "properties.save", "body.prepend", "location.set"]


def test_a_call_that_fails_leaves_nothing_behind_and_can_be_repeated(stage: Stage) -> None:
    open_pane(stage, {"body": "<p>Agenda</p>", "location": "Room 5", "required": [ANN]})
    for call in [*CALLS, "required.get", "optional.get", "required.add"]:
        stage.set_host(fail={call: 9030}, calls=[])
        stage.press(ADD if call == CALLS[0] else "Try again")
        stage.until(f"host.calls.includes('{call}') && !document.querySelector('[aria-busy]')")
        assert "There was a problem adding the joining instructions" in screen(stage)
        assert (stage.host("body"), stage.host("location")) == ("<p>Agenda</p>", "Room 5"), call
        assert stage.host("required") == [ANN], call
        assert json.loads(stage.host("stored").get("addinHost", "[]")) == [], call
    stage.set_host(fail={})
    stage.press("Try again")
    stage.wait("success")
    assert stage.host("body").count("addin-host-") == 1
    assert stage.host("required") == [ANN, MAILBOX]
    assert stage.complaints == []


def test_a_mailbox_that_was_invited_without_an_answer_is_taken_off(stage: Stage) -> None:
    stage.page.clock.install()
    open_pane(stage, {"required": [ANN]})
    stage.page.evaluate(
        "() => { const list = Office.context.mailbox.item.requiredAttendees;"
        " list.addAsync = (people) => { host.required.push(...people); }; }"
    )
    stage.press(ADD)
    for _ in range(12):
        stage.page.clock.run_for(1_000)
        stage.page.wait_for_timeout(20)
    stage.wait("problem")
    assert stage.host("required") == [ANN]
    assert stage.host("body") == ""


def test_a_shared_calendar_that_outlook_keeps_from_add_ins_is_said_in_words(stage: Stage) -> None:
    open_pane(stage)
    stage.set_host(fail={"body.prepend": 9055})
    stage.press(ADD)
    stage.wait("problem")
    assert "calendar that somebody else shares" in details(stage)


# --- when the server is away ----------------------------------------------------------------------------------------

DOWN = "Cannot assign a VMR right now"


def test_a_server_that_is_away_leaves_its_promise(stage: Stage) -> None:
    stage.server.promised = promise()
    open_pane(stage, {"body": "<p>Agenda</p>", "location": "Room 5"})
    stage.until("host.calls.includes('token.get')")
    for answer in [(0, None), failure(503, "upstream", "Later."), failure(500, "error", "Oh.")]:
        stage.server.room_answers = [answer]
        stage.press(ADD)
        stage.wait("placeholder")
        assert DOWN in screen(stage)
        assert "all attendees will be sent joining instructions later" in screen(stage)
        assert tag(9, "TOK") in stage.host("body")
        assert stage.host("location") == "Room 5"
        assert stage.host("required") == [MAILBOX]
        assert buttons(stage) == ["Try again", "Remove"]
        stage.press("Try again")
        stage.wait("success")
        assert "TOK:" not in stage.host("body")
        assert stage.host("body").count("addin-host-") == 1
        assert stage.host("required") == [MAILBOX]
        stage.press("Remove")
        stage.wait("home")


def test_the_promise_that_comes_with_the_answer_is_used(stage: Stage) -> None:
    status, answer = failure(503, "upstream", "Later.")
    stage.server.room_answers = [(status, answer | {"placeholder": promise()})]
    open_pane(stage)
    stage.press(ADD)
    stage.wait("placeholder")
    assert tag(9, "TOK") in stage.host("body")


def test_an_answer_that_takes_longer_than_ten_seconds_counts_as_none(stage: Stage) -> None:
    stage.server.promised = promise()
    stage.page.clock.install()
    open_pane(stage)
    stage.until("host.calls.includes('token.get')")
    stage.page.route("**/meeting_details", lambda _route: None)
    stage.press(ADD)
    stage.page.wait_for_timeout(100)
    stage.page.clock.run_for(10_500)
    stage.wait("placeholder")


@pytest.mark.parametrize("promised", [None, promise("2020-01-01T00:00:00Z")])
def test_without_a_promise_that_holds_nothing_is_inserted(stage: Stage, promised: Any) -> None:
    stage.server.promised = promised
    stage.server.room_answers = [(0, None)]
    open_pane(stage, {"required": [ANN]})
    stage.press(ADD)
    stage.wait("problem")
    assert "There was a problem adding the joining instructions" in screen(stage)
    assert "did not answer" in details(stage)
    assert (stage.host("body"), stage.host("required"), stage.host("stored")) == ("", [ANN], {})


def test_a_server_that_was_never_there_leaves_nothing_to_insert(stage: Stage) -> None:
    stage.server.token_answers = [(0, None), (0, None)]
    open_pane(stage)
    stage.press(ADD)
    stage.wait("problem")
    assert stage.host("body") == ""


def test_a_promise_is_recognised_when_the_pane_opens_again(stage: Stage) -> None:
    stage.server.promised = promise()
    stage.server.room_answers = [(0, None)]
    open_pane(stage)
    stage.until("host.calls.includes('token.get')")
    stage.press(ADD)
    stage.wait("placeholder")
    reopen(stage, personal=True)
    stage.wait("already")
    assert "no joining instructions yet" in screen(stage)
    assert buttons(stage)[0] == "Try again"
    stage.press("Try again")
    stage.wait("success")
    assert tag(1) in stage.host("body")


# --- what is there already ------------------------------------------------------------------------------------------


def without_id(stage: Stage) -> str:
    return re.sub(r' id="[^"]+"', "", stage.host("body"))


@pytest.mark.parametrize("lost", [(), ("stored",)])
@pytest.mark.parametrize("rewritten", [False, True])
def test_a_room_is_recognised_whatever_was_lost(stage: Stage, lost: tuple[str, ...], rewritten: bool) -> None:
    add(stage, {"body": "<p>Agenda</p>", "required": [ANN]})
    if rewritten:
        stage.set_host(body=without_id(stage))
    reopen(stage, *lost)
    stage.wait("already")
    assert "VMR already assigned" in screen(stage)
    assert "already been set up" in screen(stage)
    assert buttons(stage) == ["Replace", "Remove"]
    stage.press("Remove")
    stage.wait("home")
    assert tag(1) not in stage.host("body")
    if not (lost and rewritten):
        assert "conference" not in stage.host("body")


def test_only_a_tag_left_is_told_and_taken_out(stage: Stage) -> None:
    body = f"<p>Agenda</p><p>Call us</p><p>{tag(1)}</p><p>Yours</p>"
    stage.server.promised = promise()
    open_pane(stage, {"body": body, "required": [ANN, MAILBOX]})
    stage.wait("already")
    assert "only their tag line is recognised" in screen(stage)
    stage.until("host.calls.includes('token.get')")
    stage.press("Remove")
    stage.wait("home")
    assert stage.host("body") == "<p>Agenda</p><p>Call us</p><p>Yours</p>"
    assert stage.host("required") == [ANN]
    assert "Delete the rest" in (stage.page.get_by_role("status").text_content() or "")


def test_only_a_tag_left_can_be_replaced(stage: Stage) -> None:
    open_pane(stage, {"type": "text", "body": f"Agenda\r\n{tag(5)}\r\nYours"})
    stage.wait("already")
    stage.press("Replace")
    stage.wait("success")
    assert stage.host("body") == f"Agenda\r\n{room(1)['instructions_text']}\n\nYours"
    assert "Delete the rest" in screen(stage)


def test_a_mailbox_that_nobody_knows_any_more_is_left_to_the_person(stage: Stage) -> None:
    open_pane(stage, {"body": f"<p>{tag(1)}</p>", "required": [ANN, MAILBOX], "tokens": []})
    stage.wait("already")
    stage.press("Remove")
    stage.wait("home")
    assert stage.host("required") == [ANN, MAILBOX]
    assert "Remove it from the attendees yourself" in (stage.page.get_by_role("status").text_content() or "")


def test_edited_instructions_are_replaced_only_after_asking(stage: Stage) -> None:
    add(stage)
    edited = stage.host("body").replace("From a web browser", "From YOUR web browser")
    stage.set_host(body=edited)
    stage.press("Replace")
    stage.wait("question")
    assert "edited" in screen(stage)
    assert stage.host("body") == edited
    stage.press("Replace")
    stage.wait("success")
    assert stage.host("body").count("addin-host-") == 1


def test_a_press_before_the_meeting_was_read_does_not_add_a_second_room(stage: Stage) -> None:
    add(stage)
    kept = {name: stage.host(name) for name in ("body", "location", "stored", "required")}
    open_pane(stage, kept | {"delay": 400})
    stage.page.reload()
    stage.page.wait_for_selector("html[data-ready]")
    stage.press(ADD)
    stage.wait("already")
    assert stage.server.rooms == 1


def test_a_list_that_was_opened_before_the_meeting_was_read_replaces_nothing_unasked(stage: Stage) -> None:
    add(stage, {"itemId": "AAMk", "sets": ["1.8"]}, personal=True)
    kept = {name: stage.host(name) for name in ("body", "location", "stored", "required", "itemId", "sets")}
    open_pane(stage, kept | {"delay": 400}, personal=True)
    stage.page.reload()
    stage.page.wait_for_selector("html[data-ready]")
    stage.press("Sign In")
    stage.press("Room 2")
    stage.wait("already")
    assert tag(1) in stage.host("body")


# --- the mailbox and the other kind ---------------------------------------------------------------------------------


def test_replacing_keeps_the_mailbox(stage: Stage) -> None:
    add(stage, {"required": [ANN]})
    stage.press("Replace")
    stage.until(f"host.body.includes('{tag(2)}')")
    stage.wait("success")
    assert stage.host("calls").count("required.add") == 1
    assert "required.set" not in stage.host("calls")
    assert tag(1) not in stage.host("body")


def test_what_is_typed_until_the_last_reading_stays(stage: Stage) -> None:
    add(stage, {"body": "<p>Agenda</p>"})
    for name in ("Replace", "Remove"):
        stage.set_host(delay=100, calls=[])
        stage.press(name)
        stage.until("host.calls.includes('location.get')")
        stage.page.evaluate(f"host.body = host.body.replace('</p>', ' {name}</p>')")
        stage.until("!document.querySelector('[aria-busy]')")
    assert stage.host("body") == "<p>Agenda Replace Remove</p>"


def test_switching_to_a_personal_vmr_and_back(stage: Stage) -> None:
    add(stage, {"body": "<p>Agenda</p>", "location": "Room 5", "required": [ANN]}, personal=True)
    stage.press("Replace")
    stage.wait("question")
    assert buttons(stage) == [ADD, ADD_PERSONAL, "Back"]
    stage.press(ADD_PERSONAL)
    stage.wait("list")
    stage.press("Room 2")
    stage.wait("success")
    assert stage.host("required") == [ANN]
    assert stage.host("location") == f"Room 5; {vmr(2)['location']}"
    assert stage.host("body").count("addin-host-") == 1
    assert tag(1) not in stage.host("body")
    assert [mark["kind"] for mark in json.loads(stage.host("stored")["addinHost"])] == ["personal", ""]
    reopen(stage, personal=True)
    stage.wait("already")
    stage.until("host.calls.includes('token.get')")
    stage.press("Replace")
    stage.press(ADD)
    stage.wait("success")
    assert stage.host("required") == [ANN, MAILBOX]
    assert stage.host("location") == f"Room 5; {room(2)['location']}"
    assert stage.host("body").count("addin-host-") == 1
    stage.press("Remove")
    stage.wait("home")
    assert (stage.host("body"), stage.host("location")) == ("<p>Agenda</p>", "Room 5")
    assert stage.host("required") == [ANN]


def test_a_switch_that_fails_leaves_the_single_use_vmr(stage: Stage) -> None:
    add(stage, {"required": [ANN]}, personal=True)
    before = [stage.host(name) for name in ("body", "location", "required")]
    stage.press("Replace")
    stage.press(ADD_PERSONAL)
    stage.wait("list")
    stage.set_host(fail={"required.set": 9020})
    stage.press("Room 2")
    stage.wait("problem")
    assert [stage.host(name) for name in ("body", "location", "required")] == before


@pytest.mark.parametrize(
    "people",
    [[ANN] * 101, [ANN, {"displayName": "My list", "emailAddress": ""}]],
    ids=["more than a hundred", "a list without an address"],
)
def test_attendees_who_would_be_lost_keep_the_mailbox(stage: Stage, people: list[dict[str, str]]) -> None:
    add(stage, {"required": people})
    stage.press("Remove")
    stage.wait("home")
    assert stage.host("required") == [*people, MAILBOX]
    assert stage.host("body") == ""
    assert "Remove it from the attendees yourself" in (stage.page.get_by_role("status").text_content() or "")


# --- series, shared calendars, meetings that were sent --------------------------------------------------------------


def test_an_occurrence_leaves_the_room_of_its_series_alone(stage: Stage) -> None:
    add(stage)
    reopen(stage, personal=True)
    kept = {name: stage.host(name) for name in ("body", "location", "stored", "required")}
    open_pane(stage, kept | {"seriesId": "series", "sets": ["1.7"]}, personal=True)
    stage.wait("already")
    assert "open the series" in screen(stage)
    assert buttons(stage) == []


def test_a_room_that_was_put_on_an_occurrence_can_be_taken_off_it(stage: Stage) -> None:
    series = {"seriesId": "series", "sets": ["1.7"]}
    add(stage, series)
    assert buttons(stage) == ["Replace", "Remove"]
    kept = {name: stage.host(name) for name in ("body", "location", "stored", "required")}
    open_pane(stage, kept | series)
    stage.wait("already")
    assert "series" not in screen(stage)
    stage.press("Remove")
    stage.wait("home")
    assert (stage.host("body"), stage.host("required")) == ("", [])


@pytest.mark.parametrize("host", [{"shared": False}, {"shared": 0, "fail": {"shared.get": 9055}}])
def test_rights_that_outlook_does_not_tell_hide_nothing(stage: Stage, host: dict[str, Any]) -> None:
    open_pane(stage, host | {"sets": ["1.8"]})
    stage.until("document.documentElement.dataset.checked === 'true'")
    assert buttons(stage) == [ADD]


@pytest.mark.parametrize(("rights", "allowed"), [(1 | 8, False), (1 | 32, True)])
def test_a_delegate_without_write_rights_gets_a_sentence(stage: Stage, rights: int, allowed: bool) -> None:
    open_pane(stage, {"shared": rights, "sets": ["1.8"]}, personal=True)
    if allowed:
        stage.press(ADD)
        return stage.wait("success")
    stage.wait("sentence")
    assert "not change it" in screen(stage)
    assert buttons(stage) == []
    return None


def test_a_meeting_that_was_sent_asks_before_another_room(stage: Stage) -> None:
    add(stage, {"itemId": "AAMk", "sets": ["1.8"]})
    stage.press("Replace")
    stage.wait("question")
    assert "may have been sent already" in screen(stage)
    stage.press("Keep it")
    stage.wait("already")
    stage.press("Replace")
    stage.press("Replace")
    stage.until(f"host.body.includes('{tag(2)}')")


# --- how it looks and what it keeps ---------------------------------------------------------------------------------


def test_the_debug_log_shows_calls_but_no_secret(stage: Stage) -> None:
    stage.server.promised = promise()
    stage.server.room_answers = [(0, None)]
    open_pane(stage, {"tokens": ["header.payload.signature"]}, debug=True, personal=True)
    stage.press(ADD)
    stage.wait("placeholder")
    stage.press("Try again")
    stage.wait("success")
    stage.press("Remove")
    stage.wait("home")
    shown = stage.page.locator("#log").text_content() or ""
    assert "required.add: done" in shown
    assert "GET /meeting_details: 200" in shown
    for secret in ("payload", "bearer-", tag(1)[6:30], tag(9, "TOK")[6:30], ROOM_MAILBOX, "meet.1"):
        assert secret not in shown


def test_nothing_scrolls_sideways(stage: Stage) -> None:
    open_pane(stage, {"itemId": "AAMk", "sets": ["1.8"]}, personal=True)
    for shown, name in (("home", ADD), ("success", "Replace"), ("question", "")):
        stage.wait(shown)
        for width in (160, 320, 450):
            stage.page.set_viewport_size({"width": width, "height": 600})
            assert stage.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (shown, width)
        if name:
            stage.press(name)


def test_the_keyboard_reaches_everything(stage: Stage) -> None:
    open_pane(stage, personal=True)
    stage.until(f"{BUTTONS}[1] === '{ADD_PERSONAL}'")
    for name in (ADD, ADD_PERSONAL):
        stage.page.keyboard.press("Tab")
        expect(stage.page.get_by_role("button", name=name)).to_be_focused()
    stage.page.keyboard.press("Shift+Tab")
    stage.page.keyboard.press("Enter")
    stage.wait("success")
    stage.page.keyboard.press("Tab")
    expect(stage.page.get_by_role("button", name="Replace")).to_be_focused()
