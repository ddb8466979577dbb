"""A series as the database keeps it: plain JSON. What the mailbox expanded is not kept."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime, time
from typing import Any

from addin_host.domain.calendar import (
    Frequency,
    Occurrence,
    Recurrence,
    Series,
    Transition,
    WeekIndex,
    Zone,
    ZoneRules,
)


def to_record(series: Series) -> dict[str, Any]:
    """Return what `from_record` makes an equal series of, without its expansion."""
    recurrence = asdict(series.recurrence)
    return {
        "recurrence": recurrence
        | {
            "first_day": series.recurrence.first_day.isoformat(),
            "last_day": series.recurrence.last_day.isoformat() if series.recurrence.last_day else None,
            "days_of_week": list(series.recurrence.days_of_week),
        },
        "zone": {"name": series.zone.name, "rules": _from_rules(series.zone.rules)},
        "starts": series.starts.isoformat(),
        "minutes": series.minutes,
        "exceptions": [
            [item.original.isoformat(), item.start.isoformat(), item.end.isoformat(), item.subject]
            for item in series.exceptions
        ],
        "deleted": [original.isoformat() for original in series.deleted],
    }


def from_record(record: dict[str, Any]) -> Series:
    """Return the series of a record."""
    recurrence = dict(record["recurrence"])
    last_day = recurrence["last_day"]
    recurrence |= {
        "frequency": Frequency(recurrence["frequency"]),
        "index": WeekIndex(recurrence["index"]),
        "first_day": date.fromisoformat(recurrence["first_day"]),
        "last_day": date.fromisoformat(last_day) if last_day else None,
        "days_of_week": tuple(recurrence["days_of_week"]),
    }
    return Series(
        recurrence=Recurrence(**recurrence),
        zone=Zone(record["zone"]["name"], _to_rules(record["zone"]["rules"])),
        starts=time.fromisoformat(record["starts"]),
        minutes=record["minutes"],
        exceptions=tuple(
            Occurrence(
                datetime.fromisoformat(original), datetime.fromisoformat(start), datetime.fromisoformat(end), subject
            )
            for original, start, end, subject in record["exceptions"]
        ),
        deleted=tuple(datetime.fromisoformat(original) for original in record["deleted"]),
    )


def _from_rules(rules: ZoneRules | None) -> dict[str, Any] | None:
    if rules is None:
        return None
    changes = {name: _from_change(getattr(rules, name)) for name in ("to_standard", "to_daylight")}
    return asdict(rules) | changes


def _from_change(change: Transition | None) -> dict[str, Any] | None:
    return asdict(change) | {"at": change.at.isoformat()} if change else None


def _to_rules(record: dict[str, Any] | None) -> ZoneRules | None:
    if record is None:
        return None
    changes = {name: _to_change(record[name]) for name in ("to_standard", "to_daylight")}
    return ZoneRules(**(record | changes))


def _to_change(record: dict[str, Any] | None) -> Transition | None:
    return Transition(**(record | {"at": time.fromisoformat(record["at"])})) if record else None
