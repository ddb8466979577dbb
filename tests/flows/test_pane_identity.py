"""Linking and sightings on both databases, several at once (design/outlook.md 4.6, security.md X7)."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from addin_host.domain.fields import defaults
from addin_host.domain.integration import Integration
from addin_host.domain.ports import Person
from addin_host.flows import pane_identity
from addin_host.flows.bearer import Bearer, caller_of_user
from addin_host.flows.pane_identity import Sighting, caller_of
from addin_host.store.models import DialogSessionRow, EndUserRow, IntegrationRow, SeenTokenRow, UserSubjectRow

NAA = Person("NAA", "https://login.example.com/t/v2.0", "t.ada", "ada@example.com", "Ada")
EXCHANGE = Person("EXCHANGE", "uuid@mail.example.com/autodiscover/metadata/json/1", "ada@mail", "", "")


def integration(number=1, **values):
    return Integration(number, 1, {**defaults(), "enable_personal_vmrs": True, **values}, "https://addin.example")


def a_dialog(database, clock, email="ada@example.com"):
    """Return the bearer of somebody who signed in through the dialog of integration 1."""
    with database.write() as session:
        user = EndUserRow(uuid=email, primary_email_address=email, display_name="Ada", created_at=clock())
        if session.get(IntegrationRow, 1) is None:
            times = {"created_at": clock(), "updated_at": clock()}
            session.add(IntegrationRow(id=1, uuid="u", name="A", fqdn="a.example", record={}, **times))
        session.add(user)
        session.flush()
        ends = clock() + timedelta(hours=8)
        opened = DialogSessionRow(
            cookie_hash=email, integration_id=1, user_id=user.id, created_at=clock(), expires_at=ends
        )
        session.add(opened)
        session.flush()
        return Bearer(caller_of_user(user.id), "visit", user.id, opened.id)


def exchange(database, clock, person, held=None, **values):
    with database.write() as session:
        return pane_identity.exchange(session, integration(**values), person, held=held, now=clock())


def subjects(database):
    with database.read() as session:
        found = session.execute(select(UserSubjectRow.user_id, UserSubjectRow.path, UserSubjectRow.subject))
        return sorted(map(tuple, found))


def test_a_caller_is_the_user_or_the_identity():
    assert caller_of(NAA, 7) == "user:7"
    unknown = caller_of(NAA, None)
    assert unknown == caller_of(replace(NAA, email="x", name="y"), None)
    assert unknown.startswith("person:")
    assert len(unknown) == 39
    assert (
        len({unknown, *(caller_of(replace(NAA, **{name: "x"}), None) for name in ("path", "issuer", "subject"))}) == 4
    )


def test_linking_and_finding(database, clock):
    held = a_dialog(database, clock)
    assert exchange(database, clock, EXCHANGE).bearer.user_id is None
    linked = exchange(database, clock, EXCHANGE, held)
    assert linked.bearer == held
    assert exchange(database, clock, EXCHANGE).bearer.user_id == held.user_id
    assert subjects(database) == [(held.user_id, "EXCHANGE 1", "ada@mail")]


def test_the_directory_is_left_alone_without_personal_vmrs(database, clock):
    found = exchange(database, clock, NAA, enable_personal_vmrs=False)
    assert (found.bearer.user_id, found.refusal) == (None, "")
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(EndUserRow)) == 0


def test_a_refusal_leaves_nothing_behind(database, clock):
    found = exchange(database, clock, NAA, allow_new_users=False)
    assert found.bearer.user_id is None
    assert "ada@example.com" in found.refusal
    assert subjects(database) == []


@pytest.mark.parametrize("person", [NAA, EXCHANGE])
def test_many_panes_of_one_person_at_once_make_one_link(database, clock, person):
    held = a_dialog(database, clock) if person is EXCHANGE else None
    start, problems, found = threading.Barrier(4), [], []

    def pane():
        try:
            start.wait(10)
            found.append(exchange(database, clock, person, held).bearer.caller)
        except Exception as problem:  # noqa: BLE001 - whatever it is, the test tells
            problems.append(problem)

    threads = [threading.Thread(target=pane) for _number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert problems == []
    assert len(subjects(database)) == len(set(found)) == 1


def test_two_dialogs_for_one_exchange_person_leave_the_first_link(database, clock):
    ada, bob = a_dialog(database, clock), a_dialog(database, clock, "bob@example.com")
    assert exchange(database, clock, EXCHANGE, ada).bearer == ada
    assert exchange(database, clock, EXCHANGE, bob).bearer == bob
    assert [user for user, *_ in subjects(database)] == [ada.user_id]


def test_sightings(database, clock):
    def see(token, network, number=1):
        with database.write() as session:
            return pane_identity.see(session, integration(number), token, network=network, now=clock())

    assert see("a.b.c", "192.0.2.0/24") is Sighting.FIRST
    assert see("a.b.c", "192.0.2.0/24") is Sighting.AGAIN
    assert see("a.b.c", "198.51.100.0/24") is Sighting.ELSEWHERE
    assert see("a.b.c", "192.0.2.0/24") is Sighting.AGAIN
    assert see("a.b.c", "198.51.100.0/24", 2) is Sighting.FIRST
    assert see("a.b.d", "x" * 100) is Sighting.FIRST
    assert see("a.b.d", "x" * 100) is Sighting.AGAIN
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(SeenTokenRow)) == 3
