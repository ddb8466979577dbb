"""Rotating the key: everything stays readable at any moment, and running processes follow."""

import os
import signal
import stat
import subprocess
import sys
import threading
import time

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Table, insert, select

from addin_host.domain.errors import Misconfigured
from addin_host.flows import platform, rotation
from addin_host.store import key_file, keys
from addin_host.store.models import IntegrationRow, IntegrationSecretRow, Model, PlatformSettingRow
from addin_host.store.sealed import sealed_columns
from addin_host.store.secrets import SecretBox, create_key_file, read_keys, sealed_with
from tests.rows import a_row

SECRETS: Table = Model.metadata.tables["integration_secret"]


@pytest.fixture
def path(tmp_path):
    create_key_file(tmp_path / "addin-host.key")
    return tmp_path / "addin-host.key"


def fill(database, box, clock, number):
    """Store this many secrets, a hundred per integration."""
    with database.write() as session:
        ids = []
        for n in range(number // 100):
            row = IntegrationRow(uuid=str(n), name=str(n), fqdn="", record={}, created_at=clock(), updated_at=clock())
            session.add(row)
            session.flush()
            ids.append(row.id)
        session.execute(
            insert(SECRETS),
            [
                {"integration_id": i, "field": f"f{n}", "sealed": box.seal(f"integration:{i}:f{n}", f"canary {i} {n}")}
                for i in ids
                for n in range(100)
            ],
        )


def readable(database, box):
    with database.read() as session:
        rows = session.execute(select(SECRETS.c.integration_id, SECRETS.c.field, SECRETS.c.sealed)).all()
    for i, field, sealed in rows:
        assert box.open(f"integration:{i}:{field}", sealed) == f"canary {i} {field[1:]}"
    return len(rows)


def test_ten_thousand_secrets_in_five_seconds(database, path, clock, capsys):
    fill(database, SecretBox.from_file(path), clock, 10_000)
    (old,) = read_keys(path)
    started = time.process_time()
    done = rotation.rotate(database, path)
    took = time.process_time() - started
    with capsys.disabled():
        print(f"\n10,000 secrets rotated in {took:.1f} s")  # noqa: T201
    assert took < 5
    assert done == rotation.Rotated(10_000, (), resumed=False, old_keys_dropped=True)
    (new,) = read_keys(path)
    assert new != old
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert readable(database, SecretBox([new])) == 10_000


ROTATE = """
import sys
from pathlib import Path
from addin_host.flows import rotation
from addin_host.store.db import Database
rotation._BATCH = 50
rotation.rotate(Database(sys.argv[1]), Path(sys.argv[2]))
"""


def killed_when(database, path, due):
    """Start a rotation in a process of its own, and kill it when the moment has come."""
    url = database.url.render_as_string(hide_password=False)
    process = subprocess.Popen([sys.executable, "-c", ROTATE, url, str(path)])
    while not due() and process.poll() is None:
        pass
    process.send_signal(signal.SIGKILL)
    process.wait(30)


@pytest.mark.parametrize("moment", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_killed_at_any_moment_everything_is_readable_and_the_next_run_finishes(database, path, clock, moment):
    fill(database, SecretBox.from_file(path), clock, 2_000)
    with database.read() as session:
        all_rows = session.execute(select(SECRETS).order_by(*SECRETS.primary_key)).all()
    watched = all_rows[min(int(moment * len(all_rows)), len(all_rows) - 1)]
    sql = "SELECT sealed FROM integration_secret WHERE integration_id = ? AND field = ?"

    def due():
        if moment == 0.0:
            return len(read_keys(path)) == 2
        return database.row(sql, watched.integration_id, watched.field)[0] != watched.sealed

    killed_when(database, path, due)
    assert readable(database, SecretBox.from_file(path)) == 2_000
    before = read_keys(path)
    done = rotation.rotate(database, path)
    assert done.resumed == (len(before) == 2)
    assert done.old_keys_dropped
    assert read_keys(path)[0] == before[0] or len(before) == 1
    assert readable(database, SecretBox(read_keys(path))) == 2_000


def test_every_sealed_column_is_rotated():
    found = {column.place for column in sealed_columns()}
    assert found >= {
        "integration_secret.sealed",
        "conference.sealed_pin",
        "conference.sealed_guest_pin",
        "account.sealed_totp",
        "pending_signin.sealed_verifier",
        "admin_signin.sealed_verifier",
        "import_job.sealed_content",
        "platform_setting.value",
    }


def test_a_value_in_each_column_is_sealed_anew(database, path, clock):
    box = SecretBox.from_file(path)
    by_table = {}
    for column in sealed_columns():
        values = by_table.setdefault(column.table.name, {})
        values[column.column.name] = box.seal(column.place, "canary")
        values |= {"name": column.names[0]} if column.names else {}
    with database.write() as session:
        for name, values in by_table.items():
            a_row(session, Model.metadata.tables[name], clock(), **values)
        session.add(PlatformSettingRow(name="web_proxy", value="http://proxy.example.com:3128"))
    assert rotation.rotate(database, path).sealed_anew == len(sealed_columns())
    (new,) = read_keys(path)
    with database.read() as session:
        for column in sealed_columns():
            ((_key, sealed),) = column.batch(session, None, 10)
            assert sealed_with(new, sealed), column.place
        assert platform.read(session)["web_proxy"] == "http://proxy.example.com:3128"


def test_a_running_process_follows_the_key_file(database, path, clock):
    running = SecretBox.from_file(path)
    fill(database, running, clock, 100)
    rotation.rotate(database, path)
    assert readable(database, running) == 100
    (new,) = read_keys(path)
    rotation.rotate(database, path)
    sealed = running.seal("a", "b")
    assert sealed_with(read_keys(path)[0], sealed)
    assert not sealed_with(new, sealed)


def test_a_key_file_that_became_unusable_leaves_the_keys_of_before(path, caplog):
    running = SecretBox.from_file(path)
    sealed = running.seal("a", "b")
    path.write_text("not a key\n")
    assert running.open("a", running.seal("a", "c")) == "c"
    assert running.open("a", sealed) == "b"
    assert "cannot be read" in caplog.text
    path.unlink()
    assert running.open("a", running.seal("a", "d")) == "d"


def test_writers_go_on_during_a_rotation(database, path, clock):
    box = SecretBox.from_file(path)
    fill(database, box, clock, 1_000)
    over = threading.Event()

    def write(number):
        n = 0
        while not over.is_set():
            with database.write() as session:
                row = session.get(IntegrationSecretRow, (first, f"f{number}"))
                row.sealed = box.seal(f"integration:{first}:f{number}", f"canary {first} {number}")
            n += 1

    with database.read() as session:
        first = session.scalar(select(IntegrationRow.id).limit(1))
    threads = [threading.Thread(target=write, args=(number,)) for number in (3, 70)]
    for thread in threads:
        thread.start()
    try:
        assert rotation.rotate(database, path).old_keys_dropped
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert readable(database, SecretBox(read_keys(path))) == 1_000


def test_the_old_keys_stay_while_other_work_goes_on(cluster, tmp_path, path, clock):
    from addin_host.store import migrate
    from addin_host.store.db import Database

    database = Database(cluster.create("rotation"))
    migrate.upgrade(database)
    with database.write() as busy:
        busy.execute(select(SECRETS))
        assert not rotation.rotate(database, path, patience=0.2).old_keys_dropped
    assert len(read_keys(path)) == 2
    done = rotation.rotate(database, path)
    assert (done.resumed, done.old_keys_dropped) == (True, True)
    database.close()


def test_what_no_key_opens_is_named_and_left(database, path, clock):
    fill(database, SecretBox.from_file(path), clock, 100)
    lost = SecretBox([Fernet.generate_key()]).seal("a", "b")
    with database.write() as session:
        row = session.scalars(select(IntegrationSecretRow).limit(1)).one()
        row.sealed, name = lost, (row.integration_id, row.field)
    done = rotation.rotate(database, path)
    assert done.sealed_anew == 99
    assert done.unreadable == (f"integration_secret.sealed {name}",)


def test_keeping_the_old_key(database, path, clock):
    fill(database, SecretBox.from_file(path), clock, 100)
    assert not rotation.rotate(database, path, keep_old=True).old_keys_dropped
    assert len(read_keys(path)) == 2
    assert readable(database, SecretBox(read_keys(path)[:1])) == 100


@pytest.mark.parametrize("protect", ["file", "folder"])
def test_a_key_that_cannot_be_written_is_refused_and_nothing_changes(database, path, clock, protect):
    fill(database, SecretBox.from_file(path), clock, 100)
    before = path.read_bytes()
    if protect == "file":
        path.chmod(0o400)
    else:
        (path.parent / f".{path.name}.new").mkdir()  # root may write everywhere, but not over a folder
    with pytest.raises(Misconfigured, match="cannot be written"):
        rotation.rotate(database, path)
    assert path.read_bytes() == before
    assert readable(database, SecretBox.from_file(path)) == 100


def test_only_one_rotation_at_a_time(path):
    with key_file.held(path), pytest.raises(Misconfigured, match="being rotated already"), key_file.held(path):
        pass


def test_a_rotated_file_keeps_its_owner(path):
    owner = (65534, 65534) if os.getuid() == 0 else (os.getuid(), os.getgid())  # only root can give files away
    os.chown(path, *owner)
    key_file.write_keys(path, read_keys(path))
    assert (path.stat().st_uid, path.stat().st_gid) == owner


def test_a_foreign_key_is_pointed_out_at_the_start(database, path, clock, tmp_path, caplog):
    fill(database, SecretBox.from_file(path), clock, 100)
    keys.secret_box(path, database)
    assert caplog.text == ""
    create_key_file(tmp_path / "other.key")
    keys.secret_box(tmp_path / "other.key", database)
    assert "opens no stored secret" in caplog.text
