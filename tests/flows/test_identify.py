"""The address links once; afterwards the subject decides (design/outlook.md 4.6)."""

import threading
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from addin_host.domain.errors import Reason, Refused
from addin_host.domain.ports import Person
from addin_host.flows.identify import identify
from addin_host.store.models import EndUserRow, UserSubjectRow

ALICE = Person("AZURE", "https://login.example.com/t/v2.0", "t.alice-oid", "alice@example.com", "Alice Example")


def enter(database, clock, person, *, new=True):
    with database.write() as session:
        return identify(session, person, allow_new_users=new, now=clock()).id


def add_user(database, clock, email):
    with database.write() as session:
        session.add(EndUserRow(uuid=email, primary_email_address=email, created_at=clock()))


def test_a_user_of_the_directory_is_found_by_address_whatever_its_case(database, clock):
    add_user(database, clock, "Alice@Example.com")
    first = enter(database, clock, ALICE, new=False)
    assert enter(database, clock, ALICE, new=False) == first


def test_a_new_user_is_created_when_that_is_allowed(database, clock):
    number = enter(database, clock, ALICE)
    with database.read() as session:
        user = session.get(EndUserRow, number)
        assert (user.primary_email_address, user.display_name) == ("alice@example.com", "Alice Example")


def test_a_new_user_is_refused_clearly_when_it_is_not(database, clock):
    with pytest.raises(Refused, match=r"no user with the address alice@example\.com.*administrator") as refusal:
        enter(database, clock, ALICE, new=False)
    assert refusal.value.reason is Reason.FORBIDDEN
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(EndUserRow)) == 0


def test_a_recycled_address_is_not_let_in(database, clock):
    enter(database, clock, ALICE)
    for other in ({"subject": "t.mallory-oid"}, {"issuer": "https://login.evil.example/v2.0"}):
        with pytest.raises(Refused, match="belongs to another account") as refusal:
            enter(database, clock, replace(ALICE, **other))
        assert refusal.value.reason is Reason.FORBIDDEN


@pytest.mark.parametrize("path", ["AZURE", "NAA", "SSO"])
def test_a_recycled_address_is_not_let_in_by_another_way_of_the_same_provider(database, clock, path):
    """N3: who is given the address of somebody who used the dialog has an account of their own at Entra."""
    enter(database, clock, ALICE)
    for other in ({"subject": "t.mallory-oid"}, {"issuer": "https://login.evil.example/v2.0"}):
        with pytest.raises(Refused, match="belongs to another account"):
            enter(database, clock, replace(ALICE, path=path, **other))
    assert enter(database, clock, replace(ALICE, path=path)) == enter(database, clock, ALICE)


def test_the_address_may_change_afterwards(database, clock):
    number = enter(database, clock, ALICE)
    add_user(database, clock, "ceo@example.com")
    assert enter(database, clock, replace(ALICE, email="ceo@example.com")) == number


def test_one_person_may_come_by_several_paths(database, clock):
    number = enter(database, clock, ALICE)
    assert enter(database, clock, replace(ALICE, path="ADFS", issuer="https://fs/adfs", subject="s")) == number
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(UserSubjectRow)) == 2


def test_two_first_sign_ins_at_once_make_one_user(database, clock):
    found = []
    threads = [threading.Thread(target=lambda: found.append(enter(database, clock, ALICE))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert len(set(found)) == 1
