import os
import stat
import threading
from datetime import UTC, datetime

import pytest
from sqlalchemy import literal, select, text
from sqlalchemy.exc import StatementError

from addin_host.domain.errors import Misconfigured, Reason, Refused, Upstream
from addin_host.store.db import Database
from addin_host.store.models import EndUserRow, PlatformSettingRow


def test_hot_reads_see_what_was_committed(database):
    with database.write() as session:
        session.add(PlatformSettingRow(name="a", value="1"))
    assert database.row("SELECT value FROM platform_setting WHERE name = ?", "a") == ("1",)
    with database.write() as session:
        session.merge(PlatformSettingRow(name="a", value="2"))
    assert [tuple(row) for row in database.rows("SELECT name, value FROM platform_setting")] == [("a", "2")]


def test_a_failed_transaction_leaves_nothing(database):
    with pytest.raises(RuntimeError), database.write() as session:
        session.add(PlatformSettingRow(name="a", value="1"))
        session.flush()
        raise RuntimeError
    assert database.rows("SELECT name FROM platform_setting") == []


def test_times_are_utc_and_never_naive(database):
    moment = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    with database.write() as session:
        session.add(EndUserRow(uuid="u", primary_email_address="a@example.com", created_at=moment))
    with database.read() as session:
        assert session.scalar(select(EndUserRow.created_at)) == moment
    with pytest.raises(StatementError, match="naive"), database.write() as session:
        session.add(EndUserRow(uuid="v", primary_email_address="b@example.com", created_at=datetime(2026, 1, 1)))


def test_many_writers_all_get_through(database):
    def add(number: int) -> None:
        for step in range(5):
            with database.write() as session:
                count = session.query(PlatformSettingRow).count()
                session.add(PlatformSettingRow(name=f"{number}-{step}", value=str(count)))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert database.row("SELECT count(*) FROM platform_setting")[0] == 40


def test_a_server_that_was_restarted_is_found_again(cluster):
    database = Database(cluster.create("restarted"))
    assert database.row("SELECT 1") == (1,)
    with database.read() as session:
        session.execute(select(1))
    cluster.restart()
    assert database.row("SELECT 1") == (1,)
    with database.read() as session:
        assert session.scalar(select(1)) == 1
    cluster.restart()
    assert database.write_alone("SELECT ?", 7, turn=1) == [(7,)]
    database.close()


def test_a_forked_child_leaves_its_parents_connections_alone(database):
    database.row("SELECT 1")
    child = os.fork()
    if child == 0:
        os._exit(0 if database.row("SELECT 2")[0] == 2 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert database.row("SELECT 3")[0] == 3


def test_the_folder_of_a_new_database_is_made_for_us_alone(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'a' / 'b' / 'new.db'}")
    assert database.row("SELECT 1") == (1,)
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700
    database.close()
    (tmp_path / "file").write_text("")
    with pytest.raises(Misconfigured, match="cannot be made"):
        Database(f"sqlite:///{tmp_path / 'file' / 'b' / 'new.db'}")


def test_a_database_that_is_away_is_a_matter_of_trying_later():
    database = Database("postgresql://nobody@127.0.0.1:1/nothing")
    with pytest.raises(Upstream, match="Try again"):
        database.ping()
    with pytest.raises(Upstream):
        database.row("SELECT 1")


def test_a_table_that_is_missing_is_a_matter_of_trying_later(database):
    with pytest.raises(Upstream):
        database.row("SELECT 1 FROM nowhere")
    with pytest.raises(Upstream), database.read() as session:
        session.execute(text("SELECT 1 FROM nowhere"))


def test_what_cannot_be_stored_is_refused(cluster):
    database = Database(cluster.create("refusing"))
    with pytest.raises(Refused) as raw:
        database.row("SELECT ?::text", "a\x00b")
    with pytest.raises(Refused) as session_error, database.read() as session:
        session.scalar(select(literal("a\x00b")))
    assert raw.value.reason == session_error.value.reason == Reason.INVALID
    assert database.row("SELECT 1") == (1,)
    database.close()


def test_the_second_of_two_at_the_same_moment_is_told_so_and_values_stay_out_of_the_log(database, caplog):
    with database.write() as session:
        session.add(PlatformSettingRow(name="name-canary", value="1"))
    with pytest.raises(Refused) as refusal, database.write() as session:
        session.add(PlatformSettingRow(name="name-canary", value="2"))
    assert refusal.value.reason == Reason.CONFLICT
    assert "platform_setting" in caplog.text
    assert "name-canary" not in caplog.text
