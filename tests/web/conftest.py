"""An application over a real database, with the demo's people as identity provider, asked through Flask's client."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from addin_host.app import Composition, create_app
from addin_host.domain.access import BY_ITSELF
from addin_host.domain.demo import VMRS
from addin_host.domain.errors import HostError, Reason, Refused
from addin_host.domain.integration import Integration
from addin_host.domain.ports import PendingSignIn, Person
from addin_host.flows import demo, integrations
from addin_host.flows.pkce import challenge, new_secret
from addin_host.gateways.outside import no_outside
from addin_host.settings import Settings
from addin_host.store import migrate
from addin_host.store.db import Database
from addin_host.web.services import KEY, Services
from tests.conftest import Clock, a_record
from tests.web.admin_browser import admin
from tests.web.pane.fixtures import modules, stage

__all__ = ["admin", "modules", "stage"]

HOST = "vmr.example.com"
ALICE = Person("AZURE", "https://login.example.com/t/v2.0", "t.alice", "alice@example.com", "Alice Example")
BOB = Person("AZURE", "https://login.example.com/t/v2.0", "t.bob", "bob@example.com", "Bob Example")


class Provider:
    """Says what the test tells it to, and counts how often it is asked."""

    def __init__(self) -> None:
        self.answer: Person | HostError = ALICE
        self.redeemed: list[PendingSignIn] = []
        self.tokens: dict[str, Person | HostError] = {}
        self.shown: list[tuple[int, str]] = []

    def authorization_url(self, integration: Integration, pending: PendingSignIn) -> str:
        return f"https://login.example.com/authorize?state={pending.state}"

    def redeem(self, integration: Integration, pending: PendingSignIn, **_options: Any) -> Person:
        self.redeemed.append(pending)
        if isinstance(self.answer, HostError):
            raise self.answer
        return self.answer

    def person_of(self, integration: Integration, token: str) -> Person:
        self.shown.append((integration.id, token))
        found = self.tokens.get(token) or Refused(Reason.UNAUTHENTICATED, "No.")
        if isinstance(found, HostError):
            raise found
        return found


@dataclass
class World:
    """The application, and ways to use it as a pane and a dialog do."""

    app: Flask
    provider: Provider
    clock: Clock
    database: Database

    def client(self) -> FlaskClient:
        client = self.app.test_client()
        client.environ_base["HTTP_HOST"] = HOST
        return client

    @property
    def services(self) -> Services:
        return self.app.extensions[KEY]

    def url(self, path: str, integration: int = 1) -> str:
        return f"https://{HOST}/api/client/v2/msexchange_schedulers/{integration}/{path}"

    def dialog(self, client: FlaskClient, verifier: str, integration: int = 1) -> Any:
        """Open the dialog and come back from the provider; returns the last page."""
        asked = {"hash": challenge(verifier), "nonce": "n" * 22}
        left = client.get(self.url("signin", integration), query_string=asked)
        if left.status_code != 302:
            return left
        state = parse_qs(urlsplit(left.location).query)["state"][0]
        return client.get(self.url("signin/callback", integration), query_string={"code": "c", "state": state})

    def bearer(self, person: Person | None = None, integration: int = 1) -> str:
        """Sign in by polling, as a pane whose opener was lost."""
        self.provider.answer = person or self.provider.answer
        verifier, client = new_secret(), self.client()
        self.dialog(client, verifier, integration)
        answer = client.post(self.url("session", integration), json={"verifier": verifier})
        assert answer.status_code == 200, answer.text
        return answer.json["bearer"]

    def vmrs(self, bearer: str, integration: int = 1) -> Any:
        return self.client().get(self.url("personal_vmrs", integration), headers={"Authorization": f"Bearer {bearer}"})


def save(world: World, **changes: Any) -> int:
    """Create or change an integration; returns its id."""
    record = a_record(**changes)
    with world.database.read() as session:
        before = integrations.existing(session, record)
    draft = integrations.prepare(record, before=before, trial=lambda candidates: [None] * len(candidates))
    with world.database.write() as session:
        row = integrations.save(
            session, draft, expected_version=None, caller=BY_ITSELF, box=world.services.box, now=world.clock()
        )
        return row.id


@contextmanager
def a_world(folder: Path) -> Iterator[World]:
    """Integrations 1 (Azure) and 2 (AD FS, own FQDN); the demo's VMRs."""
    shutil.copytree(_as_it_begins(), folder, dirs_exist_ok=True)
    made = _open(folder)
    yield made
    _close(made)


@cache
def _as_it_begins() -> Path:
    """Return a folder with the database and the key of a world in which nothing has happened; made once per run."""
    folder = Path(tempfile.mkdtemp(prefix="world"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    database = Database(_url(folder))
    migrate.upgrade(database)
    database.close()
    made = _open(folder)
    with made.database.write() as session:
        session.add_all(demo._row(vmr, made.services.box, made.clock()) for vmr in VMRS)
    assert save(made) == 1
    assert save(made, name="Development", addin_server_domain="dev.example.com") == 2
    _close(made)
    return folder


def _url(folder: Path) -> str:
    return f"sqlite:///{folder / 'web.db'}"


def _open(folder: Path) -> World:
    settings = Settings(database_url=_url(folder), key_file=folder / "key")
    clock, provider, database = Clock(), Provider(), Database(_url(folder))
    app = create_app(settings, Composition(identity=provider, outside=no_outside(), now=clock))
    return World(app, provider, clock, database)


def _close(made: World) -> None:
    made.database.close()
    made.services.database.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A world for one test."""
    with a_world(tmp_path) as made:
        yield made
