"""The three families of errors, and nothing else crosses a floor.

`Refused` is for the person who asked, `Upstream` for "try later", `Misconfigured` for the administrator.
They are mapped to HTTP in one place (web/errors.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why something was refused; the value is the `code` that clients see."""

    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    UNKNOWN = "unknown"
    CONFLICT = "conflict"
    SWITCHED_OFF = "switched_off"
    RATE_LIMITED = "rate_limited"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a submitted record: the field's name, its label, and what to do about it.

    A problem with no field of its own (`field == ""`) concerns the record as a whole.
    """

    field: str
    label: str
    message: str
    line: int | None = None

    def __str__(self) -> str:
        """Return the sentence that an administrator reads."""
        return f"{self.label}: {self.message}" if self.label else self.message


class HostError(Exception):
    """What the three families share: a sentence that may be shown to the person it is for."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Refused(HostError):
    """The request is not granted; `message` tells the person who asked what to do. Repeating it is useless."""

    def __init__(self, reason: Reason, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.retry_after = retry_after


class Invalid(Refused):
    """A record is refused; `problems` names every field at fault."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(Reason.INVALID, "\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class Upstream(HostError):
    """A neighbour did not answer, or not usably. `retry_after` is in seconds, when the neighbour gave it."""

    def __init__(self, message: str, *, retryable: bool = True, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.retry_after = retry_after


class Misconfigured(HostError):
    """The administrator has to change something; `message` says what."""
