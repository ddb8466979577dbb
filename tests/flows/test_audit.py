"""The audit log: one chain however many write, proof against editing, and reading it within one's reach."""

import csv
import io
import json
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import delete, func, insert, select, update

from addin_host.domain.access import ON_THIS_MACHINE, Caller, Role
from addin_host.domain.errors import Refused
from addin_host.flows import audit, audit_chain, audit_log, pin_sightings
from addin_host.flows.audit import Subject
from addin_host.flows.audit_log import Wanted
from addin_host.store.models import AuditRow, MarkRow

OPERATOR = Caller("account", 3, "olga", Role.OPERATOR, network="192.0.2.7")
PROVIDER = Caller("account", 4, "ivan", Role.INTEGRATION_ADMIN, frozenset({2}))
VIEWER = Caller("account", 5, "vera", Role.VIEWER)


def write(database, clock, number, *, caller=ON_THIS_MACHINE, action="change", kind="integration", integration=None):
    with database.write() as session:
        subject = Subject(kind, number, f"Object {number}", integration)
        audit.record(
            session, caller, action, subject, now=clock(), before={"name": "a", "n": 1}, after={"name": "b", "n": 1}
        )


def test_of_many_that_are_shown_pins_at_once_one_is_written_down(database, clock):
    program = Caller("api", 9, "sync", Role.PLATFORM_ADMIN)
    together = threading.Barrier(6)

    def shown(_number):
        together.wait()
        pin_sightings.note(database, [{"pin": "1234"}], caller=program, now=clock())

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(shown, range(6)))
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(AuditRow)) == 1


def verdict(database, head=""):
    with database.snapshot() as session:
        return audit_chain.verify(session, exported_head=head)


def page(database, caller=ON_THIS_MACHINE, wanted=None, **where):
    with database.read() as session:
        return audit_log.page(session, caller, wanted or Wanted(), **where)


@pytest.fixture
def ten(database, clock):
    for number in range(1, 11):
        write(database, clock, number)
        clock.forward(minutes=1)
    with database.read() as session:
        return list(session.scalars(select(AuditRow.id).order_by(AuditRow.id)))


def test_the_log_as_it_was_written_holds(database, ten):
    found = verdict(database)
    assert (found.holds, found.entries) == (True, 10)
    with database.read() as session:
        assert audit_log.head(session) == found.head


def test_an_empty_log_holds(database):
    assert verdict(database) == audit_chain.Verdict(0, audit.START)


@pytest.mark.parametrize(
    "change",
    [
        {"actor": "somebody else"},
        {"after": {"name": "c"}},
        {"network": "::1"},
        {"integration_id": 7},
        {"object_name": "x"},
        {"correlation_id": "x"},
    ],
)
def test_an_edited_entry_is_named(database, ten, change):
    with database.write() as session:
        session.execute(update(AuditRow).where(AuditRow.id == ten[4]).values(**change))
    found = verdict(database)
    assert (found.holds, found.entry, found.entries) == (False, ten[4], 4)
    assert "was changed" in found.problem


def test_an_edited_time_is_named(database, ten, clock):
    with database.write() as session:
        session.execute(update(AuditRow).where(AuditRow.id == ten[0]).values(at=clock()))
    assert verdict(database).entry == ten[0]


def test_an_entry_edited_with_its_hash_breaks_the_next(database, ten):
    with database.write() as session:
        row = session.get(AuditRow, ten[4])
        row.actor = "somebody else"
        row.hash = audit.hash_of(row)
    assert verdict(database).entry == ten[5]


@pytest.mark.parametrize("place", [0, 5])
def test_a_deleted_entry_is_named_by_the_one_after_it(database, ten, place):
    with database.write() as session:
        session.execute(delete(AuditRow).where(AuditRow.id == ten[place]))
    found = verdict(database)
    assert (found.holds, found.entry) == (False, ten[place + 1])


