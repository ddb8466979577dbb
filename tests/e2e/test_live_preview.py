"""The live preview in Chromium: it follows the keys, and the real pane comes into every state, against no policy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, ConsoleMessage, FrameLocator, Page, expect

from addin_host.domain.preview_states import STATES

from .admin_demo import Demo

FIELD = "personal_vmr_instructions_template"
# What stands on the pane's screen in each state: data-screen, and words.
SCREENS = {
    "start": ("home", "Sign In"),
    "signing-in": ("home", "Sign In"),
    "signed-in": ("home", "Add a Personal VMR"),
    "ended": ("home", "Sign In"),
    "one": ("list", "Alice's meeting room"),
    "list": ("list", "Project Amber"),
    "many": ("list", "Filter by name or address"),
    "none": ("none", "You do not have any personal VMRs"),
    "error-signing-in": ("problem", "There was a problem signing you in"),
    "error-getting": ("problem", "There was a problem getting your personal VMRs"),
    "error-inserting": ("problem", "There was a problem adding the joining instructions"),
    "success": ("success", "Success"),
    "already": ("already", "VMR already assigned"),
    "edited": ("question", "were edited"),
    "outside": ("sentence", "Open this pane from a meeting"),
    "off": ("sentence", "switched off"),
    "single-use": ("success", "Success"),
    "single-use-already": ("already", "VMR already assigned"),
    "placeholder": ("placeholder", "Cannot assign a VMR right now"),
    "waiting": ("already", "no joining instructions yet"),
    "single-use-error": ("problem", "There was a problem adding the joining instructions"),
    "quota": ("problem", "Too many VMRs"),
    "remnant": ("already", "only their tag line is recognised"),
    "which": ("question", "Which VMR"),
}


@dataclass
class Form:
    """The form of the demo's first integration, with the preview beside it. `errors` are those of the console."""

    page: Page
    errors: list[str] = field(default_factory=list)

    def hear(self, message: ConsoleMessage) -> None:
        if message.type == "error" or "Content Security Policy" in message.text:
            self.errors.append(message.text)

    @property
    def pane(self) -> FrameLocator:
        return self.outlook.frame_locator("#pane-frame")

    @property
    def outlook(self) -> FrameLocator:
        return self.page.frame_locator('[data-frame="outlook"]')

    def text(self, form: str = "html") -> FrameLocator:
        return self.page.frame_locator(f'[data-frame="{form}"]')

    def choose(self, name: str, value: str) -> None:
        self.page.locator(f'[data-choice="{name}"]').select_option(value)


@pytest.fixture(params=["light", "dark"])
def form(request: pytest.FixtureRequest, plain_chromium: Browser, demo: Demo) -> Iterator[Form]:
    with demo.browser(plain_chromium, width=1400, theme=request.param) as page:
        opened = Form(page)
        page.on("console", opened.hear)
        page.on("pageerror", lambda error: opened.errors.append(str(error)))
        page.goto(f"{demo.origin}/admin/integrations/1/")
        expect(page.locator('[data-choice="theme"]')).to_have_value(request.param)
        yield opened


def test_the_preview_follows_the_keys_and_saves_nothing(form: Form) -> None:
    page = form.page
    expect(form.pane.get_by_role("heading", name="Add a VMR")).to_be_visible()
    page.locator("#addin_pane_title").press("End")
    page.locator("#addin_pane_title").press_sequentially(" today")
    expect(form.pane.get_by_role("heading", name="Add a VMR today")).to_be_visible()
    page.locator("#addin_button_label").fill("Make it a call")
    expect(form.outlook.get_by_role("button", name="Make it a call")).to_be_visible()
    page.locator("#addin_pane_success_heading").fill("Well done")  # the preview goes to where this can be seen
    expect(form.pane.get_by_role("heading", name="Well done")).to_be_visible()

    page.locator(f"#{FIELD}").fill("<p>Join <b>{{ name }}</p>")
    expect(form.text().get_by_text("Join Alice's meeting room")).to_be_visible()
    expect(form.text("text").get_by_text("Join Alice's meeting room")).to_be_visible()
    expect(page.get_by_text("line 1, column 9: <b> is opened here and not closed.")).to_be_visible()
    page.locator(f"#{FIELD}").fill("Join\n{{ nmae }}")
    expect(form.text().get_by_text("This text has an error in line 2, column 4.")).to_be_visible()
    page.reload()
    expect(page.locator("#addin_pane_title")).to_have_value("Add a VMR")
    assert form.errors == []


