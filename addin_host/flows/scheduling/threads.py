"""Threads that live as long as the service: whatever happens in them is logged, and they go on."""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from collections.abc import Callable
from threading import Condition, Event, Thread

from addin_host.domain.errors import HostError
from addin_host.domain.redaction import new_correlation_id

_log = logging.getLogger(__name__)


def guarded(name: str, work: Callable[[], object]) -> bool:
    """Do some work under a correlation id of its own. False: it failed, which is logged."""
    new_correlation_id()
    try:
        work()
    except HostError as error:
        _log.warning("%s: %s", name, error.message)
    except Exception:  # noqa: BLE001 - a thread that ends would be missed by nobody
        _log.exception("%s failed", name)
    else:
        return True
    return False


class Loop:
    """Does some work again and again: at once while it returns True, else after a pause or when it is woken."""

    def __init__(self, name: str, work: Callable[[], bool], *, seconds: float) -> None:
        self._name, self._work, self._seconds = name, work, seconds
        self._bell, self._is_stopped = Event(), False
        self._thread = Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """End the pause."""
        self._bell.set()

    def stop(self) -> None:
        """Begin nothing more."""
        self._is_stopped = True
        self._bell.set()

    def join(self, seconds: float) -> None:
        """Wait for what is going on."""
        if self._thread.is_alive():
            self._thread.join(max(seconds, 0))

    def _run(self) -> None:
        while not self._is_stopped:
            self._bell.clear()
            more: list[bool] = []
            guarded(self._name, lambda found=more: found.append(self._work()))  # type: ignore[misc]
            if not any(more) and not self._is_stopped:
                self._bell.wait(self._seconds)


class Crew:
    """Some threads for jobs that wait for others most of the time. Jobs have a key, by which they are counted."""

    def __init__(self, name: str, size: int, *, done: Callable[[], None]) -> None:
        self._name, self._size, self._done = name, size, done
        self._jobs: deque[tuple[int, Callable[[], object]]] = deque()
        self._underway: Counter[int] = Counter()
        self._changed = Condition()
        self._is_stopped = False
        self._threads = [Thread(target=self._run, name=f"{name}-{number}", daemon=True) for number in range(size)]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def underway(self, key: int) -> int:
        """Return how many jobs with a key are under way or wait for their turn."""
        with self._changed:
            return self._underway[key]

    def has_room(self) -> bool:
        """Whether a job would begin at once."""
        with self._changed:
            return self._underway.total() < self._size and not self._is_stopped

    def offer(self, key: int, job: Callable[[], object]) -> None:
        """Have a job done soon."""
        with self._changed:
            self._underway[key] += 1
            self._jobs.append((key, job))
            self._changed.notify()

    def stop(self) -> None:
        """Begin nothing more."""
        with self._changed:
            self._is_stopped = True
            self._jobs.clear()
            self._changed.notify_all()

    def join(self, seconds: float) -> None:
        """Wait for what is going on."""
        until = time.monotonic() + seconds
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(until - time.monotonic(), 0))

    def _run(self) -> None:
        while (taken := self._next()) is not None:
            key, job = taken
            guarded(self._name, job)
            with self._changed:
                self._underway[key] -= 1
                self._underway += Counter()  # forgets those that have none
            self._done()

    def _next(self) -> tuple[int, Callable[[], object]] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._is_stopped)
            return None if self._is_stopped else self._jobs.popleft()
