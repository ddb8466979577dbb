"""The harness itself: our Outlook drives the real office.js as design/outlook.md section 3 says."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from playwright.sync_api import Page, expect

from . import edge
from .conftest import World
from .nested_app import NestedApp
from .outlook_host import Dispatch, OutlookHost
from .programs import HERE
from .providers import ENTRA_CLIENT, Providers

HTML = {"coercionType": "html"}
TEXT = {"coercionType": "text"}
BRIDGED = {"Mailbox": 1.15, "NestedAppAuth": 1.1}


def ready(host: OutlookHost, world: World, **options: Any) -> OutlookHost:
    host.open(world.sample, **options)
    expect(host.pane.locator("#ready")).to_have_text("Outlook OfficeOnline")
    return host


def ask(host: OutlookHost, path: str, *args: Any) -> dict[str, Any]:
    return host.frame.evaluate("([path, args]) => window.ask(path, ...args)", [path, list(args)])


def test_office_js_starts_with_the_data_of_the_host(host: OutlookHost, world: World) -> None:
    ready(host, world, initialData={"userProfileType": "enterprise"}, requirements={"Mailbox": 1.6}, locale="de-DE")
    seen = host.frame.evaluate("""() => ({
        type: Office.context.mailbox.userProfile.accountType, address: Office.context.mailbox.userProfile.emailAddress,
        language: Office.context.displayLanguage, six: Office.context.requirements.isSetSupported("Mailbox", "1.6"),
        seven: Office.context.requirements.isSetSupported("Mailbox", "1.7"), item: Office.context.mailbox.item.itemType,
        headers: typeof Office.context.mailbox.item.internetHeaders, history: typeof history.pushState })""")
    assert seen == {
        "type": "enterprise",
        "address": "alice@example.test",
        "language": "de-DE",
        "six": True,
        "seven": False,
        "item": "appointment",
        "headers": "undefined",
        "history": "object",
    }
    assert host.unknown_calls() == []


def test_alert_is_switched_off_by_office_js(host: OutlookHost, world: World) -> None:
    ready(host, world)
    assert (
        host.frame.evaluate("() => { try { window.alert('x'); return 'shown'; } catch { return 'thrown'; } }")
        == "thrown"
    )


def test_location_and_subject_round_trip(host: OutlookHost, world: World) -> None:
    ready(host, world, appointment={"location": "Room 4", "subject": "Weekly"})
    assert ask(host, "location.getAsync")["value"] == "Room 4"
    assert ask(host, "subject.getAsync")["value"] == "Weekly"
    ask(host, "location.setAsync", "Room 4; room@video.example.test")
    ask(host, "subject.setAsync", "Monthly")
    assert (host.location, host.state()["subject"]) == ("Room 4; room@video.example.test", "Monthly")


def test_office_js_throws_at_a_location_of_256_characters(host: OutlookHost, world: World) -> None:
    ready(host, world)
    with pytest.raises(Exception, match="ArgumentOutOfRange"):
        ask(host, "location.setAsync", "x" * 256)
    assert ask(host, "location.setAsync", "x" * 255)["status"] == "succeeded"


def test_html_body_round_trip_and_prepend(host: OutlookHost, world: World) -> None:
    ready(host, world, appointment={"body": {"content": "<p>Agenda</p>", "rewriting": "none"}})
    assert ask(host, "body.getTypeAsync")["value"] == "html"
    ask(host, "body.prependAsync", '<div id="a">Join</div>', HTML)
    assert ask(host, "body.getAsync", "html")["value"] == '<div id="a">Join</div><p>Agenda</p>'
    assert ask(host, "body.getAsync", "text")["value"] == "Join\nAgenda"
    ask(host, "body.setAsync", "<b>New</b>", HTML)
    assert host.body == "<b>New</b>"


def test_text_is_inserted_as_text_when_no_coercion_type_is_given(host: OutlookHost, world: World) -> None:
    ready(host, world)
    ask(host, "body.setAsync", "<b>New</b>")
    assert (host.body_text, "&lt;b&gt;" in host.body) == ("<b>New</b>", True)


def test_plain_text_body_refuses_html(host: OutlookHost, world: World) -> None:
    ready(host, world, appointment={"body": {"type": "text", "content": "Agenda\n"}})
    assert ask(host, "body.getTypeAsync")["value"] == "text"
    assert ask(host, "body.prependAsync", "<b>Join</b>", HTML)["status"] == "failed"
    ask(host, "body.prependAsync", "Join\n", TEXT)
    assert host.body == "Join\nAgenda\n"


@pytest.mark.parametrize(
    ("rewriting", "kept"),
    [
        ("none", '<div id="addin-host-1" class="c" data-x="1" style="color:#FF0000">Join</div>'),
        ("gentle", '<div id="addin-host-1" class="c" style="color: rgb(255, 0, 0);">Join</div>'),
        ("harsh", '<div style="color: rgb(255, 0, 0);">Join</div>'),
        ({"ids": "prefix"}, '<div id="x_addin-host-1" class="c" style="color: rgb(255, 0, 0);">Join</div>'),
    ],
)
def test_outlook_rewrites_what_it_is_given(host: OutlookHost, world: World, rewriting: Any, kept: str) -> None:
    ready(host, world, appointment={"body": {"content": "<p>Agenda</p>", "rewriting": rewriting}})
    block = '<div id="addin-host-1" class="c" data-x="1" style="color:#FF0000">Join</div>'
    ask(host, "body.prependAsync", block, HTML)
    assert host.body == f"{kept}<p>Agenda</p>"


def test_a_whole_document_read_and_written_back_does_not_grow(host: OutlookHost, world: World) -> None:
    ready(host, world, appointment={"body": {"content": "<p>Agenda</p>", "rewriting": "harsh"}})
    for _ in range(2):
        whole = ask(host, "body.getAsync", "html")["value"]
        assert whole.startswith("<html>")
        ask(host, "body.setAsync", whole, HTML)
    assert host.body == "<p>Agenda</p>"


def test_attendees_round_trip(host: OutlookHost, world: World) -> None:
    ready(host, world, appointment={"required": [{"name": "Bob", "address": "bob@example.test"}]})
    ask(host, "requiredAttendees.addAsync", [{"displayName": "Room", "emailAddress": "room@example.test"}])
    ask(host, "optionalAttendees.setAsync", ["carol@example.test"])
    people = ask(host, "requiredAttendees.getAsync")["value"]
    assert [(person["emailAddress"], person["recipientType"]) for person in people] == [
        ("bob@example.test", "user"),
        ("room@example.test", "user"),
    ]
    assert host.state()["optional"] == [{"address": "carol@example.test", "name": "carol@example.test"}]


def test_custom_properties_round_trip(host: OutlookHost, world: World) -> None:
    ready(host, world, appointment={"customProperties": {"kind": "personal"}})
    saved = host.frame.evaluate("window.properties({ vmr: 'alice' })")
    assert (saved["status"], saved["before"]) == ("succeeded", {"kind": "personal"})
    assert host.state()["customProperties"] == {"kind": "personal", "vmr": "alice"}


def test_custom_properties_over_2500_characters_are_refused_by_office_js(host: OutlookHost, world: World) -> None:
    ready(host, world)
    with pytest.raises(Exception, match="ArgumentOutOfRange"):
        host.frame.evaluate("""() => new Promise((resolve, reject) =>
            Office.context.mailbox.item.loadCustomPropertiesAsync(({ value }) => {
                value.set("text", "x".repeat(2500));
                try { value.saveAsync(resolve); } catch (error) { reject(error); }
            }))""")
    assert host.state()["customProperties"] == {}


def test_notifications(host: OutlookHost, world: World) -> None:
    ready(host, world)
    notice = {"type": "informationalMessage", "message": "Added", "icon": "icon", "persistent": False}
    assert ask(host, "notificationMessages.addAsync", "k", notice)["status"] == "succeeded"
    assert ask(host, "notificationMessages.addAsync", "k", notice)["code"] == 9023
    ask(host, "notificationMessages.replaceAsync", "k", {**notice, "message": "Removed"})
    assert host.state()["notifications"]["k"]["message"] == "Removed"
    ask(host, "notificationMessages.removeAsync", "k")
    assert host.state()["notifications"] == {}
    assert ask(host, "notificationMessages.replaceAsync", "new", notice)["status"] == "succeeded"
    assert ask(host, "notificationMessages.removeAsync", "k")["code"] == 9024


def test_enhanced_locations(host: OutlookHost, world: World) -> None:
    room = {"name": "Room 4", "address": "room4@example.test"}
    ready(host, world, appointment={"location": "Room 4", "rooms": [room]})
    ask(host, "location.setAsync", "Room 4; join@video.example.test")
    found = ask(host, "enhancedLocation.getAsync")["value"]
    assert [(entry["locationIdentifier"]["type"], entry["displayName"]) for entry in found] == [
        ("room", "Room 4"),
        ("custom", "join@video.example.test"),
    ]
    ask(host, "enhancedLocation.removeAsync", [{"id": "join@video.example.test", "type": "custom"}])
    assert host.location == "Room 4"


def test_session_data(host: OutlookHost, world: World) -> None:
    ready(host, world)
    ask(host, "sessionData.setAsync", "block", "1")
    assert ask(host, "sessionData.getAsync", "block")["value"] == "1"
    ask(host, "sessionData.removeAsync", "block")
    assert ask(host, "sessionData.getAsync", "block")["status"] == "failed"


def test_times_series_saving_and_organizer(host: OutlookHost, world: World) -> None:
    ready(host, world)
    start = host.frame.evaluate("""() => new Promise((resolve) =>
        Office.context.mailbox.item.start.getAsync(({ value }) => resolve(value.toISOString())))""")
    assert start == "2027-01-11T09:00:00.000Z"
    assert ask(host, "recurrence.getAsync")["value"] is None
    assert ask(host, "getItemIdAsync")["code"] == 9046
    assert ask(host, "saveAsync")["value"] == ask(host, "getItemIdAsync")["value"] != ""
    assert ask(host, "organizer.getAsync")["value"]["emailAddress"] == "alice@example.test"


@pytest.mark.parametrize("code", [9002, 9017, 9020, 9030, 9038, 9041, 9042, 9055])
def test_an_injected_error_reaches_the_add_in(host: OutlookHost, world: World, code: int) -> None:
    ready(host, world)
    host.fail(Dispatch.LOCATION_SET, code, times=1)
    answer = ask(host, "location.setAsync", "x")
    assert (answer["status"], answer["code"]) == ("failed", code)
    assert ask(host, "location.setAsync", "x")["status"] == "succeeded"


def test_a_withheld_answer_leaves_the_add_in_waiting(host: OutlookHost, world: World) -> None:
    ready(host, world)
    host.withhold(Dispatch.LOCATION_GET)
    assert ask(host, "location.getAsync") == {"status": "silent"}
    assert host.calls(Dispatch.LOCATION_GET)[0]["outcome"] == "withheld"
    host.well_again()
    assert ask(host, "location.getAsync")["value"] == ""


def test_an_unknown_call_fails_with_9020_and_is_recorded(host: OutlookHost, world: World) -> None:
    ready(host, world)
    answer = ask(host, "getAttachmentContentAsync", "id")
    assert (answer["code"], [call["dispatch"] for call in host.unknown_calls()]) == (9020, [150])


def test_identity_tokens_are_given_or_refused(host: OutlookHost, world: World) -> None:
    asking = """() => new Promise((resolve) => Office.context.mailbox.getUserIdentityTokenAsync(
        ({ status, value, error }) => resolve([status, value ?? null, error?.code ?? null])))"""
    ready(host, world)
    status, _, code = host.frame.evaluate(asking)
    assert (status, code) == ("failed", 9018)
    host.edit(identityToken="a.b.c")
    assert host.frame.evaluate(asking)[:2] == ["succeeded", "a.b.c"]


def test_a_command_runs_and_completes_after_its_last_write(host: OutlookHost, world: World) -> None:
    ready(host, world, appointment={"location": "Room 4"})
    host.command("addRoom")
    done = host.command_done()
    (write,) = host.calls(Dispatch.LOCATION_SET)
    assert host.location == "Room 4; room@video.example.test"
    assert write["seq"] < done["seq"]


def test_an_untrusted_host_gets_the_trust_page(page: Page, world: World) -> None:
    asked: list[tuple[str, int]] = []
    page.on("response", lambda response: asked.append((response.url.split("#")[0], response.status)))
    host = OutlookHost(page, world.origin(edge.UNTRUSTED_OUTLOOK))
    host.open(world.sample)
    host.until(lambda: any("AgaveErrorUX/index.html" in url for url, _ in asked), "the trust page is asked for")
    assert (200, True) in [(status, url.endswith("AgaveErrorUX/index.html")) for url, status in asked]


@pytest.mark.parametrize("code", [9017, 9018, 9042])
def test_exchange_refuses_identity_tokens_as_the_test_asks(host: OutlookHost, world: World, code: int) -> None:
    ready(host, world, appointment={"identityToken": "a.b.c"}, failures={Dispatch.TOKEN: code})
    asking = """() => new Promise((resolve) => Office.context.mailbox.getUserIdentityTokenAsync(
        ({ error }) => resolve(error?.code ?? null)))"""
    assert host.frame.evaluate(asking) == code
    assert host.calls(Dispatch.TOKEN)[0]["outcome"] == f"failed {code}"


def test_access_tokens_for_single_sign_on_are_given_or_refused(host: OutlookHost, world: World) -> None:
    ready(host, world)
    assert host.frame.evaluate("window.accessToken()")["code"] == 13012
    host.edit(accessToken="a.b.c")
    assert host.frame.evaluate("window.accessToken()") == {"token": "a.b.c"}
    host.fail(Dispatch.ACCESS_TOKEN, 13001, times=1)
    assert host.frame.evaluate("window.accessToken()")["code"] == 13001
    assert host.unknown_calls() == []


def test_the_real_msal_gets_a_token_over_the_bridge(host: OutlookHost, world: World) -> None:
    bridge = NestedApp(world.origin(edge.SAMPLE), lambda: "an access token")
    bridge.join(host.page)
    ready(host, world, requirements=BRIDGED)
    assert host.frame.evaluate("Office.context.requirements.isSetSupported('NestedAppAuth', '1.1')") is True
    ask_token = "window.nestedToken('11111111-0000-4000-8000-000000000001', 'api://x/access')"
    assert host.frame.evaluate(ask_token) == {"accessToken": "an access token", "name": "alice@example.test"}
    methods = [method for method, _ in bridge.asked]
    assert methods == ["GetInitContext", "GetToken"]
    assert bridge.asked[1][1]["scope"].split()[0] == "api://x/access"


def test_the_bridge_can_refuse(host: OutlookHost, world: World) -> None:
    bridge = NestedApp(world.origin(edge.SAMPLE), lambda: "never")
    bridge.failure = {"status": "USER_INTERACTION_REQUIRED", "code": "interaction_required"}
    bridge.join(host.page)
    ready(host, world, requirements=BRIDGED)
    refused = host.frame.evaluate("window.nestedToken('11111111-0000-4000-8000-000000000001', 'api://x/access')")
    assert refused["name"] == "InteractionRequiredAuthError"


def test_a_colleagues_calendar_and_a_series(host: OutlookHost, world: World) -> None:
    times = {
        "startYear": 2027,
        "startMonth": 1,
        "startDay": 11,
        "startTimeMin": 540,
        "durationMin": 60,
        "noEndDate": True,
    }
    ready(
        host,
        world,
        appointment={
            "organizer": {"name": "Bob Example", "address": "bob@example.test"},
            "sharedProperties": {"owner": "bob@example.test", "delegatePermissions": 3},
            "recurrence": {"recurrenceType": "weekday", "seriesTimeJson": times},
            "seriesId": "AAMkSeries=",
        },
    )
    assert ask(host, "getSharedPropertiesAsync")["value"]["delegatePermissions"] == 3
    assert ask(host, "organizer.getAsync")["value"]["emailAddress"] == "bob@example.test"
    assert ask(host, "recurrence.getAsync")["value"]["recurrenceType"] == "weekday"
    seen = "[Office.context.mailbox.item.seriesId, Office.context.mailbox.userProfile.emailAddress]"
    assert host.frame.evaluate(seen) == ["AAMkSeries=", "alice@example.test"]


def test_in_ones_own_calendar_there_is_nothing_shared(host: OutlookHost, world: World) -> None:
    ready(host, world)
    assert host.frame.evaluate("typeof Office.context.mailbox.item.getSharedPropertiesAsync") == "undefined"


def test_sending_asks_the_add_in(host: OutlookHost, world: World) -> None:
    ready(host, world)
    assert host.send() == {"allowEvent": False, "errorMessage": "There is no subject."}
    host.next(subject="Weekly")
    assert host.send() == {"allowEvent": True}


def authorization(world: World, idp: Providers) -> str:
    """An address of Entra that comes back to the sample add-in's callback."""
    return f"{idp.entra}/oauth2/v2.0/authorize?" + urlencode(
        {
            "client_id": ENTRA_CLIENT,
            "response_type": "code",
            "scope": "openid profile",
            "state": "s",
            "nonce": "n",
            "redirect_uri": f"{world.origin(edge.SAMPLE)}/callback.html",
            "code_challenge": "E" * 43,
            "code_challenge_method": "S256",
        }
    )


