"""10,000 queued items and one worker on PostgreSQL, with Exchange in memory, then with one that takes 50 ms for a call.

The last line is `items N items_per_s X rss_mb X imminent_ready_s X`: how fast the queue drains, the worker's resident
memory at its highest, and when a meeting that starts in ten minutes has its room while the backlog is worked off.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography.fernet import Fernet
from sqlalchemy import func, select

from addin_host.domain.calendar import MessageKind
from addin_host.flows.scheduling import fetching, leasing
from addin_host.flows.scheduling.holding import OpenMailboxes
from addin_host.store import migrate
from addin_host.store.db import Database
from addin_host.store.models import InboxRow, MeetingRow
from tests.conftest import Cluster
from tests.flows.meetings import an_integration
from tests.worker import worker_process
from tests.worker.organizers import Organizers, a_meeting, tags
from tests.worker.remote_exchange import ExchangeProcess, RemoteExchange
from tests.worker.worker_process import Place, RealClock

SLOW = 0.05


@dataclass(frozen=True)
class Figures:
    items: int
    per_second: float
    memory: list[float]
    imminent: float


class Backlog:
    """A mailbox with so many invitations, all of them in the queue, and nobody at work yet."""

    def __init__(self, url: str, folder: Path, items: int, seconds_per_call: float) -> None:
        database = Database(url)
        migrate.upgrade(database)
        database.close()
        self._stack = ExitStack()
        exchange = self._stack.enter_context(ExchangeProcess(folder, seconds_per_call=seconds_per_call))
        self.place = Place(url, [Fernet.generate_key()], exchange.address, threads=4, look_every=0.5)
        self.own = self.place.scheduling()
        self._stack.callback(self.own.database.close)
        integration = an_integration(self.own.database, self.own.box, RealClock())
        self.people = Organizers(self.own, integration, RemoteExchange(exchange.address), random.Random(1))
        self._tags = tags(self.own, integration, items + 1)
        for number in range(items):
            self.deliver(timedelta(days=2, minutes=15 * (number % 2000)))
        lease = leasing.take(self.own, integration)
        assert lease is not None
        fetching.visit(self.own, integration, lease, OpenMailboxes(self.own).of(integration))

    def deliver(self, ahead: timedelta) -> str:
        meeting = a_meeting(self._tags.pop(), datetime.now(UTC).replace(second=0, microsecond=0) + ahead)
        self.people.mailbox.deliver(meeting, MessageKind.REQUEST)
        return meeting.uid

    def left(self) -> int:
        with self.own.database.read() as session:
            return session.scalar(select(func.count()).where(InboxRow.state == "pending")) or 0

    def has_room(self, uid: str) -> bool:
        with self.own.database.read() as session:
            return session.scalar(select(MeetingRow.conference_id).where(MeetingRow.uid == uid)) is not None

    def __enter__(self) -> Backlog:
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()


def drained(backlog: Backlog, items: int) -> tuple[float, list[float]]:
    """Let one worker do all of it; return items per second, and its memory in MB ten times on the way."""
    worker = worker_process.start(backlog.place)
    memory, begun, last = [], 0.0, items
    try:
        while left := backlog.left():
            if left < items and not begun:
                begun, items = time.monotonic(), left
            if left <= last - items // 10:
                memory.append(resident_mb(worker.pid))
                last = left
            time.sleep(0.05)
        speed = items / (time.monotonic() - begun)
        memory.append(resident_mb(worker.pid))
    finally:
        worker.kill()
        worker.join(5)
    return speed, memory


def imminent(backlog: Backlog) -> float:
    """Return after how many seconds a meeting that starts in ten minutes has its room, the backlog being under way."""
    worker, items = worker_process.start(backlog.place), backlog.left()
    try:
        while backlog.left() > items * 0.95:
            time.sleep(0.05)
        begun = time.monotonic()
        uid = backlog.deliver(timedelta(minutes=10))
        while not backlog.has_room(uid):
            assert time.monotonic() - begun < 120, "the imminent meeting has no room"
            time.sleep(0.05)
        return time.monotonic() - begun
    finally:
        worker.kill()
        worker.join(5)


def resident_mb(pid: int | None) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def measured(items: int, cluster: Cluster, folder: Path) -> Figures:
    with Backlog(cluster.create("drain"), folder, items, 0.0) as backlog:
        speed, memory = drained(backlog, items)
    with Backlog(cluster.create("slow"), folder, items, SLOW) as backlog:
        return Figures(items, speed, memory, imminent(backlog))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=10_000)
    options = parser.parse_args()
    with TemporaryDirectory(prefix="drain", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "pg").mkdir()
        cluster = Cluster(folder / "pg")
        try:
            found = measured(options.items, cluster, folder)
        finally:
            cluster.stop()
    sys.stdout.write(f"memory on the way: {' '.join(f'{one:.0f}' for one in found.memory)} MB\n")
    sys.stdout.write(
        f"items {found.items} items_per_s {found.per_second:.0f} rss_mb {max(found.memory):.0f} "
        f"imminent_ready_s {found.imminent:.1f}\n"
    )
    return 0