def test_a_dark_safe_version_goes_into_the_form_when_asked_and_a_real_vmr_fills_it(form: Form) -> None:
    page = form.page
    page.get_by_role("button", name="E-mails and texts").click()
    form.choose("text", FIELD)
    expect(page.get_by_text("This text fixes black or white.")).to_be_visible()
    assert "#000000" in page.locator(f"#{FIELD}").input_value()
    page.get_by_role("button", name="Put a version without them into the form").click()
    expect(page.get_by_text("This text fixes black or white.")).to_be_hidden()
    assert "#000000" not in page.locator(f"#{FIELD}").input_value()
    page.locator('[data-choice="wanted"]').fill("town hall")
    expect(form.text().get_by_text("townhall@vmr.example.com").first).to_be_visible()
    expect(form.text().get_by_text("123456")).to_be_visible()
    form.choose("sample", "few")
    form.choose("vmr", "")
    expect(form.text().get_by_text("481516").first).to_be_visible()
    assert form.errors == []


def test_the_real_pane_comes_into_every_state(form: Form) -> None:
    assert SCREENS.keys() | {"no-way-in"} == STATES.keys()
    expect(form.pane.get_by_role("button", name="Sign In")).to_be_visible()
    theme = form.page.locator('[data-choice="theme"]').input_value()
    for state, (screen, words) in SCREENS.items():
        form.choose("state", state)
        shown = form.pane.locator(f'html[data-state="{state}"] #screen[data-screen="{screen}"]')
        expect(shown, state).to_contain_text(words)
        expect(form.pane.locator("html"), state).to_have_attribute("data-theme", theme)
    form.choose("state", "many")
    expect(form.pane.locator(".vmr")).to_have_count(9)
    expect(form.page.locator('option[value="no-way-in"]')).to_be_disabled()
    assert form.errors == []


@pytest.mark.parametrize("form", ["light"], indirect=True)
def test_a_single_use_vmr_on_the_sample_meeting(form: Form, demo: Demo) -> None:
    form.page.goto(f"{demo.origin}/admin/integrations/3/")
    form.page.set_viewport_size({"width": 2200, "height": 1000})  # wide enough for the appointment beside the pane
    form.pane.get_by_role("button", name="Add a Single-use VMR").wait_for()
    form.page.locator("#enable_add_command").check()
    expect(form.outlook.locator(".ribbon").get_by_text("Add a Single-use VMR")).to_be_visible()
    form.choose("state", "single-use")
    expect(form.pane.locator('html[data-state="single-use"]')).to_be_attached()
    expect(form.outlook.locator("#body-html")).to_contain_text("89481516@vmr.example.com")
    expect(form.outlook.locator("#body-html")).to_contain_text("PXPS:-")
    expect(form.outlook.locator("#required")).to_contain_text("Video meeting")
    form.page.locator("#addin_pane_management_node_down_heading").fill("Not now")
    expect(form.pane.get_by_role("heading", name="Not now")).to_be_visible()
    expect(form.outlook.locator("#body-html")).to_contain_text("TOK:-")
    form.choose("state", "no-way-in")
    form.pane.locator('html[data-state="no-way-in"] summary').click()
    expect(form.pane.get_by_text("does not prove who you are")).to_be_visible()
    for state in ("success", "which"):
        expect(form.page.locator(f'option[value="{state}"]')).to_be_disabled()
    assert form.errors == []
