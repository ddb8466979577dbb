"""The operators of the language, with caps. `rewriting` puts them where Jinja has constructs without a hook."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from addin_host.domain.text.limits import (
    MAX_INTEGER_BITS,
    MAX_ITEMS,
    NODE,
    OPERATION,
    Allowance,
    check_length,
    is_nothing,
    text_of,
    weight,
)
from addin_host.domain.text.printf import printf
from addin_host.domain.text.problems import RenderProblem

_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
}
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "lteq": operator.le,
    "gt": operator.gt,
    "gteq": operator.ge,
    "in": lambda item, among: item in among,
    "notin": lambda item, among: item not in among,
}


def arithmetic(allowance: Allowance, symbol: str, left: Any, right: Any) -> Any:
    """Return `left symbol right`. A missing operand leaves the other one (`+`) or nothing. Raises RenderProblem."""
    allowance.spend(OPERATION)
    if is_nothing(left) or is_nothing(right):
        return _with_nothing(symbol, left, right)
    allowance.read(left)
    allowance.read(right)
    if symbol == "%" and isinstance(left, str):
        return allowance.keep(printf(left, right if isinstance(right, tuple) else (right,)))
    _check_operands(symbol, left, right)
    return allowance.keep(_ARITHMETIC[symbol](left, right))


def _with_nothing(symbol: str, left: Any, right: Any) -> Any:
    if symbol == "+":
        return right if is_nothing(left) else left
    return None


def _check_operands(symbol: str, left: Any, right: Any) -> None:
    """Refuse what would be too large before it is made; what `keep` can still refuse afterwards is left to it."""
    if symbol == "*":
        _check_repetition(left, right)
        _check_repetition(right, left)
    elif symbol == "**":
        _check_power(left, right)


def _check_repetition(several: Any, times: Any) -> None:
    if isinstance(several, (str, list, tuple)) and isinstance(times, int):
        size = len(several) if isinstance(several, str) else weight(several)
        check_length(size * max(times, 0))


def _check_power(base: Any, exponent: Any) -> None:
    if not isinstance(base, (int, float)) or not isinstance(exponent, (int, float)):
        raise RenderProblem("only numbers can be raised to a power")
    if isinstance(base, float) or isinstance(exponent, float):
        return
    if exponent < 0 and base == 0:
        raise RenderProblem("zero cannot be raised to a negative power")
    if max(base.bit_length(), 1) * abs(exponent) > MAX_INTEGER_BITS:
        raise RenderProblem("a number becomes too large")


def sign(symbol: str, value: Any) -> Any:
    """Return `+value` or `-value`; a missing value stays missing."""
    if is_nothing(value):
        return None
    return -value if symbol == "-" else +value


def compare(allowance: Allowance, left: Any, *steps: Any) -> bool:
    """Return whether a chain of comparisons holds; `steps` are operator names and operands in turn.

    A missing value is smaller than nothing and greater than nothing: ordering it is false, and so is being in it.
    """
    for name, right in zip(steps[::2], steps[1::2], strict=True):
        allowance.spend(OPERATION)
        allowance.read(left)
        allowance.read(right)
        if not _holds(name, left, right):
            return False
        left = right
    return True


def _holds(name: str, left: Any, right: Any) -> bool:
    if name in ("eq", "ne"):
        both = is_nothing(left) and is_nothing(right)
        return (both or bool(left == right)) is (name == "eq")
    if is_nothing(left) or is_nothing(right):
        return name == "notin"
    return bool(_COMPARISONS[name](left, right))


def concatenate(allowance: Allowance, *pieces: Any) -> str:
    """Return the texts of all pieces, one after the other (`~`)."""
    texts = []
    length = 0
    for piece in pieces:
        allowance.read(piece)
        texts.append(text_of(piece))
        length += len(texts[-1])
        check_length(length)
    allowance.spend(OPERATION + length)
    return "".join(texts)


def each(allowance: Allowance, value: Any, nodes: int) -> list[Any]:
    """Return what a loop goes over, after paying for every pass through its body of `nodes` nodes."""
    if is_nothing(value):
        return []
    if not isinstance(value, (str, list, tuple, dict)):
        raise RenderProblem("a loop needs a list")
    if len(value) > MAX_ITEMS:
        raise RenderProblem(f"a loop may have at most {MAX_ITEMS} rounds")
    allowance.spend(OPERATION + len(value) * nodes * NODE)
    return list(value)


def part(allowance: Allowance, value: Any, start: Any, stop: Any, step: Any) -> Any:
    """Return `value[start:stop:step]`; a slice of nothing is nothing."""
    allowance.spend(OPERATION)
    if is_nothing(value):
        return None
    if not isinstance(value, (str, list, tuple)):
        raise RenderProblem("only lists and texts have parts")
    bounds = (None if is_nothing(bound) else bound for bound in (start, stop, step))
    return allowance.keep(value[slice(*bounds)])


def item(value: Any, key: Any) -> Any:
    """Return `value[key]`, or None when there is no such item. Never an attribute."""
    if not isinstance(value, (str, list, tuple, dict)):
        return None
    try:
        return value[key]
    except (LookupError, TypeError):
        return None
