"""What all tests share: both databases, a clock, and an application over them."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from playwright.sync_api import Browser, Playwright, expect, sync_playwright

from addin_host.store import migrate
from addin_host.store.db import Database
from addin_host.store.models import Model
from addin_host.store.secrets import SecretBox
from tests import quick_apps
from tests.e2e.programs import chromium

quick_apps.install()


def pytest_collection_finish() -> None:
    """What is there before the first test stays: going through all of it again and again costs much time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def _postgres_programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or [Path(shutil.which("initdb") or "/missing")]
    if not found[-1].exists():
        pytest.fail("PostgreSQL is not installed. Run: apt-get install postgresql")
    return found[-1].parent


class Cluster:
    """A throwaway PostgreSQL on a socket of its own. As root it runs as the user `postgres`, who refuses root."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._programs = _postgres_programs()
        self._as = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
        if os.getuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        self._run("initdb", "-D", str(folder / "data"), "-U", "addin", "-A", "trust", "-E", "UTF8", "--no-sync")
        self._options = f"-k {folder} -c listen_addresses= -c fsync=off -c full_page_writes=off -c max_connections=300"
        self._start()

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as, str(self._programs / program), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.folder, timeout=120)
        assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}"

    def url(self, name: str) -> str:
        return f"postgresql://addin@/{name}?host={self.folder}"

    def create(self, name: str) -> str:
        self._run("createdb", "-h", str(self.folder), "-U", "addin", name)
        return self.url(name)

    def _start(self) -> None:
        data, log = str(self.folder / "data"), str(self.folder / "log")
        self._run("pg_ctl", "-D", data, "-w", "-o", self._options, "-l", log, "start")

    def restart(self) -> None:
        self.stop("fast")
        self._start()

    def stop(self, mode: str = "immediate") -> None:
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-m", mode, "stop")


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    import tempfile

    # A short path: a socket's name may have 107 characters at most.
    with tempfile.TemporaryDirectory(prefix="pg", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        running = Cluster(Path(folder))
        yield running
        running.stop()


@pytest.fixture(scope="session")
def _databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Database]]:
    opened: dict[str, Database] = {}
    yield opened
    for database in opened.values():
        database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(
    request: pytest.FixtureRequest, _databases: dict[str, Database], tmp_path_factory: pytest.TempPathFactory
) -> Database:
    """A migrated, empty database of each kind."""
    kind = request.param
    if kind not in _databases:
        if kind == "sqlite":
            url = f"sqlite:///{tmp_path_factory.mktemp('db') / 'test.db'}"
        else:
            url = request.getfixturevalue("cluster").create("test")
        _databases[kind] = Database(url)
        migrate.upgrade(_databases[kind])
    empty(_databases[kind])
    return _databases[kind]


def empty(database: Database) -> None:
    with database.write() as session:
        for table in reversed(Model.metadata.sorted_tables):
            session.execute(table.delete())


@pytest.fixture(scope="session")
def box() -> SecretBox:
    return SecretBox([Fernet.generate_key()])


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """The one driver of Chromium; a process can have only one."""
    expect.set_options(timeout=15_000)  # a machine with much to do is not a fault of a page
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def plain_chromium(playwright: Playwright) -> Iterator[Browser]:
    """One Chromium for all tests that need no played hosts; each opens a profile of its own in it."""
    started = playwright.chromium.launch(
        executable_path=chromium(),
        args=["--disable-quic", "--disable-background-networking", "--disable-dev-shm-usage"],
    )
    yield started
    started.close()


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def forward(self, **amount: float) -> None:
        self.time += timedelta(**amount)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def a_record(**changes: object) -> dict[str, object]:
    """A valid integration with personal VMRs alone, as somebody would write it."""
    return {
        "name": "Sales",
        "enable_dynamic_vmrs": False,
        "enable_personal_vmrs": True,
        "addin_server_domain": "vmr.example.com",
        "auth_provider": "AZURE",
        "personal_vmr_oauth_auth_endpoint": "https://login.microsoftonline.com/7c1c8f3e-1111-4222-8333-123456789abc/oauth2/v2.0/authorize",
        "personal_vmr_oauth_token_endpoint": "https://login.microsoftonline.com/7c1c8f3e-1111-4222-8333-123456789abc/oauth2/v2.0/token",
        "personal_vmr_oauth_client_secret": "canary-client-secret",
    } | changes
