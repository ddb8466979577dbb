"""What time alone brings: occurrences that come within sight, and rooms whose last window has closed."""

from __future__ import annotations

from addin_host.flows.scheduling.context import Scheduling


def extend(own: Scheduling) -> int:
    """Give series rows for the occurrences that came within sight; return how many series. Commits batch by batch."""
    raise NotImplementedError


def close(own: Scheduling) -> int:
    """Delete the rooms whose last window is over; return how many. Commits batch by batch."""
    raise NotImplementedError
