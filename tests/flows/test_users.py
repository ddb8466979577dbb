"""Single users over both databases."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from addin_host.domain.access import ON_THIS_MACHINE
from addin_host.domain.errors import Invalid, Reason, Refused
from addin_host.flows import users
from addin_host.flows.directory import Released
from addin_host.store.models import AuditRow, DialogSessionRow, EndUserRow, IntegrationRow, UserSubjectRow


@pytest.fixture
def save(database, clock):
    def run(user_id: int | None = None, **values: Any) -> int:
        with database.write() as session:
            return users.save(session, user_id, values, caller=ON_THIS_MACHINE, now=clock()).id

    return run


def entries(database):
    with database.read() as session:
        rows = session.scalars(select(AuditRow).order_by(AuditRow.id))
        return [(row.action, row.object_name, row.before, row.after) for row in rows]


def sign_in(database, clock, user_id):
    with database.write() as session:
        integration = IntegrationRow(
            uuid="i", name="I", fqdn="i.example.com", record={}, icon_hash="", created_at=clock(), updated_at=clock()
        )
        session.add(integration)
        session.flush()
        session.add(
            UserSubjectRow(user_id=user_id, path="AZURE", issuer="https://x", subject="s", first_seen_at=clock())
        )
        session.add(
            DialogSessionRow(
                cookie_hash="c",
                integration_id=integration.id,
                user_id=user_id,
                created_at=clock(),
                expires_at=clock(),
            )
        )


def test_every_attribute_is_kept(database, save):
    values = {
        "primary_email_address": "alice@example.com",
        "first_name": "Alice",
        "last_name": "Example",
        "display_name": "Alice Example",
        "telephone_number": "+49 1",
        "mobile_number": "+49 2",
        "title": "Dr",
        "department": "Sales",
        "avatar_url": "https://x.example.com/a.png",
        "description": "Words",
        "user_groups": ["/api/admin/configuration/v1/user_group/1/"],
        "user_oid": "oid",
        "exchange_user_id": "xid",
        "ms_exchange_guid": "guid",
        "sync_tag": "tag",
        "uuid": "2f1c8e9a-7b3d-4c5e-8f90-123456789abc",
    }
    user = save(**values)
    with database.read() as session:
        assert users.seen(users.get(session, user)) == values
    save(user, first_name="Alicia", user_oid=None)
    with database.read() as session:
        assert users.seen(users.get(session, user)) == values | {"first_name": "Alicia", "user_oid": None}
    assert entries(database)[1][2:] == (
        {"first_name": "Alice", "user_oid": "oid"},
        {"first_name": "Alicia", "user_oid": None},
    )


def test_nothing_changed_is_not_written_down(database, save):
    user = save(primary_email_address="alice@example.com", display_name="Alice")
    save(user, primary_email_address="alice@example.com", display_name="Alice")
    assert len(entries(database)) == 1


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({}, ["primary_email_address"]),
        ({"primary_email_address": "nobody"}, ["primary_email_address"]),
        ({"primary_email_address": "ALICE@example.com"}, ["primary_email_address"]),
        ({"primary_email_address": "b@example.com", "title": "x" * 129}, ["title"]),
        ({"primary_email_address": "b@example.com", "user_groups": "all"}, ["user_groups"]),
        ({"primary_email_address": "b@example.com", "uuid": "x"}, ["uuid"]),
        ({"primary_email_address": "b@example.com", "uuid": "2f1c8e9a-7b3d-4c5e-8f90-123456789abc"}, ["uuid"]),
        ({"primary_email_address": "b@example.com", "shoe_size": 43}, ["shoe_size"]),
    ],
)
def test_what_is_refused_is_named(save, values, named):
    save(primary_email_address="alice@example.com", uuid="2f1c8e9a-7b3d-4c5e-8f90-123456789abc")
    with pytest.raises(Invalid) as refusal:
        save(**values)
    assert [problem.field for problem in refusal.value.problems] == named


def test_deleting_forces_a_new_sign_in(database, save, clock):
    user = save(primary_email_address="alice@example.com")
    sign_in(database, clock, user)
    with database.write() as session:
        users.delete(session, user, caller=ON_THIS_MACHINE, now=clock())
    with database.read() as session:
        for table in (EndUserRow, UserSubjectRow, DialogSessionRow):
            assert session.scalars(select(table)).all() == []
    assert entries(database)[-1][:2] == ("delete", "alice@example.com")


def test_release_forgets_accounts_and_sessions(database, save, clock):
    user = save(primary_email_address="alice@example.com")
    sign_in(database, clock, user)
    with database.write() as session:
        assert users.release(session, user, caller=ON_THIS_MACHINE, now=clock()) == Released(1, 1)
        assert users.bound(session, user) == Released(0, 0)
    assert entries(database)[-1] == ("release sign-in", "alice@example.com", {"accounts": 1, "sessions": 1}, {})


@pytest.mark.parametrize("user_id", [0, 4711, 2**40])
def test_an_unknown_user(save, user_id):
    with pytest.raises(Refused) as refusal:
        save(user_id, first_name="x")
    assert refusal.value.reason is Reason.UNKNOWN
