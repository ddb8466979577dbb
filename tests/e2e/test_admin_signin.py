"""Administrators sign in with OpenID Connect at a real provider, in Chromium; and the very first one by a link."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from addin_host.app import Composition, create_app
from addin_host.domain.addresses import AddressPolicy, Peer
from addin_host.domain.deployment import Deployment
from addin_host.flows import accounts
from addin_host.gateways.http import Outbound
from addin_host.gateways.identity import AuthlibAdminIdentity
from addin_host.settings import Settings
from addin_host.store import keys, migrate
from addin_host.store.db import Database
from addin_host.store.models import AdminSessionRow, PlatformSettingRow

from . import edge
from .admin_demo import serving
from .conftest import World
from .processes import free_port
from .providers import ADMIN_CLIENT, ADMIN_SECRET, Providers

ROLES = "admins = platform-admin\nwatchers = viewer"


@dataclass
class Administration:
    """An installation whose administrators come from the played provider."""

    origin: str
    database: Database
    shift: timedelta = timedelta()

    def account(self, name: str) -> Any:
        with self.database.read() as db:
            return accounts.find(db, name)

    def age_sessions(self) -> None:
        """Let every session's last proof be an hour old."""
        with self.database.write() as db:
            for row in db.query(AdminSessionRow):
                row.confirmed_at -= timedelta(hours=1)


def _resolve(host: str, *more: Any) -> Any:
    return socket.getaddrinfo("127.0.0.1" if host == edge.LOGIN else host, *more)


def _settings(world: World, origin: str, database: Database, settings: Settings) -> None:
    box = keys.secret_box(settings.key_file, database)
    values = {
        "admin_address": origin,
        "oidc_enabled": "true",
        "oidc_issuer": f"{world.providers.entra}/v2.0",
        "oidc_client_id": ADMIN_CLIENT,
        "oidc_client_secret": box.seal("platform:oidc_client_secret", ADMIN_SECRET),
        "oidc_roles": ROLES,
        "oidc_ca_bundle": world.certificate.authority.read_text(),
    }
    with database.write() as db:
        db.add_all(PlatformSettingRow(name=name, value=value) for name, value in values.items())


@pytest.fixture
def administration(world: World, tmp_path: Path) -> Iterator[Administration]:
    world.providers.reset()
    port, settings = world.providers.admin_port, Settings(f"sqlite:///{tmp_path / 'a.db'}", tmp_path / "key")
    origin, database = f"http://127.0.0.1:{port}", Database(settings.database_url)
    migrate.upgrade(database)
    _settings(world, origin, database, settings)
    policy = AddressPolicy(exceptions=frozenset({Peer("https", edge.LOGIN, world.port)}))
    now = Composition().now
    identity = AuthlibAdminIdentity(Outbound(_resolve), policy=policy, now=now)
    app = create_app(settings, Composition(Deployment(origin=origin), admin_identity=identity))
    with serving(app, port):
        yield Administration(origin, database)
    database.close()


def at_provider(page: Page, login: str, act: str = "Sign in") -> None:
    page.get_by_label("User name").fill(login)
    page.get_by_label("Password").fill("secret")
    page.get_by_role("button", name=act).click()


def leave(page: Page, administration: Administration, path: str = "/admin/profile/") -> None:
    page.goto(administration.origin + path)
    page.get_by_role("link", name="Sign in with your organization").click()


def roles(idp: Providers, *values: str, **claims: Any) -> None:
    idp.behave("entra", idToken={"claims": {"roles": list(values), **claims}})


def test_signing_in_at_the_organization(page: Page, administration: Administration, idp: Providers) -> None:
    roles(idp, "others", "watchers")
    leave(page, administration)
    at_provider(page, "alice")
    page.wait_for_url(f"{administration.origin}/admin/profile/")
    assert "alice@example.test, Viewer" in page.inner_text("main")
    account = administration.account("alice@example.test")
    assert (account.role, account.display_name, account.password_hash) == ("viewer", "Alice Example", None)


