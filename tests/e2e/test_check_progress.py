"""The page of a run in Chromium: it follows the checks, outlasts a server that is away, and says the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from addin_host import app as composition
from addin_host.domain.access import Role
from addin_host.domain.checks import CheckResult, Outcome, steps_of
from addin_host.flows import checks, demo
from addin_host.settings import Settings
from addin_host.store import keys, migrate
from addin_host.store.db import Database
from addin_host.store.models import CheckRunRow

from .admin_demo import an_administrator, serving
from .processes import free_port


@dataclass
class Running:
    """A demo in this process, with a run that the test moves on."""

    database: Database
    address: str
    cookie: str
    run_id: int
    names: list[str]

    def advance(self, done: int, *, finished: bool = False) -> None:
        results = [CheckResult(name, Outcome.OK, f"{name} is fine.", seconds=0.5) for name in self.names[:done]]
        if not finished:
            results.append(CheckResult(self.names[done], Outcome.RUNNING))
        now = datetime.now(UTC)
        with self.database.write() as session:
            row = session.get_one(CheckRunRow, self.run_id)
            row.results, row.updated_at = [result.as_data() for result in results], now
            row.finished_at = now if finished else None


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    port, url = free_port(), f"sqlite:///{tmp_path / 'demo.db'}"
    database, run = Database(url), Settings(database_url=url, key_file=tmp_path / "key")
    migrate.upgrade(database)
    now = datetime.now(UTC)
    with database.write() as session:
        demo.seed(session, box=keys.secret_box(run.key_file, database), now=now)
        run_id, _is_new = checks.begin(session, 1, asked_by="ada", now=now)
    cookie = an_administrator(database, Role.OPERATOR)
    app = composition._demo(run, f"http://127.0.0.1:{port}")
    services = app.extensions["addin_host"]
    names = [step.check.name for step in steps_of(services.catalogue.get("1"))]
    made = Running(database, f"http://127.0.0.1:{port}/admin/integrations/1/checks/{run_id}", cookie, run_id, names)
    made.advance(1)
    with serving(app, port):
        yield made
    services.database.close()
    database.close()


@pytest.fixture
def page(plain_chromium: Browser, running: Running) -> Iterator[Page]:
    context = plain_chromium.new_context()
    context.add_cookies([{"name": "addin-admin", "value": running.cookie, "domain": "127.0.0.1", "path": "/"}])
    yield context.new_page()
    context.close()


def test_the_page_follows_a_run_to_its_end(page: Page, running: Running) -> None:
    page.goto(running.address)
    states = page.locator(".step-state")
    expect(states.nth(0)).to_have_text("Passed")
    expect(states.nth(1)).to_have_text("At work")
    expect(states.nth(2)).to_have_text("Waiting")
    expect(page.get_by_role("button", name="Check now")).to_be_disabled()
    running.advance(3)
    expect(states.nth(2)).to_have_text("Passed")
    expect(page.get_by_text(f"{running.names[2]} is fine.")).to_be_visible()
    expect(page.get_by_role("progressbar")).to_have_js_property("value", 3)
    page.context.set_offline(True)
    running.advance(4)
    page.wait_for_timeout(1200)
    page.context.set_offline(False)
    expect(states.nth(3)).to_have_text("Passed", timeout=20_000)
    running.advance(len(running.names), finished=True)
    expect(page.get_by_role("status").filter(has_text="passed")).to_have_text(
        f"{len(running.names)} passed.", timeout=20_000
    )
    expect(page.get_by_role("progressbar")).to_have_count(0)
    expect(page.get_by_role("button", name="Check now")).to_be_enabled()


def test_without_scripts_the_page_comes_again_by_itself(plain_chromium: Browser, running: Running) -> None:
    plain = plain_chromium.new_context(java_script_enabled=False)
    plain.add_cookies([{"name": "addin-admin", "value": running.cookie, "domain": "127.0.0.1", "path": "/"}])
    still = plain.new_page()
    still.goto(running.address)
    assert "Reload" in still.content()
    running.advance(len(running.names), finished=True)
    still.wait_for_event("load", timeout=10_000)
    assert f"{len(running.names)} passed." in still.content()
    plain.close()
