"""How often people signed in, were refused, and put a VMR on an appointment: one number a day and integration."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from threading import Lock

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from addin_host.store.models import UsageRow
from addin_host.store.upsert import upsert


class Happening(StrEnum):
    """What is counted."""

    SIGN_IN = "signin"
    REFUSAL = "refusal"
    INSERTION = "insertion"


@dataclass(frozen=True, slots=True)
class DayFigures:
    """What happened on one day (UTC)."""

    day: date
    numbers: Mapping[Happening, int]

    def __getitem__(self, kind: Happening) -> int:
        """Return one number; 0 when nothing happened."""
        return self.numbers.get(kind, 0)


def count(session: Session, integration_id: int, kind: Happening, now: datetime) -> None:
    """Count one more. Call it late in a transaction: others who count the same wait for its end."""
    key = {"day": _text(now.astimezone(UTC).date()), "integration_id": integration_id, "kind": kind.value}
    upsert(session, UsageRow, key, {"number": 1}, {"number": UsageRow.number + 1})


def days(session: Session, *, until: datetime, number: int, within: Collection[int] | None) -> list[DayFigures]:
    """Return the last days, the oldest first, each summed over the integrations `within` (None: all of them)."""
    last = until.astimezone(UTC).date()
    wanted = [last - timedelta(days=back) for back in reversed(range(number))]
    # One column for each kind: grouped by the day alone, the rows come in the order of their key and need no sorting.
    sums = [func.sum(UsageRow.number).filter(UsageRow.kind == kind.value) for kind in Happening]
    chosen = (
        select(UsageRow.day, *sums)
        .where(UsageRow.day >= _text(wanted[0]), UsageRow.day <= _text(last))
        .group_by(UsageRow.day)
    )
    if within is not None:
        chosen = chosen.where(UsageRow.integration_id.in_(within))
    found = {
        day: {kind: int(total) for kind, total in zip(Happening, totals, strict=True) if total}
        for day, *totals in session.execute(chosen)
    }
    return [DayFigures(day, found.get(_text(day), {})) for day in wanted]


def _text(day: date) -> str:
    return day.isoformat()


class Lately:
    """Who was counted in the last seconds, so that a repeated message of the same sender counts once."""

    def __init__(self, seconds: float, *, remembered: int = 10_000) -> None:
        self._span = timedelta(seconds=seconds)
        self._remembered = remembered
        self._seen: dict[object, datetime] = {}
        self._lock = Lock()

    def again(self, sender: object, now: datetime) -> bool:
        """Whether the sender was let through less than the span ago; if not, it is let through now."""
        with self._lock:
            last = self._seen.get(sender)
            if last is not None and abs(now - last) < self._span:
                return True
            if len(self._seen) >= self._remembered:
                self._seen.clear()
            self._seen[sender] = now
            return False
