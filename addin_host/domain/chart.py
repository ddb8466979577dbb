"""Bars of a small chart: numbers per day, several of a kind side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_GAP = 0.25  # of a day's width


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar, from the upper left; `series` counts from 0."""

    x: float
    y: float
    width: float
    height: float
    series: int


def ceiling_of(largest: int) -> int:
    """Return the number at the chart's top: the next 1, 2 or 5 with noughts after it, at least 5."""
    step = 1
    while True:
        for digit in (1, 2, 5):
            if digit * step >= max(largest, 5):
                return digit * step
        step *= 10


def bars(series: Sequence[Sequence[int]], *, width: float, height: float) -> list[Bar]:
    """Return the bars of some series of equal length; where nothing happened there is none."""
    days = max((len(numbers) for numbers in series), default=0)
    if not days:
        return []
    top = ceiling_of(max((max(numbers, default=0) for numbers in series), default=0))
    room = width / days
    each = room * (1 - _GAP) / len(series)
    return [
        Bar(
            x=round(day * room + room * _GAP / 2 + place * each, 2),
            y=round(height - height * number / top, 2),
            width=round(each, 2),
            height=round(height * number / top, 2),
            series=place,
        )
        for place, numbers in enumerate(series)
        for day, number in enumerate(numbers)
        if number
    ]
