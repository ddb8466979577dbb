"""Two workers on each database, which are killed at random while meetings are created, moved and called off.

The last line is `kills N meetings N lost N double N recovery_p99_s X`. Recovery is the time from a kill until somebody
finishes the next item.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography.fernet import Fernet

from addin_host.store import migrate
from addin_host.store.db import Database
from tests.conftest import Cluster
from tests.flows.meetings import an_integration
from tests.worker import worker_process
from tests.worker.organizers import Organizers
from tests.worker.remote_exchange import ExchangeProcess, RemoteExchange
from tests.worker.worker_process import Place, RealClock

WORKERS = 2
_PATIENCE = 60.0


@dataclass
class Outcome:
    """What came out on one database."""

    kills: int = 0
    meetings: int = 0
    lost: list[str] = field(default_factory=list)
    double: list[str] = field(default_factory=list)
    recovery: list[float] = field(default_factory=list)


class Stage:
    """Workers on one database, and the organizers at its mailbox."""

    def __init__(self, url: str, folder: Path, seed: int) -> None:
        self._stack = ExitStack()
        self._draw = random.Random(seed)
        keys = [Fernet.generate_key()]
        exchange = self._stack.enter_context(ExchangeProcess(folder, seconds_per_call=0.005))
        self._place = Place(url, keys, exchange.address)
        own = self._place.scheduling()
        self._stack.callback(own.database.close)
        integration = an_integration(own.database, own.box, RealClock())
        self.organizers = Organizers(own, integration, RemoteExchange(exchange.address), self._draw)
        self._workers: list[BaseProcess] = []

    def __enter__(self) -> Stage:
        self._workers = [worker_process.start(self._place) for _number in range(WORKERS)]
        return self

    def __exit__(self, *_error: object) -> None:
        for worker in self._workers:
            worker.kill()
            worker.join(5)
        self._stack.close()

    def run(self, kills: int) -> Outcome:
        """Kill so many workers, and return what came out once all is quiet."""
        outcome = Outcome()
        self.organizers.act(5)
        while outcome.kills < kills:
            self.organizers.act(3)
            time.sleep(self._draw.uniform(0, 0.3))
            victims = self._workers if self._draw.random() < 0.1 else [self._draw.choice(self._workers)]
            outcome.kills += self._kill(list(victims))
            outcome.recovery.append(self._recovered())
        self._wait_until_quiet()
        verdict = self.organizers.verdict()
        outcome.meetings, outcome.lost, outcome.double = verdict.meetings, verdict.lost, verdict.double
        return outcome

    def _kill(self, victims: list[BaseProcess]) -> int:
        for victim in victims:
            victim.kill()
        for victim in victims:
            victim.join(5)
            self._workers[self._workers.index(victim)] = worker_process.start(self._place)
        return len(victims)

    def _recovered(self) -> float:
        began, before = time.monotonic(), self.organizers.finished()
        self.organizers.act(1)
        while self.organizers.finished() <= before:
            assert time.monotonic() - began < _PATIENCE, "nothing is finished any more"
            time.sleep(0.02)
        return time.monotonic() - began

    def _wait_until_quiet(self) -> None:
        until, quiet_since = time.monotonic() + _PATIENCE, None
        self.organizers.ask()
        while quiet_since is None or time.monotonic() - quiet_since < 1:
            assert time.monotonic() < until, f"{self.organizers.pending()} things are still to be done"
            if self.organizers.pending():
                quiet_since = None
            elif quiet_since is None:
                quiet_since = time.monotonic()
            time.sleep(0.05)


def on_both(kills: int, cluster: Cluster, folder: Path, seed: int = 1) -> Outcome:
    """Run on both databases at the same time, and return what came out altogether."""
    urls = [cluster.create(f"crash_{time.monotonic_ns()}"), f"sqlite:///{folder / 'crash.db'}"]
    for url in urls:
        database = Database(url)
        migrate.upgrade(database)
        database.close()
    halves = [kills - kills // 2, kills // 2]
    with ThreadPoolExecutor(2) as both:
        found = list(both.map(lambda url, number: _on(url, number, folder, seed), urls, halves))
    total = Outcome()
    for one in found:
        total.kills += one.kills
        total.meetings += one.meetings
        total.lost += one.lost
        total.double += one.double
        total.recovery += one.recovery
    return total


def _on(url: str, kills: int, folder: Path, seed: int) -> Outcome:
    with Stage(url, folder, seed) as stage:
        return stage.run(kills)


def p99(values: list[float]) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args()
    sys.stderr.write(f"seed {options.seed}\n")
    with TemporaryDirectory(prefix="crash", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "pg").mkdir()
        cluster = Cluster(folder / "pg")
        try:
            found = on_both(options.kills, cluster, folder, options.seed)
        finally:
            cluster.stop()
    for problem in (*found.lost, *found.double):
        sys.stdout.write(f"{problem}\n")
    sys.stdout.write(
        f"kills {found.kills} meetings {found.meetings} lost {len(found.lost)} double {len(found.double)} "
        f"recovery_p99_s {p99(found.recovery):.2f}\n"
    )
    return 1 if found.lost or found.double or p99(found.recovery) > 10 else 0
