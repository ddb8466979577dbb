"""What changed between two records, for people to read: value by value, long texts line by line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Any

_SHORT = 120
_AROUND = 2
_MOST_LINES = 2_000


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a text: `mark` is `+` (added), `-` (taken away), a blank (unchanged), or `…` for lines left out."""

    mark: str
    text: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that changed. `lines` is given for long texts, `before` and `after` otherwise; None is no value."""

    name: str
    before: str | None
    after: str | None
    lines: tuple[Line, ...] = ()


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Return what differs, in the order of the records."""
    return tuple(_difference(name, before, after) for name in {**before, **after})


def _difference(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Difference:
    old = _words(before[name]) if name in before else None
    new = _words(after[name]) if name in after else None
    texts = (old or "", new or "")
    if all(len(text) <= _SHORT and "\n" not in text for text in texts):
        return Difference(name, old, new)
    return Difference(name, old, new, tuple(_lines(texts[0].splitlines(), texts[1].splitlines())))


def _words(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _lines(old: list[str], new: list[str]) -> Iterator[Line]:
    old, new = old[:_MOST_LINES], new[:_MOST_LINES]
    blocks = [(i, j, size) for i, j, size in SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()]
    for number, ((i, j, size), (until_old, until_new, _)) in enumerate(pairwise([(0, 0, 0), *blocks])):
        yield from _kept(old[i : i + size], is_first=number <= 1 and i == 0 and j == 0)
        yield from (Line("-", text) for text in old[i + size : until_old])
        yield from (Line("+", text) for text in new[j + size : until_new])


def _kept(lines: list[str], *, is_first: bool) -> Iterator[Line]:
    """Show a few unchanged lines beside each change."""
    head, tail = (0 if is_first else _AROUND), _AROUND
    if len(lines) <= head + tail:
        yield from (Line(" ", text) for text in lines)
        return
    yield from (Line(" ", text) for text in lines[:head])
    yield Line("…", f"{len(lines) - head - tail} lines unchanged")
    yield from (Line(" ", text) for text in lines[len(lines) - tail :])
