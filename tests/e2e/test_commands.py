"""The ribbon's command, which adds a room without a pane, and the check on Send."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from . import edge
from .application import NAA, SINGLE, mailbox
from .conftest import World
from .exchange_metadata import Exchange
from .meetings import (
    AGENDA,
    BEFORE,
    BOB,
    CLOUD,
    MOST_CALLS,
    assert_assigned,
    content,
    kept,
    naa_token,
    on_premises,
    only_tag,
    remembered,
)
from .nested_app import NestedApp
from .outlook_host import Dispatch, OutlookHost
from .records import Records

# What Outlook on phones can do (design/outlook.md 1.5), on a screen of their size.
PHONE = {"Mailbox": 1.5, "NestedAppAuth": 1.1}
NOT_THE_APPOINTMENT = {
    Dispatch.TOKEN,
    Dispatch.ACCESS_TOKEN,
    Dispatch.NOTICE_ADD,
    Dispatch.NOTICE_REPLACE,
    Dispatch.COMMAND_COMPLETED,
}
Change = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.fixture
def ribbon(host: OutlookHost, world: World, exchange: Exchange) -> OutlookHost:
    """The page of the commands beside a new meeting."""
    host.open(world.commands(SINGLE), **on_premises(world, SINGLE))
    return host


def press(host: OutlookHost) -> tuple[bool, str]:
    """Press the command; return whether it went well and what is said on the meeting, once Outlook is told the end."""
    host.command("addRoom")
    done = host.command_done()
    assert host.calls()[-1] == done
    notices = host.state()["notifications"]
    return completed(done), notices["addin-host"]["message"] if notices else ""


def completed(done: dict[str, Any]) -> bool:
    return '"allowEvent":true' in done["params"]["2"].replace(" ", "")


def of_the_appointment(host: OutlookHost) -> list[int]:
    """What was asked of Outlook about the appointment since the page was opened."""
    asked = [call["dispatch"] for call in host.calls() if call["action"] == "ExecuteMethod"]
    return [dispatch for dispatch in asked if dispatch not in NOT_THE_APPOINTMENT]


def test_one_press_and_the_meeting_has_its_room(ribbon: OutlookHost, world: World, records: Records) -> None:
    went_well, said = press(ribbon)
    assert (went_well, said.split(".")[0]) == (True, "Success")
    assert_assigned(ribbon, records, SINGLE)
    assert len(of_the_appointment(ribbon)) <= MOST_CALLS, of_the_appointment(ribbon)


def test_every_meeting_gets_a_room_of_its_own_and_only_one(ribbon: OutlookHost, world: World, records: Records) -> None:
    press(ribbon)
    first = assert_assigned(ribbon, records, SINGLE)
    so_far = records.count(SINGLE)
    went_well, said = press(ribbon)
    assert (went_well, said.split(".")[0]) == (True, "VMR already assigned")
    assert (assert_assigned(ribbon, records, SINGLE), records.count(SINGLE)) == (first, so_far)
    ribbon.next(**on_premises(world, SINGLE)["appointment"])
    press(ribbon)
    assert assert_assigned(ribbon, records, SINGLE) != first


def test_without_a_token_the_command_points_to_the_pane(ribbon: OutlookHost) -> None:
    ribbon.fail(Dispatch.TOKEN, 9042)
    before = content(ribbon.state())
    went_well, said = press(ribbon)
    assert (went_well, "open the pane of this add-in" in said) == (False, True)
    assert content(ribbon.state()) == before


def test_while_the_service_cannot_be_reached_the_command_changes_nothing(
    ribbon: OutlookHost, world: World, records: Records
) -> None:
    before = content(ribbon.state())
    with world.down():
        went_well, said = press(ribbon)
        assert (went_well, said.split(".")[0]) == (False, "Error")
        assert content(ribbon.state()) == before
    assert press(ribbon)[0]
    assert_assigned(ribbon, records, SINGLE)


@pytest.fixture
def phone(chromium: Browser, world: World) -> Iterator[OutlookHost]:
    """Outlook on a phone as far as its requirement sets and its size go; the transport stays that of the web."""
    context = chromium.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    context.set_default_timeout(10_000)
    NestedApp(world.origin(edge.ADDIN), lambda: naa_token(world)).join(context)
    yield OutlookHost(context.new_page(), world.origin(edge.OUTLOOK))
    context.close()


def test_the_phones_switch(phone: OutlookHost, world: World, records: Records) -> None:
    phone.open(world.commands(NAA), appointment=BEFORE, initialData=CLOUD, requirements=PHONE, width=390)
    assert press(phone)[0]
    assert_assigned(phone, records, NAA)
    assert len(of_the_appointment(phone)) <= MOST_CALLS, of_the_appointment(phone)


PAST = {"start": 1_600_000_000_000, "end": 1_600_003_600_000}
DAILY = {"startYear": 2020, "startMonth": 9, "startDay": 13, "startTimeMin": 540, "durationMin": 60}
ENDLESS = {"recurrenceType": "weekday", "seriesTimeJson": {**DAILY, "noEndDate": True}}
ENDED = {"recurrenceType": "weekday", "seriesTimeJson": {**DAILY, "endYear": 2020, "endMonth": 12, "endDay": 1}}


def with_tag(change: Callable[[str], str]) -> Change:
    """The tag in the body, changed as a person or a mail program would."""

    def changed(state: dict[str, Any]) -> dict[str, Any]:
        tag = remembered(state)["tag"]
        assert tag in state["body"]
        return {"body": {"content": state["body"].replace(tag, change(tag))}}

    return changed


def becomes(**changes: Any) -> Change:
    """The same change whatever the meeting holds."""
    return lambda _state: changes


SENT: dict[str, tuple[Change, str]] = {
    "as it was inserted": (becomes(), ""),
    "tag wrapped and in lower case": (with_tag(lambda tag: f"{tag[:30].lower()}<br>{tag[30:].lower()}"), ""),
    "tag with a letter changed": (
        with_tag(lambda tag: f"{tag[:20]}{'B' if tag[20] == 'A' else 'A'}{tag[21:]}"),
        "PXPS:",
    ),
    "tag cut off": (with_tag(lambda tag: tag[:40]), "PXPS:"),
    "without its text": (becomes(body={"content": AGENDA}), "PXPS:"),
    "mailbox removed": (becomes(required=[BOB]), mailbox(SINGLE)),
    "mailbox optional": (lambda state: {"required": [BOB], "optional": state["required"][1:]}, ""),
    "in the past": (becomes(**PAST), "already ended"),
    "a series that goes on": (becomes(**PAST, recurrence=ENDLESS), ""),
    "a series that has ended": (becomes(**PAST, recurrence=ENDED), "already ended"),
    "removed by the pane": (becomes(**BEFORE, customProperties={}), ""),
}


def test_on_send_what_would_be_refused_later_is_said_now(ribbon: OutlookHost, world: World, records: Records) -> None:
    """The real office.js runs the handler as Outlook on the web does: by its name, in the commands' page."""
    press(ribbon)
    state = ribbon.state()
    assert only_tag(ribbon, records)
    for what, (change, warning) in SENT.items():
        ribbon.next(**kept(state, **change(state)))
        answer = ribbon.send()
        assert answer["allowEvent"] is (warning == ""), what
        assert warning in answer.get("errorMessage", ""), what
