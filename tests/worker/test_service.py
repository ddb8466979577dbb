"""The service as a whole: from an invitation to the room and the reply, trouble that stays where it is, and its end."""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import contextmanager
from datetime import timedelta

from cryptography.fernet import Fernet
from sqlalchemy import event, select, text, update

from addin_host.domain.mailbox import Fault
from addin_host.flows.scheduling import claiming, fetching, leasing
from addin_host.flows.scheduling.holding import EVERY_SECONDS, Held
from addin_host.flows.scheduling.service import SchedulingService
from addin_host.flows.scheduling.threads import Crew, Loop
from addin_host.store import migrate
from addin_host.store.db import Database
from addin_host.store.models import InboxRow, MailboxRow, MeetingRow, OutboxRow
from addin_host.store.secrets import SecretBox
from tests.conftest import empty
from tests.flows.meetings import an_integration
from tests.worker import worker_process
from tests.worker.organizers import Organizers, a_meeting, tags
from tests.worker.remote_exchange import ExchangeProcess, RemoteExchange
from tests.worker.worker_process import Place, RealClock

ADDRESS = "vmr@example.com"


def eventually(holds, seconds=20.0):
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it does not happen"
        time.sleep(0.02)


def invite(own, integration, exchange, address=ADDRESS):
    (tag,) = tags(own, integration, 1)
    meeting = a_meeting(tag, own.now() + timedelta(hours=2))
    exchange.deliver(address, meeting)
    return meeting


def meetings(own):
    with own.database.read() as session:
        return {row.uid: row for row in session.scalars(select(MeetingRow))}


def test_from_an_invitation_to_the_room_and_the_reply(own, integration, exchange):
    meeting = invite(own, integration, exchange)
    assert SchedulingService(own).drain_once() >= 2
    assert meetings(own)[meeting.uid].state == "scheduled"
    (reply,) = exchange.sent(ADDRESS)
    assert reply.accept
    with own.database.read() as session:
        assert session.get_one(MailboxRow, integration.id).processed_at is not None


def test_a_mailbox_in_trouble_is_left_alone_and_others_go_on(own, integration, exchange, database, box, clock):
    changes = {"room_mailbox_email_address": "two@example.com", "addin_server_domain": "two.example.com"}
    other = an_integration(database, box, clock, name="Second", **changes)
    service = SchedulingService(own)
    first = invite(own, integration, exchange)
    service.drain_once()
    exchange.trouble(ADDRESS, Fault.BUSY, retry_after=120)
    clock.forward(seconds=60)
    service.drain_once()
    exchange.trouble(ADDRESS, None)
    late = invite(own, integration, exchange)
    there = invite(own, other, exchange, "two@example.com")
    clock.forward(seconds=119)
    service.drain_once()
    assert set(meetings(own)) == {first.uid, there.uid}  # nobody asked the first mailbox
    clock.forward(seconds=1)
    service.drain_once()
    assert set(meetings(own)) == {first.uid, there.uid, late.uid}


def test_items_of_a_mailbox_that_fails_meanwhile_wait_without_a_try(own, integration, exchange, clock):
    invite(own, integration, exchange)
    lease = leasing.take(own, integration)
    list(fetching.read(own, lease, exchange.mailbox(ADDRESS)))
    leasing.give_back(own, [lease])
    exchange.trouble(ADDRESS, Fault.UNREACHABLE, retry_after=30)
    assert SchedulingService(own)._process(integration.id) == 1
    with own.database.read() as session:
        (row,) = session.scalars(select(InboxRow))
        assert (row.state, row.tries, row.lease_until) == ("pending", 0, None)
    assert claiming.waiting(own) == {}
    exchange.trouble(ADDRESS, None)
    clock.forward(seconds=30)
    assert claiming.waiting(own) == {integration.id: 1}


def test_what_is_under_way_is_renewed_and_given_back_at_the_end(own, integration, exchange):
    invite(own, integration, exchange)
    lease = leasing.take(own, integration)
    list(fetching.read(own, lease, exchange.mailbox(ADDRESS)))
    held, claimed = Held(own), claiming.claim(own, integration.id, 5)

    def leases():
        with own.database.read() as session:
            return session.scalar(select(InboxRow.lease_until)), session.scalar(select(MailboxRow.lease_until))

    with held.items(claimed), held.mailbox(lease):
        before = leases()
        time.sleep(EVERY_SECONDS / 2 + 0.1)
        held.renew()
        assert all(new > old for new, old in zip(leases(), before, strict=True))
        held.release()
        assert leases() == (None, None)
    with own.database.write() as session:
        session.execute(update(InboxRow).values(lease_until=None))
    held.renew()
    assert leases() == (None, None)


