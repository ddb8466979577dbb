"""Single VMRs and aliases over both databases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select

from addin_host.domain.access import ON_THIS_MACHINE, Caller, Role
from addin_host.domain.errors import Invalid, Reason, Refused
from addin_host.flows import vmr_aliases, vmrs
from addin_host.store.db import Database
from addin_host.store.models import AuditRow, ConferenceAliasRow, ConferenceRow, IvrThemeRow
from addin_host.store.secrets import SecretBox

Save = Callable[..., int]
HOST_PIN, GUEST_PIN = "73910264", "64019375"


@pytest.fixture
def save(database: Database, box: SecretBox, clock: Callable[[], Any]) -> Save:
    def run(vmr_id: int | None = None, *, box: SecretBox = box, version: int | None = None, **values: Any) -> int:
        with database.write() as session:
            row = vmrs.save(session, vmr_id, values, box=box, caller=ON_THIS_MACHINE, now=clock(), version=version)
            return row.id

    return run


def stored(database: Database, vmr_id: int) -> dict[str, Any]:
    with database.read() as session:
        row = vmrs.get(session, vmr_id)
        return vmrs.seen(row) | {"version": row.version, "ids": [alias.id for alias in row.aliases]}


def entries(database: Database) -> list[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    with database.read() as session:
        rows = session.scalars(select(AuditRow).order_by(AuditRow.id))
        return [(row.action, row.object_name, row.before, row.after) for row in rows]


def fields_of(refusal: pytest.ExceptionInfo[Invalid]) -> list[str]:
    return [problem.field for problem in refusal.value.problems]


def test_a_new_vmr_takes_the_defaults(database, save):
    found = stored(database, save(name="Blue"))
    assert (found["service_type"], found["non_idp_participants"], found["version"]) == ("conference", "disallow_all", 1)
    assert (found["pin"], found["aliases"], found["participant_limit"], found["extra"]) == ("not set", [], None, [])


def test_what_is_not_named_stays(database, save):
    vmr = save(name="Blue", description="Old", tag="t", pin=HOST_PIN, aliases=["blue@x.com"], participant_limit=5)
    save(vmr, description="New")
    found = stored(database, vmr)
    assert (found["description"], found["tag"], found["pin"], found["aliases"]) == ("New", "t", "set", ["blue@x.com"])
    assert (found["participant_limit"], found["version"]) == (5, 2)


def test_saving_what_is_stored_changes_nothing(database, save):
    vmr = save(name="Blue", pin=HOST_PIN, aliases=["blue@x.com"], extra={"a": 1})
    save(vmr, name="Blue", pin=HOST_PIN, aliases=["blue@x.com"], extra={"a": 1})
    assert stored(database, vmr)["version"] == 1
    assert len(entries(database)) == 1


def test_the_audit_log_tells_what_changed_and_no_pin(database, save):
    vmr = save(name="Blue", pin=HOST_PIN, extra={"secret_thing": "s3cret"})
    save(vmr, pin="55512345", guest_pin=GUEST_PIN, allow_guests=True, extra={"secret_thing": "other"})
    save(vmr, pin="", guest_pin="")
    found = entries(database)
    assert [entry[0] for entry in found] == ["create", "change", "change"]
    assert found[1][2:] == (
        {"pin": "set", "guest_pin": "not set", "allow_guests": False, "extra": ["secret_thing"]},
        {"pin": "changed", "guest_pin": "set", "allow_guests": True, "extra": "changed"},
    )
    assert found[2][3] == {"pin": "not set", "guest_pin": "not set"}
    for secret in (HOST_PIN, GUEST_PIN, "55512345", "s3cret"):
        assert secret not in str(found)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({}, ["name"]),
        ({"name": " "}, ["name"]),
        ({"name": "x" * 251}, ["name"]),
        ({"name": "Green", "pin": "12"}, ["pin"]),
        ({"name": "Green", "pin": "1234", "guest_pin": "1234", "allow_guests": True}, ["guest_pin"]),
        ({"name": "Green", "guest_pin": "1234", "allow_guests": True}, ["pin"]),
        ({"name": "Green", "pin": "4444", "guest_pin": "1234"}, ["guest_pin"]),
        ({"name": "Green", "aliases": ["not an alias"]}, ["aliases"]),
        ({"name": "Green", "aliases": ["a", "A"]}, ["aliases"]),
        ({"name": "Green", "service_type": "party"}, ["service_type"]),
        ({"name": "Green", "ivr_theme_id": 77}, ["ivr_theme_id"]),
        ({"name": "Green", "participant_limit": -1}, ["participant_limit"]),
        ({"name": "Green", "non_idp_participants": "all"}, ["non_idp_participants"]),
        ({"name": "Green", "primary_owner_email_address": "nobody"}, ["primary_owner_email_address"]),
        ({"name": "Green", "extra": {"a": "\x00"}}, ["extra"]),
        ({"name": "Green", "extra": ["a"]}, ["extra"]),
        ({"name": "Green", "colour": "green"}, ["colour"]),
        ({"name": "Blue"}, ["name"]),
        ({"name": "Blue", "aliases": ["BLUE@x.com"]}, ["name", "aliases"]),
    ],
)
def test_what_is_refused_is_named(database, save, values, named):
    save(name="Blue", aliases=["blue@x.com"])
    with pytest.raises(Invalid) as refusal:
        save(**values)
    assert fields_of(refusal) == named
    with database.read() as session:
        assert [row.name for row in session.scalars(select(ConferenceRow))] == ["Blue"]


def test_a_list_entry_that_exists_is_taken(database, save):
    with database.write() as session:
        theme = IvrThemeRow(name="Corporate")
        session.add(theme)
        session.flush()
        theme_id = theme.id
    vmr = save(name="Blue", ivr_theme_id=theme_id)
    assert stored(database, vmr)["ivr_theme_id"] == theme_id
    save(vmr, ivr_theme_id=None)
    assert stored(database, vmr)["ivr_theme_id"] is None


def test_aliases_that_stay_keep_their_ids_and_words(database, save):
    vmr = save(name="Blue", aliases=[{"alias": "one", "description": "First"}, "two", "three"])
    ids = stored(database, vmr)["ids"]
    save(vmr, aliases=["Three", "one", "four"])
    found = stored(database, vmr)
    assert found["aliases"] == ["Three", "one", "four"]
    assert found["ids"][:2] == [ids[2], ids[0]]
    assert found["alias descriptions"] == {"one": "First"}


def test_a_second_editor_is_told(save):
    vmr = save(name="Blue")
    save(vmr, version=1, description="One")
    with pytest.raises(Refused) as refusal:
        save(vmr, version=1, description="Two")
    assert refusal.value.reason is Reason.CONFLICT


def test_a_pin_of_a_lost_key_is_kept_by_a_save_and_mended_by_entering_it(database, save, box, clock):
    vmr = save(name="Blue", pin=HOST_PIN)
    other = SecretBox([Fernet.generate_key()])
    save(vmr, box=other, description="Changed")
    with database.write() as session:
        assert vmrs.look_at_pins(session, vmr, box=box, caller=ON_THIS_MACHINE, now=clock()).host == HOST_PIN
    save(vmr, box=other, pin=HOST_PIN)
    with database.write() as session:
        assert vmrs.look_at_pins(session, vmr, box=other, caller=ON_THIS_MACHINE, now=clock()).host == HOST_PIN


def test_a_look_at_pins_is_written_down(database, save, box, clock):
    vmr = save(name="Blue", pin=HOST_PIN, guest_pin=GUEST_PIN, allow_guests=True)
    caller = replace(ON_THIS_MACHINE, name="eve")
    with database.write() as session:
        pins = vmrs.look_at_pins(session, vmr, box=box, caller=caller, now=clock())
    assert (pins.host, pins.guest) == (HOST_PIN, GUEST_PIN)
    assert HOST_PIN not in repr(pins)
    assert entries(database)[-1] == ("look at PINs", "Blue", {}, {})


@pytest.mark.parametrize("vmr_id", [0, -1, 4711, 2**31, 2**70])
def test_an_unknown_vmr(database, save, vmr_id):
    for act in (lambda: save(vmr_id, description="x"), lambda: stored(database, vmr_id)):
        with pytest.raises(Refused) as refusal:
            act()
        assert refusal.value.reason is Reason.UNKNOWN


def test_each_needs_its_own_permission(database, save, box, clock):
    number = save(name="Room", pin="1234")
    viewer, operator = Caller("account", 1, "Vera", Role.VIEWER), Caller("account", 2, "Olga", Role.OPERATOR)
    with database.write() as session:
        with pytest.raises(Refused, match="You may not change the directory"):
            vmrs.save(session, number, {"name": "B"}, box=box, caller=viewer, now=clock())
        with pytest.raises(Refused, match="You may not change the directory"):
            vmrs.delete(session, number, caller=viewer, now=clock())
        with pytest.raises(Refused, match="You may not see PINs"):
            vmrs.look_at_pins(session, number, box=box, caller=operator, now=clock())


def test_delete_takes_the_aliases_along(database, save, clock):
    vmr = save(name="Blue", aliases=["blue"])
    with database.write() as session:
        vmrs.delete(session, vmr, caller=ON_THIS_MACHINE, now=clock())
    with database.read() as session:
        assert session.scalars(select(ConferenceAliasRow)).all() == []
    assert entries(database)[-1][:2] == ("delete", "Blue")


class TestAliases:
    @pytest.fixture
    def save_alias(self, database, clock):
        def run(alias_id=None, **values):
            with database.write() as session:
                row = vmr_aliases.save_alias(session, alias_id, values, caller=ON_THIS_MACHINE, now=clock())
                return row.id

        return run

    def test_added_changed_moved_deleted(self, database, save, save_alias, clock):
        blue, red = save(name="Blue", aliases=["blue"]), save(name="Red")
        alias = save_alias(alias="second", conference_id=blue, description="Words")
        assert stored(database, blue)["aliases"] == ["blue", "second"]
        save_alias(alias, conference_id=red)
        assert (stored(database, blue)["aliases"], stored(database, red)["aliases"]) == (["blue"], ["second"])
        assert (stored(database, blue)["version"], stored(database, red)["version"]) == (3, 2)
        with database.write() as session:
            vmr_aliases.delete_alias(session, alias, caller=ON_THIS_MACHINE, now=clock())
        assert stored(database, red)["aliases"] == []
        assert [entry[0] for entry in entries(database)][2:] == ["create", "change", "delete"]

    def test_what_is_refused_is_named(self, save, save_alias):
        blue, red = save(name="Blue", aliases=["blue"]), save(name="Red")
        for values, named in (
            ({"alias": "BLUE", "conference_id": red}, ["alias"]),
            ({"alias": "b c", "conference_id": red}, ["alias"]),
            ({"alias": "green", "conference_id": 4711}, ["conference_id"]),
            ({"alias": "green"}, ["conference_id"]),
            ({"alias": "green", "conference_id": blue, "view_order": "x"}, ["view_order"]),
        ):
            with pytest.raises(Invalid) as refusal:
                save_alias(**values)
            assert fields_of(refusal) == named

    def test_nothing_changed_is_not_written_down(self, database, save, save_alias):
        blue = save(name="Blue")
        alias = save_alias(alias="one", conference_id=blue)
        save_alias(alias, alias="one", conference_id=blue)
        assert stored(database, blue)["version"] == 2
        assert len(entries(database)) == 2

    def test_unknown(self, save_alias):
        with pytest.raises(Refused) as refusal:
            save_alias(4711, alias="x")
        assert refusal.value.reason is Reason.UNKNOWN
