"""Regular expressions that administrators write: linear-time (google-re2), small, and paid for in advance.

Python's own `re` never sees such a pattern: it backtracks, and one hostile pattern would stop a worker.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from typing import Any

import re2

from addin_host.domain.text.limits import Allowance, check_length, text_of
from addin_host.domain.text.problems import RenderProblem

MAX_PATTERN = 500
MAX_SUBJECT = 8_192
MAX_PROGRAM = 2_000
_MEMORY = 1 << 18
_COMPILING = 2_000
_REFERENCE = re.compile(r"\\(?:g<(\d{1,2})>|(\d)|(\\)|n|t)")


@functools.lru_cache(maxsize=64)
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False
    try:
        expression = re2.compile(pattern, options)
    except re2.error as error:
        raise RenderProblem(f"the regular expression {pattern[:40]!r} is not valid: {error}") from error
    if expression.programsize > MAX_PROGRAM:
        raise RenderProblem(f"the regular expression {pattern[:40]!r} is too large")
    return expression


def _ready(allowance: Allowance, pattern: Any, subject: Any) -> tuple[Any, str]:
    """Return the expression and the text to search. Raises RenderProblem."""
    expression, text = text_of(pattern), text_of(subject)
    if len(expression) > MAX_PATTERN or len(text) > MAX_SUBJECT:
        raise RenderProblem(
            f"regular expressions may have {MAX_PATTERN} characters and search texts of {MAX_SUBJECT} characters"
        )
    allowance.spend(_COMPILING)
    return _compiled(expression), text


def _pay(allowance: Allowance, expression: Any, length: int) -> None:
    """Pay for one search. The slowest engine inside re2 tries every instruction at every character."""
    allowance.spend(length + length * expression.programsize // 8)


def search(allowance: Allowance, pattern: Any, subject: Any) -> list[str] | None:
    """Return the groups of the first match (the whole match when there are none), or None."""
    expression, text = _ready(allowance, pattern, subject)
    _pay(allowance, expression, len(text))
    match = expression.search(text)
    if match is None:
        return None
    return [group or "" for group in match.groups()] or [match.group()]


def replaced(allowance: Allowance, subject: Any, pattern: Any, replacement: Any) -> str:
    r"""Return the text with every match replaced; `\1` and `\g<1>` stand for groups."""
    expression, text = _ready(allowance, pattern, subject)
    instead = text_of(replacement)
    pieces: list[str] = []
    size = position = 0
    for match in _matches(allowance, expression, text):
        pieces += (text[position : match.start()], _expanded(instead, match))
        size += len(pieces[-2]) + len(pieces[-1])
        check_length(size)
        allowance.spend(len(pieces[-1]))
        position = match.end()
    return "".join((*pieces, text[position:]))


def _matches(allowance: Allowance, expression: Any, text: str) -> Iterator[Any]:
    _pay(allowance, expression, len(text))
    for match in expression.finditer(text):
        yield match
        _pay(allowance, expression, len(text) - match.end())


def _expanded(replacement: str, match: Any) -> str:
    return _REFERENCE.sub(_reference_in(match), replacement)


def _reference_in(match: Any) -> Callable[[re.Match[str]], str]:
    def stand_in(found: re.Match[str]) -> str:
        number = found[1] or found[2]
        if number is None:
            return {"\\\\": "\\", "\\n": "\n", "\\t": "\t"}[found[0]]
        if int(number) > len(match.groups()):
            raise RenderProblem(f"the regular expression has no group {number}")
        return str(match.group(int(number)) or "")

    return stand_in
