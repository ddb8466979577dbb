"""Backup and restore: everything comes back on either database, and nothing altered or hostile gets in."""

import io
import random
import threading
import time

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import func, select, text, update

from addin_host.domain.access import ON_THIS_MACHINE
from addin_host.domain.errors import Misconfigured, Refused
from addin_host.domain.text import TemplateProblem
from addin_host.flows import audit, audit_chain, backup, integrations, platform, restore
from addin_host.flows.audit import Subject
from addin_host.gateways.trial import try_templates
from addin_host.store import migrate, vault
from addin_host.store.db import Database
from addin_host.store.models import (
    AccountRow,
    ApiUserRow,
    AuditRow,
    ConferenceRow,
    IntegrationRow,
    IntegrationSecretRow,
    Model,
    OutboxRow,
    PlatformSettingRow,
)
from tests.conftest import a_record, empty
from tests.rows import a_row

KEY = Fernet.generate_key()


def no_trial(candidates):
    return [None] * len(candidates)


@pytest.fixture
def target(database, tmp_path, cluster):
    """A new, migrated database of the other kind to restore into."""
    name = f"target{random.randrange(10**9)}"
    made = Database(cluster.create(name) if database.is_sqlite else f"sqlite:///{tmp_path / 'target.db'}")
    migrate.upgrade(made)
    yield made
    made.close()


def save(database, box, clock, **changes):
    draft = integrations.prepare(a_record(**changes), before=None, trial=no_trial)
    with database.write() as session:
        return integrations.save(session, draft, expected_version=None, caller=ON_THIS_MACHINE, box=box, now=clock()).id


def taken(database, clock):
    file = io.BytesIO()
    with database.snapshot() as session:
        vault.write_lines(file, KEY, backup.lines(session, now=clock()))
    return file.getvalue()


def put_back(database, data, clock, trial=no_trial):
    with database.write() as session:
        return restore.restore(
            session, vault.read_lines(io.BytesIO(data), KEY), trial=trial, caller=ON_THIS_MACHINE, now=clock()
        )


def contents(database, table):
    with database.read() as session:
        return [tuple(row) for row in session.execute(select(table).order_by(*table.primary_key))]


def test_every_table_comes_back_to_the_byte(database, target, box, clock):
    number = save(database, box, clock)
    with database.write() as session:
        for table in backup.tables():
            if table.name not in ("audit", "mark", "integration", "platform_setting"):
                a_row(session, table, clock())
                a_row(session, table, clock()) if table.autoincrement_column is not None else None
        platform.change(
            session, {"alarm_webhook_url": "https://x.example.com"}, box=box, caller=ON_THIS_MACHINE, now=clock()
        )
        session.execute(update(AccountRow).values(role="viewer", integrations=[number]))
        session.execute(update(ApiUserRow).values(role="viewer", integrations=[number]))
    done = put_back(target, taken(database, clock), clock)
    assert (done.log.holds, done.quarantined) == (True, ())
    for table in backup.tables():
        before, after = contents(database, table), contents(target, table)
        if table.name in ("audit", "mark"):
            assert len(before) + (table.name == "audit") == len(after)
        else:
            assert before == after, table.name
        assert done.counts[table.name] == len(before)
    with target.snapshot() as session:
        assert audit_chain.verify(session).holds
    with target.read() as session:
        opened = integrations.secret(session, number, "personal_vmr_oauth_client_secret", box=box)
    assert opened == "canary-client-secret"


def test_sessions_and_sign_ins_do_not_come_back(database, target, clock):
    with database.write() as session:
        for table in Model.metadata.sorted_tables:
            a_row(
                session, table, clock(), **({"role": "viewer", "integrations": []} if "role" in table.columns else {})
            )
    left = set(Model.metadata.tables) - {table.name for table in backup.tables()}
    assert left == {
        "admin_session",
        "admin_signin",
        "dialog_session",
        "failure",
        "pending_signin",
        "preview_draft",
        "request_count",
        "seen_token",
        "service_sign_in",
        "setup_link",
        "signin_result",
    }
    put_back(target, taken(database, clock), clock)
    for name in left:
        assert contents(target, Model.metadata.tables[name]) == []