def open_dialog(host: OutlookHost, world: World, idp: Providers) -> Page:
    url = f"{world.origin(edge.SAMPLE)}/start.html?to={quote(authorization(world, idp), safe='')}"
    return host.allow_dialog(press=[lambda: host.frame.evaluate("(url) => window.openDialog(url)", url)])


def sign_in(dialog: Page, login: str = "alice") -> None:
    dialog.get_by_label("User name").fill(login)
    dialog.get_by_label("Password").fill("secret")
    dialog.get_by_role("button", name="Sign in").click()


def story(host: OutlookHost, length: int) -> list[dict[str, Any]]:
    """What happened to the dialog, as the pane saw it."""
    enough = f"() => window.dialogStory.length >= {length} && window.dialogStory"
    return host.until(lambda: host.frame.evaluate(enough), f"{length} things happened to the dialog")


def test_the_dialog_comes_back_through_the_provider(host: OutlookHost, world: World, idp: Providers) -> None:
    ready(host, world)
    dialog = open_dialog(host, world, idp)
    with dialog.expect_event("close"):
        sign_in(dialog)
    opened, message = story(host, 2)
    answer = json.loads(message["message"])
    assert (opened, message["origin"]) == ({"opened": True}, world.origin(edge.SAMPLE))
    assert (answer["state"], answer["iss"]) == ("s", f"{idp.entra}/v2.0")
    assert len(answer["code"]) > 20


