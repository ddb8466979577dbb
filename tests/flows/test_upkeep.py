"""What happens without anybody asking: who does it, what is due, and what is deleted."""

import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from addin_host.domain.access import Caller, Role
from addin_host.domain.alarms import Level
from addin_host.domain.deployment import Deployment
from addin_host.domain.mailbox import MailboxAccess
from addin_host.domain.ports import Installation
from addin_host.flows import alarms, import_jobs, leases, upkeep
from addin_host.flows.background import Regularly
from addin_host.flows.checks import Inspection
from addin_host.flows.cleaning import EXPIRING, clean
from addin_host.flows.manifest import manifest_environment
from addin_host.flows.request_limits import WINDOW
from addin_host.flows.upkeep import Upkeep, tick
from addin_host.gateways.outside import no_outside
from addin_host.store.models import (
    AccountRow,
    AdminSessionRow,
    AdminSignInRow,
    AlarmRow,
    ApiUserRow,
    CheckRunRow,
    DialogSessionRow,
    EndUserRow,
    FailureRow,
    IdempotencyRow,
    ImportJobRow,
    IntegrationRow,
    MailboxRow,
    Model,
    PendingSignInRow,
    PlatformSettingRow,
    PreviewDraftRow,
    RequestCountRow,
    ScheduledAliasRow,
    SeenTokenRow,
    ServiceSignInRow,
    SetupLinkRow,
    SignInResultRow,
    UsageRow,
)
from tests.conftest import a_record
from tests.flows.test_checks import Elapsed

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def keeper(database, box, clock):
    inspection = Inspection(
        database=database,
        box=box,
        deployment=Deployment(),
        probes=no_outside().probes,
        installation=Installation("0" * 12, lambda nonce: nonce),
        trial=lambda candidates: [None for _candidate in candidates],
        manifest=manifest_environment(ROOT / "manifests").get_template("outlook-addin.xml"),
        open_mailbox=lambda integration: no_outside().mailboxes.open(integration, MailboxAccess()),
        now=clock,
        elapsed=Elapsed(),
    )
    silent = no_outside()
    return Upkeep(inspection, silent)


def add(database, *rows):
    with database.write() as session:
        for row in rows:
            session.add(row)
            session.flush()
        return [getattr(row, "id", None) for row in rows]


def an_integration(clock, name="Sales", enabled=True):
    record = a_record(name=name, enabled=enabled, uuid=f"{len(name):08}-0000-4000-8000-000000000000")
    return IntegrationRow(
        uuid=record["uuid"], name=name, fqdn="x.example.com", record=record, created_at=clock(), updated_at=clock()
    )


def count(database, model):
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(model))


def test_one_process_at_a_time_and_the_next_when_it_is_gone(keeper, clock):
    other = Upkeep(keeper.inspection, keeper.outside)
    assert [tick(keeper), tick(other), tick(keeper)] == [True, False, True]
    clock.forward(minutes=4)
    assert not tick(other)
    clock.forward(minutes=2)
    assert tick(other)
    assert not tick(keeper)
    upkeep.stop(keeper)
    assert not tick(keeper)
    upkeep.stop(other)
    assert tick(keeper)


def test_a_part_that_fails_keeps_none_of_the_others_from_being_done(keeper, database, clock):
    class Broken:
        def post(self, hook, body):
            raise RuntimeError("a fault of ours")

    outside = replace(keeper.outside, webhook=Broken())
    add(database, PlatformSettingRow(name="alarm_webhook_url", value="https://hook.example.com/"))
    (number,) = add(database, an_integration(clock))
    add(database, UsageRow(day="2001-01-01", integration_id=number, kind="signin", number=1))
    with database.write() as session:
        alarms.raise_(
            session, "check.dns", integration_id=None, level=Level.ERROR, details="x", next_step="y", now=clock()
        )
    with pytest.raises(RuntimeError):
        tick(Upkeep(keeper.inspection, outside))
    assert count(database, CheckRunRow) == 1
    assert count(database, UsageRow) == 0


def test_of_many_who_ask_at_once_one_gets_the_lease(database, clock):
    got, together = [], threading.Barrier(8)

    def ask(holder):
        together.wait()
        with database.write() as session:
            got.append(leases.take(session, "upkeep", holder=str(holder), lasts=timedelta(minutes=5), now=clock()))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [False] * 7 + [True]