@pytest.mark.parametrize("rest", [7, 0])
def test_a_log_cut_short_is_seen(database, ten, rest):
    with database.write() as session:
        session.execute(delete(AuditRow).where(AuditRow.id.in_(ten[rest:])))
    found = verdict(database)
    assert (found.holds, found.entries) == (False, rest)
    assert "ends too early" in found.problem


def test_a_log_cut_short_with_its_mark_is_seen_by_an_exported_head(database, ten):
    exported = verdict(database).head
    assert verdict(database, exported).holds
    with database.write() as session:
        session.execute(delete(AuditRow).where(AuditRow.id.in_(ten[8:])))
        last = session.get(AuditRow, ten[7])
        session.execute(update(MarkRow).where(MarkRow.name == audit.HEAD).values(value=last.hash))
    assert verdict(database).holds
    found = verdict(database, exported)
    assert not found.holds
    assert "not among its entries" in found.problem


def test_what_cannot_be_stored_as_json_is_stored_as_words(database, clock):
    with database.write() as session:
        odd = {"at": clock(), "list": (1, "ä\u2028"), 3: True}
        audit.record(session, OPERATOR, "change", Subject("x", 1, "ö"), now=clock(), after=odd)
    assert verdict(database).holds


def test_many_threads_write_one_chain(database, clock):
    with ThreadPoolExecutor(8) as threads:
        for done in [threads.submit(write, database, clock, number) for number in range(80)]:
            done.result()
    assert verdict(database).entries == 80
    assert verdict(database).holds


APPEND = """
import sys
from datetime import UTC, datetime
from addin_host.domain.access import ON_THIS_MACHINE
from addin_host.flows import audit
from addin_host.store.db import Database
database = Database(sys.argv[1])
for number in range(60):
    with database.write() as session:
        audit.record(session, ON_THIS_MACHINE, "create", audit.Subject("x", number, sys.argv[2]), now=datetime.now(UTC))
"""


def test_two_processes_write_one_chain_from_the_first_entry_on(database):
    url = database.url.render_as_string(hide_password=False)
    started = [subprocess.Popen([sys.executable, "-c", APPEND, url, name]) for name in ("one", "two")]
    assert [process.wait(60) for process in started] == [0, 0]
    found = verdict(database)
    assert (found.holds, found.entries) == (True, 120)


def bulk(start, at, previous):
    """Ten thousand rows of the log."""
    rows = []
    for number in range(start, start + 10_000):
        row = SimpleNamespace(
            **dict.fromkeys(("network", "action", "object_kind", "object_id", "correlation_id"), ""),
            at=at,
            actor="bulk",
            actor_kind="command",
            object_name=str(number),
            integration_id=None,
            before={"text": "x" * 100},
            after={"text": "y" * 100},
            previous_hash=previous,
        )
        previous = row.hash = audit.hash_of(row)
        rows.append(vars(row))
    return rows


def peak_memory():
    """The most memory that this process used since the last call, in bytes."""
    status = Path("/proc/self/status").read_text()
    Path("/proc/self/clear_refs").write_text("5")
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024


def test_a_hundred_thousand_entries_are_proved_in_seconds_with_flat_memory(database, clock, capsys):
    rows, previous = [], audit.START
    with database.write() as session:
        for start in range(0, 100_000, 10_000):
            rows = bulk(start, clock(), previous)
            previous = rows[-1]["hash"]
            session.execute(insert(AuditRow.__table__), rows)
        session.add(MarkRow(name=audit.HEAD, value=previous))
    peak_memory()
    before = peak_memory()
    started = time.process_time()
    assert verdict(database).entries == 100_000
    took, grown = time.process_time() - started, peak_memory() - before
    with capsys.disabled():
        print(f"\n100,000 entries proved in {took:.1f} s, {grown / 2**20:.0f} MB more memory")  # noqa: T201
    assert took < 10
    assert grown < 50 * 2**20