def test_a_second_dialog_is_signed_in_silently(host: OutlookHost, world: World, idp: Providers) -> None:
    ready(host, world)
    dialog = open_dialog(host, world, idp)
    with dialog.expect_event("close"):
        sign_in(dialog)
    open_dialog(host, world, idp)
    assert "message" in story(host, 2)[1]
    assert idp.log("entra").count("interaction") == 2  # form shown and sent, once


@pytest.mark.parametrize("policy", ["same-origin", "same-origin-allow-popups"])
def test_one_coop_header_cuts_the_dialog_off(host: OutlookHost, world: World, idp: Providers, policy: str) -> None:
    idp.behave("entra", coop=policy)
    ready(host, world)
    dialog = open_dialog(host, world, idp)
    sign_in(dialog)
    expect(dialog.get_by_role("heading", name="Signed in")).to_be_visible()
    expect(dialog.locator("#ready")).to_have_text("null false")
    assert dialog.evaluate("[window.opener, window.name]") == [None, ""]
    assert {"event": 12006} in story(host, 2)


def test_a_closed_dialog_is_event_12006(host: OutlookHost, world: World, idp: Providers) -> None:
    ready(host, world)
    open_dialog(host, world, idp).close()
    assert story(host, 2)[1] == {"event": 12006}


