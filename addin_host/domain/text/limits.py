"""The bounds of a template, and the allowance that every rendering spends.

No process limit protects a web worker, so time and memory are bounded here: every operation, every iteration and
every character that an operation reads or makes costs units of one allowance (design/security.md section 8).
"""

from __future__ import annotations

import math
from typing import Any

from jinja2 import Undefined

from addin_host.domain.text.problems import RenderProblem

MAX_SOURCE = 12_288
MAX_OUTPUT = 256 * 1024
MAX_NODES = 3_000
MAX_DEPTH = 60
MAX_TEXT = 65_536
MAX_ITEMS = 1_000
MAX_INTEGER_BITS = 128
ALLOWANCE = 1_000_000
OPERATION = 5
NODE = 4
ITEM = 4

_CONTAINERS = (list, tuple, dict)


class Allowance:
    """What one rendering may still spend. One unit is about a nanosecond for characters, 0.2 us for operations."""

    __slots__ = ("left", "log_lines")

    def __init__(self) -> None:
        self.left = ALLOWANCE
        self.log_lines = 10

    def spend(self, units: int) -> None:
        """Take units away. Raises RenderProblem when nothing is left."""
        self.left -= units
        if self.left < 0:
            raise RenderProblem("the template does too much work; use fewer loops and shorter texts")

    def read(self, value: Any) -> None:
        """Pay for looking through a value."""
        if isinstance(value, str):
            self.spend(len(value))
        elif isinstance(value, _CONTAINERS):
            self.spend(weight(value))

    def keep(self, value: Any) -> Any:
        """Pay for a value that an operation made, and return it. Raises RenderProblem when it is too large."""
        if isinstance(value, str):
            check_length(len(value))
            self.spend(len(value))
        elif isinstance(value, _CONTAINERS):
            self.spend(weight(value))
        elif isinstance(value, int) and value.bit_length() > MAX_INTEGER_BITS:
            raise RenderProblem("a number becomes too large")
        return value


def check_length(length: int) -> None:
    """Raise RenderProblem when a text of this many characters may not be made."""
    if length > MAX_TEXT:
        raise RenderProblem(f"a text becomes longer than {MAX_TEXT} characters")


def weight(value: Any) -> int:
    """Return the characters and items in a value, all levels counted. Raises RenderProblem over the cap.

    Stops at the cap, since lists that hold one another can be endless to walk.
    """
    total = 0
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            total += len(item)
        elif isinstance(item, dict):
            waiting.extend(item.keys())
            waiting.extend(item.values())
        elif isinstance(item, (list, tuple)):
            waiting.extend(item)
        total += ITEM
        if total + len(waiting) > MAX_TEXT:
            raise RenderProblem("a list becomes too large")
    return total


def is_nothing(value: Any) -> bool:
    """Whether a value is a missing one: it prints nothing and is false."""
    return value is None or isinstance(value, Undefined)


def text_of(value: Any) -> str:
    """Return a value as it prints. Missing values print nothing; the result is never markup."""
    if is_nothing(value):
        return ""
    text = value if type(value) is str else str(value)
    check_length(len(text))
    return text


def whole(value: Any, *, least: int, most: int) -> int:
    """Return a number that an argument asks for. Raises RenderProblem outside the range."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise RenderProblem(f"a whole number from {least} to {most} is needed")
    if not least <= value <= most:
        raise RenderProblem(f"{value} is not between {least} and {most}")
    return int(value)
