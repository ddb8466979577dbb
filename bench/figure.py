"""What is reported: one line per figure, and how much work a run does to find it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.workshop import Workshop


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value. `target` is empty for orientation; `detail` goes to results.json only."""

    name: str
    value: float
    unit: str
    target: str = ""
    detail: Mapping[str, object] = field(default_factory=dict)

    def line(self) -> str:
        """Return `name value unit target`; `-` stands for no target."""
        return f"{self.name} {self.value:.4g} {self.unit} {self.target or '-'}"

    @property
    def is_met(self) -> bool | None:
        """Whether the value is within the target, None without one."""
        if not self.target:
            return None
        sign, limit = self.target[:2], float(self.target[2:])
        return self.value <= limit if sign == "<=" else self.value >= limit


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is done: seconds of load, rounds whose medians count, rows that databases are filled with."""

    seconds: int
    rounds: int
    repeats: int
    few_vmrs: int
    many_vmrs: int
    integrations: int
    imported: int
    listed_people: int
    writing_seconds: int


FULL = Scale(2, 7, 15, 10_000, 1_000_000, 10_000, 100_000, 2_000, 60)
QUICK = Scale(1, 5, 9, 10_000, 200_000, 10_000, 20_000, 500, 10)
TINY = Scale(1, 1, 1, 100, 200, 20, 50, 5, 1)

Measure = Callable[["Workshop", Scale, frozenset[str]], Iterator[Figure]]


@dataclass(frozen=True, slots=True)
class Group:
    """Figures that are found together; `measure` is told which of them are wanted."""

    names: tuple[str, ...]
    measure: Measure
