"""When a room is to exist on a conference platform that is told beforehand (design/scheduling.md section 15).

It is made a little before its window opens, since the platform takes a while to spread it, and deleted after the last
of several windows that follow closely.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

LEAD = timedelta(minutes=2)
GAP = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Presence:
    """Whether the room is to exist now. `until`: when it is to go; `since`: when one that is away is to be made."""

    is_there: bool
    until: datetime | None = None
    since: datetime | None = None


def presence(windows: Iterable[tuple[datetime, datetime]], now: datetime) -> Presence:
    """Return what holds at this moment for a room with these windows (opens, closes).

    Of those that are over only the ones that closed within GAP are needed.
    """
    for since, until in _runs(windows):
        if now < until:
            return Presence(is_there=True, until=until) if since <= now else Presence(is_there=False, since=since)
    return Presence(is_there=False)


def _runs(windows: Iterable[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    runs: list[tuple[datetime, datetime]] = []
    for opens, closes in sorted(windows):
        if runs and opens - LEAD - runs[-1][1] <= GAP:
            runs[-1] = (runs[-1][0], max(runs[-1][1], closes))
        else:
            runs.append((opens - LEAD, closes))
    return runs
