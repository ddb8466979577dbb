"""The administrators' pages as a new administrator meets them: the running demo, real Chromium, every page."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright
from playwright.sync_api import Error as PlaywrightError

from addin_host import app as composition
from addin_host import settings
from addin_host.domain.manifest import check_manifest
from addin_host.web.admission import Auth
from tests.web.walks import routes

from . import programs
from .processes import Server, free_port

ROOT = Path(__file__).parents[2]
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


@dataclass(frozen=True)
class Demo:
    """A demo that runs, and what it printed."""

    origin: str
    folder: Path
    printed: str

    @property
    def password(self) -> str:
        return re.search(r"name: admin, password: (.+)", self.printed)[1]

    def pages(self) -> list[str]:
        """Every address that an administrator can open, from the URL map."""
        run = settings.load({"ADDIN_HOST_DATA": str(self.folder)})
        app = composition._demo(run, self.origin)
        found = [route for route in routes(app, Auth.SESSION) if route.method == "GET"]
        paths = [re.sub(r"^https?://[^/]+", "", route.address) for route in found if "<token>" not in route.rule.rule]
        return ["/admin/signin", *dict.fromkeys(paths)]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    programs.node_packages()
    folder, port = tmp_path_factory.mktemp("demo"), free_port()
    command = [sys.executable, "-c", "from addin_host.app import main; main()", "demo", "--port", str(port)]
    log = folder / "demo.log"
    environ = {"ADDIN_HOST_DATA": str(folder), "DATABASE_URL": f"sqlite:///{folder}/addin-host.db"}
    with Server(
        command, log=log, ready=lambda: "password:" in log.read_text(), cwd=ROOT, environ=environ, seconds=60
    ) as server:
        yield Demo(f"http://127.0.0.1:{port}", folder, server.text())


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    started = playwright.chromium.launch(
        executable_path=programs.program("chromium"), args=["--disable-background-networking"]
    )
    yield started
    started.close()


SignIn = Callable[..., Page]


@pytest.fixture
def sign_in(browser: Browser, demo: Demo) -> Iterator[SignIn]:
    """Return a function that opens a browser of one width and theme and signs the demo's administrator in."""
    opened: list[BrowserContext] = []

    def make(width: int = 1280, theme: str = "light") -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
        opened.append(context)
        context.add_init_script(WATCH_POLICY)
        context.set_default_timeout(15_000)
        page = context.new_page()
        page.goto(f"{demo.origin}/admin/")
        page.get_by_label("Name").fill("admin")
        page.get_by_label("Password").fill(demo.password)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.wait_for_url("**/admin/")
        return page

    yield make
    for context in opened:
        context.close()


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
        [sys.executable, "-c", "from addin_host.app import main; main()", "check-manifest", str(file)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert checked.returncode == 0, checked.stdout
    assert time.monotonic() - began < 600