def test_an_ignored_prompt_is_error_12009(host: OutlookHost, world: World) -> None:
    ready(host, world)
    host.frame.evaluate("(url) => window.openDialog(url)", f"{world.origin(edge.SAMPLE)}/start.html?to=x")
    host.ignore_dialog()
    assert story(host, 1) == [{"failed": 12009}]


def test_a_second_dialog_beside_the_first_is_error_12007(host: OutlookHost, world: World, idp: Providers) -> None:
    ready(host, world)
    open_dialog(host, world, idp)
    story(host, 1)
    host.frame.evaluate("(url) => window.openDialog(url)", f"{world.origin(edge.SAMPLE)}/start.html?to=x")
    assert story(host, 1) == [{"failed": 12007}]


def test_a_pane_of_320_pixels(host: OutlookHost, world: World) -> None:
    ready(host, world, width=320)
    assert host.frame.evaluate("window.innerWidth") == 320


def test_the_lock_of_the_node_packages_names_no_registry() -> None:
    lock = (HERE / "package-lock.json").read_text()
    assert "://" not in lock
    assert json.loads((HERE / "package.json").read_text())["dependencies"] == {
        "@mdn/mdn-http-observatory": "1.4.8",
        "@microsoft/office-js": "1.1.110",
        "axe-core": "4.14.1",
        "oidc-provider": "9.13.3",
    }
