"""The ribbon's command without a pane, in Chromium: the real scripts, a played Outlook and a played server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Route

from tests.web.pane.stage import HERE, ORIGIN, ROOT, STATIC, Server, Stage, failure, render

TAG = "PXPS:-" + "ABCDEFGH2345" * 4 + "ABCDEFGHIJ#"
TOK = "TOK:-" + "ABCDEFGH2345" * 5 + "WXYZ#"
MAILBOX = "vmr@example.com"
DETAILS = {
    "room_name": "VMR",
    "room_email": MAILBOX,
    "alias_id": TAG,
    "instructions": f"<div><b>Join</b> 7012345<br>{TAG}</div>",
    "instructions_text": f"Join 7012345\n{TAG}",
    "location": "",
    "numeric_alias": "7012345",
}
READING = ["body.type", "properties.load", "body.get"]


def placeholder(hours: int = 24) -> dict[str, Any]:
    return {
        "instructions": f"<div>Later<br>{TOK}</div>",
        "instructions_text": f"Later\n{TOK}",
        "tok": TOK,
        "expires": (datetime.now(UTC) + timedelta(hours=hours)).isoformat(),
        "room_name": "VMR",
        "room_email": MAILBOX,
    }


@dataclass
class Minting(Server):
    """A server that knows people by their token and gives them VMRs."""

    session_answer: tuple[int, Any] | None = None
    details_answer: tuple[int, Any] | None = None

    def answer(self, method: str, path: str, body: Any, bearer: str) -> tuple[int, Any]:
        self.asked.append((method, path, body))
        if path == "/session":
            self.issued += 1
            made = {"bearer": f"b{self.issued}", "expires_in": 600, "user": None, "personal": False, "renewable": False}
            return self.session_answer or (200, made | {"placeholder": placeholder()})
        if path == "/meeting_details":
            return self.details_answer or (200, {"status": "success", "result": DETAILS})
        return 204, None

    def paths(self) -> list[str]:
        return [path for _method, path, _body in self.asked]


class Ribbon(Stage):
    """The commands page over an appointment."""

    server: Minting

    def load(self, host: dict[str, Any] | None = None, values: dict[str, Any] | None = None, **config: Any) -> None:
        switches = {
            "personal": False,
            "singleUse": True,
            "kinds": ["EXCHANGE_USER_ID_TOKEN"],
            "dialog": False,
            "naa": None,
        }
        self.pages["/commands"] = render("addin/commands.html", values, **(switches | config))
        self.pages["/blank"] = "<!doctype html>"
        self.page.goto(f"{ORIGIN}/blank")
        self.page.evaluate("state => sessionStorage.setItem('host', JSON.stringify(state))", host or {})
        self.page.goto(f"{ORIGIN}/commands")

    def run(self, presses: int = 1) -> dict[str, Any]:
        """Press, and wait until everything has completed."""
        before = len(self.host("completed"))
        self.page.evaluate("times => { for (let press = 0; press < times; press += 1) host.press(); }", presses)
        self.until(f"host.completed.length === {before + presses}", 10)
        last: dict[str, Any] = self.host("completed")[-1]
        return last

    def notice(self) -> dict[str, Any]:
        (only,) = self.host("notices")
        assert (only["key"], len(only["message"]) <= 150) == ("addin-host", True)
        return dict(only)


@pytest.fixture(scope="module")
def window(plain_chromium: Browser) -> Iterator[Any]:
    context = plain_chromium.new_context()
    yield context
    context.close()


@pytest.fixture
def ribbon(window: Any) -> Iterator[Ribbon]:
    made = Ribbon(window.new_page())
    made.server = Minting()
    double = (HERE / "office.js").read_text() + (HERE / "ribbon.js").read_text()
    answer = {"body": double, "content_type": "text/javascript"}
    made.page.route("**/test/office.js", lambda route: route.fulfill(**answer))
    yield made
    made.page.close()


def test_a_vmr_is_added_and_completion_comes_last(ribbon: Ribbon) -> None:
    ribbon.load({"body": "<p>Agenda</p>", "location": "Room 4", "required": [{"emailAddress": "kim@example.com"}]})
    done = ribbon.run()
    calls = ribbon.host("calls")
    assert (done["allowEvent"], done["after"]) == (True, len(calls))
    assert calls[:3] == READING
    assert calls[-1] == "notice"
    assert len([call for call in calls if call not in ("token", "notice")]) <= 10
    assert TAG in ribbon.host("body")
    assert ribbon.host("body").endswith("<p>Agenda</p>")
    assert ribbon.host("location") == "Room 4"
    assert [one["emailAddress"] for one in ribbon.host("required")] == ["kim@example.com", MAILBOX]
    (mark,) = json.loads(ribbon.host("stored")["addinHost"])
    assert (mark["kind"], mark["tag"], mark["mailbox"]) == ("single-use", TAG, MAILBOX)
    notice = ribbon.notice()
    assert (notice["type"], notice["icon"]) == ("informationalMessage", "icon16")
    assert notice["message"] == "Success. Please note this conference is not scheduled until you select Send."
    assert ribbon.server.asked[0] == ("POST", "/session", {"token": "a.b.c"})
    ribbon.until("true")
    assert ribbon.server.paths()[:2] == ["/session", "/meeting_details"]
    assert ribbon.complaints == []


@pytest.mark.parametrize("body", [f'<div id="addin-host-0123abcd">Mine {TAG}</div>', f"<p>Copied {TAG}</p>"])
def test_where_a_vmr_is_already_nothing_is_changed(ribbon: Ribbon, body: str) -> None:
    ribbon.load({"body": body})
    assert ribbon.run()["allowEvent"] is True
    assert ribbon.host("calls") == [*READING, "notice"]
    assert ribbon.host("body") == body
    assert ribbon.server.asked == []
    assert ribbon.notice()["message"].startswith("VMR already assigned. If this is a new meeting, select Send")


def test_while_the_server_is_away_its_promise_is_added(ribbon: Ribbon) -> None:
    ribbon.server.details_answer = failure(503, "upstream", "Away.")
    ribbon.load()
    assert ribbon.run()["allowEvent"] is True
    assert TOK in ribbon.host("body")
    assert [one["emailAddress"] for one in ribbon.host("required")] == [MAILBOX]
    assert ribbon.notice()["message"].startswith("Cannot assign a VMR right now. Select Send to schedule the meeting")


ERROR = "Error. There was a problem adding the joining instructions. Please try again."
SIGN_IN = "To add a VMR to this meeting, open the pane of this add-in from the ribbon and sign in."
OPEN = "To add a VMR to this meeting, open the pane of this add-in from the ribbon."


@pytest.mark.parametrize(
    ("host", "answers", "message"),
    [
        ({}, {"session_answer": failure(401, "unauthenticated", "No.")}, SIGN_IN),
        ({"fail": {"token": 9018}}, {}, SIGN_IN),
        ({"fail": {"token": "throw"}}, {}, SIGN_IN),
        ({}, {"details_answer": failure(401, "unauthenticated", "No.")}, ERROR),
        ({}, {"session_answer": (0, None)}, ERROR),
        ({}, {"session_answer": failure(403, "forbidden", "Off.")}, ERROR),
        ({}, {"details_answer": failure(429, "rate_limited", "Later.")}, ERROR),
        ({"fail": {"body.get": 9041}}, {}, ERROR),
        ({"fail": {"required.add": 9020}}, {}, ERROR),
        ({"fail": {"body.prepend": "throw"}}, {}, ERROR),
        ({"noItem": True}, {}, ""),
    ],
)
def test_what_cannot_be_done_is_said_and_leaves_the_meeting_as_it_was(
    ribbon: Ribbon, host: dict[str, Any], answers: dict[str, Any], message: str
) -> None:
    for name, value in answers.items():
        setattr(ribbon.server, name, value)
    ribbon.load({"body": "<p>Agenda</p>"} | host)
    done = ribbon.run()
    assert (done["allowEvent"], done["after"]) == (False, len(ribbon.host("calls")))
    assert (ribbon.host("body"), ribbon.host("required"), ribbon.host("stored")) == ("<p>Agenda</p>", [], {})
    if message:
        assert ribbon.notice() == {"key": "addin-host", "type": "errorMessage", "message": message}


@pytest.mark.parametrize("config", [{"singleUse": False, "personal": True}, {"enabled": False}])
def test_without_single_use_vmrs_the_pane_is_named(ribbon: Ribbon, config: dict[str, Any]) -> None:
    ribbon.load(**config)
    assert ribbon.run()["allowEvent"] is False
    assert ribbon.host("calls") == ["notice"]
    assert ribbon.notice()["message"] == OPEN
    assert ribbon.server.asked == []


def test_two_presses_do_one_thing_and_both_end(ribbon: Ribbon) -> None:
    ribbon.load({"delay": 5})
    ribbon.run(presses=3)
    outcomes = ribbon.host("completed")
    assert outcomes == [outcomes[0]] * 3
    assert ribbon.server.paths().count("/meeting_details") == 1
    assert ribbon.host("body").count(TAG) == 1
    ribbon.run()
    assert ribbon.host("body").count(TAG) == 1
    assert ribbon.host("notices")[-1]["message"].startswith("VMR already assigned")


def test_a_second_meeting_gets_a_session_and_a_vmr_of_its_own(ribbon: Ribbon) -> None:
    ribbon.load()
    ribbon.run()
    ribbon.set_host(body="", stored={}, required=[])
    ribbon.run()
    assert ribbon.server.paths().count("/session") == 2
    assert TAG in ribbon.host("body")


def test_the_function_is_there_before_its_modules_are(ribbon: Ribbon) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    ribbon.page.route(f"**{STATIC}/addin/add-room.js", hold)
    ribbon.load()
    assert ribbon.page.evaluate("[typeof globalThis.addRoom, host.associated.addRoom === globalThis.addRoom]") == [
        "function",
        True,
    ]
    ribbon.page.evaluate("host.press()")
    ribbon.page.wait_for_timeout(50)
    assert (ribbon.host("calls"), ribbon.host("completed")) == ([], [])
    body = (ROOT / "static/addin/add-room.js").read_text()
    held[0].fulfill(body=body, content_type="text/javascript")
    ribbon.until("host.completed.length === 1")
    assert TAG in ribbon.host("body")


def test_modules_that_could_not_be_loaded_are_an_error(ribbon: Ribbon) -> None:
    ribbon.page.route(f"**{STATIC}/addin/add-room.js", lambda route: route.abort())
    ribbon.load()
    assert ribbon.run()["allowEvent"] is False
    assert ribbon.notice()["message"] == ERROR


SILENT = [*READING, "places.get", "location.get", "properties.save", "body.prepend", "token", "required.get",
          "optional.get", "required.add", "notice"]  # fmt: skip


@pytest.mark.parametrize("call", SILENT)
def test_a_host_that_never_answers_is_left_within_a_minute(ribbon: Ribbon, call: str) -> None:
    ribbon.page.clock.install()
    ribbon.load({"fail": {call: "silent"}, "places": []})
    ribbon.page.evaluate("host.press()")
    for _step in range(500):  # a busy machine needs time of its own, which the page's clock does not see
        if call in ribbon.host("calls"):
            break
        ribbon.page.clock.run_for(5)
        ribbon.page.wait_for_timeout(5)
    for _step in range(27):
        ribbon.page.clock.run_for(2_000)
        if ribbon.host("completed"):
            break
    (done,) = ribbon.host("completed")
    assert done["after"] == len(ribbon.host("calls"))
    assert done["allowEvent"] is (call in ("notice", "places.get"))


def test_a_phone_has_no_notices_and_fewer_calls(ribbon: Ribbon) -> None:
    ribbon.load({"isPhone": True, "body": "<p>Agenda</p>"})
    done = ribbon.run()
    assert done["allowEvent"] is True
    assert TAG in ribbon.host("body")
    assert not {"notice", "places.get"} & set(ribbon.host("calls"))


@pytest.mark.parametrize(
    ("heading", "text", "message"),
    [
        ("<b>Done!</b>", "Send &amp; <i>go</i>.", "Done. Send & go."),
        ("Gut", f"{'Wort ' * 40}. Senden.", "Gut. Senden."),
        ("", "Wort " * 50, "Wort " * 28 + "Wort…"),
        ('He said "<', "Join vc.example.com now.", 'He said "<. Join vc.example.com now.'),
    ],
)
def test_a_notice_is_plain_and_fits(ribbon: Ribbon, heading: str, text: str, message: str) -> None:
    ribbon.load(values={"addin_pane_success_heading": heading, "addin_pane_success_message": text})
    ribbon.run()
    assert ribbon.notice()["message"] == message


@pytest.mark.parametrize(("is_on", "config"), [(True, {}), (False, {}), (True, {"singleUse": False})])
def test_the_check_on_send_is_on_the_page_only_when_it_is_on(
    ribbon: Ribbon, is_on: bool, config: dict[str, Any]
) -> None:
    ribbon.load(values={"enable_on_send_check": is_on}, **config)
    names = ribbon.page.evaluate("Object.keys(host.associated).sort()")
    assert names == (["addRoom", "checkOnSend"] if is_on and not config else ["addRoom"])
