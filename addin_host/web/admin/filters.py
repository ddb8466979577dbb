"""What administrators type into the filters of a log; what makes no sense is a problem that says what to enter."""

from __future__ import annotations

from datetime import UTC, datetime

from addin_host.domain.errors import Problem
from addin_host.web.numbers import row_number


def instant(name: str, label: str, text: str, problems: list[Problem]) -> datetime | None:
    """Return the instant (UTC) that was typed, None for nothing."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None
    except ValueError:
        problems.append(Problem(name, label, "is not a date. Enter one such as 2026-11-23T09:00."))
        return None


def number(name: str, label: str, text: str, problems: list[Problem], *, hint: str) -> int | None:
    """Return the number of a row that was typed, None for nothing; `hint` says which one to enter."""
    found = row_number(text)
    if text and found is None:
        problems.append(Problem(name, label, f"is not a number. {hint}"))
    return found