def test_checks_run_daily_and_every_ten_minutes_with_an_alarm(keeper, database, clock):
    good, bad, _off = add(
        database, an_integration(clock), an_integration(clock, "Other one"), an_integration(clock, "Off", enabled=False)
    )
    tick(keeper)
    assert count(database, CheckRunRow) == 2
    with database.write() as session:
        alarms.raise_(session, "check.token", integration_id=bad, level=Level.ERROR, details="x", now=clock())
        alarms.raise_(session, "other", integration_id=good, level=Level.ERROR, details="x", now=clock())

    def due():
        with database.read() as session:
            return upkeep.due_for_checks(session, now=clock())

    clock.forward(minutes=9)
    assert due() == []
    clock.forward(minutes=1)
    assert due() == [bad]
    clock.forward(hours=23)
    assert due() == [bad]
    clock.forward(minutes=50)
    assert sorted(due()) == [good, bad]
    tick(keeper)
    assert due() == []
    with database.read() as session:
        assert session.scalar(select(CheckRunRow.asked_by).limit(1)) == "addin-host"


def test_many_that_are_due_share_the_minutes(keeper, database, clock):
    add(database, *(an_integration(clock, "x" * (number + 1)) for number in range(6)))

    class Slow:
        def open(self, integration, **_options):
            keeper.inspection.elapsed.seconds += 70
            return keeper.outside.probes.open(integration, **_options)

    slow = Upkeep(
        Inspection(
            **{name: getattr(keeper.inspection, name) for name in keeper.inspection.__dataclass_fields__}
            | {"probes": Slow()}
        ),
        keeper.outside,
    )
    tick(slow)
    assert count(database, CheckRunRow) == 2
    tick(slow)
    tick(slow)
    assert count(database, CheckRunRow) == 6


def expiring_rows(clock, when):
    """One row of each table whose rows expire, and what they refer to."""
    integration = an_integration(clock, f"For {when}")
    account = AccountRow(name=f"a{when}", role="viewer", created_at=clock())
    user = EndUserRow(
        uuid=f"e{when}", primary_email_address=f"a{when}@example.com", display_name="A", created_at=clock()
    )
    program = ApiUserRow(name=f"p{when}", token_hash=f"t{when}", role="viewer", created_at=clock(), expires_at=when)
    return integration, account, user, program


def test_a_file_that_nobody_came_back_for_is_forgotten(database, box, clock):
    (account,) = add(database, AccountRow(name="ada", role="platform-admin", created_at=clock()))
    caller = Caller("account", account, "ada", Role.PLATFORM_ADMIN)
    with database.write() as session:
        options = {"filename": "vmrs.csv", "kind": "vmrs", "content": b"name,pin\nRoom,123456\n"}
        number = import_jobs.hand_in(session, **options, box=box, caller=caller, now=clock())
    for hours, is_kept in ((23, True), (2, False)):
        clock.forward(hours=hours)
        with database.write() as session:
            clean(session, now=clock())
            row = session.get_one(ImportJobRow, number)
            assert ((row.sealed_content is not None), row.state == "cancelled") == (is_kept, not is_kept)


