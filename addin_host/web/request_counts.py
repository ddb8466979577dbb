"""How many requests were answered, and how fast, over all worker processes of this machine.

The numbers stand in memory that the workers share. Each process adds to a region of its own, so nobody waits for
anybody; whoever is asked for the figures adds the regions up. A region outlives its process, and is taken over by a
new one, which goes on counting in it.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import tempfile
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from threading import Lock
from weakref import finalize, ref

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
STATUSES = (
    *("200", "201", "202", "204", "206", "301", "302", "303", "304", "400", "401", "403", "404", "405", "409"),
    *("412", "413", "415", "422", "429", "500", "501", "503", "other"),
)
_STATUS: Mapping[str, int] = {status: place for place, status in enumerate(STATUSES)}
_REGIONS = 256
_DOUBLE = 8


@dataclass(frozen=True, slots=True)
class KindFigures:
    """The requests of one page kind: how many by status, how many by bucket (not summed up), and all their seconds."""

    kind: str
    by_status: Mapping[str, int]
    by_bucket: tuple[int, ...]
    seconds: float


class RequestCounts:
    """Counts requests by page kind, status and time. Make it before the workers are forked."""

    def __init__(self, kinds: Sequence[str]) -> None:
        self._row = len(STATUSES) + len(BUCKETS) + 2
        self._places = {kind: 1 + number * self._row for number, kind in enumerate(kinds)}
        self._width = 1 + len(kinds) * self._row  # the first place holds the number of the process
        self._file = os.memfd_create("addin-host") if hasattr(os, "memfd_create") else _unnamed_file()
        finalize(self, os.close, self._file)
        size = _REGIONS * self._width * _DOUBLE
        os.ftruncate(self._file, size)
        self._all = memoryview(mmap.mmap(self._file, size)).cast("d")
        self._lock = Lock()
        self._mine: memoryview[float] | None = None
        os.register_at_fork(after_in_child=partial(_forget_parents_region, ref(self)))

    def add(self, kind: str, status: str, seconds: float) -> None:
        """Count one answered request."""
        place = self._places[kind]
        bucket = place + len(STATUSES) + bisect_left(BUCKETS, seconds)
        with self._lock:
            mine = self._mine if self._mine is not None else self._claim()
            mine[place + _STATUS.get(status, len(STATUSES) - 1)] += 1
            mine[bucket] += 1
            mine[place + self._row - 1] += seconds

    def _claim(self) -> memoryview[float]:
        """Take a region that no living process counts in."""
        fcntl.lockf(self._file, fcntl.LOCK_EX)
        try:
            free = next(region for region in self._regions() if not _is_alive(int(region[0])))
            free[0] = os.getpid()
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN)
        self._mine = free
        return free

    def _regions(self) -> Iterator[memoryview[float]]:
        return (self._all[number * self._width : (number + 1) * self._width] for number in range(_REGIONS))

    def figures(self) -> list[KindFigures]:
        """Return what was counted so far, for every kind."""
        used = [list(region) for region in self._regions() if region[0]]
        sums = [sum(column) for column in zip(*used, strict=True)] or [0.0] * self._width
        return [self._of_kind(kind, sums[place : place + self._row]) for kind, place in self._places.items()]

    def _of_kind(self, kind: str, row: Sequence[float]) -> KindFigures:
        statuses = {status: int(number) for status, number in zip(STATUSES, row, strict=False) if number}
        buckets = tuple(int(number) for number in row[len(STATUSES) : -1])
        return KindFigures(kind, statuses, buckets, row[-1])


def _unnamed_file() -> int:
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _is_alive(process: int) -> bool:
    if process in (0, os.getpid()):
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _forget_parents_region(counts: ref[RequestCounts]) -> None:
    if counted := counts():
        counted._lock = Lock()
        counted._mine = None
