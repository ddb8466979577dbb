"""What an answer is about: when a meeting takes place. Two versions with one fingerprint need one answer."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256

from addin_host.domain.calendar import Meeting, Occurrence, Series


def fingerprint(meeting: Meeting) -> str:
    """Return 64 characters that stand for the times, the pattern and its exceptions, and for no words."""
    if meeting.series is None:
        return of_times(meeting.start, meeting.end)
    return _hashed(series_times(meeting.series))


def of_times(start: datetime, end: datetime) -> str:
    """Return the fingerprint of a meeting that takes place once."""
    return _hashed((start.astimezone(UTC).isoformat(), end.astimezone(UTC).isoformat()))


def pattern_times(series: Series) -> tuple[object, ...]:
    """Return what says when the occurrences are, but for what departs from it."""
    return series.recurrence, series.zone.name, series.starts, series.minutes


def exception_times(series: Series) -> frozenset[tuple[str, str, str]]:
    """Return the occurrences that were moved: original start, start, end."""
    return frozenset(map(_times, series.exceptions))


def series_times(series: Series) -> tuple[object, ...]:
    """Return all that says when the occurrences are, in an order of its own."""
    deleted = sorted({original.astimezone(UTC).isoformat() for original in series.deleted})
    return (*pattern_times(series), sorted(exception_times(series)), deleted)


def _times(occurrence: Occurrence) -> tuple[str, str, str]:
    original, start, end = (
        instant.astimezone(UTC).isoformat() for instant in (occurrence.original, occurrence.start, occurrence.end)
    )
    return original, start, end


def _hashed(value: object) -> str:
    return sha256(repr(value).encode()).hexdigest()
