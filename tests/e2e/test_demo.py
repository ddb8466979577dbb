"""The demo as a visitor meets it: each way in, a VMR on the simulated appointment, and nobody outside asked."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect

from . import programs
from .admin_demo import Demo

RIBBON = "Create a Pexip Meeting"
SINGLE_USE = "Add a Single-use VMR"
NAA, DIALOG, EXCHANGE = "Demo with Azure", "Demo with AD FS", "Demo with Exchange"


class Visit:
    """A visitor's browser; `outside` are requests to other servers, `errors` what the console complains of."""

    def __init__(self, page: Page, origin: str) -> None:
        self.page = page
        self.pane: FrameLocator = page.frame_locator("#pane-frame")
        self.outside: list[str] = []
        self.errors: list[str] = []
        self.asked: list[str] = []
        page.on("request", lambda request: self._see(request.url, origin))
        page.on("console", lambda line: self.errors.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.goto(f"{origin}/demo")

    def _see(self, url: str, origin: str) -> None:
        self.asked.append(url)
        if not url.startswith((origin, "data:")):
            self.outside.append(url)

    def open(self, integration: str, person: str = "Alice Example") -> None:
        self.page.get_by_label("Integration").select_option(label=integration)
        expect(self.page.get_by_label("Integration").locator(":checked")).to_have_text(integration)
        self.page.get_by_label("Outlook of").select_option(label=person)
        self.page.get_by_role("button", name=RIBBON).click()

    def invite(self, addresses: str) -> None:
        self.page.get_by_role("combobox", name="Required").fill(addresses)
        self.page.keyboard.press("Enter")

    def type(self, *lines: str) -> None:
        self.page.get_by_role("textbox", name="Body").click()
        for line in lines:
            self.page.keyboard.type(line)
            self.page.keyboard.press("Enter" if line != lines[-1] else "Tab")

    def press(self, name: str) -> None:
        self.pane.get_by_role("button", name=name).click()

    def people(self, line: str = "Required") -> list[str]:
        invited = self.page.get_by_role("list", name=f"{line} attendees")
        return [name.strip() for name in invited.get_by_role("listitem").all_inner_texts()]

    @property
    def body(self) -> str:
        return self.page.get_by_role("textbox", name="Body").inner_text()


@pytest.fixture
def visit(plain_chromium: Browser, demo: Demo) -> Iterator[Visit]:
    context = plain_chromium.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(10_000)
    made = Visit(context.new_page(), demo.origin)
    yield made
    context.close()
    assert made.outside == []
    assert made.errors == []


@pytest.mark.parametrize(("integration", "prefix", "library"), [(NAA, "88", True), (EXCHANGE, "89", False)])
def test_a_single_use_vmr_without_a_sign_in(visit: Visit, integration: str, prefix: str, library: bool) -> None:
    visit.open(integration)
    visit.invite("bob@example.com")
    visit.type("Agenda", "Second line", "Third line")
    visit.press(SINGLE_USE)
    visit.pane.get_by_role("heading", name="Success").wait_for()
    assert re.search(rf"\b{prefix}\d{{6}}@vmr\.example\.com", visit.body)
    assert re.search(r"PXPS:-[A-Z2-7]+#", visit.body)
    assert visit.people() == ["Bob Example", "Video meeting"]
    assert visit.people("Optional") == []
    assert any("vendor/msal-browser" in url for url in visit.asked) is library
    visit.press("Remove")
    visit.pane.get_by_role("button", name=SINGLE_USE).wait_for()
    assert visit.people() == ["Bob Example"]
    assert visit.body.splitlines() == ["Agenda", "Second line", "Third line"]


def test_personal_vmrs_of_whoever_sits_at_this_outlook(visit: Visit) -> None:
    visit.open(NAA, person="Bob Example")
    visit.press("Add a Personal VMR")
    visit.press("Project Amber")
    visit.pane.get_by_role("heading", name="Success").wait_for()
    assert "amber@vmr.example.com" in visit.body
    assert visit.people() == []


def test_where_outlook_says_nothing_the_dialog_is_left(visit: Visit) -> None:
    visit.open(DIALOG)
    with visit.page.expect_popup() as popup:
        visit.press("Sign In")
    popup.value.get_by_role("button", name="Alice").click()
    visit.press("Alice's meeting room")
    visit.pane.get_by_role("heading", name="Success").wait_for()
    assert "alice@vmr.example.com" in visit.body


def test_another_person_begins_another_appointment(visit: Visit) -> None:
    visit.open(EXCHANGE)
    visit.press(SINGLE_USE)
    visit.pane.get_by_role("heading", name="Success").wait_for()
    visit.page.get_by_role("button", name="Remove Video meeting").click()
    assert visit.people() == []
    visit.page.get_by_label("Outlook of").select_option(label="Carol Example")
    expect(visit.page.get_by_role("textbox", name="Body")).to_have_text("")
    expect(visit.page.locator("#pane")).to_be_hidden()


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")])
def test_the_simulated_outlook_is_accessible_and_fits(visit: Visit, width: int, theme: str) -> None:
    visit.page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    visit.page.set_viewport_size({"width": width, "height": 900})
    visit.page.reload()
    visit.invite("bob@example.com; somebody.with.a.long.name@department.example.com")
    assert len(visit.people()) == 2
    visit.page.evaluate(programs.AXE.read_text())
    found = visit.page.evaluate("axe.run(document, { iframes: false })")
    assert [fault["id"] for fault in found["violations"]] == []
    assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_send_is_all_an_organizer_has_to_do(visit: Visit, demo: Demo) -> None:
    visit.open(EXCHANGE)
    visit.page.get_by_label("Subject").fill("Rehearsal")
    visit.press(SINGLE_USE)
    visit.pane.get_by_role("heading", name="Success").wait_for()
    found = re.search(r"89\d{6}", visit.body)
    assert found
    visit.page.get_by_role("button", name="Send", exact=True).click()
    mail = visit.page.locator("#mail li")
    expect(mail.filter(has_text=found[0])).to_contain_text("successfully scheduled")
    beside = visit.page.context.new_page()  # an administrator signs in, which voids the tokens of forms
    beside.goto(f"{demo.origin}/admin/")
    demo.fill_in(beside)
    visit.page.get_by_role("textbox", name="Start").fill("2030-06-04T09:00")
    visit.page.get_by_role("textbox", name="End").fill("2030-06-04T10:00")
    visit.page.get_by_role("button", name="Send update").click()
    expect(mail.first).to_contain_text("successfully rescheduled")
    visit.page.get_by_role("button", name="Send update").click()
    expect(visit.page.get_by_role("status")).to_contain_text("When the time has changed")
    visit.page.get_by_role("button", name="Cancel meeting").click()
    expect(visit.page.get_by_role("status")).to_contain_text("The room is given back")
    expect(visit.page.get_by_role("button", name="Send", exact=True)).to_be_visible()
    expect(mail).to_have_count(2)