def test_an_answer_that_waited_is_looked_for_before_it_is_sent(database, target, clock):
    hostile = {"html": "<p>Yes</p><script>x</script>", "subject": "Accepted"}
    with database.write() as session:
        for kind, state in (("reply", "pending"), ("reply", "dead"), ("rewrite", "pending")):
            row = {"kind": kind, "state": state, "payload": hostile, "attempts": 0, "attempted_at": None}
            a_row(session, OutboxRow.__table__, clock(), key=f"{kind} {state}", **row)
    put_back(target, taken(database, clock), clock)
    with target.read() as session:
        answer, dead, rewrite = session.scalars(select(OutboxRow).order_by(OutboxRow.id))
    assert (answer.attempts, answer.attempted_at) == (1, clock())
    assert answer.payload == {"html": "<p>Yes</p>", "subject": "Accepted"}
    assert [(row.attempts, row.attempted_at, row.payload) for row in (dead, rewrite)] == [(0, None, hostile)] * 2


def test_ids_are_not_given_twice_after_a_restore(database, target, box, clock):
    save(database, box, clock)
    last = save(database, box, clock, name="Second")
    with database.write() as session:
        integrations.delete(session, str(last), caller=ON_THIS_MACHINE, now=clock())
    put_back(target, taken(database, clock), clock)
    assert save(target, box, clock, name="Third") == last + 1


def test_taken_under_load_it_is_one_moment(database, target, box, clock):
    over, written = threading.Event(), []

    def write():
        while not over.is_set():
            with database.write() as session:
                number = len(written)
                session.add(
                    ConferenceRow(uuid=str(number), name=str(number), sealed_pin=box.seal("x", "1"), created_at=clock())
                )
                audit.record(session, ON_THIS_MACHINE, "create", Subject("vmr", number, "x"), now=clock())
            written.append(number)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        while len(written) < 50:
            time.sleep(0.005)
        data = taken(database, clock)
        while len(written) < 100:
            time.sleep(0.005)
    finally:
        over.set()
        thread.join()
    done = put_back(target, data, clock)
    assert done.log.holds
    assert 50 <= done.counts["conference"] == done.counts["audit"] < len(written)
    with target.read() as session:
        assert session.scalar(select(func.count()).select_from(ConferenceRow)) == done.counts["conference"]


def test_only_an_empty_database_is_filled(database, clock):
    with database.write() as session:
        session.add(PlatformSettingRow(name="web_proxy", value="http://x:1"))
    with pytest.raises(Refused, match=r"not empty \(platform_setting"):
        put_back(database, taken(database, clock), clock)


def test_another_revision_is_refused(database, clock):
    lines = [line.replace('"revision":"', '"revision":"9') for line in some_lines(database, clock)]
    with pytest.raises(Misconfigured, match="Restore it with the version that made it"):
        fill(database, lines, clock)


def some_lines(database, clock):
    with database.snapshot() as session:
        return list(backup.lines(session, now=clock()))


def fill(database, lines, clock, trial=no_trial):
    with database.write() as session:
        return restore.restore(session, lines, trial=trial, caller=ON_THIS_MACHINE, now=clock())


def test_lines_that_are_missing_changed_or_added_are_refused_and_nothing_stays(database, box, clock):
    save(database, box, clock)
    whole = some_lines(database, clock)
    empty(database)
    integration = next(n for n, line in enumerate(whole) if line.startswith('{"table":"integration"'))
    wrong = [
        [],
        whole[:-1],
        whole[: integration + 1] + whole[integration + 2 :],
        [*whole, "[]"],
        ["{}", *whole[1:]],
        [whole[0], *whole[2:]],
        [*whole[:integration], '{"table":"sqlite_master","columns":[]}', *whole[integration + 1 :]],
        [*whole[: integration + 1], "[1]", *whole[integration + 2 :]],
        [*whole[: integration + 1], "x", *whole[integration + 2 :]],
        [*whole[: integration + 2], whole[integration + 1], *whole[integration + 2 :]],
    ]
    for number, lines in enumerate(wrong):
        with pytest.raises((Refused, Misconfigured)):
            fill(database, lines, clock)
        assert contents(database, IntegrationRow.__table__) == [], number
    assert fill(database, whole, clock).counts["integration"] == 1


