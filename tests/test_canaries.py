"""Two hundred secrets go in by every door; none is found where it must not be (design/security.md K1, K4, B2, 15.9)."""

from __future__ import annotations

import io
import json
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select, text

from addin_host.app import Composition, create_app
from addin_host.flows import audit_chain, backup
from addin_host.gateways.outside import no_outside
from addin_host.logs import JsonLines
from addin_host.settings import Settings
from addin_host.store import migrate, vault
from addin_host.store.db import Database
from addin_host.store.models import AuditRow, IntegrationRow, Model
from addin_host.store.sealed import sealed_columns
from addin_host.web.admission import Auth
from tests.canaries import Canaries, let_loose
from tests.conftest import Clock
from tests.web.admin_browser import ADMIN, Admin
from tests.web.conftest import Provider, World, save
from tests.web.walks import routes

KEY = Fernet.generate_key()


@dataclass
class Loaded:
    """A world full of canaries. `log` holds every line that was logged since its start, as it is written."""

    world: World
    canaries: Canaries
    browser: Admin
    operator: str
    folder: Path
    log: io.StringIO
    token: str


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    folder = tmp_path_factory.mktemp("canaries")
    on_postgres = request.param == "postgresql"
    url = request.getfixturevalue("cluster").create("canaries") if on_postgres else f"sqlite:///{folder / 'web.db'}"
    database = Database(url)
    migrate.upgrade(database)
    root, before = logging.getLogger(), logging.getLogger().handlers[:]
    settings = Settings(database_url=url, key_file=folder / "key", log_level="DEBUG")
    clock, provider = Clock(), Provider()
    app = create_app(settings, Composition(identity=provider, outside=no_outside(), now=clock))
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    handler.setFormatter(JsonLines())
    root.handlers[:] = [handler]
    world = World(app, provider, clock, database)
    save(world)
    canaries, browser, operator = let_loose(world, folder)
    number = len(set(canaries.known))
    assert number >= 200
    yield Loaded(world, canaries, browser, operator, folder, log, browser.token())
    root.handlers[:] = before
    root.setLevel(logging.WARNING)
    database.close()
    world.services.database.close()


def everything(loaded: Loaded) -> Iterator[str]:
    """All rows of all tables, as text, those that a backup leaves out among them."""
    with loaded.world.database.snapshot() as session:
        for table in Model.metadata.sorted_tables:
            yield from (
                json.dumps(list(row), default=str, ensure_ascii=False) for row in session.execute(select(table))
            )


def test_none_stands_in_the_database(loaded: Loaded) -> None:
    rows = list(everything(loaded))
    assert len(rows) > 150
    assert loaded.canaries.in_("\n".join(rows)) == []
    files = [file for file in loaded.folder.iterdir() if file.name.startswith("web.db")]
    if loaded.world.database.is_sqlite:
        assert {file.name for file in files} >= {"web.db", "web.db-wal"}
    for file in files:
        assert loaded.canaries.in_(file.read_bytes()) == [], file.name


def test_every_sealed_value_stands_where_a_rotation_finds_it(loaded: Loaded) -> None:
    known = {column.place for column in sealed_columns()}
    found = set()
    with loaded.world.database.read() as session:
        for table in Model.metadata.sorted_tables:
            for row in session.execute(select(table)).mappings():
                found |= {f"{table.name}.{name}" for name, value in row.items() if str(value).startswith("gAAAA")}
    assert found <= known
    assert found >= {"integration_secret.sealed", "conference.sealed_pin", "platform_setting.value"}


def test_none_stands_in_a_backup_nor_in_what_it_decrypts_to(loaded: Loaded) -> None:
    file = io.BytesIO()
    with loaded.world.database.snapshot() as session:
        vault.write_lines(file, KEY, backup.lines(session, now=loaded.world.clock()))
    assert loaded.canaries.in_(file.getvalue()) == []
    lines = list(vault.read_lines(io.BytesIO(file.getvalue()), KEY))
    assert len(lines) > 150
    assert loaded.canaries.in_("\n".join(lines)) == []


def numbers(loaded: Loaded) -> list[int]:
    with loaded.world.database.read() as session:
        ids = session.scalars(select(IntegrationRow.id).order_by(IntegrationRow.id)).all()
    return [ids[0], ids[1], ids[-1]]


