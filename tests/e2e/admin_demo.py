"""The administrators' pages for browsers: the demo as anybody starts it, or an application in this process."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any

from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page
from werkzeug.serving import make_server

from addin_host import app as composition
from addin_host import settings
from addin_host.domain.access import Role
from addin_host.flows import admin_sessions
from addin_host.store.db import Database
from addin_host.store.models import AccountRow
from addin_host.web.admission import Auth
from tests.web.walks import routes

from .processes import Server, free_port

ROOT = Path(__file__).parents[2]
_PROGRAM = [sys.executable, "-c", "from addin_host.app import main; main()"]


@dataclass
class Demo:
    """A demo that runs. Its administrator signs in once, in the first browser; the others have the same cookie."""

    origin: str
    folder: Path
    printed: str
    _cookies: Any = field(default=None, repr=False)

    @property
    def password(self) -> str:
        found = re.search(r"name: admin, password: (.+)", self.printed)
        assert found, self.printed
        return found[1].strip()

    def pages(self) -> list[str]:
        """Every address that an administrator can open, from the URL map."""
        run = settings.load({"ADDIN_HOST_DATA": str(self.folder)})
        app = composition._demo(run, self.origin)
        found = [route for route in routes(app, Auth.SESSION) if route.method == "GET"]
        paths = [re.sub(r"^https?://[^/]+", "", route.address) for route in found if "<token>" not in route.rule.rule]
        return ["/admin/signin", *dict.fromkeys(paths)]

    @contextmanager
    def browser(
        self, chromium: Browser, *, width: int = 1280, theme: str = "light", before: str = ""
    ) -> Iterator[Page]:
        """A profile of its own in which the administrator is signed in; `before` runs before each page's scripts."""
        if self._cookies is None:
            self._cookies = self._sign_in(chromium)
        context = chromium.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if theme == "dark" else "light",
            storage_state=self._cookies,
        )
        context.set_default_timeout(15_000)
        if before:
            context.add_init_script(before)
        yield context.new_page()
        context.close()

    def _sign_in(self, chromium: Browser) -> Any:
        context: BrowserContext = chromium.new_context()
        page = context.new_page()
        page.goto(f"{self.origin}/admin/")
        self.fill_in(page)
        kept = context.storage_state()
        context.close()
        return kept

    def fill_in(self, page: Page) -> None:
        """Sign in where the page asks for it."""
        page.get_by_label("Name").fill("admin")
        page.get_by_label("Password").fill(self.password)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.wait_for_url("**/admin/")


def run_program(*arguments: str) -> list[str]:
    """Return the command line that runs a command of the product."""
    return [*_PROGRAM, *arguments]


@contextmanager
def running_demo(folder: Path) -> Iterator[Demo]:
    """Start the demo by its command, with all its data in a folder."""
    port, log = free_port(), folder / "demo.log"
    environ = {"ADDIN_HOST_DATA": str(folder), "DATABASE_URL": f"sqlite:///{folder}/addin-host.db"}
    command = run_program("demo", "--port", str(port))
    with Server(
        command, log=log, ready=lambda: "password:" in log.read_text(), cwd=ROOT, environ=environ, seconds=60
    ) as server:
        yield Demo(f"http://127.0.0.1:{port}", folder, server.text())


@contextmanager
def serving(app: Flask, port: int) -> Iterator[None]:
    """Serve an application of this process on a port of this machine."""
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield
    server.shutdown()
    thread.join()


def an_administrator(database: Database, role: Role = Role.PLATFORM_ADMIN) -> str:
    """Make an account and return the cookie of a session of it."""
    now = datetime.now(UTC)
    with database.write() as session:
        account = AccountRow(name="ada", role=role.value, integrations=[], created_at=now)
        session.add(account)
        session.flush()
        return admin_sessions.open_session(session, account, network="127.0.0.1", browser="test", now=now)
