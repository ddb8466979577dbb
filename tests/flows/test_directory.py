"""The directory flows over both databases."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import func, select, text, update

from addin_host.domain.access import ON_THIS_MACHINE
from addin_host.domain.directory import Kind, Submitted, Survey
from addin_host.domain.directory_file import read_csv, read_json
from addin_host.domain.errors import Invalid, Misconfigured, Reason, Refused
from addin_host.flows import directory, users
from addin_host.flows.directory_import import Outcome, import_records
from addin_host.flows.directory_vmr_import import Counts
from addin_host.store.db import Database
from addin_host.store.models import (
    ConferenceRow,
    DialogSessionRow,
    EndUserRow,
    IntegrationRow,
    ScheduledAliasRow,
    UserSubjectRow,
)
from addin_host.store.secrets import SecretBox
from tests.flows.meetings import Desk, an_integration

Load = Callable[..., Outcome]
HEAD = "name,description,pin,guest_pin,allow_guests,owner,aliases\n"
ALICE = "Alice,Her room,0123,4567,yes,alice@example.com,alice@x.com 1001 alice\n"
BOB = "Bob,,,,no,Bob@example.com,bob@x.com\n"


def rows_of(content: object, kind: Kind = Kind.VMR) -> list[Submitted]:
    if isinstance(content, str):
        return list(read_csv(io.StringIO(content, newline=""), kind))
    return list(read_json(json.dumps(content)))


@pytest.fixture
def load(database: Database, box: SecretBox, clock: Callable[[], object]) -> Load:
    def run(content: object, *, kind: Kind = Kind.VMR, box: SecretBox = box, dry_run: bool = False) -> Outcome:
        rows = rows_of(content, kind)
        survey = Survey().take_all(rows)
        with database.write() as session:
            return import_records(session, records=rows, survey=survey, box=box, now=clock(), dry_run=dry_run)

    return run


def stored(database: Database, box: SecretBox) -> dict[str, tuple]:
    with database.read() as session:
        versions = {row.name: row.version for row in session.scalars(select(ConferenceRow))}
        return {
            vmr.name: (vmr.pin, vmr.guest_pin, vmr.allow_guests, vmr.owner, vmr.aliases, versions[vmr.name])
            for vmr in directory.export_vmrs(session, box=box)
        }


def test_vmrs_are_created_with_sealed_pins(database, box, load):
    assert load(HEAD + ALICE + BOB).vmrs == Counts(created=2)
    assert stored(database, box) == {
        "Alice": ("0123", "4567", True, "alice@example.com", ("alice@x.com", "1001", "alice"), 1),
        "Bob": ("", "", False, "Bob@example.com", ("bob@x.com",), 1),
    }
    with database.read() as session:
        row = session.scalars(select(ConferenceRow).where(ConferenceRow.name == "Alice")).one()
        assert "0123" not in row.sealed_pin
        assert box.open(f"conference:{row.uuid}:pin", row.sealed_pin) == "0123"
        assert box.open(f"conference:{row.uuid}:guest_pin", row.sealed_guest_pin) == "4567"
        with pytest.raises(Misconfigured):
            box.open(directory.pin_place(row.uuid, "pin"), row.sealed_guest_pin)


def test_an_import_can_be_repeated(database, box, load):
    load(HEAD + ALICE + BOB)
    before = stored(database, box)
    assert load(HEAD + ALICE + BOB).vmrs == Counts(unchanged=2)
    assert stored(database, box) == before


@pytest.mark.parametrize(
    "changed",
    [
        ALICE.replace("Her room", "His room"),
        ALICE.replace("0123", "0124"),
        ALICE.replace("4567", ""),
        ALICE.replace("alice@x.com 1001", "1001 alice@x.com"),
        ALICE.replace(" 1001", ""),
        ALICE.replace("alice@x.com", "ALICE@x.com"),
        ALICE.replace("alice@example.com", "carol@example.com"),
    ],
)
def test_one_change_raises_the_version_of_that_vmr_alone(database, box, load, changed):
    load(HEAD + ALICE + BOB)
    assert load(HEAD + changed + BOB).vmrs == Counts(updated=1, unchanged=1)
    after = stored(database, box)
    assert (after["Alice"][-1], after["Bob"][-1]) == (2, 1)
    assert load(HEAD + changed + BOB).vmrs == Counts(unchanged=2)


def test_a_column_that_is_not_in_the_file_keeps_what_is_stored(database, box, load):
    load(HEAD + ALICE)
    assert load("name,description\nAlice,New\n").vmrs == Counts(updated=1)
    pin, guest_pin, allow_guests, owner, aliases, _version = stored(database, box)["Alice"]
    assert (pin, guest_pin, allow_guests, owner) == ("0123", "4567", True, "alice@example.com")
    assert aliases == ("alice@x.com", "1001", "alice")


def test_pins_are_judged_together_with_what_is_stored(load):
    load(HEAD + ALICE)
    with pytest.raises(Invalid) as caught:
        load("name,pin\nAlice,\n")
    assert caught.value.message == "row 2, pin: is missing: with a guest PIN, hosts need one of their own. Enter it."
    with pytest.raises(Invalid, match="row 2, guest_pin: must differ"):
        load("name,pin\nAlice,4567\n")


def test_nothing_is_imported_when_one_row_is_wrong(database, box, load):
    load(HEAD + BOB)
    before = stored(database, box)
    with pytest.raises(Invalid) as caught:
        load(HEAD + BOB.replace("bob@x", "robert@x") + "".join(f"N{i},,,,no,,\n" for i in range(1500)) + ",x,,,,,\n")
    assert [str(problem) for problem in caught.value.problems] == ["row 1503, name: is missing. Enter a value."]
    assert stored(database, box) == before


def test_an_alias_of_another_vmr_is_refused_and_its_holder_named(database, box, load):
    load(HEAD + ALICE + BOB)
    with pytest.raises(Invalid) as caught:
        load("name,aliases,pin\nCarol,ALICE@X.com carol,\nDave,BOB@x.com,12\nErin,bob@X.com,\n")
    assert [str(problem).split(".")[0] for problem in caught.value.problems] == [
        "row 2, aliases: 'alice@x",
        "row 3, pin: must be 4 to 20 digits and nothing else",
        "row 4, aliases: 'bob@x",
    ]
    assert "belongs to the VMR 'Alice'" in str(caught.value.problems[0])
    assert set(stored(database, box)) == {"Alice", "Bob"}


def test_vmrs_of_a_file_may_exchange_aliases(database, box, load):
    load("name,aliases\nA,one two\nB,three\nC,four\n")
    assert load("name,aliases\nB,one three\nA,two\nC,four\n").vmrs == Counts(updated=2, unchanged=1)
    after = stored(database, box)
    assert {name: (value[4], value[5]) for name, value in after.items()} == {
        "A": (("two",), 2),
        "B": (("one", "three"), 2),
        "C": (("four",), 1),
    }


def test_aliases_move_between_batches_in_both_directions(database, box, load):
    names = [f"N{i}" for i in range(2500)]
    load("name,aliases\n" + "".join(f"{name},{name}@x.com\n" for name in names))
    turned = "".join(f"{name},{other}@x.com\n" for name, other in zip(names, reversed(names), strict=True))
    assert load("name,aliases\n" + turned).vmrs == Counts(updated=2500)
    after = stored(database, box)
    assert after["N0"][4:] == (("N2499@x.com",), 2)
    assert after["N2499"][4:] == (("N0@x.com",), 2)


def test_a_vmr_that_keeps_its_aliases_does_not_give_them_up(load):
    load(HEAD + ALICE)
    with pytest.raises(Invalid, match="'alice' belongs to the VMR 'Alice'"):
        load({"conferences": [{"name": "Alice", "description": "x"}, {"name": "Bob", "aliases": ["alice"]}]})


def test_a_dry_run_counts_and_changes_nothing(database, box, load):
    load(HEAD + ALICE)
    assert load(HEAD + ALICE.replace("0123", "9999") + BOB, dry_run=True).vmrs == Counts(created=1, updated=1)
    assert set(stored(database, box)) == {"Alice"}
    assert stored(database, box)["Alice"][0] == "0123"


def test_a_pin_that_cannot_be_opened_is_mended_by_importing_it_again(database, box, load):
    load(HEAD + ALICE, box=SecretBox([Fernet.generate_key()]))
    assert load("name,description\nAlice,Her room\n").vmrs == Counts(unchanged=1)
    assert load(HEAD + ALICE).vmrs == Counts(updated=1)
    assert stored(database, box)["Alice"][:2] == ("0123", "4567")


def test_a_file_that_changed_between_the_two_readings_is_refused(database, box, clock):
    survey = Survey().take_all(rows_of("name\nA\n"))
    with pytest.raises(Refused) as caught, database.write() as session:
        import_records(session, records=rows_of("name\nB\n"), survey=survey, box=box, now=clock())
    assert caught.value.reason is Reason.CONFLICT


def test_a_race_is_refused_without_the_values_of_the_statement(database, box, clock):
    rows = rows_of("name,pin,aliases\nA,246802,same\nB,,same\n")
    survey = Survey().take_all([rows[0], replace(rows[1], values={"name": "B"})])
    with pytest.raises(Refused) as caught, database.write() as session:
        import_records(session, records=rows, survey=survey, box=box, now=clock())
    assert caught.value.reason is Reason.CONFLICT
    assert "gAAAA" not in str(caught.value.__cause__)
    assert stored(database, box) == {}


def test_users_are_created_changed_and_left(database, load):
    head = "primary_email_address,first_name,display_name\n"
    assert load(head + "Alice@example.com,Alice,\nbob@example.com,,Bob\n", kind=Kind.USER).users == Counts(created=2)
    again = head + "alice@EXAMPLE.com,Alice,Alice A\nbob@example.com,,Bob\n"
    assert load(again, kind=Kind.USER).users == Counts(updated=1, unchanged=1)
    with database.read() as session:
        found = [(user.primary_email_address, user.display_name) for user in directory.list_users(session, limit=9)]
    assert found == [("alice@EXAMPLE.com", "Alice A"), ("bob@example.com", "Bob")]


def test_json_imports_both_kinds_at_once(load):
    outcome = load({"users": [{"primary_email_address": "a@example.com"}], "conferences": [{"name": "A"}]})
    assert outcome == Outcome(Counts(created=1), Counts(created=1))


def test_vmrs_are_found_by_owner_and_by_text(database, load):
    load(HEAD + ALICE + BOB + "100% sure,,,,no,,\n")

    def names(**wanted) -> list[str]:
        with database.read() as session:
            return [line.name for line in directory.list_vmrs(session, **({"limit": 50} | wanted))]

    assert names() == ["100% sure", "Alice", "Bob"]
    assert names(limit=2) == ["100% sure", "Alice"]
    assert names(owner="BOB@example.com") == ["Bob"]
    assert names(search="HER ROOM") == ["Alice"]
    assert names(search="bob@X") == ["Bob"]
    assert names(search="100%") == ["100% sure"]
    assert names(search="0% s_re") == []
    assert names(search="alice@", owner="bob@example.com") == []


def test_a_line_tells_only_that_pins_are_set(database, load):
    load(HEAD + ALICE)
    with database.read() as session:
        (line,) = directory.list_vmrs(session, limit=5)
    assert (line.pin_set, line.guest_pin_set) == (True, True)
    assert "0123" not in repr(line)


def test_the_owner_is_looked_up_in_the_index(database, load):
    load(HEAD + ALICE)
    explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
    query = f"{explain} SELECT id FROM conference WHERE lower(primary_owner_email_address) = 'alice@example.com'"
    with database.write() as session:
        if not database.is_sqlite:
            session.execute(text("SET LOCAL enable_seqscan = off"))  # a table of one row is read whole otherwise
        plan = session.execute(text(query)).all()
    assert "ix_conference_owner" in str(plan)


@pytest.fixture
def bound(database: Database, load: Load, clock) -> str:
    """A user who signed in: a subject on two paths, one open session; and another user likewise."""
    load("primary_email_address\nalice@example.com\nbob@example.com\n", kind=Kind.USER)
    with database.write() as session:
        now = clock()
        session.add(IntegrationRow(id=1, uuid="u", name="n", fqdn="", record={}, created_at=now, updated_at=now))
        session.flush()
        for user in session.scalars(select(EndUserRow)).all():
            name = user.primary_email_address
            for path in ("azure", "naa"):
                session.add(UserSubjectRow(user_id=user.id, path=path, issuer="i", subject=name, first_seen_at=clock()))
            times = {"created_at": clock(), "expires_at": clock()}
            session.add(DialogSessionRow(cookie_hash=name, integration_id=1, user_id=user.id, **times))
    return "Alice@example.com"


def test_a_release_forgets_the_accounts_and_ends_the_sessions_of_one_user(database, bound, clock):
    with database.write() as session:
        user = users.at(session, bound)
        released = users.release(session, user.id, caller=ON_THIS_MACHINE, now=clock())
        assert released == directory.Released(subjects=2, sessions=1)
    with database.read() as session:
        assert session.scalars(select(UserSubjectRow.subject).distinct()).all() == ["bob@example.com"]
        assert session.scalars(select(DialogSessionRow.cookie_hash)).all() == ["bob@example.com"]
        lines = directory.list_users(session, limit=5)
    assert [(line.primary_email_address, line.bound) for line in lines] == [
        ("alice@example.com", False),
        ("bob@example.com", True),
    ]


def test_deleting_a_user_ends_everything_of_it(database, bound, clock):
    with database.write() as session:
        users.delete(session, users.at(session, bound).id, caller=ON_THIS_MACHINE, now=clock())
    with database.read() as session:
        assert session.scalars(select(UserSubjectRow.subject).distinct()).all() == ["bob@example.com"]
        assert session.scalar(select(func.count()).select_from(DialogSessionRow)) == 1


def test_an_unknown_address_is_refused(database):
    unknown = pytest.raises(Refused, match=r"There is no user with the address 'x@example\.com'")
    with unknown, database.read() as session:
        users.at(session, "x@example.com")


def test_a_file_cannot_bring_the_aliases_of_meetings(load: Load, database: Database, box: SecretBox, clock) -> None:
    minted = Desk(database, box, clock, an_integration(database, box, clock)).mint()
    load(HEAD + ALICE)
    content = f"{HEAD}{ALICE}Bob,,,,no,,{minted.numeric_alias} bob@x.com\nCarol,,,,no,,{minted.alias.upper()}\n"
    for dry_run in (True, False):
        with pytest.raises(Invalid) as refused:
            load(content, dry_run=dry_run)
        assert [problem.line for problem in refused.value.problems] == [3, 4]
        assert all("was handed out for a meeting" in problem.message for problem in refused.value.problems)
    assert set(stored(database, box)) == {"Alice"}
    with database.write() as session:
        session.execute(update(ScheduledAliasRow).values(released_at=clock()))
    assert load(content).vmrs.created == 2
