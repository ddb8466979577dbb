"""What the checker says, and what it may be told beforehand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing wrong with a manifest: where (line from 1), which rule (a short stable id), and what to do about it."""

    line: int
    rule: str
    message: str
    severity: Severity = "error"

    def __str__(self) -> str:
        return f"line {self.line}: {self.message} [{self.rule}]"


@dataclass(frozen=True, slots=True)
class Expected:
    """What is known about a manifest besides the file itself; an unknown is not checked.

    `addin_host` is the host, with its port when it has one, that serves the add-in; unknown, the first SourceLocation
    names it. `functions` are the functions of the commands page. `last_version` is the Version last issued.
    """

    addin_id: str | None = None
    addin_host: str | None = None
    functions: frozenset[str] | None = None
    last_version: str | None = None
    permissions: str = "ReadWriteItem"


def errors(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings that forbid serving the manifest."""
    return [finding for finding in findings if finding.severity == "error"]
