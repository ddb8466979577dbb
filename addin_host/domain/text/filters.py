"""The eighteen built-in filters of the language, written anew with caps. Semantics: the Jinja2 2.10 template guide."""

from __future__ import annotations

import html
import math
from collections.abc import Callable
from typing import Any

from addin_host.domain.text.limits import MAX_ITEMS, check_length, is_nothing, text_of, whole
from addin_host.domain.text.printf import printf
from addin_host.domain.text.problems import RenderProblem


def absolute(value: Any) -> Any:
    """Return the number without its sign."""
    return None if is_nothing(value) else abs(value)


def capitalize(value: Any) -> str:
    """Return the text with its first character in upper case and the rest in lower case."""
    return text_of(value).capitalize()


def default(value: Any, default_value: Any = "", boolean: Any = False) -> Any:
    """Return the value, or the default when it is missing (with `boolean`: when it is false)."""
    return default_value if is_nothing(value) or (boolean and not value) else value


def first(value: Any) -> Any:
    """Return the first item of a list or character of a text, or nothing."""
    return _items(value)[0] if _items(value) else None


def last(value: Any) -> Any:
    """Return the last item of a list or character of a text, or nothing."""
    return _items(value)[-1] if _items(value) else None


def length(value: Any) -> int:
    """Return how many items or characters there are."""
    return len(_items(value))


def _items(value: Any) -> Any:
    if is_nothing(value):
        return ()
    if isinstance(value, dict):
        return list(value)
    if isinstance(value, (str, list, tuple)):
        return value
    raise RenderProblem("a list or a text is needed")


def to_float(value: Any, default: Any = 0.0) -> Any:
    """Return the value as a number with a fraction, or the default."""
    try:
        return default if is_nothing(value) else float(value)
    except (TypeError, ValueError, OverflowError):
        return default


def to_int(value: Any, default: Any = 0, base: Any = 10) -> Any:
    """Return the value as a whole number, or the default. Texts may be in another base."""
    try:
        if isinstance(value, str):
            return int(value.strip(), whole(base, least=2, most=36)) if "." not in value else int(float(value))
        return default if is_nothing(value) else int(value)
    except (TypeError, ValueError, OverflowError):
        return default


def format_text(value: Any, *args: Any, **kwargs: Any) -> str:
    """Return a printf-style text filled with the arguments."""
    return printf(text_of(value), args, kwargs)


def join(value: Any, d: Any = "") -> str:
    """Return the items of a list as one text with `d` between them."""
    between = text_of(d)
    texts: list[str] = []
    size = 0
    for piece in _items(value):
        texts.append(text_of(piece))
        size += len(texts[-1]) + len(between)
        check_length(size - len(between))
    return between.join(texts)


def lower(value: Any) -> str:
    """Return the text in lower case."""
    return text_of(value).lower()


def upper(value: Any) -> str:
    """Return the text in upper case."""
    return text_of(value).upper()


def make_range(value: Any, stop: Any = None, step: Any = 1) -> list[int]:
    """Return the whole numbers from 0 to before the value, or from the value to before `stop`."""
    edge = 10**12
    begin = 0 if is_nothing(stop) else whole(value, least=-edge, most=edge)
    end = whole(value if is_nothing(stop) else stop, least=-edge, most=edge)
    numbers = range(begin, end, whole(step, least=-edge, most=edge))
    if len(numbers) > MAX_ITEMS:
        raise RenderProblem(f"range gives at most {MAX_ITEMS} numbers")
    return list(numbers)


def replace(value: Any, old: Any, new: Any, count: Any = None) -> str:
    """Return the text with `old` replaced by `new`, at most `count` times."""
    text, sought, instead = text_of(value), text_of(old), text_of(new)
    most = -1 if is_nothing(count) else whole(count, least=-1, most=10**9)
    times = text.count(sought) if most < 0 else min(text.count(sought), most)
    check_length(len(text) + times * (len(instead) - len(sought)))
    return text.replace(sought, instead, most)


def round_number(value: Any, precision: Any = 0, method: Any = "common") -> Any:
    """Return the number rounded to `precision` decimals: common (to the nearest), ceil (up) or floor (down)."""
    if is_nothing(value):
        return None
    digits = whole(precision, least=-30, most=30)
    if method == "common":
        return round(value, digits)
    if method not in ("ceil", "floor"):
        raise RenderProblem("round knows common, ceil and floor")
    direction = math.ceil if method == "ceil" else math.floor
    return direction(value * 10.0**digits) / 10.0**digits


def striptags(value: Any) -> str:
    """Return the text without HTML tags and entities, white space collapsed."""
    pieces = text_of(value).split("<")
    kept = [pieces[0]]
    for piece in pieces[1:]:
        _, closed, rest = piece.partition(">")
        kept.append(rest if closed else "<" + piece)
    return " ".join(html.unescape("".join(kept)).split())


def trim(value: Any, chars: Any = None) -> str:
    """Return the text without white space, or the characters of `chars`, at both ends."""
    if is_nothing(chars):
        return text_of(value).strip()
    return text_of(value).strip(text_of(chars)[:64])


def truncate(value: Any, length: Any = 255, killwords: Any = False, end: Any = "...", leeway: Any = 5) -> str:
    """Return at most `length` characters, cut at a word unless `killwords`; slightly longer texts stay as they are."""
    text, mark = text_of(value), text_of(end)
    most = whole(length, least=len(mark), most=10**9)
    if len(text) <= most + whole(leeway, least=0, most=10**9):
        return text
    cut = text[: most - len(mark)]
    return (cut if killwords else cut.rsplit(" ", 1)[0]) + mark


BUILT_IN: dict[str, Callable[..., Any]] = {
    "abs": absolute,
    "capitalize": capitalize,
    "default": default,
    "first": first,
    "float": to_float,
    "format": format_text,
    "int": to_int,
    "join": join,
    "last": last,
    "length": length,
    "lower": lower,
    "range": make_range,
    "replace": replace,
    "round": round_number,
    "striptags": striptags,
    "trim": trim,
    "truncate": truncate,
    "upper": upper,
}
