"""The task pane as a person uses it, inside the played Outlook."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator, Page, expect

from .outlook_host import OutlookHost

SIGN_IN = "Sign In"
SELECT = "Select the VMR you want to add to the meeting"
SUCCESS = "Success"
ERROR = "Error"
ALREADY = "VMR already assigned"
NONE = "You do not have any personal VMRs"
PROBLEM_SIGNING_IN = "There was a problem signing you in. Please try again."
PROBLEM_GETTING = "There was a problem getting your personal VMRs. Please try again."
ADD_SINGLE_USE = "Add a Single-use VMR"
ADD_PERSONAL = "Add a Personal VMR"
DOWN = "Cannot assign a VMR right now"
PROBLEM_INSERTING = "There was a problem adding the joining instructions. Please try again."


class Pane:
    """One pane. Every step waits for what a person would wait for."""

    def __init__(self, host: OutlookHost) -> None:
        self.host = host

    def open(self, address: str, **options: Any) -> None:
        """Open a new appointment with the pane beside it, and wait until its buttons work."""
        self.host.open(address, **options)
        expect(self.host.pane.locator("html[data-checked]")).to_be_attached(timeout=20_000)

    def open_known(self, address: str, **options: Any) -> None:
        """Open like `open`, and wait until the server has answered who is asking, which no press waits for."""
        with self.host.page.expect_response(lambda answer: answer.url.endswith("/session")):
            self.open(address, **options)

    def button(self, name: str) -> Locator:
        """Return a button by its words."""
        return self.host.pane.get_by_role("button", name=name)

    def heading(self, name: str) -> Locator:
        """Return a heading by its words."""
        return self.host.pane.get_by_role("heading", name=name)

    def dialog(self, press: str = SIGN_IN) -> Page:
        """Press the sign-in button and Allow; return the dialog."""
        return self.host.allow_dialog(press=[self.button(press).click])

    def sign_in(self, login: str = "alice") -> None:
        """Sign in through the dialog, which closes by itself, and wait for the list."""
        dialog = self.dialog()
        with dialog.expect_event("close"):
            fill(dialog, login)
        expect(self.heading(SELECT).or_(self.heading(NONE)).or_(self.heading(ERROR))).to_be_visible()

    def pick(self, name: str, then: str = SUCCESS) -> None:
        """Choose a VMR from the list and wait for a heading."""
        self.button(name).click()
        expect(self.heading(then)).to_be_visible()

    def add(self, name: str, login: str = "alice") -> None:
        """Sign in and add a VMR."""
        self.sign_in(login)
        self.pick(name)

    def replace(self, name: str, then: str = SUCCESS) -> None:
        """Exchange the VMR that is there."""
        self.button("Replace").click()
        expect(self.heading(SELECT)).to_be_visible()
        self.pick(name, then)

    def add_single_use(self, then: str = SUCCESS, press: str = ADD_SINGLE_USE) -> list[dict[str, Any]]:
        """Press the button, wait for a heading, and return what was asked of Outlook from the press on."""
        before = len(self.host.calls())
        self.button(press).click()
        expect(self.heading(then)).to_be_visible()
        # What office.js tells Outlook of its own accord, such as where the focus went, has no dispatch id.
        return [call for call in self.host.calls()[before:] if call["dispatch"] is not None]

    def replace_single_use(self, then: str = SUCCESS) -> None:
        """Exchange what is there for a single-use VMR."""
        self.button("Replace").click()
        self.button(ADD_SINGLE_USE).click()
        expect(self.heading(then)).to_be_visible()

    def remove(self) -> None:
        """Take the VMR out again."""
        self.button("Remove").click()
        expect(self.host.pane.get_by_role("status")).to_have_text("The VMR was removed from this meeting.")

    def details(self) -> str:
        """Open "Details" and return what stands there."""
        self.host.pane.get_by_text("Details", exact=True).click()
        return self.host.pane.locator("details.details").first.inner_text()


def fill(dialog: Page, login: str, act: str = "Sign in") -> None:
    """Fill the provider's form and send it."""
    dialog.get_by_label("User name").fill(login)
    dialog.get_by_label("Password").fill("secret")
    dialog.get_by_role("button", name=act, exact=True).click()
