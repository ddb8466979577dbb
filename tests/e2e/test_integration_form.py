"""The form in Chromium: fields come and go, the bar tells what is up, all by keyboard and on a narrow screen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from addin_host.app import Composition, create_app
from addin_host.domain.access import ON_THIS_MACHINE
from addin_host.domain.deployment import Deployment
from addin_host.flows import integrations
from addin_host.settings import Settings
from addin_host.store import keys, migrate
from addin_host.store.db import Database
from tests.conftest import a_record

from .admin_demo import an_administrator, serving
from .processes import free_port
from .programs import AXE


class Site:
    """The application over http on this machine, with integration 1 and a signed-in administrator."""

    def __init__(self, folder: Path) -> None:
        self.url = f"sqlite:///{folder / 'form.db'}"
        self.database, self.key = Database(self.url), folder / "key"
        migrate.upgrade(self.database)
        box, now = keys.secret_box(self.key, self.database), datetime.now(UTC)
        draft = integrations.prepare(a_record(), before=None, trial=lambda found: [None] * len(found))
        with self.database.write() as session:
            integrations.save(session, draft, expected_version=None, caller=ON_THIS_MACHINE, box=box, now=now)
        self.cookie = an_administrator(self.database)

    @contextmanager
    def serve(self) -> Iterator[str]:
        """Serve until the end of the block; yields the origin."""
        settings = Settings(database_url=self.url, key_file=self.key)
        origin = Deployment(origin="http://127.0.0.1", stand_in="preview/office.js", framed_by_self=True)
        port = free_port()
        with serving(create_app(settings, Composition(deployment=origin)), port):
            yield f"http://127.0.0.1:{port}"
        self.database.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Site]]:
    made = Site(tmp_path_factory.mktemp("form"))
    with made.serve() as origin:
        yield origin, made


@contextmanager
def opened(
    plain_chromium: Browser, site: tuple[str, Site], path: str, width: int = 1280, scripts: bool = True
) -> Iterator[Page]:
    context = plain_chromium.new_context(
        viewport={"width": width, "height": 844}, java_script_enabled=scripts, bypass_csp=scripts
    )
    context.set_default_timeout(15_000)
    context.add_cookies([{"name": "addin-admin", "value": site[1].cookie, "url": site[0]}])
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{site[0]}{path}")
    if scripts:
        page.locator("#integration-form[data-ready]").wait_for()
    yield page
    assert errors == []
    context.close()


FORM = "/admin/integrations/1/"


def test_switches_show_fields_and_the_bar_says_what_is_missing(plain_chromium: Browser, site: tuple[str, Site]) -> None:
    with opened(plain_chromium, site, FORM) as page:
        expect(page.locator("#url")).to_be_hidden()
        expect(page.locator(".save-state")).to_have_text("Nothing is changed.")
        page.locator("#enable_dynamic_vmrs").focus()
        page.keyboard.press("Space")
        expect(page.locator("#url")).to_be_visible()
        expect(page.locator("#field-url .required")).to_be_visible()
        expect(page.locator(".save-state")).to_contain_text("Changed: Enable single-use VMRs.")
        expect(page.locator(".save-state")).to_contain_text(
            "Missing: EWS URL, Service account username, Service account"
        )
        expect(page.locator("#kerberos_realm")).to_be_hidden()
        page.locator("#authentication_method").select_option("KERBEROS")
        expect(page.locator("#kerberos_realm")).to_be_visible()
        page.get_by_label("Nested app authentication (NAA) token", exact=True).check()
        expect(page.locator("#addin_authority_url")).to_be_visible()
        # A link of the bar leads to its field; Save there shows what is wrong at the first of them.
        page.locator(".save-state").get_by_role("link", name="EWS URL").click()
        expect(page.locator("#url")).to_be_focused()
        page.keyboard.type("not an address")
        page.get_by_role("button", name="Save").click()
        page.locator("#integration-form[data-ready]").wait_for()
        expect(page.locator("#url")).to_be_focused()
        expect(page.locator("#url")).to_have_value("not an address")
        expect(page.locator("#url-error")).to_be_in_viewport()


def test_a_default_is_one_key_away_and_a_variable_too(plain_chromium: Browser, site: tuple[str, Site]) -> None:
    with opened(plain_chromium, site, FORM) as page:
        title, default = page.locator("#addin_pane_title"), page.locator("#field-addin_pane_title .default-button")
        expect(default).to_be_hidden()
        title.fill("Ours")
        default.focus()
        page.keyboard.press("Enter")
        expect(title).to_have_value("Add a VMR")
        expect(default).to_be_hidden()
        expect(title).to_be_focused()
        name = page.locator("#personal_vmr_name_template")
        name.fill("")
        page.locator("#field-personal_vmr_name_template .variable", has_text="owners_email").click()
        expect(name).to_have_value("{{owners_email}}")
        expect(page.locator(".save-state")).to_have_text("Changed: Personal VMR name template.")


def test_saving_by_the_enter_key_changes_what_was_typed_alone(plain_chromium: Browser, site: tuple[str, Site]) -> None:
    with opened(plain_chromium, site, FORM) as page:
        with site[1].database.read() as session:
            before = dict(integrations.find(session, 1).record)
        page.locator("#description").fill("By keyboard")
        page.keyboard.press("Enter")
        expect(page.get_by_text("Sales is saved.")).to_be_visible()
        with site[1].database.read() as session:
            after = dict(integrations.find(session, 1).record)
    assert {name for name in after if after[name] != before[name]} == {"description"}


def test_the_index_follows_the_scroll(plain_chromium: Browser, site: tuple[str, Site]) -> None:
    with opened(plain_chromium, site, FORM) as page:
        current = page.locator(".section-index [aria-current]")
        expect(current).to_have_text("General")
        page.locator(".section-index").get_by_role("link", name="Advanced").click()
        expect(current).to_have_text("Advanced")


def test_without_scripts_a_button_shows_the_fields(plain_chromium: Browser, site: tuple[str, Site]) -> None:
    with opened(plain_chromium, site, FORM, scripts=False) as page:
        page.locator("#enable_dynamic_vmrs").check()
        page.locator("#description").fill("Typed before")
        page.locator(".save-bar").get_by_role("button", name="Show the fields for these choices").click()
        expect(page.locator("#url")).to_be_visible()
        expect(page.locator("#description")).to_have_value("Typed before")


@pytest.mark.parametrize(("path", "width"), [(FORM, 390), ("/admin/integrations/new", 1500)])
def test_no_page_scrolls_sideways_and_axe_is_content(
    plain_chromium: Browser, site: tuple[str, Site], path: str, width: int
) -> None:
    with opened(plain_chromium, site, path, width) as page:
        page.locator("#enable_dynamic_vmrs").set_checked(True)
        page.locator("#enable_personal_vmrs").set_checked(True)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.evaluate(AXE.read_text(encoding="utf-8"))
        found = page.evaluate("axe.run({ exclude: [['iframe']] })")
        assert [(one["id"], [node["target"] for node in one["nodes"]]) for one in found["violations"]] == []
