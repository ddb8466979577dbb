"""The tests of the language (`is defined`, `is none` …)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jinja2 import Undefined

from addin_host.domain.text.limits import is_nothing, text_of, whole


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _divisible(value: Any, num: Any) -> bool:
    return not is_nothing(value) and value % whole(num, least=1, most=10**12) == 0


CONDITIONS: dict[str, Callable[..., bool]] = {
    "boolean": lambda value: isinstance(value, bool),
    "defined": lambda value: not isinstance(value, Undefined),
    "divisibleby": _divisible,
    "even": lambda value: _divisible(value, 2),
    "false": lambda value: value is False,
    "float": lambda value: isinstance(value, float),
    "integer": _integer,
    "iterable": lambda value: isinstance(value, (str, list, tuple, dict, Undefined)),
    "lower": lambda value: text_of(value).islower(),
    "mapping": lambda value: isinstance(value, dict),
    "none": lambda value: value is None,
    "number": _number,
    "odd": lambda value: not is_nothing(value) and value % 2 == 1,
    "sequence": lambda value: isinstance(value, (str, list, tuple, dict)),
    "string": lambda value: isinstance(value, str),
    "true": lambda value: value is True,
    "undefined": lambda value: isinstance(value, Undefined),
    "upper": lambda value: text_of(value).isupper(),
}
