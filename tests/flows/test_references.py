"""Themes and identity provider groups: unique names, and no deleting of what is in use."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from addin_host.domain.access import ON_THIS_MACHINE, Caller, Role
from addin_host.domain.errors import Invalid, Reason, Refused
from addin_host.flows import integrations, references
from addin_host.flows.references import ListKind
from addin_host.store.db import Database
from addin_host.store.models import AuditRow, ConferenceRow
from addin_host.store.secrets import SecretBox
from tests.conftest import Clock, a_record

KINDS = list(ListKind)


def create(session: Session, kind: ListKind, name: str, clock: Clock) -> references.Entry:
    return references.create(session, kind, name, caller=ON_THIS_MACHINE, now=clock())


def put(database: Database, box: SecretBox, clock: Clock, **changes: Any) -> None:
    draft = integrations.prepare(a_record(**changes), before=None, trial=lambda found: [None] * len(found))
    with database.write() as session:
        integrations.save(session, draft, expected_version=None, caller=ON_THIS_MACHINE, box=box, now=clock())


@pytest.mark.parametrize("kind", KINDS)
def test_a_list_is_kept_by_name_and_every_change_is_audited(database: Database, clock: Clock, kind: ListKind) -> None:
    with database.write() as session:
        second, first = create(session, kind, " zeta ", clock), create(session, kind, "Alpha", clock)
        renamed = references.rename(session, kind, second.id, "Beta", caller=ON_THIS_MACHINE, now=clock())
        references.rename(session, kind, second.id, "Beta", caller=ON_THIS_MACHINE, now=clock())
        assert references.list_(session, kind) == [first, renamed]
        assert references.get(session, kind, first.id) == first
        assert references.delete(session, kind, first.id, caller=ON_THIS_MACHINE, now=clock()) == "Alpha"
        assert [one.name for one in references.list_(session, kind)] == ["Beta"]
        seen = [(row.action, row.before, row.after) for row in session.scalars(select(AuditRow).order_by(AuditRow.id))]
    assert seen == [
        ("create", {}, {"name": "zeta"}),
        ("create", {}, {"name": "Alpha"}),
        ("change", {"name": "zeta"}, {"name": "Beta"}),
        ("delete", {"name": "Alpha"}, {}),
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "words"),
    [("  ", "missing"), ("n" * 251, "251 characters"), ("a\x00b", "control characters"), ("Taken", "in use")],
)
def test_a_name_that_cannot_be(database: Database, clock: Clock, kind: ListKind, name: str, words: str) -> None:
    with database.write() as session:
        create(session, kind, "Taken", clock)
        other = create(session, kind, "Other", clock)
        rename: Callable[[], Any] = lambda: references.rename(  # noqa: E731
            session, kind, other.id, name, caller=ON_THIS_MACHINE, now=clock()
        )
        for attempt in (lambda: create(session, kind, name, clock), rename):
            with pytest.raises(Invalid, match=words) as caught:
                attempt()
            assert [problem.field for problem in caught.value.problems] == ["name"]
            session.expire_all()


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_there_is_refused(database: Database, clock: Clock, kind: ListKind) -> None:
    with database.write() as session:
        for attempt in (
            lambda: references.get(session, kind, 1),
            lambda: references.rename(session, kind, 1, "x", caller=ON_THIS_MACHINE, now=clock()),
            lambda: references.delete(session, kind, 1, caller=ON_THIS_MACHINE, now=clock()),
        ):
            with pytest.raises(Refused) as caught:
                attempt()
            assert caught.value.reason is Reason.UNKNOWN


@pytest.mark.parametrize(
    ("kind", "field"),
    [(ListKind.IVR_THEME, "ivr_theme"), (ListKind.IDENTITY_PROVIDER_GROUP, "host_identity_provider_group")],
)
def test_an_entry_that_an_integration_refers_to_stays(
    database: Database, box: SecretBox, clock: Clock, kind: ListKind, field: str
) -> None:
    with database.write() as session:
        used, free = create(session, kind, "Used", clock), create(session, kind, "Free", clock)
    put(database, box, clock, **{field: used.id}, enable_dynamic_vmrs=False)
    put(database, box, clock, name="Other")
    with database.write() as session:
        with pytest.raises(Refused, match="in use by the integration “Sales”") as caught:
            references.delete(session, kind, used.id, caller=ON_THIS_MACHINE, now=clock())
        assert caught.value.reason is Reason.CONFLICT
        found = {one.name: (one.integrations, one.vmrs) for one in references.with_uses(session, kind)}
        assert found == {"Free": (0, 0), "Used": (1, 0)}
        assert references.delete(session, kind, free.id, caller=ON_THIS_MACHINE, now=clock()) == "Free"


@pytest.mark.parametrize(
    ("kind", "column"),
    [
        (ListKind.IVR_THEME, "ivr_theme_id"),
        (ListKind.IDENTITY_PROVIDER_GROUP, "host_identity_provider_group_id"),
        (ListKind.IDENTITY_PROVIDER_GROUP, "guest_identity_provider_group_id"),
    ],
)
def test_an_entry_that_vmrs_refer_to_stays(database: Database, clock: Clock, kind: ListKind, column: str) -> None:
    with database.write() as session:
        used = create(session, kind, "Used", clock)
        session.add_all(
            ConferenceRow(uuid=str(uuid.uuid4()), name=f"Room {number}", created_at=clock(), **{column: used.id})
            for number in range(7)
        )
        session.flush()
        with pytest.raises(Refused, match=r"the VMR “Room 0”.* and 2 more"):
            references.delete(session, kind, used.id, caller=ON_THIS_MACHINE, now=clock())
        assert [one.vmrs for one in references.with_uses(session, kind)] == [7]


def test_a_list_is_changed_by_who_may(database: Database, clock: Clock) -> None:
    operator = Caller("account", 3, "Olga", Role.OPERATOR)
    with database.write() as session:
        entry = create(session, ListKind.IVR_THEME, "One", clock)
        for change in (
            lambda: references.create(session, ListKind.IVR_THEME, "Two", caller=operator, now=clock()),
            lambda: references.rename(session, ListKind.IVR_THEME, entry.id, "Two", caller=operator, now=clock()),
            lambda: references.delete(session, ListKind.IVR_THEME, entry.id, caller=operator, now=clock()),
        ):
            with pytest.raises(Refused, match="You may not change the lists"):
                change()


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("/api/admin/configuration/v1/ivr_theme/12/", 12),
        ("https://host.example.com/api/admin/configuration/v1/ivr_theme/12/", 12),
        ("12", 12),
        (12, 12),
        ("/api/admin/configuration/v1/identity_provider_group/12/", None),
        ("ivr_theme/twelve/", None),
        ("", None),
        (None, None),
    ],
)
def test_the_id_in_a_reference(reference: Any, found: int | None) -> None:
    assert references.id_of(ListKind.IVR_THEME, reference) == found
