"""Workers as processes that start within a few milliseconds: forked from one that has everything loaded."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from threading import Event

from addin_host.domain.deployment import Deployment
from addin_host.flows.catalogue import Catalogue
from addin_host.flows.scheduling.context import Scheduling
from addin_host.flows.scheduling.service import SchedulingService
from addin_host.flows.tag_keys import TagKeys
from addin_host.gateways.outside import no_outside
from addin_host.store.db import Database
from addin_host.store.secrets import SecretBox
from tests.conftest import Clock
from tests.worker.remote_exchange import RemoteExchange

FORKS = get_context("forkserver")
FORKS.set_forkserver_preload(["tests.worker.worker_process"])


class RealClock(Clock):
    """The real time, where tests have a clock of their own."""

    def __call__(self) -> datetime:
        return datetime.now(UTC)


@dataclass(frozen=True)
class Place:
    """Where a worker finds database, key and Exchange."""

    url: str
    keys: Sequence[bytes]
    exchange: str
    threads: int = 2
    look_every: float = 0.1

    def scheduling(self) -> Scheduling:
        database = Database(self.url, pool_size=24)
        box = SecretBox(list(self.keys))
        outside = no_outside(RemoteExchange(self.exchange))
        return Scheduling(
            database,
            box,
            Catalogue(database, Deployment()),
            TagKeys(database, box),
            outside,
            lambda: datetime.now(UTC),
        )


def work(place: Place) -> None:
    """Be a worker until a signal comes."""
    logging.disable(logging.INFO)
    stopped = Event()
    signal.signal(signal.SIGTERM, lambda *_received: stopped.set())
    SchedulingService(place.scheduling(), threads=place.threads, look_every=place.look_every).run_until(stopped)
    os._exit(0)


def start(place: Place) -> BaseProcess:
    """Start a worker."""
    process = FORKS.Process(target=work, args=(place,), daemon=True)
    process.start()
    return process
