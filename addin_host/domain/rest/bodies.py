"""What a request's body may be: JSON that every database and every client can hold."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from addin_host.domain.errors import Reason, Refused

MAX_DEPTH = 20
LARGEST = 2**63 - 1
# PostgreSQL stores no NUL, and halves of surrogate pairs are no text.
_UNFIT = re.compile("[\x00\ud800-\udfff]")


def read_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a body. Raises Refused, saying what is wrong with it."""
    try:
        found = json.loads(
            body.decode("utf-8"), object_pairs_hook=_no_repetition, parse_constant=_no_constant, parse_float=_finite
        )
    except UnicodeDecodeError as problem:
        raise _refused("The body is not UTF-8.") from problem
    except (ValueError, RecursionError) as problem:
        raise _refused("The body is not JSON, or nested too deeply.") from problem
    if not isinstance(found, dict):
        raise _refused("The body must be a JSON object.")
    _require_fit(found)
    return found


def _refused(message: str) -> Refused:
    return Refused(Reason.INVALID, message)


def _no_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _refused("The body names a key twice. Send each key once.")
    return found


def _no_constant(text: str) -> float:
    raise _refused(f"The body holds {text}, which is not JSON.")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise _refused("The body holds a number that is too large.")
    return number


def _require_fit(found: Any) -> None:
    for value, depth in _walk(found):
        if depth > MAX_DEPTH:
            raise _refused(f"The body is nested deeper than {MAX_DEPTH} levels.")
        if isinstance(value, str) and not is_fit(value):
            raise _refused("The body holds a character that cannot be stored (NUL, or half of a surrogate pair).")
        if isinstance(value, int) and abs(value) > LARGEST:
            raise _refused("The body holds a number that is too large.")


def is_fit(text: str) -> bool:
    """Whether a text can be stored and sent back."""
    return not _UNFIT.search(text)


def _walk(found: Any) -> Iterator[tuple[Any, int]]:
    waiting: list[tuple[Any, int]] = [(found, 1)]
    while waiting:
        value, depth = waiting.pop()
        yield value, depth
        if isinstance(value, dict):
            waiting += [(item, depth + 1) for pair in value.items() for item in pair]
        elif isinstance(value, list):
            waiting += [(item, depth + 1) for item in value]
