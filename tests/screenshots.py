"""Takes the pictures of the documents from a fresh demo: `python -m tests.screenshots http://127.0.0.1:8080`."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, FrameLocator, Page, sync_playwright

from addin_host.flows.demo import ADMINISTRATOR, PASSWORD

FOLDER = Path(__file__).parent.parent / "docs" / "screenshots"
RIBBON = "Create a Pexip Meeting"
EARLY = 6
MEETINGS = (
    (8, 15, "Bob", "Stand-up", "daily"),
    (9, 90, "Carol", "Interview with a candidate", ""),
    (11, 45, "Alice", "Budget 2027", "monthly"),
    (13, 60, "Bob", "Project Amber", "weekly"),
    (15, 60, "Alice", "Board meeting", ""),
)
SERVICE_ACCOUNT = {
    "url": "https://outlook.office365.com/EWS/Exchange.asmx",
    "username": "svc-vmr@contoso.com",
    "oauth_client_id": "6731de76-14a6-49ae-97bc-6eba6914391e",
    "oauth_auth_endpoint": "https://login.microsoftonline.com/contoso.onmicrosoft.com/oauth2/authorize",
    "oauth_token_endpoint": "https://login.microsoftonline.com/contoso.onmicrosoft.com/oauth2/token",
    "oauth_redirect_uri": "https://admin.contoso.com/admin/platform/msexchangeconnector/oauth_redirect/",
}


@contextmanager
def browser() -> Iterator[Browser]:
    flags = ["--disable-quic", "--disable-background-networking"] + (["--no-sandbox"] if os.getuid() == 0 else [])
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=flags)
        yield opened
        opened.close()


def sign_in(page: Page, pane: FrameLocator, person: str) -> None:
    with page.expect_popup() as popup:
        pane.get_by_role("button", name="Sign In").click()
    popup.value.get_by_role("button", name=person).click()


def send(page: Page, subject: str, starts: datetime, minutes: int, *, repeat: str = "") -> None:
    """A new appointment with a single-use VMR, sent, and answered by the equipment mailbox."""
    page.get_by_role("button", name="New appointment").click()
    page.get_by_placeholder("Add a title").fill(subject)
    page.get_by_role("textbox", name="Start").fill(f"{starts:%Y-%m-%dT%H:%M}")
    page.get_by_role("textbox", name="End").fill(f"{starts + timedelta(minutes=minutes):%Y-%m-%dT%H:%M}")
    page.get_by_role("combobox", name="Repeat").select_option(repeat)
    page.get_by_role("button", name=RIBBON).click()
    pane = page.frame_locator("iframe")
    pane.get_by_role("button", name="Add a Single-use VMR").click()
    pane.get_by_role("heading", name="Success").wait_for()
    number = re.search(r"\b8[0-9]{7}\b", page.get_by_role("textbox", name="Body").inner_text())
    assert number
    page.get_by_role("button", name="Send", exact=True).click()
    page.locator("#mail li").filter(has_text=number[0]).wait_for()


def demo_page(opened: BrowserContext, origin: str, theme: str) -> None:
    """The whole demo, after Send, with the answer of the equipment mailbox."""
    page = opened.new_page()
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(f"{origin}/demo")
    subject, hour = "Quarterly planning", 14
    if theme == "dark":
        subject, hour = "Press briefing", 19
        page.get_by_label("Dark theme").check()
        page.get_by_label("Outlook of").select_option(label="Bob Example")
    send(page, subject, day_of_meetings().replace(hour=hour), 60)
    page.wait_for_timeout(300)
    page.screenshot(path=FOLDER / f"demo-{theme}.png", full_page=True)


def day_of_meetings() -> datetime:
    """Today while most of it is to come, else tomorrow."""
    now = datetime.now(UTC)
    return (now if now.hour < EARLY else now + timedelta(days=1)).replace(hour=0, minute=0)


def sent_meetings(opened: BrowserContext, origin: str) -> None:
    """A day with meetings of three people, of which one was moved and one is a series."""
    page, day = opened.new_page(), day_of_meetings()
    page.goto(f"{origin}/demo?integration=3")
    for hour, minutes, person, subject, repeat in MEETINGS:
        page.get_by_label("Outlook of").select_option(label=f"{person} Example")
        send(page, subject, day.replace(hour=hour), minutes, repeat=repeat)
    page.get_by_role("textbox", name="Start").fill(f"{day.replace(hour=17):%Y-%m-%dT%H:%M}")
    page.get_by_role("textbox", name="End").fill(f"{day.replace(hour=18):%Y-%m-%dT%H:%M}")
    page.get_by_role("button", name="Send update").click()
    page.locator("#mail li").filter(has_text="rescheduled").first.wait_for()


def pane_states(opened: BrowserContext, origin: str, theme: str) -> None:
    """The pane alone at 320 px, where Outlook does not say who it is: signed out, the list, success."""
    page = opened.new_page()
    page.set_viewport_size({"width": 1100, "height": 760})
    page.goto(f"{origin}/demo?integration=2")
    page.get_by_label("Pane width").select_option("320")
    if theme == "dark":
        page.get_by_label("Dark theme").check()
    page.get_by_role("button", name=RIBBON).click()
    frame, pane = page.locator("iframe"), page.frame_locator("iframe")
    pane.get_by_role("button", name="Sign In").wait_for()
    page.wait_for_timeout(300)
    frame.screenshot(path=FOLDER / f"pane-signed-out-{theme}.png")
    sign_in(page, pane, "Bob")
    pane.get_by_role("button", name="Project Amber").wait_for()
    page.wait_for_timeout(300)
    frame.screenshot(path=FOLDER / f"pane-list-{theme}.png")
    pane.get_by_role("button", name="Project Amber").click()
    pane.get_by_role("heading", name="Success").wait_for()
    page.wait_for_timeout(300)
    frame.screenshot(path=FOLDER / f"pane-success-{theme}.png")


def single_use_states(opened: BrowserContext, origin: str, theme: str) -> None:
    """The pane alone at 320 px, where Outlook says who it is: the offer, what may take its place, the server away."""
    page = opened.new_page()
    page.set_viewport_size({"width": 1100, "height": 760})
    page.goto(f"{origin}/demo?integration=1")
    page.get_by_label("Pane width").select_option("320")
    if theme == "dark":
        page.get_by_label("Dark theme").check()
    frame, pane, ribbon = page.locator("iframe"), page.frame_locator("iframe"), page.get_by_role("button", name=RIBBON)

    def take_pane(name: str) -> None:
        page.wait_for_timeout(300)
        frame.screenshot(path=FOLDER / f"pane-single-use-{name}-{theme}.png")

    ribbon.click()
    add = pane.get_by_role("button", name="Add a Single-use VMR")
    pane.get_by_role("button", name="Add a Personal VMR").wait_for()
    take_pane("offer")
    add.click()
    pane.get_by_role("button", name="Replace").click()
    pane.get_by_text("Which VMR should this meeting have instead?").wait_for()
    take_pane("which")
    page.get_by_role("button", name="New appointment").click()
    page.route("**/meeting_details", lambda route: route.fulfill(status=503, json={"error": {"code": "sample"}}))
    ribbon.click()
    add.click()
    pane.get_by_role("heading", name="Cannot assign a VMR right now").wait_for()
    take_pane("away")


def administration(opened: BrowserContext, origin: str) -> Page:
    """A page of the administration at 1280 px, signed in."""
    page = opened.new_page()
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"{origin}/admin/")
    page.get_by_label("Name").fill(ADMINISTRATOR)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/admin/")
    return page


def take(page: Page, address: str, name: str) -> None:
    page.goto(address)
    page.wait_for_load_state("networkidle")
    page.screenshot(path=FOLDER / f"{name}.png")


def admin_pages(page: Page, origin: str) -> None:
    """Dashboard, deploy page, VMRs, and a run of checks."""
    take(page, f"{origin}/admin/", "admin-dashboard")
    take(page, f"{origin}/admin/integrations/1/deploy/", "admin-deploy")
    page.locator("#addresses").scroll_into_view_if_needed()
    page.locator("#addresses").screenshot(path=FOLDER / "admin-deploy-addresses.png")
    take(page, f"{origin}/admin/vmrs/", "admin-vmrs")
    take(page, f"{origin}/admin/integrations/1/checks/", "admin-checks")


def scheduling_pages(page: Page, origin: str, theme: str) -> None:
    """The conferences of a day, one of them with its history, and the operations."""
    page.emulate_media(color_scheme=theme)
    page.goto(f"{origin}/admin/conferences/?day={day_of_meetings():%Y-%m-%d}")
    page.screenshot(path=FOLDER / f"admin-conferences-{theme}.png", full_page=True)
    page.get_by_role("link", name=MEETINGS[-1][3]).click()
    page.get_by_role("heading", name="From mail to room to answer").wait_for()
    page.screenshot(path=FOLDER / f"admin-conference-{theme}.png", full_page=True)
    take(page, f"{origin}/admin/operations/", f"admin-operations-{theme}")


def service_account_page(page: Page, origin: str) -> None:
    """The steps with which the account of a mailbox signs in, as another integration has them after this."""
    page.emulate_media(color_scheme="light")
    page.goto(f"{origin}/admin/integrations/3/")
    page.locator("#mailbox_protocol").select_option("EWS")
    page.locator("#authentication_method").select_option("OAUTH")
    for name, value in SERVICE_ACCOUNT.items():
        page.locator(f"#{name}").fill(value)
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("is saved. Its checks run").wait_for()
    page.goto(f"{origin}/admin/integrations/3/service-account/")
    page.get_by_role("button", name="Make a sign-in link").wait_for()
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        page.wait_for_timeout(500)  # colours change softly
        page.screenshot(path=FOLDER / f"admin-service-account-{theme}.png")


def live_preview(page: Page, origin: str, theme: str) -> None:
    """The form of an integration; a title that is being typed is in the preview already."""
    page.emulate_media(color_scheme=theme)
    page.goto(f"{origin}/admin/integrations/1/")
    if theme == "dark":
        page.locator("#live-preview [data-choice=theme]").select_option("dark")
    title = page.locator("#addin_pane_title")
    title.scroll_into_view_if_needed()
    title.fill("Add your meeting room")
    outlook = page.frame_locator("iframe[title='Simulated Outlook']")
    outlook.frame_locator("iframe").get_by_role("heading", name="Add your meeting room").wait_for()
    page.wait_for_timeout(500)
    page.screenshot(path=FOLDER / f"admin-form-{theme}.png")


def single_use_preview(page: Page, origin: str) -> None:
    """The form with what people see while the server is away beside it."""
    page.emulate_media(color_scheme="light")
    page.goto(f"{origin}/admin/integrations/1/")
    page.locator("#live-preview [data-choice=state]").select_option("placeholder")
    outlook = page.frame_locator("iframe[title='Simulated Outlook']")
    outlook.frame_locator("iframe").get_by_role("heading", name="Cannot assign a VMR right now").wait_for()
    page.wait_for_timeout(500)
    page.screenshot(path=FOLDER / "admin-preview.png")


def main(origin: str) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with browser() as opened:
        for theme in ("light", "dark"):
            demo_page(opened.new_context(timezone_id="UTC"), origin, theme)
            pane_states(opened.new_context(), origin, theme)
            single_use_states(opened.new_context(), origin, theme)
        page = administration(opened.new_context(), origin)
        sent_meetings(opened.new_context(timezone_id="UTC"), origin)
        admin_pages(page, origin)
        for theme in ("light", "dark"):
            scheduling_pages(page, origin, theme)
        for theme in ("light", "dark"):
            live_preview(page, origin, theme)
        single_use_preview(page, origin)
        service_account_page(page, origin)


if __name__ == "__main__":
    main(sys.argv[1])
