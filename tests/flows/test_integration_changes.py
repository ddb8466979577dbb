"""Saving over somebody else's save, copies, switches, metadata domains, and what the audit log says of it all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select

from addin_host.domain.access import ON_THIS_MACHINE, Caller, Role
from addin_host.domain.errors import Invalid, Reason, Refused
from addin_host.flows import integrations, references
from addin_host.flows.icons import default_icon
from addin_host.flows.integrations import Draft
from addin_host.flows.references import ListKind
from addin_host.store.db import Database
from addin_host.store.models import AuditRow, ExchangeDomainRow, IntegrationRow
from addin_host.store.secrets import SecretBox
from tests.conftest import Clock, a_record

ADMIN_OF_1 = Caller("account", 1, "Ada", Role.INTEGRATION_ADMIN, frozenset({1}))
SECRET = "personal_vmr_oauth_client_secret"

SINGLE_USE: dict[str, Any] = {
    "enable_dynamic_vmrs": True,
    "url": "https://mail.example.com/EWS/Exchange.asmx",
    "username": "service",
    "password": "canary",
    "room_mailbox_name": "Video",
    "room_mailbox_email_address": "video@example.com",
    "scheduled_alias_prefix": "8",
    "scheduled_alias_domain": "example.com",
    "domains": ["mail.example.com"],
}


class Books:
    """One database, and short ways to change it."""

    def __init__(self, database: Database, box: SecretBox, clock: Clock) -> None:
        self.database, self.box, self.clock = database, box, clock

    def draft(self, record: dict[str, Any], **options: Any) -> Draft:
        with self.database.read() as session:
            before = integrations.existing(session, record)
        return integrations.prepare(record, before=before, trial=lambda found: [None] * len(found), **options)

    def write(self, draft: Draft, caller: Caller = ON_THIS_MACHINE, expected: int | None = None) -> int:
        with self.database.write() as session:
            return integrations.save(
                session, draft, expected_version=expected, caller=caller, box=self.box, now=self.clock()
            ).id

    def save(self, **changes: Any) -> dict[str, Any]:
        """Save a new integration and return its record."""
        number = self.write(self.draft(a_record(**changes)))
        return self.record(number) | {"number": number}

    def record(self, number: int) -> dict[str, Any]:
        with self.database.read() as session:
            return dict(integrations.find(session, number).record)

    def audited(self) -> list[AuditRow]:
        with self.database.read() as session:
            return list(session.scalars(select(AuditRow).order_by(AuditRow.id)))

    def domains(self) -> dict[str, tuple[int, int | None]]:
        with self.database.read() as session:
            return {row.domain: (row.id, row.integration_id) for row in session.scalars(select(ExchangeDomainRow))}


@pytest.fixture
def books(database: Database, box: SecretBox, clock: Clock) -> Books:
    return Books(database, box, clock)


def changed(record: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name != "number"} | changes


def test_a_draft_is_not_written_over_a_later_save(books: Books) -> None:
    record = books.save()
    mine, theirs = books.draft(changed(record, description="mine")), books.draft(changed(record, description="theirs"))
    books.write(theirs, expected=1)
    for expected in (None, 1, 2):
        with pytest.raises(Refused) as refusal:
            books.write(mine, expected=expected)
        assert refusal.value.reason is Reason.CONFLICT
    assert books.record(record["number"])["description"] == "theirs"


def test_an_editor_who_saw_an_old_version_is_refused(books: Books) -> None:
    record = books.save()
    books.write(books.draft(changed(record, description="first")))
    with pytest.raises(Refused, match="Somebody saved this integration meanwhile"):
        books.write(books.draft(changed(record, description="second")), expected=1)


def test_a_draft_of_a_deleted_integration_does_not_bring_it_back(books: Books) -> None:
    record = books.save()
    draft = books.draft(changed(record, description="late"))
    with books.database.write() as session:
        integrations.delete(session, record["number"], caller=ON_THIS_MACHINE, now=books.clock())
    with pytest.raises(Refused) as refusal:
        books.write(draft)
    assert refusal.value.reason is Reason.UNKNOWN


def test_what_others_changed_is_told_from_the_log(books: Books) -> None:
    record = books.save(description="a")
    number = record["number"]
    books.write(books.draft(changed(record, description="b", **{SECRET: "canary"})))
    with books.database.write() as session:
        integrations.set_enabled(
            session, number, False, caller=Caller("account", 2, "Bo", Role.PLATFORM_ADMIN), now=books.clock()
        )
    with books.database.read() as session:
        both = integrations.changes_since(session, number, 1)
        last = integrations.changes_since(session, number, 2)
        none = integrations.changes_since(session, number, 3)
    assert [(one.field, one.old, one.new) for one in both.changes] == [
        ("description", "a", "b"),
        ("enabled", True, False),
        (SECRET, "set", "set anew"),
    ]
    assert (both.actor, both.at) == ("Bo", books.clock())
    assert [one.field for one in last.changes] == ["enabled"]
    assert none.changes == ()


def test_another_icon_is_a_change_like_any_other(books: Books) -> None:
    number = books.save()["number"]
    with books.database.write() as session:
        row = integrations.set_icon(session, number, default_icon(), caller=ON_THIS_MACHINE, now=books.clock())
        again = integrations.set_icon(session, number, default_icon(), caller=ON_THIS_MACHINE, now=books.clock())
        assert (row.version, again.version) == (2, 2)
    with books.database.read() as session:
        meanwhile = integrations.changes_since(session, number, 1)
    assert (meanwhile.actor, [one.field for one in meanwhile.changes]) == ("command line", ["addin_icon"])
    for caller, reason in (
        (Caller("account", 5, "Vera", Role.VIEWER), Reason.FORBIDDEN),
        (Caller("account", 6, "Ivan", Role.INTEGRATION_ADMIN, frozenset({number + 1})), Reason.UNKNOWN),
    ):
        with pytest.raises(Refused) as refusal, books.database.write() as session:
            integrations.set_icon(session, number, None, caller=caller, now=books.clock())
        assert refusal.value.reason is reason


def test_every_change_is_audited_without_secrets(books: Books) -> None:
    record = books.save(**{SECRET: "canary-1"})
    number = record["number"]
    books.write(
        books.draft(
            changed(record, auth_provider="ADFS", personal_vmr_adfs_relying_party_trust_identifier="x"),
            cleared={SECRET},
        )
    )
    with books.database.write() as session:
        integrations.duplicate(session, number, caller=ON_THIS_MACHINE, now=books.clock())
        integrations.set_enabled(session, number, False, caller=ON_THIS_MACHINE, now=books.clock())
        integrations.delete(session, number, caller=ON_THIS_MACHINE, now=books.clock())
    entries = books.audited()
    assert [entry.action for entry in entries] == ["create", "change", "create", "switch off", "delete"]
    assert {entry.object_kind for entry in entries} == {"integration"}
    assert "canary" not in str([(entry.before, entry.after) for entry in entries])
    assert entries[0].after[SECRET] == "set"
    assert (entries[1].before[SECRET], entries[1].after[SECRET]) == ("set", "cleared")
    assert entries[2].after["copy of"] == number
    assert entries[3].before == {"enabled": True, "version": 2}
    assert entries[4].before["name"] == "Sales"
    assert "addin_pane_title" not in entries[0].after  # it has its default


def test_metadata_domains_keep_their_ids(books: Books) -> None:
    with books.database.write() as session:
        free = ExchangeDomainRow(domain="free.example.com", created_at=books.clock())
        session.add(free)
        session.flush()
        free_id = free.id
    record = books.save(domains=["a.example.com", "b.example.com", "a.example.com", "free.example.com"])
    number, first = record["number"], books.domains()
    assert record["domains"] == ["a.example.com", "b.example.com", "free.example.com"]
    assert first["free.example.com"] == (free_id, number)
    books.write(books.draft(changed(record, domains=["c.example.com", "b.example.com"])))
    second = books.domains()
    assert set(second) == {"b.example.com", "c.example.com"}
    assert second["b.example.com"] == first["b.example.com"]
    books.write(books.draft(changed(record, domains=None)))
    assert books.domains() == {}


def test_a_copy_has_the_domains_too(books: Books) -> None:
    record = books.save(domains=["a.example.com"])
    with books.database.write() as session:
        copy = integrations.duplicate(session, record["number"], caller=ON_THIS_MACHINE, now=books.clock())
        own = session.scalars(select(ExchangeDomainRow.domain).where(ExchangeDomainRow.integration_id == copy.id))
        assert list(own) == ["a.example.com"]


def test_names_of_copies_stay_within_their_limit(books: Books) -> None:
    number = books.save(name="x" * 250)["number"]
    with books.database.write() as session:
        names = [
            integrations.duplicate(session, number, caller=ON_THIS_MACHINE, now=books.clock()).name for _ in range(3)
        ]
    assert [name[-9:] for name in names] == ["xx (copy)", "x (copy 2)"[1:], "x (copy 3)"[1:]]
    assert {len(name) for name in names} == {250}


def test_a_reference_must_lead_somewhere(books: Books) -> None:
    with pytest.raises(Invalid) as refusal:
        books.save(**SINGLE_USE, ivr_theme=7, host_identity_provider_group=8)
    assert [problem.field for problem in refusal.value.problems] == ["ivr_theme", "host_identity_provider_group"]
    with books.database.write() as session:
        theme = references.create(session, ListKind.IVR_THEME, "Blue", caller=ON_THIS_MACHINE, now=books.clock())
    assert books.save(**SINGLE_USE, ivr_theme=theme.id)["ivr_theme"] == theme.id
    # With single-use VMRs off, a reference is not used, so it may lead anywhere.
    assert books.save(name="Other", ivr_theme=7)["ivr_theme"] == 7


def test_what_is_being_chosen_at_this_moment_is_not_deleted(books: Books) -> None:
    with books.database.write() as session:
        theme = references.create(session, ListKind.IVR_THEME, "Blue", caller=ON_THIS_MACHINE, now=books.clock()).id
    draft = books.draft(a_record(**SINGLE_USE, ivr_theme=theme))

    def delete() -> None:
        with books.database.write() as session:
            references.delete(session, ListKind.IVR_THEME, theme, caller=ON_THIS_MACHINE, now=books.clock())

    with ThreadPoolExecutor(1) as other:
        with books.database.write() as session:
            integrations.save(
                session, draft, expected_version=None, caller=ON_THIS_MACHINE, box=books.box, now=books.clock()
            )
            deleting = other.submit(delete)
            with pytest.raises(TimeoutError):
                deleting.result(0.5)
        with pytest.raises(Refused, match="is in use by the integration"):
            deleting.result(30)


def test_callers_reach_only_their_integrations(books: Books) -> None:
    first, second = books.save(), books.save(name="Second")
    mine = Caller("account", 1, "Ada", Role.INTEGRATION_ADMIN, frozenset({first["number"]}))
    books.write(books.draft(changed(first, description="mine")), caller=mine)
    with pytest.raises(Refused) as foreign:
        books.write(books.draft(changed(second, description="mine")), caller=mine)
    assert (foreign.value.reason, foreign.value.message) == (Reason.UNKNOWN, "There is no such integration.")
    with pytest.raises(Refused, match="You may not create"):
        books.write(books.draft(a_record(name="Third")), caller=mine)
    viewer = Caller("account", 3, "Vi", Role.VIEWER)
    with pytest.raises(Refused, match="You may not change"):
        books.write(books.draft(changed(first, description="x")), caller=viewer)
    with books.database.write() as session:
        for number in (second["number"], 99):
            with pytest.raises(Refused, match=r"There is no such integration\."):
                integrations.set_enabled(session, number, False, caller=mine, now=books.clock())
        for refused in (integrations.duplicate, integrations.delete):
            with pytest.raises(Refused, match="You may not create or delete"):
                refused(session, first["number"], caller=mine, now=books.clock())
        assert session.get(IntegrationRow, first["number"]).record["enabled"] is True