def test_a_log_that_does_not_hold_is_told(database, target, box, clock):
    save(database, box, clock)
    with database.write() as session:
        session.execute(update(AuditRow).values(actor="somebody else"))
    done = put_back(target, taken(database, clock), clock)
    assert "was changed" in done.log.problem


HOSTILE = {
    "template that does not compile": {"personal_vmr_name_template": "{{ ().__class__ }}"},
    "template that loops": {"personal_vmr_name_template": "{% for a in range(100000000) %}x{% endfor %}"},
    "script address": {"script_hosts": "http://evil.example.com"},
    "frame": {"frame_ancestors": "https://a.example.com; script-src *"},
    "html": {"personal_vmr_oauth_auth_endpoint": "javascript:alert(1)"},
    "host": {"addin_server_domain": "evil.example.com/x"},
    "shape": {"enabled": "yes", "addin_server_domain": 7},
}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_integration_is_switched_off(database, box, clock, what):
    save(database, box, clock)
    save(database, box, clock, name="Good", addin_server_domain="good.example.com")
    with database.write() as session:
        row = session.get_one(IntegrationRow, session.scalar(select(func.min(IntegrationRow.id))))
        known = {name: value for name, value in HOSTILE[what].items() if name in row.record}
        assert known, "the field has another name now"
        row.record = {**row.record, **known}
        number = row.id
    lines = some_lines(database, clock)
    empty(database)
    done = fill(database, lines, clock, try_templates)
    assert len(done.quarantined) == 1
    assert done.quarantined[0].startswith(f"Integration {number} (Sales) is switched off:")
    with database.read() as session:
        enabled = {row.name: row.record["enabled"] for row in session.scalars(select(IntegrationRow))}
    assert enabled == {"Sales": False, "Good": True}


def test_hostile_icons_settings_and_roles_are_put_out_of_use(database, target, box, clock):
    save(database, box, clock)
    with database.write() as session:
        session.execute(update(IntegrationRow).values(icon=b"<svg onload=x>", icon_hash="0"))
        session.add(PlatformSettingRow(name="web_proxy", value="file:///etc/passwd"))
        session.add(PlatformSettingRow(name="backdoor", value="on"))
        session.add(AccountRow(name="root", role="superuser", created_at=clock()))
        session.add(AccountRow(name="good", role="viewer", created_at=clock()))
        session.add(ApiUserRow(name="api", token_hash="x", role="viewer", integrations=["1"], created_at=clock()))
    done = put_back(target, taken(database, clock), clock)
    assert len(done.quarantined) == 5
    with target.read() as session:
        assert session.scalar(select(IntegrationRow)).icon is None
        assert platform.read(session)["web_proxy"] == ""
        assert session.scalar(select(func.count()).select_from(PlatformSettingRow)) == 0
        accounts = {row.name: (row.role, row.enabled) for row in session.scalars(select(AccountRow))}
        assert accounts == {"root": ("viewer", False), "good": ("viewer", True)}
        assert not session.scalar(select(ApiUserRow)).enabled


def test_secrets_stay_sealed_in_a_backup(database, box, clock):
    save(database, box, clock)
    with database.snapshot() as session:
        clear = "\n".join(backup.lines(session, now=clock()))
    assert "canary" not in clear
    with database.read() as session:
        assert session.scalar(select(IntegrationSecretRow)).sealed in clear
    assert b"Sales" not in taken(database, clock)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_trial_that_says_no_quarantines(database, box, clock):
    save(database, box, clock, personal_vmr_name_template="{{name}} room")
    lines = some_lines(database, clock)
    empty(database)
    done = fill(database, lines, clock, lambda given: [TemplateProblem("takes too long", 1)] * len(given))
    assert "takes too long" in done.quarantined[0]


def test_rows_of_the_database_itself_are_not_touched(database, clock):
    with database.read() as session:
        before = session.execute(text("SELECT version_num FROM alembic_version")).all()
    fill(database, some_lines(database, clock), clock)
    with database.read() as session:
        assert session.execute(text("SELECT version_num FROM alembic_version")).all() == before
