"""The administrators' pages as a new administrator meets them: the running demo, real Chromium, every page."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from playwright.sync_api import Error as PlaywrightError

from addin_host.domain.manifest import check_manifest

from . import programs
from .admin_demo import ROOT, Demo, run_program

WATCH_POLICY = """
window.violations = [];
document.addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI }) =>
    window.violations.push(`${effectiveDirective} ${blockedURI}`));
"""
# Tabbing goes over these, in the browser's own words: rendered, not disabled, not in a closed <details>.
TABBABLE = """
() => [...document.querySelectorAll("a[href], button, input, select, textarea, summary, iframe, [tabindex='0']")]
    .filter(e => !e.disabled && e.type !== "hidden" && e.tabIndex >= 0 && !e.closest("[inert]")
        && e.checkVisibility({ visibilityProperty: true })).length
"""


SignIn = Callable[..., Page]


@pytest.fixture
def sign_in(plain_chromium: Browser, demo: Demo) -> Iterator[SignIn]:
    """Return a function that opens a browser of one width and theme in which the demo's administrator is signed in."""
    programs.node_packages()
    with ExitStack() as opened:

        def make(width: int = 1280, theme: str = "light") -> Page:
            browser = demo.browser(plain_chromium, width=width, theme=theme, before=WATCH_POLICY)
            page = opened.enter_context(browser)
            page.goto(f"{demo.origin}/admin/")
            return page

        yield make


def opens_page(page: Page, address: str) -> bool:
    """Open an address; false when it is a file to download, or data."""
    page.goto("about:blank")
    try:
        answer = page.goto(address)
    except PlaywrightError as problem:
        assert "Download is starting" in str(problem), (address, problem)
        return False
    return answer is not None and "text/html" in answer.headers.get("content-type", "")


def faults(page: Page) -> list[str]:
    page.evaluate(programs.AXE.read_text())
    found = page.evaluate("() => axe.run(document, { iframes: false })")
    return [f"{fault['id']}: {node['html'][:200]}" for fault in found["violations"] for node in fault["nodes"]]


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")])
def test_every_page_is_accessible_fits_and_keeps_to_its_policy(
    demo: Demo, sign_in: SignIn, width: int, theme: str
) -> None:
    page, found, seen = sign_in(width, theme), [], 0
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    for path in demo.pages():
        if not opens_page(page, demo.origin + path):
            continue
        seen += 1
        found += [f"{path}: {fault}" for fault in faults(page)]
        scroll, inner = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        if scroll > inner:
            found.append(f"{path}: {scroll} px wide in a window of {inner}")
        found += [f"{path}: {violation}" for violation in page.evaluate("window.violations")]
        dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
        if (dark != "rgb(255, 255, 255)") != (theme == "dark"):
            found.append(f"{path}: the {theme} theme is not applied ({dark})")
    assert found + errors == []
    assert seen > 25


def test_every_page_by_keyboard(demo: Demo, sign_in: SignIn) -> None:
    """Tab reaches everything, shows where it is, and is caught nowhere."""
    page = sign_in()
    for path in demo.pages():
        if not opens_page(page, demo.origin + path):
            continue
        page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
        expected = page.evaluate(TABBABLE)
        visited, enough = page.evaluate("() => { window.reached = new Set(); return 0; }"), min(expected, 60) * 0.9
        for _press in range(150):  # a field for a date takes several
            if visited >= enough:
                break
            page.keyboard.press("Tab")
            visited = page.evaluate(
                "() => { const e = document.activeElement;"
                " if (e && e !== document.body) window.reached.add(e); return window.reached.size; }"
            )
        assert visited >= enough, (path, visited, expected)
        outlined = page.evaluate(
            "() => { const s = getComputedStyle(document.activeElement);"
            " return document.activeElement === document.body || s.outlineStyle !== 'none' || s.boxShadow !== 'none'; }"
        )
        assert outlined, path


def test_a_new_administrator_gets_a_clean_manifest(demo: Demo, sign_in: SignIn, tmp_path: Path) -> None:
    """From the first page to a checker-clean manifest of an own integration, with what the pages say."""
    began, page = time.monotonic(), sign_in()
    page.get_by_role("link", name="Integrations", exact=True).first.click()
    page.get_by_role("link", name="Create an integration").first.click()
    page.locator("#name").fill("Trial")
    page.locator("#enable_dynamic_vmrs").uncheck()
    page.locator("#enable_personal_vmrs").check()
    page.locator("#addin_server_domain").fill("trial.example.com")
    tenant = "7c1c8f3e-1111-4222-8333-123456789abc"
    base = f"https://login.microsoftonline.com/{tenant}/oauth2/v2.0"
    page.locator("#auth_provider").select_option("AZURE")
    page.locator("#personal_vmr_oauth_auth_endpoint").fill(f"{base}/authorize")
    page.locator("#personal_vmr_oauth_token_endpoint").fill(f"{base}/token")
    page.locator("#personal_vmr_oauth_client_id").fill(tenant)
    page.locator("#personal_vmr_oauth_client_secret").fill("a-client-secret")
    page.get_by_role("button", name="Save").first.click()
    page.wait_for_url(re.compile(r"/admin/integrations/\d+"))
    page.get_by_role("link", name="Deploy", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the manifest").or_(
            page.get_by_role("link", name="Download the manifest")
        ).first.click()
    file = tmp_path / "manifest.xml"
    download.value.save_as(file)
    assert "https://trial.example.com/" in file.read_text()
    assert [str(finding) for finding in check_manifest(file.read_bytes())] == []
    checked = subprocess.run(
        run_program("check-manifest", str(file)),
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert checked.returncode == 0, checked.stdout
    assert time.monotonic() - began < 600


def test_a_form_outlasts_its_session(demo: Demo, sign_in: SignIn) -> None:
    """Signed out while a form is open: sign in in another tab, reload, and what was typed is stored."""
    page = sign_in(390)
    page.goto(f"{demo.origin}/admin/profile/")
    page.locator("#display_name").fill("Typed before")
    page.context.clear_cookies(name="addin-admin")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("heading", name="Sign in first").wait_for()
    assert faults(page) == []
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Sign in in a new tab").click()
    demo.fill_in(opened.value)
    page.reload()
    expect(page.get_by_text("Your account is saved.")).to_be_visible()
    expect(page.locator("#display_name")).to_have_value("Typed before")