def test_a_thread_survives_what_happens_in_it():
    done = []

    def work():
        done.append(1)
        if len(done) < 4:
            raise ValueError("canary")
        return False

    loop = Loop("a loop of a test", work, seconds=0.01)
    loop.start()
    eventually(lambda: len(done) > 5)
    loop.stop()
    loop.join(2)
    crew = Crew("a crew of a test", 1, done=lambda: None)
    crew.start()
    crew.offer(1, work)
    crew.offer(1, lambda: done.append("last"))
    eventually(lambda: done[-1] == "last")
    eventually(lambda: crew.has_room() and not crew.underway(1))
    crew.stop()
    crew.join(2)


def test_a_mailbox_whose_visit_fails_is_left_alone_for_a_moment(own, integration, caplog):
    """A visit that cannot write is not begun again at once by its own end."""
    with own.database.write() as session:
        session.execute(text("ALTER TABLE mailbox RENAME COLUMN identity TO identity_of_yore"))
    failed = []
    note = failed.append
    event.listen(own.database.engine, "handle_error", note)
    service = SchedulingService(own, threads=1, look_every=0.01)
    try:
        service.start()
        eventually(lambda: service._visitors.rests(integration.id))
        service.wake(integration.id)
        time.sleep(0.3)
    finally:
        service.stop()
        event.remove(own.database.engine, "handle_error", note)
        with own.database.write() as session:
            session.execute(text("ALTER TABLE mailbox RENAME COLUMN identity_of_yore TO identity"))
    said = [record.getMessage() for record in caplog.records if record.getMessage().startswith("reading a mailbox")]
    assert len(said) == 1
    assert "identity" in said[0]
    assert len(failed) < 5


def test_the_service_in_this_process(own, integration, exchange):
    service = SchedulingService(own, threads=1, look_every=0.05)
    service.start()
    try:
        eventually(lambda: fetching.due(own) == [])
        invite(own, integration, exchange)
        service.wake(integration.id)
        eventually(lambda: exchange.sent(ADDRESS))
    finally:
        began = time.monotonic()
        service.stop()
    assert time.monotonic() - began < 10


# A worker as a process of its own


@contextmanager
def a_process(url, folder, **more):
    with ExchangeProcess(folder, **more) as exchange:
        place = Place(url, [Fernet.generate_key()], exchange.address)
        own = place.scheduling()
        integration = an_integration(own.database, SecretBox(list(place.keys)), RealClock())
        people = Organizers(own, integration, RemoteExchange(exchange.address), random.Random(1))
        worker = worker_process.start(place)
        try:
            yield worker, people
        finally:
            worker.kill()
            worker.join(5)
            own.database.close()


def has_rooms(people):
    return lambda: people.pending() == 0 and not people.verdict().lost


def test_sigterm_ends_it_in_time_and_nothing_stays_leased(database, tmp_path_factory):
    url = database.url.render_as_string(hide_password=False)
    with a_process(url, tmp_path_factory.mktemp("x"), seconds_per_call=0.3) as (worker, people):
        people.act(6)
        eventually(lambda: people.pending() > 1)
        os.kill(worker.pid, signal.SIGTERM)
        began = time.monotonic()
        worker.join(15)
        assert worker.exitcode == 0
        assert time.monotonic() - began < 10
        with people.own.database.read() as session:
            for table in (InboxRow, MailboxRow, OutboxRow):
                assert session.scalars(select(table.lease_until).where(table.lease_until.is_not(None))).all() == []
    empty(database)


def test_the_database_goes_away_and_comes_back(cluster, tmp_path_factory):
    url = cluster.create("away")
    database = Database(url)
    migrate.upgrade(database)
    database.close()
    with a_process(url, tmp_path_factory.mktemp("x")) as (worker, people):
        people.act(3)
        eventually(has_rooms(people))
        cluster.restart()
        people.act(3)
        eventually(has_rooms(people), 10)
        assert worker.is_alive()
