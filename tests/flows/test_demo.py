"""Whose database the demo's is: marked at the first start, kept at the next, and never another one's."""

import pytest
from sqlalchemy import delete, select

from addin_host.domain.demo import INTEGRATIONS
from addin_host.domain.errors import Misconfigured
from addin_host.flows import demo
from addin_host.store.models import AccountRow, ConferenceRow, EndUserRow, IntegrationRow, MarkRow
from tests.quick_hashes import quick_hashes

__all__ = ["quick_hashes"]
pytestmark = pytest.mark.usefixtures("quick_hashes")


def start(database, box, clock):
    with database.write() as session:
        demo.require_demo(session)
        demo.seed(session, box=box, now=clock())


def numbers(database):
    with database.read() as session:
        return [len(session.scalars(select(row)).all()) for row in (IntegrationRow, AccountRow, ConferenceRow)]


def a_person(clock):
    return EndUserRow(uuid="u", primary_email_address="somebody@example.org", created_at=clock())


def test_what_is_made_in_the_demo_is_there_at_the_next_start(database, box, clock):
    start(database, box, clock)
    with database.write() as session:
        session.add(a_person(clock))
        session.add(AccountRow(name="kim", role="viewer", created_at=clock()))
        session.execute(delete(ConferenceRow).where(ConferenceRow.name == "Town hall"))
    integrations, people, vmrs = numbers(database)
    start(database, box, clock)
    assert numbers(database) == [integrations, people, vmrs] == [3, 2, vmrs]


def test_a_demo_of_the_first_release_is_taken_over(database, box, clock):
    start(database, box, clock)
    before = numbers(database)
    with database.write() as session:
        session.execute(delete(AccountRow))
        session.execute(delete(MarkRow).where(MarkRow.name == demo.MARK))
    start(database, box, clock)
    assert numbers(database) == before
    with database.read() as session:
        assert demo.is_demo(session)


@pytest.mark.parametrize("kind", ["person", "account"])
def test_another_database_is_refused(database, box, clock, kind):
    with database.write() as session:
        session.add(a_person(clock) if kind == "person" else AccountRow(name="k", role="viewer", created_at=clock()))
    with pytest.raises(Misconfigured, match="not the demo's"):
        start(database, box, clock)


def test_production_refuses_the_demo(database, box, clock):
    with database.read() as session:
        demo.refuse_demo(session)
    start(database, box, clock)
    with database.read() as session, pytest.raises(Misconfigured, match="everybody knows"):
        demo.refuse_demo(session)


def integration(session, name):
    return session.scalars(select(IntegrationRow).where(IntegrationRow.name == name)).one()


@pytest.mark.parametrize("kept", [True, False])
def test_a_demo_made_before_single_use_gets_them_once(database, box, clock, kept):
    start(database, box, clock)
    with database.write() as session:
        session.execute(delete(MarkRow).where(MarkRow.name == demo.SINGLE_USE_MARK))
        exchange = integration(session, "Demo with Exchange")
        azure = integration(session, "Demo with Azure")
        azure.record = azure.record | {"enable_dynamic_vmrs": False}  # as it was made then
        if kept:
            exchange.uuid = "somebody made one of that name"
        else:
            session.delete(exchange)
    start(database, box, clock)
    with database.write() as session:
        assert integration(session, "Demo with Azure").record["enable_dynamic_vmrs"] is False
        exchange = integration(session, "Demo with Exchange")
        assert (exchange.uuid == "somebody made one of that name") is kept
        session.delete(exchange)
    start(database, box, clock)
    assert numbers(database)[0] == 2


def test_the_demo_shows_each_way_in():
    kinds = [record.get("addin_authentication_method") for record in INTEGRATIONS]
    assert kinds == ["NAA_TOKEN", None, "EXCHANGE_USER_ID_TOKEN"]
