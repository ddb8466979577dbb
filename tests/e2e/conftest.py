"""What the end-to-end tests share: started once per run, ended with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright

from . import browser, certificate, edge, programs, providers
from .admin_demo import Demo, running_demo
from .application import Application
from .exchange_metadata import Exchange
from .outlook_host import OutlookHost
from .processes import Server, free_port
from .providers import Providers
from .records import Records

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder carries the mark `e2e`."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@dataclass(frozen=True, slots=True)
class World:
    """The addresses of everything that is played: one HTTPS port, several hosts."""

    folder: Path
    certificate: certificate.Certificate
    port: int
    providers: Providers
    application: Application
    exchange: Exchange
    web: list[Server]  # the process that serves now

    def origin(self, name: str) -> str:
        """Return the origin of one of the played hosts."""
        return f"https://{name}:{self.port}"

    @property
    def sample(self) -> str:
        """The add-in that proves the harness."""
        return f"{self.origin(edge.SAMPLE)}/sample-addin.html"

    def pane(self, integration: int) -> str:
        """The pane of one of the product's integrations."""
        return f"{self.origin(edge.ADDIN)}/api/client/v2/msexchange_schedulers/{integration}/pane"

    @contextmanager
    def down(self) -> Iterator[None]:
        """The product's process is gone while the block lasts; nginx stands in front and says so."""
        self.web.pop().stop()
        try:
            yield
        finally:
            self.web.append(self.application.serve())

    def commands(self, integration: int) -> str:
        """The page that runs the ribbon's commands."""
        return self.pane(integration).removesuffix("pane") + "commands"


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> certificate.Certificate:
    return certificate.issue(tmp_path_factory.mktemp("tls"), edge.NAMES)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory, certificates: certificate.Certificate) -> Iterator[World]:
    programs.node_packages()
    programs.vendored()
    folder = tmp_path_factory.mktemp("world")
    port, login_port = free_port(), free_port()
    server, played = providers.start(folder, https_port=port, port=login_port)
    organization = Exchange(certificates)
    application = Application(folder, port, certificates.authority.read_text(), organization.metadata_url)
    application.install()
    plan = edge.Plan(
        folder=folder,
        certificate=certificates,
        port=port,
        http_port=free_port(),
        upstream=f"unix:{application.socket}",
        login_port=login_port,
    )
    with server, organization, edge.start(plan):
        running = World(folder, certificates, port, played, application, organization, [application.serve()])
        yield running
        running.web.pop().stop()


@pytest.fixture(scope="session")
def chromium(world: World, playwright: Playwright) -> Iterator[Browser]:
    started = browser.launch(playwright, world.port, world.certificate.pin)
    yield started
    started.close()


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The demo, with an administrator."""
    with running_demo(tmp_path_factory.mktemp("demo")) as running:
        yield running


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """A browser profile of its own, with no cookies."""
    fresh = chromium.new_context(viewport={"width": 1100, "height": 800})
    fresh.set_default_timeout(10_000)
    yield fresh
    fresh.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def host(page: Page, world: World) -> OutlookHost:
    """Outlook on the web, before an appointment is opened."""
    return OutlookHost(page, world.origin(edge.OUTLOOK))


@pytest.fixture
def idp(world: World) -> Providers:
    """The sign-in providers, behaving well and with empty logs."""
    world.providers.reset()
    return world.providers


@pytest.fixture
def exchange(world: World) -> Exchange:
    """The played Exchange, behaving well."""
    world.exchange.reset()
    return world.exchange


@pytest.fixture(scope="session")
def records(world: World) -> Iterator[Records]:
    """What the product's database knows of single-use VMRs."""
    found = Records(world.application)
    yield found
    found.close()
