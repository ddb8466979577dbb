"""The main job, end to end: a person puts a personal VMR on an appointment, exchanges it, and takes it away."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, expect

from . import edge
from .application import ADFS, AZURE, CLOSED
from .conftest import World
from .outlook_host import Dispatch, OutlookHost
from .pane import (
    ALREADY,
    ERROR,
    NONE,
    PROBLEM_INSERTING,
    PROBLEM_SIGNING_IN,
    SELECT,
    SIGN_IN,
    SUCCESS,
    Pane,
    fill,
)
from .providers import Providers

ROOM, HALL = "Alice's room", "Town hall"
ROOM_LINK = "https://addin.example.test/webapp/#/?conference=alice@vmr.example.test"
HALL_LINK = "https://addin.example.test/webapp/#/?conference=townhall@vmr.example.test"
OPENING = "Please join my Pexip Virtual Meeting Room"
AGENDA = "<p>Agenda</p><p>1. Budget</p>"
REWRITING = ["none", "gentle", "harsh", {"ids": "prefix"}]


@pytest.fixture
def pane(host: OutlookHost, idp: Providers) -> Pane:
    return Pane(host)


def appointment(**more: Any) -> dict[str, Any]:
    return {"appointment": {"body": {"content": AGENDA}, **more}}


@pytest.mark.parametrize("integration", [AZURE, ADFS])
def test_sign_in_list_and_insert(pane: Pane, world: World, integration: int) -> None:
    pane.open(world.pane(integration), **appointment())
    pane.sign_in()
    expect(pane.heading(SELECT)).to_be_focused()
    assert pane.host.pane.locator("button.vmr .name").all_inner_texts() == [ROOM, HALL]
    expect(pane.button(ROOM)).to_have_attribute("title", "For everyday meetings")
    pane.pick(ROOM)
    expect(pane.heading(SUCCESS)).to_be_focused()
    assert pane.host.location == ROOM_LINK
    assert pane.host.body.startswith("<div")
    assert pane.host.body.endswith(AGENDA)
    for words in (OPENING, "alice@vmr.example.test", "then 880101 #", "using the PIN 4711", "Agenda\n1. Budget"):
        assert words in pane.host.body_text
    assert pane.host.unknown_calls() == []


def test_the_callback_reaches_the_provider_with_pkce_state_and_nonce(
    pane: Pane, world: World, context: BrowserContext
) -> None:
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    pane.open(world.pane(AZURE))
    pane.sign_in()
    (authorize,) = [url for url in asked if "/oauth2/v2.0/authorize?" in url]
    for parameter in ("code_challenge_method=S256", "code_challenge=", "state=", "nonce=", "response_type=code"):
        assert parameter in authorize


def test_no_token_stands_in_an_address_or_in_the_message(pane: Pane, world: World, context: BrowserContext) -> None:
    context.add_init_script(
        "window.heard = []; addEventListener('message', ({ data }) => window.heard.push(String(data)))"
    )
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    pane.open(world.pane(AZURE))
    pane.sign_in()
    everything = "\n".join(asked + pane.host.frame.evaluate("window.heard"))
    assert not re.search(r"eyJ[\w-]+\.eyJ", everything)  # a token; three letters alone a random value may hold
    # Chromium denies storage to a third-party frame of this kind altogether; where it is there, it must be empty.
    left = """() => ["localStorage", "sessionStorage"].map((name) => {
        try { return Object.entries(window[name]).join(); } catch (denied) { return denied.name; } })"""
    assert set(pane.host.frame.evaluate(left)) <= {"", "SecurityError"}
    assert pane.host.frame.evaluate("document.cookie") == ""


@pytest.mark.parametrize("rewriting", REWRITING, ids=str)
def test_pressed_twice_the_block_is_replaced_not_doubled(pane: Pane, world: World, rewriting: Any) -> None:
    pane.open(world.pane(AZURE), **appointment(body={"content": AGENDA, "rewriting": rewriting}))
    pane.add(ROOM)
    once = pane.host.body_text
    pane.replace(ROOM)
    assert (pane.host.body_text, pane.host.location) == (once, ROOM_LINK)
    pane.replace(HALL)
    assert pane.host.body_text.count(OPENING) == 1
    assert (ROOM_LINK in pane.host.body_text, HALL_LINK in pane.host.body_text) == (False, True)
    assert pane.host.location == HALL_LINK


@pytest.mark.parametrize("rewriting", REWRITING, ids=str)
def test_remove_takes_out_exactly_what_was_inserted(pane: Pane, world: World, rewriting: Any) -> None:
    body = {"content": AGENDA, "rewriting": rewriting}
    pane.open(world.pane(AZURE), **appointment(body=body, location="Room 4"))
    before = pane.host.body
    pane.add(ROOM)
    pane.remove()
    state = pane.host.state()
    assert (state["body"], state["location"], state["customProperties"]) == (before, "Room 4", {})


def test_a_reopened_pane_knows_what_is_there_and_removes_it(pane: Pane, world: World) -> None:
    pane.open(world.pane(AZURE), **appointment())
    pane.add(ROOM)
    state = pane.host.state()
    kept = {name: state[name] for name in ("location", "customProperties")}
    pane.open(world.pane(AZURE), appointment={**kept, "body": {"content": state["body"]}})
    expect(pane.heading(ALREADY)).to_be_visible()
    pane.remove()
    assert (pane.host.body, pane.host.location) == (AGENDA, "")


def test_without_properties_the_block_is_found_by_its_mark(pane: Pane, world: World) -> None:
    pane.open(world.pane(AZURE), **appointment())
    pane.add(ROOM)
    body = {"content": pane.host.body}
    pane.open(world.pane(AZURE), appointment={"body": body, "location": ROOM_LINK, "customProperties": {}})
    expect(pane.heading(ALREADY)).to_be_visible()


def test_what_the_author_wrote_around_the_block_stays(pane: Pane, world: World) -> None:
    pane.open(world.pane(AZURE), **appointment(location="Room 4"))
    pane.add(ROOM)
    pane.host.edit(body=f"<p>Dear all,</p>{pane.host.body}<p>See you</p>", location=f"{pane.host.location}; Canteen")
    pane.replace(HALL)
    assert pane.host.location == f"Room 4; {HALL_LINK}; Canteen"
    assert pane.host.body.startswith("<p>Dear all,</p>")
    assert pane.host.body.endswith(f"{AGENDA}<p>See you</p>")
    pane.remove()
    assert (pane.host.body, pane.host.location) == (f"<p>Dear all,</p>{AGENDA}<p>See you</p>", "Room 4; Canteen")


def test_an_edited_block_is_not_replaced_without_asking(pane: Pane, world: World) -> None:
    pane.open(world.pane(AZURE), **appointment())
    pane.add(ROOM)
    pane.host.edit(body=pane.host.body.replace("From a web browser", "Bring your badge. From a web browser"))
    pane.replace(HALL, then="The joining instructions in this meeting were edited.")
    assert "Bring your badge" in pane.host.body
    pane.button("Keep them").click()
    assert "Bring your badge" in pane.host.body
    pane.replace(HALL, then="The joining instructions in this meeting were edited.")
    pane.button("Replace").click()
    expect(pane.heading(SUCCESS)).to_be_visible()
    assert "Bring your badge" not in pane.host.body
    assert pane.host.body_text.count(OPENING) == 1


def test_plain_text_body(pane: Pane, world: World) -> None:
    body = {"type": "text", "content": "Agenda\n1. Budget\n"}
    pane.open(world.pane(AZURE), appointment={"body": body})
    pane.add(ROOM)
    assert OPENING in pane.host.body
    assert pane.host.body.endswith("Agenda\n1. Budget\n")
    assert "<" not in pane.host.body
    pane.replace(HALL)
    assert pane.host.body.count(OPENING) == 1
    pane.remove()
    assert pane.host.body == body["content"]


def test_a_location_without_room_is_left_as_it_is(pane: Pane, world: World) -> None:
    location = "x" * 240
    pane.open(world.pane(AZURE), **appointment(location=location))
    pane.add(ROOM)
    expect(pane.host.pane.get_by_text("The location is too long")).to_be_visible()
    assert pane.host.location == location
    assert OPENING in pane.host.body_text


def test_no_vmrs(pane: Pane, world: World) -> None:
    pane.open(world.pane(AZURE))
    pane.sign_in("carol")
    expect(pane.heading(NONE)).to_be_visible()
    expect(pane.button("Try again")).to_be_enabled()


def test_nine_vmrs_are_filtered(pane: Pane, world: World) -> None:
    pane.open(world.pane(AZURE))
    pane.sign_in("bob")
    expect(pane.host.pane.locator("button.vmr:visible")).to_have_count(9)
    pane.host.pane.get_by_label("Filter by name or address").fill("project 7")
    expect(pane.host.pane.locator("button.vmr:visible")).to_have_count(1)


def test_a_newcomer_is_let_in_where_new_users_are_allowed(pane: Pane, world: World) -> None:
    pane.open(world.pane(AZURE))
    pane.sign_in("erin")
    expect(pane.button("Erin's room")).to_be_visible()


def test_a_newcomer_is_refused_where_new_users_are_not_allowed(pane: Pane, world: World) -> None:
    pane.open(world.pane(CLOSED))
    pane.sign_in("dave")
    expect(pane.host.pane.get_by_text(PROBLEM_SIGNING_IN)).to_be_visible()
    assert "There is no user with the address dave@example.test" in pane.details()


def test_a_recycled_address_is_refused(pane: Pane, world: World, context: BrowserContext) -> None:
    pane.open(world.pane(AZURE))
    pane.sign_in("alice")
    context.clear_cookies()
    pane.open(world.pane(AZURE))
    pane.sign_in("mallory")
    expect(pane.host.pane.get_by_text(PROBLEM_SIGNING_IN)).to_be_visible()
    assert "belongs to another account" in pane.details()
    expect(pane.button(ROOM)).to_have_count(0)


def test_the_provider_refuses(pane: Pane, world: World) -> None:
    pane.open(world.pane(AZURE))
    dialog = pane.dialog()
    with dialog.expect_event("close"):
        fill(dialog, "alice", "Deny")
    expect(pane.host.pane.get_by_text(PROBLEM_SIGNING_IN)).to_be_visible()
    assert "not completed at your organization's sign-in page" in pane.details()
    again(pane)


def again(pane: Pane) -> None:
    """After a failure the pane goes on: the next try succeeds."""
    dialog = pane.dialog("Try again")
    with dialog.expect_event("close"):
        fill(dialog, "alice")
    expect(pane.heading(SELECT)).to_be_visible()


@pytest.mark.parametrize("how", [503, "reset", "hang"])
def test_the_provider_is_down(pane: Pane, world: World, idp: Providers, how: int | str) -> None:
    idp.behave("entra", down={"token": how})
    pane.open(world.pane(AZURE))
    dialog = pane.dialog()
    with dialog.expect_event("close"):
        fill(dialog, "alice")
    expect(pane.host.pane.get_by_text(PROBLEM_SIGNING_IN)).to_be_visible()
    idp.behave("entra", down={}, alwaysAsk=True)
    again(pane)


@pytest.mark.parametrize(
    "spoilt",
    [
        {"claims": {"nonce": "another"}},
        {"claims": {"iss": "https://login.example.test/elsewhere/v2.0"}},
        {"claims": {"aud": "another client"}},
        {"claims": {"tid": "99999999-2222-4333-8444-555555555555"}},
        {"shift": -7200},
        {"key": "foreign"},
        {"key": "none"},
        {"absent": True},
    ],
    ids=["nonce", "issuer", "audience", "tenant", "expired", "foreign key", "unsigned", "no id token"],
)
def test_a_spoilt_token_lets_nobody_in(pane: Pane, world: World, idp: Providers, spoilt: dict[str, Any]) -> None:
    idp.behave("entra", idToken=spoilt)
    pane.open(world.pane(AZURE))
    pane.sign_in()
    expect(pane.host.pane.get_by_text(PROBLEM_SIGNING_IN)).to_be_visible()


@pytest.mark.parametrize("audience", ["bare", "prefixed"])
def test_adfs_may_write_the_audience_in_both_ways(pane: Pane, world: World, idp: Providers, audience: str) -> None:
    idp.behave("adfs", audience=audience)
    pane.open(world.pane(ADFS))
    pane.sign_in()
    expect(pane.button(ROOM)).to_be_visible()


def test_adfs_without_an_id_token_still_names_the_person(pane: Pane, world: World, idp: Providers) -> None:
    idp.behave("adfs", idToken={"absent": True})
    pane.open(world.pane(ADFS))
    pane.sign_in("bob")
    expect(pane.button("Project 1")).to_be_visible()


def test_the_dialog_is_closed_by_the_person(pane: Pane, world: World) -> None:
    pane.open(world.pane(AZURE))
    pane.dialog().close()
    expect(pane.host.pane.get_by_text(PROBLEM_SIGNING_IN)).to_be_visible(timeout=20_000)
    assert "closed before you were signed in" in pane.details()
    again(pane)


def test_the_prompt_is_ignored(pane: Pane, world: World) -> None:
    pane.open(world.pane(AZURE))
    pane.button(SIGN_IN).click()
    pane.host.ignore_dialog()
    expect(pane.host.pane.get_by_text(PROBLEM_SIGNING_IN)).to_be_visible()
    again(pane)


@pytest.mark.parametrize("policy", ["same-origin", "same-origin-allow-popups"])
def test_the_opener_is_lost_and_the_pane_asks_the_server(pane: Pane, world: World, idp: Providers, policy: str) -> None:
    idp.behave("entra", coop=policy)
    pane.open(world.pane(AZURE))
    dialog = pane.dialog()
    fill(dialog, "alice")
    expect(dialog.get_by_role("heading", name="You are signed in")).to_be_visible()
    expect(pane.heading(SELECT)).to_be_visible()
    pane.pick(ROOM)
    assert pane.host.location == ROOM_LINK


def test_a_person_who_takes_time_is_let_in_although_the_opener_is_lost(
    pane: Pane, world: World, idp: Providers
) -> None:
    """Outlook reports the window as closed while somebody still types there; the pane offers a retry and goes on."""
    idp.behave("entra", coop="same-origin")
    pane.open(world.pane(AZURE))
    dialog = pane.dialog()
    expect(pane.host.pane.get_by_text(PROBLEM_SIGNING_IN)).to_be_visible(timeout=20_000)
    assert "this pane goes on by itself" in pane.details()
    fill(dialog, "alice")
    expect(pane.heading(SELECT)).to_be_visible()
    pane.pick(ROOM)
    assert pane.host.location == ROOM_LINK


def test_the_second_pane_signs_in_by_itself(pane: Pane, world: World, context: BrowserContext, idp: Providers) -> None:
    pane.open(world.pane(AZURE))
    pane.sign_in()
    visits = len(idp.log("entra"))
    second = Pane(OutlookHost(context.new_page(), world.origin(edge.OUTLOOK)))
    second.open(world.pane(AZURE))
    second.dialog()
    expect(second.heading(SELECT)).to_be_visible()
    assert len(idp.log("entra")) == visits
    second.host.until(lambda: len(context.pages) == 2, "the dialog closes by itself")


def test_the_session_of_one_integration_does_not_open_another(
    pane: Pane, world: World, context: BrowserContext
) -> None:
    pane.open(world.pane(AZURE))
    pane.sign_in()
    context.clear_cookies(domain=edge.LOGIN)
    pane.open(world.pane(CLOSED))
    expect(pane.dialog().get_by_label("User name")).to_be_visible()


FAULTS = [
    (Dispatch.BODY_TYPE, 9020),
    (Dispatch.BODY_GET, 9041),
    (Dispatch.BODY_PREPEND, 9002),
    (Dispatch.BODY_PREPEND, 9020),
    (Dispatch.LOCATION_GET, 9030),
    (Dispatch.LOCATION_SET, 9002),
    (Dispatch.LOCATION_SET, 9038),
    (Dispatch.PROPERTIES_SAVE, 9020),
]


@pytest.mark.parametrize(("dispatch", "code"), FAULTS)
def test_when_outlook_fails_nothing_is_left_behind_and_the_pane_goes_on(
    pane: Pane, world: World, dispatch: int, code: int
) -> None:
    pane.open(world.pane(AZURE), **appointment(location="Room 4"))
    before = pane.host.state()
    pane.sign_in()
    pane.host.fail(dispatch, code)
    pane.pick(ROOM, then=ERROR)
    expect(pane.host.pane.get_by_text(PROBLEM_INSERTING)).to_be_visible()
    after = pane.host.state()
    assert [after[name] for name in ("body", "location")] == [before[name] for name in ("body", "location")]
    pane.host.well_again()
    pane.button("Try again").click()
    expect(pane.heading(SUCCESS)).to_be_visible()
    assert pane.host.location == f"Room 4; {ROOM_LINK}"
    assert pane.host.body_text.count(OPENING) == 1


@pytest.mark.parametrize("dispatch", [Dispatch.BODY_GET, Dispatch.BODY_PREPEND, Dispatch.LOCATION_SET])
def test_when_outlook_never_answers_the_pane_says_so_and_goes_on(pane: Pane, world: World, dispatch: int) -> None:
    pane.open(world.pane(AZURE), **appointment(location="Room 4"))
    pane.sign_in()
    pane.host.withhold(dispatch)
    pane.button(ROOM).click()
    expect(pane.host.pane.get_by_text(PROBLEM_INSERTING)).to_be_visible(timeout=25_000)
    pane.host.well_again()
    pane.button("Try again").click()
    expect(pane.heading(SUCCESS)).to_be_visible(timeout=20_000)
    assert pane.host.body_text.count(OPENING) == 1


def test_without_custom_properties_nothing_is_inserted_by_halves(pane: Pane, world: World) -> None:
    pane.open(world.pane(AZURE), **appointment(location="Room 4"), failures={Dispatch.PROPERTIES_LOAD: 9020})
    pane.sign_in()
    pane.pick(ROOM, then=ERROR)
    assert (OPENING in pane.host.body_text, pane.host.location) == (False, "Room 4")
    pane.host.well_again()
    pane.button("Try again").click()
    expect(pane.heading(SUCCESS)).to_be_visible()
