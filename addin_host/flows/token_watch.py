"""What one process remembers of the identity tokens that came in: how many were refused, and what was told already."""

from __future__ import annotations

from datetime import datetime
from math import ceil
from threading import Lock

from addin_host.domain.errors import Reason, Refused
from addin_host.flows.usage import Lately

PER_MINUTE = 300  # an office behind one address may open as many panes whose first kind of token is not accepted
_WINDOW = 60.0
_MAX_SENDERS = 10_000


class TokenWatch:
    """Counts refused tokens by sender; what is accepted does not count.

    `refusals` and `reports` let one message of many alike through, for the figures and for the audit log.
    """

    def __init__(self, per_minute: int = PER_MINUTE) -> None:
        self.refusals, self.reports = Lately(seconds=2), Lately(seconds=600)
        self._per_minute = per_minute
        self._counts: dict[object, tuple[float, int]] = {}
        self._lock = Lock()

    def require_few(self, sender: object, *, now: datetime) -> None:
        """Raise Refused (RATE_LIMITED) while too many tokens of the sender were refused in this minute."""
        begun, number = self._count(sender, now.timestamp())
        if number >= self._per_minute:
            wait = max(1, ceil(begun + _WINDOW - now.timestamp()))
            words = f"Too many attempts failed. Try again in {wait} seconds."
            raise Refused(Reason.RATE_LIMITED, words, retry_after=wait)

    def add(self, sender: object, *, now: datetime) -> None:
        """Count a token that was refused."""
        with self._lock:
            begun, number = self._count(sender, now.timestamp())
            if len(self._counts) >= _MAX_SENDERS:
                self._counts.clear()
            self._counts[sender] = begun, number + 1

    def _count(self, sender: object, now: float) -> tuple[float, int]:
        begun, number = self._counts.get(sender, (now, 0))
        return (begun, number) if 0 <= now - begun < _WINDOW else (now, 0)
