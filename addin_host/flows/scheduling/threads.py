"""Threads that live as long as the service: whatever happens in them is logged, and they go on."""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from collections.abc import Callable
from threading import Condition, Event, Thread

from addin_host.domain.errors import HostError
from addin_host.domain.redaction import new_correlation_id

_RESTS_SECONDS = 2.0
_REPEATED_AFTER_SECONDS = 10.0
_log = logging.getLogger(__name__)
_said: dict[str, tuple[str, float]] = {}


def guarded(name: str, work: Callable[[], object]) -> bool:
    """Do some work under a correlation id of its own. False: it failed, which is logged.

    The same words about the same work are logged every few seconds only: while the database is away, all fails alike.
    """
    new_correlation_id()
    try:
        work()
    except HostError as error:
        _say(name, in_words(error))
    except Exception:  # noqa: BLE001 - a thread that ends would be missed by nobody
        _log.exception("%s failed", name)
    else:
        return True
    return False


def in_words(error: HostError) -> str:
    """Return what went wrong and, where it is known, why: the first line, for others may hold values."""
    cause = str(error.__cause__ or "").partition("\n")[0]
    return f"{error.message} (cause: {cause})" if cause else error.message


def _say(name: str, words: str) -> None:
    before, until = _said.get(name, ("", 0.0))
    if words != before or time.monotonic() > until:
        _said[name] = (words, time.monotonic() + _REPEATED_AFTER_SECONDS)
        _log.warning("%s: %s", name, words)


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
    """Some threads for jobs that wait for others most of the time. Jobs have a key, by which they are counted.

    `done` is called after each job, and asks for the next one: `rests` says which keys that would be in vain for.
    """

    def __init__(self, name: str, size: int, *, done: Callable[[], None]) -> None:
        self._name, self._size, self._done = name, size, done
        self._jobs: deque[tuple[int, Callable[[], object]]] = deque()
        self._underway: Counter[int] = Counter()
        self._resting: dict[int, float] = {}
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

    def rests(self, key: int) -> bool:
        """Whether a job with a key failed a moment ago; the next one would fail as well."""
        with self._changed:
            return self._resting.get(key, 0.0) > time.monotonic()

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
            is_well = guarded(self._name, job)
            with self._changed:
                self._resting.pop(key, None)
                if not is_well:
                    self._resting[key] = time.monotonic() + _RESTS_SECONDS
                self._underway[key] -= 1
                self._underway += Counter()  # forgets those that have none
            self._done()

    def _next(self) -> tuple[int, Callable[[], object]] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._is_stopped)
            return None if self._is_stopped else self._jobs.popleft()
