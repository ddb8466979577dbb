"""Timing inside this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import TypeVar

T = TypeVar("T")


def microseconds(act: Callable[[T], object], subjects: Sequence[T]) -> list[float]:
    """Return how long each call took, in microseconds."""
    taken = []
    for subject in subjects:
        begun = time.perf_counter_ns()
        act(subject)
        taken.append((time.perf_counter_ns() - begun) / 1000)
    return taken


def side_by_side(
    first: Callable[[T], object], second: Callable[[T], object], subjects: tuple[Sequence[T], Sequence[T]], repeats: int
) -> tuple[list[float], list[float]]:
    """Time two ways of doing, turn by turn, after one turn to warm up; return the median microseconds of each turn."""
    turns: tuple[list[float], list[float]] = ([], [])
    for _turn in range(repeats + 1):
        for act, of, medians in zip((first, second), subjects, turns, strict=True):
            medians.append(median(microseconds(act, of)))
    return turns[0][1:], turns[1][1:]
