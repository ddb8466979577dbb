"""When a room is written to the conference platform, and when it is taken away (design/scheduling.md sections 11, 15).

With the built-in platform nothing is written: external policy answers for the rooms at each call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from addin_host.flows.scheduling.context import Scheduling


def plan(
    session: Session,
    conference_ids: Sequence[int],
    *,
    now: datetime,
    correlation_ids: Mapping[int, str] | None = None,
) -> Mapping[int, int]:
    """Have the platform follow what the tables say of some rooms: to be called after every change of room or windows.

    Returns {conference id: outbox id} of the rooms that are written now: a reply is sent after it (`after_id`).
    `correlation_ids` (by conference) tie what is written to the operation that asked for it.
    """
    del session, conference_ids, now, correlation_ids
    return {}


def end(session: Session, tags: Sequence[str], *, now: datetime) -> None:
    """Take rooms off the platform whose conferences are deleted in this transaction; tags are `sched:<uuid>`."""
    del session, tags, now


def sweep(own: Scheduling) -> int:
    """Compare the platform with the tables in both directions, and plan what is missing or too much; return how many.

    Raises Upstream or Misconfigured.
    """
    del own
    return 0
