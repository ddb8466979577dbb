"""How many items are taken at once from each mailbox: many where it is fast, few where it is slow."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

_FEWEST, _FIRST, _MOST = 5, 20, 100
_FAST, _SLOW = 0.5, 2.0  # seconds for a batch


class Pace:
    """What this process learned about the mailboxes. Numbers may be lost between threads; they only steer."""

    def __init__(self) -> None:
        self._sizes: dict[int, int] = {}
        self._served_at: dict[int, float] = {}
        self._shaky: set[int] = set()

    def size(self, integration_id: int) -> int:
        """Return how many items to take at once."""
        return self._sizes.get(integration_id, _FIRST)

    def jobs(self, integration_id: int, number: int) -> int:
        """Return how many batches so many items are. A mailbox in trouble is tried with one."""
        return 1 if integration_id in self._shaky else -(-number // self.size(integration_id))

    def in_turn(self, waiting: Mapping[int, int]) -> list[tuple[int, int]]:
        """Return the mailboxes with work, those first that were served the longest ago."""
        return sorted(waiting.items(), key=lambda one: self._served_at.get(one[0], 0.0))

    def is_shaky(self, integration_id: int, now: bool) -> bool:
        """Note whether a mailbox is in trouble, and return whether it was."""
        was = integration_id in self._shaky
        (self._shaky.add if now else self._shaky.discard)(integration_id)
        return was

    @contextmanager
    def measured(self, integration_id: int, number: int) -> Iterator[None]:
        """Learn from how long a batch takes."""
        began = self._served_at[integration_id] = time.monotonic()
        yield
        seconds, size = time.monotonic() - began, self.size(integration_id)
        if seconds > _SLOW:
            self._sizes[integration_id] = max(size // 2, _FEWEST)
        elif seconds < _FAST and number >= size:
            self._sizes[integration_id] = min(size * 2, _MOST)
