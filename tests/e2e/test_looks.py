"""The pane for everybody: keyboard, screen reader, both themes, a narrow pane, and nothing against its own policy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from . import edge
from .application import AZURE, LOGGING
from .conftest import World
from .outlook_host import Dispatch, OutlookHost
from .pane import ERROR, NONE, SELECT, SIGN_IN, SUCCESS, Pane
from .programs import AXE
from .providers import Providers

ROOM = "Alice's room"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
GRAVE = {"serious", "critical"}
WATCH_POLICY = """
window.violations = [];
document.addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI }) =>
    window.violations.push(`${effectiveDirective} ${blockedURI}`));
"""


@pytest.fixture(params=["light", "dark"])
def themed(request: pytest.FixtureRequest, chromium: Browser, world: World, idp: Providers) -> Iterator[Pane]:
    """A pane in each of the two themes, in a window of 320 pixels."""
    context = chromium.new_context(color_scheme=request.param, viewport={"width": 900, "height": 700})
    context.set_default_timeout(10_000)
    yield Pane(OutlookHost(context.new_page(), world.origin(edge.OUTLOOK)))
    context.close()


def home(pane: Pane, world: World) -> None:
    pane.open(world.pane(AZURE), width=320)


def a_list(pane: Pane, world: World) -> None:
    home(pane, world)
    pane.sign_in("alice")


def long_list(pane: Pane, world: World) -> None:
    home(pane, world)
    pane.sign_in("bob")


def nothing(pane: Pane, world: World) -> None:
    home(pane, world)
    pane.sign_in("carol")
    expect(pane.heading(NONE)).to_be_visible()


def success(pane: Pane, world: World) -> None:
    a_list(pane, world)
    pane.pick(ROOM)


def failure(pane: Pane, world: World) -> None:
    a_list(pane, world)
    pane.host.fail(Dispatch.BODY_PREPEND, 9002)
    pane.pick(ROOM, then=ERROR)
    pane.details()


def debugging(pane: Pane, world: World) -> None:
    pane.open(world.pane(LOGGING), width=320)
    pane.host.pane.get_by_text("Debug log").click()


SCREENS = [home, a_list, long_list, nothing, success, failure, debugging]


def grave_faults(page: Page | Any) -> list[str]:
    """Run axe-core in a page or frame; return what it finds serious or critical."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("(rules) => axe.run(document, { runOnly: rules })", RULES)
    return [
        f"{fault['id']}: {node['html']} {node['failureSummary']}"
        for fault in found["violations"]
        if fault["impact"] in GRAVE
        for node in fault["nodes"]
    ]


@pytest.mark.parametrize("screen", SCREENS)
def test_every_screen_is_accessible_and_fits(themed: Pane, world: World, screen: Callable[[Pane, World], None]) -> None:
    screen(themed, world)
    assert grave_faults(themed.host.frame) == []
    widths = themed.host.frame.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert widths == [320, 320]


def test_the_theme_follows_the_system(themed: Pane, world: World) -> None:
    home(themed, world)
    dark = themed.host.frame.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    background = themed.host.frame.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert background == ("rgb(31, 31, 31)" if dark else "rgb(255, 255, 255)")


def test_axe_sees_a_fault_when_there_is_one(themed: Pane, world: World) -> None:
    home(themed, world)
    themed.host.frame.evaluate("document.documentElement.removeAttribute('lang')")
    assert any(fault.startswith("html-has-lang") for fault in grave_faults(themed.host.frame))


def test_the_dialogs_last_page_is_accessible(
    host: OutlookHost, world: World, idp: Providers, context: BrowserContext
) -> None:
    idp.behave("entra", coop="same-origin")  # keeps the page open
    pane = Pane(host)
    pane.open(world.pane(AZURE))
    dialog = pane.dialog()
    dialog.get_by_label("User name").fill("alice")
    dialog.get_by_label("Password").fill("secret")
    dialog.get_by_role("button", name="Sign in").click()
    expect(dialog.get_by_role("heading", name="You are signed in")).to_be_visible()
    bypassed = context.new_cdp_session(dialog)
    bypassed.send("Page.setBypassCSP", {"enabled": True})
    assert grave_faults(dialog) == []
    assert "code" not in dialog.url.split("?")[-1].split("_host_Info")[0]


def test_keyboard_only(host: OutlookHost, world: World, idp: Providers, page: Page) -> None:
    """From the pane's first button to the inserted VMR and out again, without a mouse.

    office.js takes Tab over and walks only among links, buttons and fields; from anything else that has the focus,
    such as a heading, it would leave the pane. The pane has to see to it that Tab still goes to the next button.
    """
    pane = Pane(host)
    pane.open(world.pane(AZURE))
    tab_to(pane, SIGN_IN)
    page.keyboard.press("Enter")
    expect(pane.button("Allow")).to_be_visible()
    tab_to(pane, "Allow")
    with page.context.expect_page() as opened:
        page.keyboard.press("Enter")
    dialog = opened.value
    expect(dialog.get_by_label("User name")).to_be_focused()
    dialog.keyboard.type("alice")
    dialog.keyboard.press("Tab")
    dialog.keyboard.type("secret")
    with dialog.expect_event("close"):
        dialog.keyboard.press("Enter")
    expect(pane.heading(SELECT)).to_be_focused()
    tab_to(pane, ROOM)
    page.keyboard.press("Enter")
    expect(pane.heading(SUCCESS)).to_be_focused()
    tab_to(pane, "Remove")
    page.keyboard.press("Space")
    expect(pane.host.pane.get_by_role("status")).to_have_text("The VMR was removed from this meeting.")
    assert host.location == ""


