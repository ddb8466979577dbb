"""What is deleted by itself: everything that has expired, and history beyond its retention."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Delete, delete, func, or_, select
from sqlalchemy.orm import Session

from addin_host.flows import import_jobs, platform
from addin_host.flows.request_limits import WINDOW
from addin_host.store.models import (
    AdminSessionRow,
    AdminSignInRow,
    AlarmRow,
    CheckRunRow,
    DialogSessionRow,
    FailureRow,
    IdempotencyRow,
    InboxRow,
    OutboxRow,
    PendingSignInRow,
    PreviewDraftRow,
    RequestCountRow,
    SchedulingOperationRow,
    SeenTokenRow,
    ServiceSignInRow,
    SetupLinkRow,
    SignInResultRow,
    UsageRow,
)

# Tables whose rows are of no use once they have expired. What a credential of a program was is kept with its user.
EXPIRING: Sequence[Any] = (
    PendingSignInRow,
    SignInResultRow,
    DialogSessionRow,
    AdminSessionRow,
    AdminSignInRow,
    SetupLinkRow,
    PreviewDraftRow,
    IdempotencyRow,
    SeenTokenRow,
    ServiceSignInRow,
)
_A_DAY = timedelta(days=1)


def clean(session: Session, *, now: datetime) -> int:
    """Delete what has expired, and return how many rows that was."""
    import_jobs.forget_abandoned(session, now=now)
    statements = [delete(model).where(model.expires_at <= now) for model in EXPIRING]
    statements += [*_counters(now), *_history(session, now)]
    return sum(int(getattr(session.execute(statement), "rowcount", 0)) for statement in statements)


def _counters(now: datetime) -> list[Delete]:
    blocked = FailureRow.blocked_until
    return [
        delete(FailureRow).where(FailureRow.last_at < now - _A_DAY, or_(blocked.is_(None), blocked < now)),
        delete(RequestCountRow).where(RequestCountRow.window < int((now - _A_DAY).timestamp()) // WINDOW),
    ]


_RETENTIONS = ("alarm_days", "check_run_days", "usage_days", "operation_days")
_CLOSED = ("done", "cancelled")


def _history(session: Session, now: datetime) -> list[Delete]:
    settings = platform.read(session)
    ended, ran, used, operated = (now - timedelta(days=int(settings[name])) for name in _RETENTIONS)
    newest = select(func.max(CheckRunRow.id)).group_by(CheckRunRow.integration_id)
    return [
        delete(AlarmRow).where(AlarmRow.cleared_at < ended),
        delete(CheckRunRow).where(CheckRunRow.started_at < ran, CheckRunRow.id.not_in(newest)),
        delete(UsageRow).where(UsageRow.day < used.date().isoformat()),
        delete(SchedulingOperationRow).where(SchedulingOperationRow.created_at < operated),
        delete(InboxRow).where(InboxRow.finished_at < operated, InboxRow.state.in_(_CLOSED)),
        # That of a room stands for what the platform has; it goes with the room.
        delete(OutboxRow).where(
            OutboxRow.finished_at < operated, OutboxRow.state.in_(_CLOSED), OutboxRow.kind != "room"
        ),
    ]
