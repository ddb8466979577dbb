"""A single-use VMR, end to end: who asks, every state of the pane, and what the meeting holds afterwards."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Response, expect

from addin_host.domain.tag import Kind

from . import edge
from .application import API_SCOPE, BOTH, HYBRID, NAA, OFF, SINGLE, SSO, WEB_API, mailbox
from .asking import Asking
from .conftest import World
from .exchange_metadata import Exchange
from .meetings import (
    AGENDA,
    BEFORE,
    BOB,
    BRIDGED,
    CLOUD,
    MOST_CALLS,
    assert_assigned,
    content,
    exchange_token,
    in_the_cloud,
    kept,
    naa_token,
    on_premises,
    only_tag,
    remembered,
    sso_token,
)
from .nested_app import NestedApp
from .outlook_host import Dispatch, OutlookHost
from .pane import (
    ADD_PERSONAL,
    ADD_SINGLE_USE,
    ALREADY,
    DOWN,
    ERROR,
    NONE,
    PROBLEM_INSERTING,
    SELECT,
    SIGN_IN,
    SUCCESS,
    Pane,
    fill,
)
from .providers import Providers
from .records import Records

ROOM = "Alice's room"
ROOM_LINK = "https://addin.example.test/webapp/#/?conference=alice@vmr.example.test"
WORKERS = 2  # processes of the product, each with keys in memory


@pytest.fixture
def pane(host: OutlookHost, idp: Providers, exchange: Exchange) -> Pane:
    return Pane(host)


# Who is asking


@pytest.mark.parametrize("rewriting", ["none", "gentle", "harsh", {"ids": "prefix"}], ids=str)
def test_exchange_names_the_organizer(pane: Pane, world: World, records: Records, rewriting: Any) -> None:
    body = {"content": AGENDA, "rewriting": rewriting}
    pane.open(world.pane(BOTH), **on_premises(world, BOTH, body=body))
    calls = pane.add_single_use()
    expect(pane.heading(SUCCESS)).to_be_focused()
    assert len(calls) <= MOST_CALLS, [call["dispatch"] for call in calls]
    tag = assert_assigned(pane.host, records, BOTH)
    assert records.alias(tag).caller.startswith("person:")


def test_office_signs_on(pane: Pane, world: World, records: Records) -> None:
    pane.open(world.pane(SSO), **in_the_cloud(world))
    calls = pane.add_single_use()
    assert len(calls) <= MOST_CALLS, [call["dispatch"] for call in calls]
    assert records.alias(assert_assigned(pane.host, records, SSO)).caller.startswith("user:")


def test_outlook_gives_a_token_over_the_bridge(pane: Pane, world: World, records: Records) -> None:
    bridge = NestedApp(world.origin(edge.ADDIN), lambda: naa_token(world))
    bridge.join(pane.host.page)
    pane.open_known(world.pane(NAA), appointment=BEFORE, initialData=CLOUD, requirements=BRIDGED)
    calls = pane.add_single_use()
    assert len(calls) <= MOST_CALLS, [call["dispatch"] for call in calls]
    assert_assigned(pane.host, records, NAA)
    asked = [tokens["scope"] for method, tokens in bridge.asked if method == "GetToken"]
    assert f"api://{WEB_API}/{API_SCOPE}" in asked[0].split()


@pytest.mark.parametrize("place", ["on premises", "cloud"])
def test_one_integration_takes_what_a_client_has(pane: Pane, world: World, records: Records, place: str) -> None:
    options = on_premises(world, HYBRID) if place == "on premises" else in_the_cloud(world)
    pane.open(world.pane(HYBRID), **options)
    pane.add_single_use()
    assert_assigned(pane.host, records, HYBRID)
    wanted = Dispatch.TOKEN if place == "on premises" else Dispatch.ACCESS_TOKEN
    assert {call["dispatch"] for call in pane.host.calls()} & {Dispatch.TOKEN, Dispatch.ACCESS_TOKEN} == {wanted}


def test_without_tokens_the_dialog_opens(pane: Pane, world: World, records: Records) -> None:
    pane.open(world.pane(BOTH), failures={Dispatch.TOKEN: 9017}, **on_premises(world, BOTH))
    dialog = pane.dialog(ADD_SINGLE_USE)
    with dialog.expect_event("close"):
        fill(dialog, "alice")
    expect(pane.heading(SUCCESS)).to_be_visible()
    assert_assigned(pane.host, records, BOTH)


def test_without_tokens_and_dialog_the_pane_says_what_is_missing(pane: Pane, world: World, records: Records) -> None:
    so_far = records.count(SINGLE)
    pane.open(world.pane(SINGLE), failures={Dispatch.TOKEN: 9018}, **on_premises(world, SINGLE))
    before = content(pane.host.state())
    pane.add_single_use(then=ERROR)
    assert "does not prove who you are" in pane.details()
    assert content(pane.host.state()) == before
    assert records.count(SINGLE) == so_far


@pytest.mark.parametrize("spoilt", [{"key": "foreign"}, {"claims": {"aud": "another"}}], ids=["key", "audience"])
def test_a_token_that_does_not_hold_mints_nothing(
    pane: Pane, world: World, records: Records, spoilt: dict[str, Any]
) -> None:
    so_far = records.count(SSO)
    pane.open_known(world.pane(SSO), **in_the_cloud(world, accessToken=sso_token(world, **spoilt)))
    pane.button(ADD_SINGLE_USE).click()
    expect(pane.button("Allow")).to_be_visible()  # the dialog is what remains
    assert records.count(SSO) == so_far


@pytest.mark.parametrize("integration", [SSO, NAA])
def test_whom_outlook_names_sees_personal_vmrs_without_a_click(
    pane: Pane, world: World, context: BrowserContext, integration: int
) -> None:
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    if integration == NAA:
        NestedApp(world.origin(edge.ADDIN), lambda: naa_token(world)).join(context)
    pane.open_known(world.pane(integration), requirements=BRIDGED, **in_the_cloud(world))
    pane.button(ADD_PERSONAL).click()
    expect(pane.heading(SELECT)).to_be_visible()
    expect(pane.button(ROOM)).to_be_visible()
    assert not [url for url in asked if url.split("?")[0].endswith(("/signin", "/authorize"))]


def test_who_signed_in_once_is_known_by_the_token_of_exchange(
    pane: Pane, world: World, context: BrowserContext
) -> None:
    options = on_premises(world, BOTH, identityToken=exchange_token(world, BOTH, "carol"))
    pane.open(world.pane(BOTH), **options)
    with pane.host.page.expect_response(is_link):
        pane.sign_in("carol")
    context.clear_cookies()
    pane.open_known(world.pane(BOTH), **options)
    pane.button(ADD_PERSONAL).click()
    expect(pane.heading(NONE)).to_be_visible()
    expect(pane.host.pane.get_by_text("carol@example.test")).to_be_visible()


def is_link(answer: Response) -> bool:
    """Whether the pane told the server, in the session of the dialog, whom Exchange names."""
    asked = answer.request
    return answer.url.endswith("/session") and '"token"' in (asked.post_data or "") and "authorization" in asked.headers


# What the pane offers, and what it leaves behind


def buttons(pane: Pane) -> list[str]:
    return pane.host.pane.locator("#screen button").all_inner_texts()


def test_one_button_for_each_kind_that_is_on(pane: Pane, world: World) -> None:
    pane.open(world.pane(BOTH), **on_premises(world, BOTH))
    assert buttons(pane) == [ADD_SINGLE_USE, SIGN_IN]
    pane.open(world.pane(SINGLE), **on_premises(world, SINGLE))
    assert buttons(pane) == [ADD_SINGLE_USE]
    pane.host.open(world.pane(OFF), **on_premises(world, OFF))
    expect(pane.host.pane.get_by_text("This add-in is switched off.")).to_be_visible()
    assert buttons(pane) == []


REOPENED: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "block": lambda state: kept(state, customProperties={}),
    "properties": lambda state: kept(
        state, body={"content": state["body"].replace(' id="addin-host', ' title="addin-host')}
    ),
    "tag": lambda state: kept(
        state, body={"content": f"<div>{remembered(state)['tag']}</div>{AGENDA}"}, customProperties={}
    ),
}


@pytest.mark.parametrize("left", REOPENED)
def test_a_reopened_pane_knows_what_is_there(pane: Pane, world: World, records: Records, left: str) -> None:
    """By its mark, by what the properties remember, or by the tag alone; and exchanges it without inviting twice."""
    pane.open(world.pane(SINGLE), **on_premises(world, SINGLE))
    pane.add_single_use()
    first, state = only_tag(pane.host, records), pane.host.state()
    pane.open_known(world.pane(SINGLE), **on_premises(world, SINGLE, **REOPENED[left](state)))
    expect(pane.heading(ALREADY)).to_be_visible()
    pane.button("Replace").click()
    expect(pane.heading(SUCCESS)).to_be_visible()
    assert assert_assigned(pane.host, records, SINGLE) != first


@pytest.mark.parametrize("rewriting", ["gentle", "harsh"])
def test_remove_leaves_the_meeting_as_it_was(pane: Pane, world: World, rewriting: str) -> None:
    body = {"content": AGENDA, "rewriting": rewriting}
    pane.open(world.pane(BOTH), **on_premises(world, BOTH, body=body))
    before = content(pane.host.state())
    pane.add_single_use()
    pane.remove()
    assert content(pane.host.state()) == before


def test_from_single_use_to_personal_and_back(pane: Pane, world: World, records: Records) -> None:
    pane.open_known(world.pane(SSO), **in_the_cloud(world))
    pane.add_single_use()
    assert_assigned(pane.host, records, SSO)
    pane.button("Replace").click()
    pane.button(ADD_PERSONAL).click()
    pane.pick(ROOM)
    state = content(pane.host.state())
    assert (state["required"], state["location"]) == ([BOB["address"]], f"Room 4; {ROOM_LINK}")
    assert records.tags(state["body"]) == ()
    pane.replace_single_use()
    assert_assigned(pane.host, records, SSO)
    assert ROOM_LINK not in pane.host.body_text


def test_a_mailbox_that_is_invited_already_is_not_invited_again(pane: Pane, world: World, records: Records) -> None:
    already = {"name": "VMR Scheduling", "address": mailbox(SINGLE).upper()}
    pane.open(world.pane(SINGLE), **on_premises(world, SINGLE, required=[BOB, already]))
    pane.add_single_use()
    assert [address.lower() for address in content(pane.host.state())["required"]] == [BOB["address"], mailbox(SINGLE)]
    assert only_tag(pane.host, records).kind is Kind.ALIAS


@pytest.mark.parametrize(
    ("dispatch", "code"),
    [
        (Dispatch.BODY_PREPEND, 9002),
        (Dispatch.LOCATION_SET, 9038),
        (Dispatch.PROPERTIES_SAVE, 9020),
        (Dispatch.RECIPIENTS_ADD, 9012),
    ],
)
def test_an_error_leaves_nothing_behind(pane: Pane, world: World, records: Records, dispatch: int, code: int) -> None:
    pane.open(world.pane(BOTH), **on_premises(world, BOTH))
    before = content(pane.host.state())
    pane.host.fail(dispatch, code)
    pane.add_single_use(then=ERROR)
    expect(pane.host.pane.get_by_text(PROBLEM_INSERTING)).to_be_visible()
    assert content(pane.host.state()) == before
    pane.host.well_again()
    pane.add_single_use(press="Try again")
    assert_assigned(pane.host, records, BOTH)


def test_an_occurrence_leaves_the_room_to_its_series(pane: Pane, world: World) -> None:
    pane.open(world.pane(SINGLE), **on_premises(world, SINGLE))
    pane.add_single_use()
    options = on_premises(world, SINGLE, seriesId="AAMkSeries=", **kept(pane.host.state()))
    pane.open(world.pane(SINGLE), **options)
    expect(pane.heading(ALREADY)).to_be_visible()
    expect(pane.host.pane.get_by_text("This VMR belongs to the whole series.")).to_be_visible()
    assert buttons(pane) == []


def test_a_series_gets_one_room(pane: Pane, world: World, records: Records) -> None:
    times = {
        "startYear": 2027,
        "startMonth": 1,
        "startDay": 11,
        "startTimeMin": 540,
        "durationMin": 60,
        "noEndDate": True,
    }
    series = {"recurrenceType": "weekday", "seriesTimeJson": times}
    pane.open(world.pane(SINGLE), **on_premises(world, SINGLE, recurrence=series))
    pane.add_single_use()
    assert_assigned(pane.host, records, SINGLE)


@pytest.mark.parametrize(("rights", "may"), [(1, False), (1 | 2 | 4 | 8, True)])
def test_a_delegate_needs_the_right_to_write(
    pane: Pane, world: World, records: Records, rights: int, may: bool
) -> None:
    shared = {"owner": "bob@example.test", "delegatePermissions": rights}
    pane.open(world.pane(SINGLE), **on_premises(world, SINGLE, sharedProperties=shared, organizer=BOB))
    if may:
        pane.add_single_use()
        assert_assigned(pane.host, records, SINGLE)
    else:
        expect(pane.host.pane.get_by_text("You may read this calendar but not change it")).to_be_visible()
        assert buttons(pane) == []


def test_a_meeting_that_was_sent_is_replaced_after_a_question(pane: Pane, world: World, records: Records) -> None:
    pane.open(world.pane(SINGLE), **on_premises(world, SINGLE))
    pane.add_single_use()
    first = assert_assigned(pane.host, records, SINGLE)
    pane.open(world.pane(SINGLE), **on_premises(world, SINGLE, itemId="AAMkSent=", **kept(pane.host.state())))
    pane.button("Replace").click()
    expect(pane.host.pane.get_by_text("This meeting may have been sent already.")).to_be_visible()
    pane.button("Keep it").click()
    expect(pane.heading(ALREADY)).to_be_visible()
    assert only_tag(pane.host, records) == first
    pane.button("Replace").click()
    pane.button("Replace").click()
    expect(pane.heading(SUCCESS)).to_be_visible()
    assert assert_assigned(pane.host, records, SINGLE) != first


# When something is away


def test_while_the_service_is_away_a_placeholder_is_inserted(pane: Pane, world: World, records: Records) -> None:
    pane.open_known(world.pane(SINGLE), **on_premises(world, SINGLE))
    with world.down():
        calls = pane.add_single_use(then=DOWN)
        assert len(calls) <= MOST_CALLS, [call["dispatch"] for call in calls]
        state, promise = content(pane.host.state()), only_tag(pane.host, records)
        assert (promise.kind, promise.integration_id) == (Kind.PLACEHOLDER, SINGLE)
        assert state["body"].endswith(AGENDA)
        assert state["required"] == [BOB["address"], mailbox(SINGLE)]
    pane.add_single_use(press="Try again")
    assert_assigned(pane.host, records, SINGLE)


def test_exchange_exchanges_its_key_and_then_falls_silent(pane: Pane, world: World, records: Records) -> None:
    asking = Asking(world, SINGLE)
    asking.begin(exchange_token(world, SINGLE))
    visits = world.exchange.visits
    world.exchange.roll_over()
    pane.open(world.pane(SINGLE), **on_premises(world, SINGLE))
    pane.add_single_use()
    assert_assigned(pane.host, records, SINGLE)
    token = exchange_token(world, SINGLE)

    def all_have_looked() -> bool:
        with ThreadPoolExecutor(WORKERS * 4) as threads:
            list(threads.map(asking.begin, [token] * WORKERS * 4))
        return world.exchange.visits == visits + WORKERS

    pane.host.until(all_have_looked, "every process of the product has fetched the new key, once", seconds=20)
    world.exchange.fault = 503  # known keys go on
    pane.open(world.pane(SINGLE), **on_premises(world, SINGLE, identityToken=exchange_token(world, SINGLE, "zoe")))
    pane.add_single_use()
    assert_assigned(pane.host, records, SINGLE)
    assert world.exchange.visits == visits + WORKERS