def tab_to(pane: Pane, name: str) -> None:
    """Press Tab until the button has the focus, which must then be visible."""
    reached = "(button) => document.hasFocus() && button === document.activeElement"
    for _ in range(15):
        if pane.button(name).evaluate(reached):
            break
        pane.host.page.keyboard.press("Tab")
        pane.host.page.wait_for_timeout(100)  # the key travels to another process
    expect(pane.button(name)).to_be_focused()
    style = pane.button(name).evaluate("(button) => getComputedStyle(button).outlineStyle")
    assert style != "none", f"no focus is seen on {name}"


@pytest.mark.parametrize("telemetry", [False, True])
def test_nothing_runs_against_the_policy(
    host: OutlookHost, world: World, idp: Providers, context: BrowserContext, telemetry: bool
) -> None:
    context.add_init_script(WATCH_POLICY)
    pane = Pane(host)
    pane.open(world.pane(AZURE), telemetry=telemetry)
    pane.add(ROOM)
    pane.replace("Town hall")
    pane.remove()
    seen = {entry.split("?")[0] for entry in host.frame.evaluate("window.violations")}
    # What office.js would tell Microsoft is not let out; nothing else is ever in the way.
    allowed = {"connect-src https://browser.pipe.aria.microsoft.com/Collector/3.0/"} if telemetry else set()
    assert seen <= allowed


def test_the_pane_is_framed_by_outlook_only(page: Page, world: World) -> None:
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    foreign = OutlookHost(page, world.origin(edge.FOREIGN))
    foreign.open(world.pane(AZURE))
    foreign.until(lambda: any("frame-ancestors" in text for text in refused), "the browser refuses to frame the pane")
    assert foreign.calls() == []


def test_the_dialogs_last_page_is_framed_by_nobody(page: Page, world: World) -> None:
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    host = OutlookHost(page, world.origin(edge.OUTLOOK))
    host.open(world.pane(AZURE).replace("/pane", "/signin/callback?state=x&code=y"))
    host.until(
        lambda: any("frame-ancestors" in text or "X-Frame-Options" in text for text in refused),
        "the browser refuses to frame the page",
    )


def test_the_debug_log_shows_no_token(host: OutlookHost, world: World, idp: Providers, context: BrowserContext) -> None:
    bearers: list[str] = []

    def remember(response: Any) -> None:
        if response.url.endswith("/session") and response.status == 200:
            bearers.append(response.json()["bearer"])

    context.on("response", remember)
    pane = Pane(host)
    pane.open(world.pane(LOGGING))
    pane.add(ROOM)
    text = host.pane.locator("#log").text_content() or ""
    assert "POST /session: 200" in text
    assert bearers
    assert not any(bearer in text for bearer in bearers)


ROUNDS, TURNS, MOST = 3, 10, 1.2
INTERACTIVE = """
addEventListener("DOMContentLoaded", () => new MutationObserver(() => {
    if (document.documentElement.dataset.ready && !window.interactive) window.interactive = performance.now();
}).observe(document.documentElement, { attributes: true }));
"""


def milliseconds(chromium: Browser, world: World, address: str, kept: BrowserContext | None) -> float:
    """How long a page takes from its navigation until it is interactive, in a profile that is `kept` or a fresh one."""
    context = kept or chromium.new_context()
    page = context.new_page()
    page.add_init_script(INTERACTIVE)
    host = OutlookHost(page, world.origin(edge.OUTLOOK))
    host.open(address, telemetry=False)
    taken = float(host.until(lambda: host.frame.evaluate("window.interactive ?? 0"), "the page is interactive"))
    (context if kept is None else page).close()
    return taken


@pytest.mark.parametrize("cached", [True, False], ids=["cached", "first visit"])
def test_the_pane_is_interactive_nearly_as_soon_as_office_js(
    chromium: Browser,
    context: BrowserContext,
    world: World,
    cached: bool,
    record_testsuite_property: Callable[[str, object], None],
) -> None:
    """At most 1.2 times an empty page that only loads office.js, in the same run (medians).

    Whatever else the machine does can only make this worse, so the best of three rounds counts.
    """
    addresses = {"empty": world.sample.replace("sample-addin", "empty"), "pane": world.pane(AZURE)}
    rounds = []
    for _ in range(ROUNDS):
        times: dict[str, list[float]] = {"empty": [], "pane": []}
        for _ in range(TURNS):
            for name, address in addresses.items():
                times[name].append(milliseconds(chromium, world, address, context if cached else None))
        rounds.append(median(times["pane"][1:]) / median(times["empty"][1:]))
        if rounds[-1] <= MOST:
            break
    record_testsuite_property(f"pane over empty page, cached: {cached}", rounds)
    assert min(rounds) <= MOST, rounds
