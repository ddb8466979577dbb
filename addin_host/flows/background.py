"""Work that outlives the request that asked for it: checks, imports, notifications.

Each web process has a few threads of its own. What the work has reached stands in the database, where any process
can show it.
"""

from __future__ import annotations

import atexit
import contextvars
import logging
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event, Lock, Thread

from addin_host.domain.redaction import new_correlation_id

_log = logging.getLogger(__name__)


class Background:
    """A few threads, started when they are first needed; a process that was forked starts its own."""

    def __init__(self, threads: int = 4) -> None:
        self._threads = threads
        self._lock = Lock()
        self._owner: tuple[int, ThreadPoolExecutor] | None = None

    def submit(self, name: str, work: Callable[[], object]) -> Future[None]:
        """Run `work` soon, under the correlation id of the request that asked for it. What it raises is logged."""
        context = contextvars.copy_context()
        return self._executor().submit(context.run, _guarded, name, work)

    def _executor(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._owner is None or self._owner[0] != os.getpid():
                self._owner = (os.getpid(), ThreadPoolExecutor(self._threads, thread_name_prefix="background"))
            return self._owner[1]


class Regularly:
    """A thread that does some work every so many seconds until the process ends. Start it after forking, never before.

    What the work raises is logged, and it is done again the next time.
    """

    def __init__(self, name: str, work: Callable[[], object], *, seconds: float, first_after: float) -> None:
        self._name, self._work = name, work
        self._seconds, self._first_after = seconds, first_after
        self._stop = Event()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Begin; calling it again changes nothing."""
        if self._thread is None:
            self._thread = Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
            atexit.register(self.stop)

    def stop(self, wait: float = 2.0) -> None:
        """Begin nothing more, and wait a little for what is going on."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(wait)

    def _run(self) -> None:
        pause = self._first_after
        while not self._stop.wait(pause):
            try:
                new_correlation_id()
                self._work()
            except Exception:  # noqa: BLE001 - whatever it is, it is logged, and the next time may be better
                _log.exception("%s failed", self._name)
            pause = self._seconds


def _guarded(name: str, work: Callable[[], object]) -> None:
    try:
        work()
    except Exception:
        _log.exception("%s failed in the background", name)
        raise
