"""Work that outlives the request that asked for it: checks, imports, notifications.

Each web process has a few threads of its own. What the work has reached stands in the database, where any process
can show it.
"""

from __future__ import annotations

import contextvars
import logging
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock

_log = logging.getLogger(__name__)


class Background:
    """A few threads, started when they are first needed; a process that was forked starts its own."""

    def __init__(self, threads: int = 4) -> None:
        self._threads = threads
        self._lock = Lock()
        self._owner: tuple[int, ThreadPoolExecutor] | None = None

    def submit(self, name: str, work: Callable[[], None]) -> Future[None]:
        """Run `work` soon, under the correlation id of the request that asked for it. What it raises is logged."""
        context = contextvars.copy_context()
        return self._executor().submit(context.run, _guarded, name, work)

    def _executor(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._owner is None or self._owner[0] != os.getpid():
                self._owner = (os.getpid(), ThreadPoolExecutor(self._threads, thread_name_prefix="background"))
            return self._owner[1]


def _guarded(name: str, work: Callable[[], None]) -> None:
    try:
        work()
    except Exception:
        _log.exception("%s failed in the background", name)
        raise
