"""How many requests an API user makes in a minute, over all web processes.

Each process counts by itself and adds its count to the shared table now and then, in the background: a read costs no
write and waits for none. So a user may exceed the limit by what the other processes have not added yet, which is 2 % of
the limit for each of them; with one process the limit is exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from sqlalchemy import delete, select

from addin_host.domain.errors import Reason, Refused
from addin_host.flows import platform
from addin_host.store.db import Database
from addin_host.store.models import RequestCountRow
from addin_host.store.upsert import upsert

WINDOW = 60  # seconds
_PARTS = 50  # a process adds its count each time it has reached this part of the limit


@dataclass(slots=True)
class _Tally:
    """What one process knows of one user in one window: `elsewhere` and its own, of which `added` are in the table."""

    window: int
    limit: int
    elsewhere: int = 0
    own: int = 0
    added: int = 0
    adding: bool = False

    @property
    def is_due(self) -> bool:
        """Whether the table should hear of what was counted."""
        return not self.adding and self.own - self.added >= max(1, self.limit // _PARTS)


class RequestLimits:
    """The counts of one process. `in_background` runs work later; safe to share between threads."""

    def __init__(self, database: Database, in_background: Callable[[str, Callable[[], None]], object]) -> None:
        self._database = database
        self._in_background = in_background
        self._lock = Lock()
        self._tallies: dict[int, _Tally] = {}

    def count(self, api_user_id: int, *, now: datetime) -> None:
        """Count one request. Raises Refused (RATE_LIMITED) when there were too many in this minute."""
        seconds = int(now.timestamp())
        window = seconds // WINDOW
        with self._lock:
            tally = self._tallies.get(api_user_id)
        if tally is None or tally.window != window:
            tally = self._begin(api_user_id, window)
        with self._lock:
            tally.own += 1
            excess = tally.elsewhere + tally.own > tally.limit
            due = tally.is_due and (not excess or tally.own == tally.limit + 1)
            tally.adding = tally.adding or due
        if due:
            self._in_background("counting requests", lambda: self._add(api_user_id, tally))
        if excess:
            wait = WINDOW - seconds % WINDOW
            text = f"More than {tally.limit:,} requests in a minute. Go on in {wait} seconds."
            raise Refused(Reason.RATE_LIMITED, text, retry_after=wait)

    def _begin(self, api_user_id: int, window: int) -> _Tally:
        with self._database.read() as session:
            limit = int(platform.read(session)["api_requests_per_minute"])
            made = session.get(RequestCountRow, (_key(api_user_id), window))
            fresh = _Tally(window, limit, elsewhere=made.number if made else 0)
        with self._lock:
            known = self._tallies.get(api_user_id)
            if known is None or known.window != window:
                self._tallies[api_user_id] = known = fresh
            return known

    def _add(self, api_user_id: int, tally: _Tally) -> None:
        with self._lock:
            amount = tally.own - tally.added
        try:
            total = _added(self._database, api_user_id, tally.window, amount)
        except BaseException:
            with self._lock:
                tally.adding = False
            raise
        with self._lock:
            tally.added += amount
            tally.elsewhere, tally.adding = total - tally.added, False


def _key(api_user_id: int) -> str:
    return f"api:{api_user_id}"


def _added(database: Database, api_user_id: int, window: int, amount: int) -> int:
    """Add to the table, forget what is past, and return the sum of all processes."""
    name, row = _key(api_user_id), RequestCountRow
    with database.write() as session:
        upsert(session, row, {"key": name, "window": window}, {"number": amount}, {"number": row.number + amount})
        session.execute(delete(row).where(row.key == name, row.window < window))
        return session.scalar(select(row.number).where(row.key == name, row.window == window)) or 0
