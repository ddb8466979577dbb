"""How long the conference platform is left alone after it did not answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from addin_host.domain.errors import HostError, Upstream
from addin_host.flows.scheduling import health
from addin_host.flows.scheduling.claiming import waiting_seconds
from addin_host.store import marks

_MARK, _NEVER = "conference_platform_waits", "0 0"


def until(session: Session) -> datetime:
    """Return until when nobody calls the platform; long ago: it may be called."""
    return datetime.fromtimestamp(float(marks.value(session, _MARK, _NEVER).split()[0]), UTC)


def begin(session: Session, trouble: HostError, *, now: datetime) -> None:
    """Leave the platform alone for as long as it says, else for longer after each failure. Raises the alarm."""
    mark = marks.locked(session, _MARK, _NEVER)
    failures = int(mark.value.split()[1]) + 1
    retry_after = trouble.retry_after if isinstance(trouble, Upstream) else None
    waits = timedelta(seconds=waiting_seconds(failures, retry_after))
    mark.value = f"{(now + waits).timestamp()} {failures}"
    health.platform_trouble(session, trouble.message, now)


def over(session: Session, *, now: datetime) -> None:
    """Note that the platform answers."""
    if marks.value(session, _MARK, _NEVER) != _NEVER:
        marks.locked(session, _MARK, _NEVER).value = _NEVER
        health.platform_well(session, now)