def test_the_role_is_what_the_provider_says_today(page: Page, administration: Administration, idp: Providers) -> None:
    for role, label in (("watchers", "Viewer"), ("admins", "Platform administrator")):
        roles(idp, role)
        leave(page, administration)
        if page.get_by_label("User name").count():
            at_provider(page, "alice")
        page.wait_for_url(f"{administration.origin}/admin/profile/")
        assert label in page.inner_text("main")
        page.locator("summary", has_text="alice").click()
        page.get_by_role("button", name="Sign out").click()
    roles(idp, "nobody")
    leave(page, administration)
    page.get_by_text("none of your roles lets you in").wait_for()


def test_what_matters_is_confirmed_at_the_provider(page: Page, administration: Administration, idp: Providers) -> None:
    roles(idp, "admins")
    leave(page, administration, "/admin/accounts/new")
    at_provider(page, "alice")
    page.get_by_role("heading", name="New account").wait_for()
    administration.age_sessions()
    page.goto(f"{administration.origin}/admin/accounts/new")
    page.get_by_role("link", name="again").click()
    at_provider(page, "alice")  # the provider's own session is not enough
    page.get_by_role("heading", name="New account").wait_for()


def test_somebody_else_cannot_confirm(page: Page, administration: Administration, idp: Providers) -> None:
    roles(idp, "admins")
    leave(page, administration)
    at_provider(page, "alice")
    page.wait_for_url(f"{administration.origin}/admin/profile/")
    administration.age_sessions()
    page.goto(f"{administration.origin}/admin/accounts/new")
    page.get_by_role("link", name="again").click()
    at_provider(page, "bob")
    page.get_by_text("somebody else's account").wait_for()
    assert page.goto(f"{administration.origin}/admin/accounts/new").url.startswith(
        f"{administration.origin}/admin/confirm"
    )


def test_denied_at_the_provider(page: Page, administration: Administration, idp: Providers) -> None:
    leave(page, administration)
    at_provider(page, "alice", "Deny")
    page.get_by_text("was not completed").wait_for()


@pytest.mark.parametrize("how", [{"key": "foreign"}, {"key": "none"}, {"shift": -90000}, {"absent": True}])
def test_tokens_that_do_not_hold(page: Page, administration: Administration, idp: Providers, how: Any) -> None:
    idp.behave("entra", idToken={"claims": {"roles": ["admins"]}, **how})
    leave(page, administration)
    at_provider(page, "alice")
    page.get_by_text("could not be verified").wait_for()
    assert administration.account("alice@example.test") is None


def test_a_provider_that_is_away_is_told_in_words(page: Page, administration: Administration, idp: Providers) -> None:
    idp.behave("entra", down={"token": 503})
    leave(page, administration)
    at_provider(page, "alice")
    page.get_by_text("cannot answer at the moment").wait_for()


def test_the_first_administrator_from_the_printed_link(page: Page, tmp_path: Path) -> None:
    """Production's Secure cookies, over plain http on this machine: browsers accept them there."""
    import subprocess
    import sys

    port = free_port()
    environ = {
        "PATH": "/usr/bin:/bin",
        "ADDIN_HOST_DATA": str(tmp_path),
        "ADDIN_HOST_BIND": f"127.0.0.1:{port}",
        "ADDIN_HOST_WORKERS": "1",
    }
    command = [sys.executable, "-m", "addin_host.app"]
    subprocess.run([*command, "db", "upgrade"], env=environ, check=True, capture_output=True, timeout=60)
    served = subprocess.Popen([*command, "serve"], env=environ, stderr=subprocess.PIPE, text=True)
    try:
        assert served.stderr is not None
        link = next(line.strip() for line in served.stderr if "/admin/setup?token=" in line)
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            page.wait_for_timeout(100)
        page.goto(link.replace("localhost", "127.0.0.1"))  # the browser of these tests knows no other name
        page.get_by_label(re.compile("^Name")).fill("kim")
        page.get_by_label("New password", exact=False).first.fill("a lamp for tuesday")
        page.get_by_label("New password again").fill("a lamp for tuesday")
        page.get_by_role("button", name="Save and sign in").click()
        page.wait_for_url(f"http://127.0.0.1:{port}/admin/")
        page.goto(f"http://127.0.0.1:{port}/admin/profile/")
        assert "kim, Platform administrator" in page.inner_text("main")
        cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}
        session = cookies["__Host-addin-admin"]
        assert (session["secure"], session["httpOnly"], session["sameSite"]) == (True, True, "Lax")
    finally:
        served.terminate()
        served.communicate(timeout=30)
