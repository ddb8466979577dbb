"""The printf-style formatting of the `format` filter and the `%` operator, without its dangerous corners."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from addin_host.domain.text.limits import check_length, is_nothing, text_of
from addin_host.domain.text.problems import RenderProblem

# One directive: a name, flags, width, precision, conversion. No `*`, no %r, %a, %c; two digits bound the padding.
_DIRECTIVE = re.compile(r"%(?:\((\w{1,40})\))?([-+ 0#]{0,5})(\d{0,2})(?:\.(\d{1,2}))?([sdifeEgGxXo%])", re.ASCII)


def printf(pattern: str, values: Sequence[Any], named: Mapping[str, Any] | None = None) -> str:
    """Return the pattern filled with the values. Raises RenderProblem when it is malformed or grows too long."""
    pieces: list[str] = []
    length = position = 0
    waiting = list(reversed(values))
    while (at := pattern.find("%", position)) >= 0:
        found = _DIRECTIVE.match(pattern, at)
        if found is None:
            raise RenderProblem(f"format does not know {pattern[at : at + 6]!r}")
        pieces += (pattern[position:at], _filled(found, waiting, named or {}))
        length += len(pieces[-2]) + len(pieces[-1])
        check_length(length)
        position = found.end()
    return "".join((*pieces, pattern[position:]))


def _filled(found: re.Match[str], waiting: list[Any], named: Mapping[str, Any]) -> str:
    name, flags, width, precision, conversion = found.groups()
    if conversion == "%":
        return "%"
    if name is not None:
        value = named.get(name)
    elif waiting:
        value = waiting.pop()
    else:
        raise RenderProblem("format has fewer values than its text asks for")
    directive = f"%{flags}{width}{'.' + precision if precision else ''}{conversion}"
    if conversion == "s":
        return directive % (text_of(value),)
    return directive % (0 if is_nothing(value) else value,)