def test_none_stands_on_any_page(loaded: Loaded) -> None:
    seen = 0
    for reference in numbers(loaded):
        for route in routes(loaded.world.app, reference=reference):
            if route.method != "GET" or route.admission.auth is Auth.API:
                continue
            answer = loaded.browser.client.get(route.address)
            assert answer.status_code != 500, (str(route), answer.text)
            assert loaded.canaries.in_(answer.data) == [], str(route)
            assert loaded.canaries.in_(str(answer.headers)) == [], str(route)
            seen += answer.status_code == 200
    assert seen > 50


def test_none_stands_in_what_a_program_without_the_right_to_pins_reads(loaded: Loaded) -> None:
    headers = {"Authorization": f"Bearer {loaded.operator}"}
    seen = 0
    for reference in numbers(loaded):
        for route in routes(loaded.world.app, Auth.API, reference=reference):
            if route.method != "GET":
                continue
            answer = loaded.world.app.test_client().get(f"{route.address}?limit=1000", headers=headers)
            assert answer.status_code < 500, str(route)
            assert loaded.canaries.in_(answer.data) == [], str(route)
            seen += answer.status_code == 200
    assert seen > 5


def test_none_stands_in_the_exports_and_the_figures(loaded: Loaded) -> None:
    paths = ["/admin/audit/export?format=csv", "/admin/audit/export?format=jsonl", "/metrics"]
    paths += [f"/admin/integrations/{number}/export.json" for number in numbers(loaded)]
    for path in paths:
        answer = loaded.browser.get(path)
        assert answer.status_code == 200, path
        assert loaded.canaries.in_(answer.data) == [], path
    assert loaded.canaries.in_((loaded.folder / "exported.csv").read_bytes()) == []


def test_none_stands_in_the_audit_log_which_still_holds(loaded: Loaded) -> None:
    with loaded.world.database.snapshot() as session:
        assert audit_chain.verify(session).holds
        entries = session.scalars(select(AuditRow)).all()
    assert len(entries) > 60
    assert loaded.canaries.in_(json.dumps([[one.before, one.after, one.object_name] for one in entries])) == []


@contextmanager
def broken(database: Database) -> Iterator[None]:
    """Take the tables away that nearly everything needs: every route fails inside the database."""
    names = ("conference", "account", "api_user", "alarm")
    for name in names:
        with database.write() as session:
            session.execute(text(f"ALTER TABLE {name} RENAME TO {name}_away"))
    yield
    for name in names:
        with database.write() as session:
            session.execute(text(f"ALTER TABLE {name}_away RENAME TO {name}"))


def knock(loaded: Loaded, secret: str, pin: str) -> Iterator[int]:
    """Ask every route in many wrong ways, with secrets in all places that a request has; give the statuses."""
    fields = ("password", "token", "code", "state", "verifier", "smtp_password", "private_key")
    form = dict.fromkeys(fields, secret) | {"csrf_token": loaded.token, "pin": pin, "name": "x"}
    site = {"Sec-Fetch-Site": "same-origin", "Origin": f"https://{ADMIN}"}
    callers = (
        (loaded.browser.client, {}),
        (loaded.world.client(), {"Authorization": f"Bearer {loaded.operator}"}),
        (loaded.world.client(), {"Authorization": f"Basic {secret}", "Cookie": f"__Host-addin-admin={secret}"}),
    )
    bodies: tuple[dict[str, Any], ...] = (
        {"data": form},
        {"json": form},
        {"data": f'{{"pin": "{pin}"', "content_type": "application/json"},
    )
    for route in list(routes(loaded.world.app)):
        if route.address.endswith("/signout"):
            continue
        for client, credentials in callers:
            for body in bodies[: 3 if route.is_unsafe else 1]:
                answer = client.open(
                    route.address,
                    method=route.method,
                    query_string={"code": secret, "state": secret, "token": secret},
                    headers={**site, **credentials},
                    **body,
                )
                yield answer.status_code


def test_none_reaches_the_log_whatever_goes_wrong(loaded: Loaded) -> None:
    secret, pin = loaded.canaries.secret(), loaded.canaries.pin()
    statuses = Counter(knock(loaded, secret, pin))
    with broken(loaded.world.database):
        statuses.update(knock(loaded, secret, pin))
    assert {200, 400, 401, 403, 404} <= set(statuses)
    assert statuses[500] + statuses[503] > 50
    lines = loaded.log.getvalue()
    assert len(lines.splitlines()) > 500
    assert loaded.canaries.in_(lines) == []
