"""Every migration up, down and up again, on both databases, ending at what the models say."""

import json
import os
import subprocess
import sys
import warnings
from datetime import UTC, datetime

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, select, text

from addin_host.domain.errors import Misconfigured
from addin_host.store import migrate, revision
from addin_host.store.db import Database
from addin_host.store.directory_index import FTS
from addin_host.store.models import ConferenceRow, ExchangeDomainRow, Model
from tests.scheduled_rooms import book


def _revisions() -> list[str]:
    script = ScriptDirectory(str(migrate._FOLDER))
    return [step.revision for step in reversed(list(script.walk_revisions()))]


_TRIGRAMS = {f"ix_{table}_search" for table in FTS}


def _is_no_index(name, kind, _parents):
    """The search index is what models cannot declare: on SQLite a table with tables of its own beside it."""
    shadows = {f"{index}{part}" for index in FTS.values() for part in ("", "_config", "_data", "_idx")} | {"search_new"}
    return not (kind == "table" and name in shadows) and not (kind == "index" and name in _TRIGRAMS)


def _fresh(kind: str, tmp_path, request) -> Database:
    if kind == "sqlite":
        return Database(f"sqlite:///{tmp_path / 'fresh.db'}")
    return Database(request.getfixturevalue("cluster").create(f"m{tmp_path.name.replace('-', '')[-20:].lower()}"))


def pytest_generate_tests(metafunc):
    if "kind" in metafunc.fixturenames:
        metafunc.parametrize("kind", ["sqlite", "postgresql"])


def test_the_program_asks_for_the_newest_revision():
    assert _revisions()[-1] == revision.NEEDED


def test_each_step_up_and_down(kind, tmp_path, request):
    database = _fresh(kind, tmp_path, request)
    for step in _revisions():
        migrate.upgrade(database, step)
        assert revision.current(database) == step
        migrate.downgrade(database, "-1")
        migrate.upgrade(database, step)
    assert revision.current(database) == revision.NEEDED
    migrate.downgrade(database, "base")
    assert revision.current(database) is None
    assert set(inspect(database.engine).get_table_names()) <= {"alembic_version", "sqlite_sequence"}
    migrate.upgrade(database)
    revision.require_current(database)
    database.close()


def test_the_way_back_leaves_no_room_open_to_all(kind, tmp_path, request):
    """What is a VMR like any other stays; the rooms of meetings go with their meetings."""
    database, now = _fresh(kind, tmp_path, request), datetime(2026, 11, 23, 12, tzinfo=UTC)
    migrate.upgrade(database)
    with database.write() as session:
        book(session, "100200", [now], now=now)
        session.add(ConferenceRow(uuid="1", name="Zoe", service_type="conference", created_at=now))
    migrate.downgrade(database, "0004")
    with database.read() as session:
        assert session.execute(text("SELECT name FROM conference")).all() == [("Zoe",)]
        assert session.execute(text("SELECT alias FROM conference_alias")).all() == []
        assert session.execute(text("SELECT count(*) FROM scheduled_alias")).all() == [(1,)]
    migrate.upgrade(database)
    with database.read() as session:
        assert [row.is_scheduled for row in session.scalars(select(ConferenceRow))] == [False]
    database.close()


def test_the_result_is_what_the_models_say(kind, tmp_path, request):
    database = _fresh(kind, tmp_path, request)
    migrate.upgrade(database)
    with database.engine.connect() as connection, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SQLite cannot reflect indexes over expressions; the next lines look at those
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_name": _is_no_index})
        found = [change for change in compare_metadata(context, Model.metadata) if "lower(" not in str(change)]
        assert found == []
        catalogue = "sqlite_master" if kind == "sqlite" else "pg_indexes"
        column = "name" if kind == "sqlite" else "indexname"
        names = set(connection.scalars(text(f"SELECT {column} FROM {catalogue}")))
    assert names >= {"uq_end_user_address", "ix_conference_owner", "uq_conference_alias_alias", "ix_conference_name"}
    if kind == "sqlite":
        triggers = {f"{index}_{action}" for index in FTS.values() for action in ("insert", "later", "delete", "update")}
        assert names >= triggers | set(FTS.values())
    else:
        assert names >= _TRIGRAMS
    database.close()


def test_metadata_sources_of_the_first_release_get_rows(kind, tmp_path, request):
    database = _fresh(kind, tmp_path, request)
    migrate.upgrade(database, "0001")
    record = {"domains": ["mail.example.com", "https://mail.example.com/autodiscover/metadata/json/1"]}
    with database.write() as session:
        session.execute(
            text(
                "INSERT INTO integration (uuid, name, fqdn, version, record, icon_hash, created_at, updated_at) "
                "VALUES ('u', 'Sales', 'vmr.example.com', 1, :record, '', '2026-11-01 09:00:00', '2026-11-01 09:00:00')"
            ),
            {"record": json.dumps(record)},
        )
    migrate.upgrade(database)
    with database.read() as session:
        rows = session.scalars(select(ExchangeDomainRow).order_by(ExchangeDomainRow.id)).all()
        assert [(row.integration_id, row.domain) for row in rows] == [(1, domain) for domain in record["domains"]]
        assert rows[0].created_at.year == 2026
    database.close()


def test_a_database_without_schema_is_refused_with_the_command_to_run(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'empty.db'}")
    try:
        revision.require_current(database)
    except Misconfigured as problem:
        assert "addin-host db upgrade" in problem.message
    else:
        raise AssertionError("an empty database was accepted")
    database.close()


def test_two_nodes_may_migrate_at_once(kind, tmp_path, request):
    database = _fresh(kind, tmp_path, request)
    command = [sys.executable, "-m", "addin_host.app", "db", "upgrade"]
    environment = os.environ | {"DATABASE_URL": database.url.render_as_string(hide_password=False)}
    nodes = [subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) for _ in range(3)]
    assert [(node.wait(60), node.stderr.read()) for node in nodes] == [(0, b"")] * 3
    assert revision.current(database) == revision.NEEDED
    database.close()