def test_pages_go_back_and_forth(database, ten):
    first = page(database, size=4)
    assert [entry.id for entry in first.entries] == ten[:5:-1]
    assert (first.newer, first.older) == (None, ten[6])
    second = page(database, before=first.older, size=4)
    assert [entry.id for entry in second.entries] == ten[5:1:-1]
    last = page(database, before=second.older, size=4)
    assert [entry.id for entry in last.entries] == [ten[1], ten[0]]
    assert last.older is None
    back = page(database, after=last.newer, size=4)
    assert back == second
    assert page(database, after=back.newer, size=4).newer is None
    assert page(database, after=ten[-1]).entries == ()


def test_every_filter(database, clock):
    start = clock()
    write(database, clock, 1, caller=OPERATOR, action="create", kind="vmr")
    clock.forward(hours=1)
    write(database, clock, 2, caller=PROVIDER, integration=2)
    clock.forward(hours=1)
    write(database, clock, 3, integration=1)

    def names(**wanted):
        return [entry.object_id for entry in page(database, wanted=Wanted(**wanted)).entries]

    assert names() == ["3", "2", "1"]
    assert names(since=start + timedelta(hours=1)) == ["3", "2"]
    assert names(until=start + timedelta(hours=1)) == ["1"]
    assert names(actor="olga") == names(kind="vmr") == names(action="create") == names(text="192.0.2") == ["1"]
    assert names(integration=2) == ["2"]
    assert names(text="OBJECT 3") == ["3"]
    assert names(text='"name": "B') == ["3", "2", "1"]
    assert names(text="%") == names(actor="nobody") == []
    with database.read() as session:
        found = audit_log.choices(session, ON_THIS_MACHINE)
    assert found.actors == ("command line", "ivan", "olga")
    assert (found.actions, found.kinds) == (("change", "create"), ("integration", "vmr"))


def test_integration_administrators_see_their_integrations_alone(database, clock):
    for integration in (None, 1, 2, 3):
        write(database, clock, integration or 0, integration=integration)
    assert [entry.integration_id for entry in page(database, PROVIDER).entries] == [2]
    for integration in (1, 99):
        with pytest.raises(Refused, match=r"There is no such integration\."):
            page(database, PROVIDER, Wanted(integration=integration))
    with database.read() as session:
        assert audit_log.choices(session, PROVIDER).actors == ("command line",)
    text = "".join(audit_log.export(database, PROVIDER, Wanted(), form="jsonl"))
    assert [json.loads(line).get("integration_id") for line in text.splitlines()] == [2, None]
    with pytest.raises(Refused, match="may not see the audit log"):
        page(database, VIEWER)
    with pytest.raises(Refused, match="may not see the audit log"):
        audit_log.export(database, VIEWER, Wanted(), form="csv")


def test_exports_hold_everything_and_the_head(database, clock, ten, monkeypatch):
    monkeypatch.setattr(audit_log, "_BATCH", 3)
    write(database, clock, "=1+1", caller=OPERATOR)
    lines = [
        json.loads(line) for line in "".join(audit_log.export(database, OPERATOR, Wanted(), form="jsonl")).splitlines()
    ]
    assert len(lines) == 12
    assert lines[-1] == {"head": verdict(database).head}
    assert lines[0]["after"] == {"name": "b"}
    assert lines[0]["at"] == "2026-11-23T12:00:00Z"
    table = list(
        csv.reader(io.StringIO("".join(audit_log.export(database, OPERATOR, Wanted(), form="csv")), newline=""))
    )
    assert tuple(table[0]) == audit_log.COLUMNS
    assert (len(table), table[-1][0], table[-1][-1]) == (13, "head", verdict(database).head)
    assert table[-2][7] == "'=1+1"
    assert json.loads(table[1][10]) == {"name": "a"}


def test_a_change_says_what_differed(database, clock):
    write(database, clock, 1)
    (change,) = page(database).entries[0].differences
    assert (change.name, change.before, change.after, change.lines) == ("name", "a", "b", ())
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(AuditRow)) == 1