def test_what_has_expired_is_deleted_and_nothing_else(keeper, database, clock):
    times = {"past": clock() - timedelta(seconds=1), "future": clock() + timedelta(minutes=1)}
    for at, (word, when) in enumerate(times.items()):
        integration, account, user, program = expiring_rows(clock, when)
        integration.uuid, integration.name = f"uuid-{word}", word
        number, person, end_user, api = add(database, integration, account, user, program)
        add(
            database,
            PendingSignInRow(
                state_hash=word, integration_id=number, browser_hash="", nonce="", sealed_verifier="", pane_hash="",
                pane_nonce="", expires_at=when,
            ),
            SignInResultRow(pane_hash=word, integration_id=number, code_hash="", expires_at=when),
            DialogSessionRow(
                cookie_hash=word, integration_id=number, user_id=end_user, created_at=clock(), expires_at=when
            ),
            AdminSessionRow(
                cookie_hash=word, account_id=person, network="", browser="", created_at=clock(), seen_at=clock(),
                confirmed_at=clock(), expires_at=when,
            ),
            AdminSignInRow(
                state_hash=word, browser_hash="", nonce="", sealed_verifier="", next_path="", expires_at=when
            ),
            SetupLinkRow(token_hash=word, expires_at=when),
            PreviewDraftRow(token_hash=word, integration_id=number, account_id=person, record={}, expires_at=when),
            IdempotencyRow(api_user_id=api, key=word, request_hash="", status=201, location="", expires_at=when),
            SeenTokenRow(token_hash=word, integration_id=number, network="", expires_at=when),
            ServiceSignInRow(
                state_hash=word, integration_id=number, account_id=person, session_hash="", sealed_verifier="",
                expires_at=when,
            ),
            FailureRow(key=word, number=1, last_at=clock() - timedelta(days=2 - 2 * at)),
            RequestCountRow(key=word, window=int(clock().timestamp()) // WINDOW - (1 - at) * 3000),
        )  # fmt: skip
    add(
        database,
        FailureRow(key="blocked", number=9, last_at=clock() - timedelta(days=2), blocked_until=times["future"]),
    )
    with database.write() as session:
        assert clean(session, now=clock()) == len(EXPIRING) + 2
    for model in EXPIRING:
        assert count(database, model) == 1, model
    assert (count(database, FailureRow), count(database, RequestCountRow)) == (2, 1)
    assert count(database, ApiUserRow) == 2


def test_every_table_that_expires_is_known():
    expiring = {mapper.class_ for mapper in Model.registry.mappers if hasattr(mapper.class_, "expires_at")}
    # An alias that has expired is released first and stays as a tombstone.
    assert expiring - {ApiUserRow, ScheduledAliasRow} == set(EXPIRING)


def test_history_goes_with_its_retention_but_the_newest_run_stays(keeper, database, clock):
    old, recent = clock() - timedelta(days=91), clock() - timedelta(days=2)
    (number,) = add(database, an_integration(clock))
    runs = [
        CheckRunRow(
            integration_id=number, version=1, asked_by="", started_at=at, updated_at=at, finished_at=at, results=[]
        )
        for at in (old, old)
    ]
    alarm = {"identifier": "x", "name": "x", "level": "error", "details": "x", "raised_at": old}
    add(
        database,
        *runs,
        AlarmRow(**alarm, cleared_at=old),
        AlarmRow(**alarm, cleared_at=recent),
        AlarmRow(**alarm, open_key="x"),
        UsageRow(day="2024-01-01", integration_id=number, kind="signin"),
        UsageRow(day="2026-11-22", integration_id=number, kind="signin"),
    )
    with database.write() as session:
        assert clean(session, now=clock()) == 3
    assert [count(database, model) for model in (CheckRunRow, AlarmRow, UsageRow)] == [1, 2, 1]


def test_a_secret_of_the_settings_that_cannot_be_opened_is_an_alarm_until_it_can(keeper, database, clock):
    add(
        database,
        PlatformSettingRow(name="alarm_webhook_url", value="https://hook.example.com/"),
        PlatformSettingRow(name="alarm_webhook_secret", value="nonsense"),
    )
    tick(keeper)
    with database.write() as session:
        alarm = session.scalar(select(AlarmRow))
        assert (alarm.identifier, alarm.open_key is None) == ("messages", False)
        session.delete(session.get(PlatformSettingRow, "alarm_webhook_secret"))
    tick(keeper)
    with database.read() as session:
        assert session.scalar(select(AlarmRow).where(AlarmRow.instance == "")).open_key is None


def test_cleaning_is_hourly(keeper, database, clock):
    tick(keeper)
    add(database, SetupLinkRow(token_hash="x", expires_at=clock() - timedelta(days=1)))
    clock.forward(minutes=59)
    tick(keeper)
    assert count(database, SetupLinkRow) == 1
    clock.forward(minutes=1)
    tick(keeper)
    assert count(database, SetupLinkRow) == 0


def test_the_thread_goes_on_after_a_failure_and_stops_when_told():
    done, twice = [], threading.Event()

    def work():
        done.append(1)
        if len(done) == 1:
            raise ZeroDivisionError
        twice.set()

    regularly = Regularly("test", work, seconds=0.01, first_after=0.0)
    regularly.start()
    regularly.start()
    assert twice.wait(5)
    regularly.stop()
    number = len(done)
    assert not [thread for thread in threading.enumerate() if thread.name == "test"]
    assert len(done) == number


def test_that_no_worker_runs_is_told(keeper, database, clock):
    def is_open():
        tick(keeper)
        with database.read() as session:
            query = select(AlarmRow.id).where(AlarmRow.identifier == "worker_absent", AlarmRow.open_key.is_not(None))
            return session.scalar(query) is not None

    with_rooms = an_integration(clock)
    with_rooms.record = with_rooms.record | {"enable_dynamic_vmrs": True}
    number, _other = add(database, with_rooms, an_integration(clock, "Personal VMRs alone"))
    assert not is_open()  # it was saved a moment ago
    clock.forward(minutes=11)
    assert is_open()
    add(database, MailboxRow(integration_id=number, identity="", due_at=clock(), polled_at=clock()))
    assert not is_open()
    clock.forward(minutes=11)
    assert is_open()
    with database.write() as session:
        session.get_one(MailboxRow, number).waits_until = clock() + timedelta(hours=1)
    assert not is_open()
    clock.forward(minutes=80)
    assert is_open()
    with database.write() as session:
        row = session.get_one(IntegrationRow, number)
        row.record = row.record | {"enabled": False}
    assert not is_open()
