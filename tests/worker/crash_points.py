"""The process ends at every commit and at every outside call of one run: right before it, and right after it."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import update
from sqlalchemy.orm import Session

from addin_host.domain.deployment import Deployment
from addin_host.domain.mailbox import Mailboxes
from addin_host.flows.catalogue import Catalogue
from addin_host.flows.scheduling.context import Scheduling
from addin_host.flows.scheduling.service import SchedulingService
from addin_host.flows.tag_keys import TagKeys
from addin_host.gateways.outside import no_outside
from addin_host.store.db import Database
from addin_host.store.models import InboxRow, MailboxRow, OutboxRow
from addin_host.store.secrets import SecretBox
from tests.conftest import empty
from tests.flows.meetings import an_integration
from tests.worker.organizers import Organizers, Verdict
from tests.worker.remote_exchange import RemoteExchange
from tests.worker.worker_process import RealClock

ENDED = 7


class Steps:
    """Counts them; at the one that is chosen the process is gone, as with SIGKILL."""

    def __init__(self) -> None:
        self.number, self.last = 0, 0

    def __call__(self, _what: str) -> None:
        self.number += 1
        if self.number == self.last:
            os._exit(ENDED)


class SteppedDatabase(Database):
    """A database whose commits are steps."""

    def __init__(self, url: str, steps: Steps) -> None:
        super().__init__(url, pool_size=4)
        self._steps = steps

    @contextmanager
    def write(self) -> Iterator[Session]:
        with super().write() as session:
            yield session
            self._steps("before a commit")
        self._steps("after a commit")


class Run:
    """A single meeting and a series are called; then one is moved, an occurrence is, and a third is called off."""

    def __init__(self, url: str, exchange: str) -> None:
        self.steps = Steps()
        self.database = SteppedDatabase(url, self.steps)
        self._server = exchange

    def begin(self, box: SecretBox) -> None:
        """Set everything back, with a mailbox that nobody has used."""
        empty(self.database)
        mailboxes: Mailboxes = RemoteExchange(self._server, self.steps)  # type: ignore[assignment]
        self.own = Scheduling(
            self.database,
            box,
            Catalogue(self.database, Deployment()),
            TagKeys(self.database, box),
            no_outside(mailboxes),
            lambda: datetime.now(UTC),
        )
        address = f"room{random.getrandbits(60)}@example.com"
        integration = an_integration(self.database, box, RealClock(), room_mailbox_email_address=address)
        self.people = Organizers(self.own, integration, RemoteExchange(self._server), random.Random(5))

    def first(self) -> None:
        while len(self.people.truth) < 4:
            self.people.create()

    def second(self) -> None:
        live = [meeting for meeting in self.people.truth.values() if meeting is not None]
        series = [meeting for meeting in live if meeting.series is not None]
        single = [meeting for meeting in live if meeting.series is None]
        self.people.move(single[0])
        self.people.cancel(single[1])
        self.people.move_occurrence(series[0])
        self.people.ask()

    def work(self) -> None:
        """Do all there is to do, in this process."""
        service = SchedulingService(self.own)
        for _round in range(10):
            service.drain_once()
            if not self.people.pending():
                return

    def work_until(self, last: int, folder: Path) -> int | None:
        """Do it in a process that ends at a step. Returns how many steps it took when it came to its end instead."""
        child = os.fork()
        if child == 0:
            try:
                self.steps.number, self.steps.last = 0, last
                self.work()
                (folder / "steps").write_text(str(self.steps.number))
            finally:
                os._exit(0)
        _pid, status = os.waitpid(child, 0)
        return None if os.waitstatus_to_exitcode(status) == ENDED else int((folder / "steps").read_text())

    def recover(self) -> None:
        """Let time pass for the leases, and do the rest."""
        with self.database.write() as session:
            for table in (InboxRow, MailboxRow, OutboxRow):
                session.execute(update(table).values(lease_until=None))
        self.people.ask()
        self.work()

    def verdict(self) -> Verdict:
        return self.people.verdict()


def walk(url: str, box: SecretBox, exchange: str, folder: Path) -> tuple[int, list[str]]:
    """End at every step in turn; return how many there are, and what was wrong afterwards."""
    run, problems, points = Run(url, exchange), [], 0
    for is_second in (False, True):
        last, end = 1, None
        while end is None:
            run.begin(box)
            run.first()
            if is_second:
                run.work()
                run.second()
            end = run.work_until(last, folder)
            run.recover()
            found = run.verdict()
            problems += [f"{'second' if is_second else 'first'} {last}: {one}" for one in (*found.lost, *found.double)]
            last += 1
        points += last - 2
    run.database.close()
    return points, problems
