"""Where in the HTML a value stands. A value inside a tag must stand in a quoted attribute, else it could add one.

A small reading of the HTML tokenizer over the literal text of a template; the branches of an `if` are read apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import Enum, auto

from jinja2 import nodes

from addin_host.domain.text.problems import TemplateProblem

_MAX_PLACES = 24
_SPACE = " \t\r\n\f"
_RAW = frozenset(
    {"iframe", "noembed", "noframes", "noscript", "plaintext", "script", "style", "textarea", "title", "xmp"}
)
_NAME_END = re.compile(r"[ \t\r\n\f/>]")
_ATTRIBUTE_NAME_END = re.compile(r"[ \t\r\n\f/>=]")
_VALUE_END = re.compile(r"[ \t\r\n\f>]")


class Mode(Enum):
    """What the tokenizer is reading."""

    TEXT = auto()
    OPENED = auto()  # just behind a <
    DECLARATION = auto()  # behind <!
    NAME = auto()
    INSIDE = auto()  # in a tag, between attributes
    ATTRIBUTE = auto()
    AFTER_ATTRIBUTE = auto()  # behind its name and a space: an = may still follow
    BEFORE_VALUE = auto()  # behind an =
    DOUBLE = auto()
    SINGLE = auto()
    UNQUOTED = auto()
    COMMENT = auto()
    BOGUS = auto()
    RAW = auto()


@dataclass(frozen=True, slots=True)
class Place:
    """The tokenizer's state: the mode, and what has been read of the tag's name or of a comment's end."""

    mode: Mode = Mode.TEXT
    read: str = ""


_VALUES_MAY_STAND = frozenset({Mode.TEXT, Mode.DOUBLE, Mode.SINGLE, Mode.COMMENT, Mode.BOGUS})
Step = tuple[Place, int]


def _text(place: Place, text: str, at: int) -> Step:
    found = text.find("<", at)
    return (place, len(text)) if found < 0 else (Place(Mode.OPENED), found + 1)


def _opened(_: Place, text: str, at: int) -> Step:
    if text[at].isascii() and text[at].isalpha():
        return Place(Mode.NAME), at
    if text[at] == "/":
        return Place(Mode.NAME, "/"), at + 1
    if text[at] == "!":
        return Place(Mode.DECLARATION), at + 1
    return (Place(Mode.BOGUS), at + 1) if text[at] == "?" else (Place(), at)


def _declaration(place: Place, text: str, at: int) -> Step:
    if text[at] != "-":
        return Place(Mode.BOGUS), at
    return (Place(Mode.COMMENT, "^"), at + 1) if place.read else (Place(Mode.DECLARATION, "-"), at + 1)


def _comment(place: Place, text: str, at: int) -> Step:
    found = text.find(">", at)
    before = (place.read + text[at : found if found >= 0 else len(text)])[-4:]
    if found < 0:
        return replace(place, read=before[-3:]), len(text)
    ended = before.endswith(("--", "--!")) or before in ("^", "^-")
    return (Place(), found + 1) if ended else (replace(place, read="x"), found + 1)


def _bogus(place: Place, text: str, at: int) -> Step:
    found = text.find(">", at)
    return (place, len(text)) if found < 0 else (Place(), found + 1)


def _name(place: Place, text: str, at: int) -> Step:
    end = _NAME_END.search(text, at)
    name = place.read + text[at : end.start() if end else len(text)].lower()
    return (Place(Mode.NAME, name), len(text)) if end is None else (Place(Mode.INSIDE, name), end.start())


def _inside(place: Place, text: str, at: int) -> Step:
    if text[at] == ">":
        return Place(Mode.RAW, place.read) if place.read in _RAW else Place(), at + 1
    if text[at] in _SPACE or text[at] == "/":
        return place, at + 1
    return replace(place, mode=Mode.ATTRIBUTE), at + (text[at] == "=")


def _attribute(place: Place, text: str, at: int) -> Step:
    end = _ATTRIBUTE_NAME_END.search(text, at)
    if end is None:
        return place, len(text)
    return replace(place, mode=Mode.AFTER_ATTRIBUTE), end.start()


def _after_attribute(place: Place, text: str, at: int) -> Step:
    if text[at] in _SPACE:
        return place, at + 1
    if text[at] == "=":
        return replace(place, mode=Mode.BEFORE_VALUE), at + 1
    return _back_inside(place, at)


def _back_inside(place: Place, at: int) -> Step:
    return replace(place, mode=Mode.INSIDE), at


def _before_value(place: Place, text: str, at: int) -> Step:
    if text[at] in _SPACE:
        return place, at + 1
    if text[at] == ">":
        return _back_inside(place, at)
    mode = {'"': Mode.DOUBLE, "'": Mode.SINGLE}.get(text[at])
    return (replace(place, mode=mode), at + 1) if mode else (replace(place, mode=Mode.UNQUOTED), at)


def _quoted(quote: str) -> Callable[[Place, str, int], Step]:
    def read(place: Place, text: str, at: int) -> Step:
        found = text.find(quote, at)
        return (place, len(text)) if found < 0 else _back_inside(place, found + 1)

    return read


def _unquoted(place: Place, text: str, at: int) -> Step:
    end = _VALUE_END.search(text, at)
    return (place, len(text)) if end is None else _back_inside(place, end.start())


def _raw(place: Place, text: str, at: int) -> Step:
    found = text.lower().find("</" + place.read, at)
    return (place, len(text)) if found < 0 else (Place(Mode.NAME, "/"), found + 2)


_STEPS: dict[Mode, Callable[[Place, str, int], Step]] = {
    Mode.TEXT: _text,
    Mode.OPENED: _opened,
    Mode.DECLARATION: _declaration,
    Mode.NAME: _name,
    Mode.INSIDE: _inside,
    Mode.ATTRIBUTE: _attribute,
    Mode.AFTER_ATTRIBUTE: _after_attribute,
    Mode.BEFORE_VALUE: _before_value,
    Mode.DOUBLE: _quoted('"'),
    Mode.SINGLE: _quoted("'"),
    Mode.UNQUOTED: _unquoted,
    Mode.COMMENT: _comment,
    Mode.BOGUS: _bogus,
    Mode.RAW: _raw,
}


def read(place: Place, text: str) -> Place:
    """Return where the tokenizer stands after the text."""
    at = 0
    while at < len(text):
        place, at = _STEPS[place.mode](place, text, at)
    return place


def check_quoting(tree: nodes.Template) -> None:
    """Raise TemplateProblem when a value stands in a tag but not in a quoted attribute, or inside raw text."""
    _through(tree.body, {Place()})


def _through(body: Iterable[nodes.Node], places: set[Place]) -> set[Place]:
    for node in body:
        if isinstance(node, nodes.Output):
            places = _output(node, places)
        elif isinstance(node, nodes.If):
            branches = [node.body, *(branch.body for branch in node.elif_), node.else_]
            places = set().union(*(_through(branch, places) for branch in branches))
        elif isinstance(node, nodes.For):
            places = _loop(node, places)
        if len(places) > _MAX_PLACES:
            raise TemplateProblem("these tags can be put together in too many ways; write them out", node.lineno)
    return places


def _loop(node: nodes.For, places: set[Place]) -> set[Place]:
    once = places | _through(node.body, places)
    again = once | _through(node.body, once)
    if _through(node.body, again) - again:
        raise TemplateProblem("a loop must not begin a tag that it does not end", node.lineno)
    return again | _through(node.else_, places)


def _output(node: nodes.Output, places: set[Place]) -> set[Place]:
    for part in node.nodes:
        if isinstance(part, nodes.TemplateData):
            places = {read(place, part.data) for place in places}
        else:
            for place in places:
                _check_place(place, part.lineno)
    return places


def _check_place(place: Place, line: int) -> None:
    if place.mode in _VALUES_MAY_STAND:
        return
    if place.mode is Mode.RAW:
        raise TemplateProblem(f"a value cannot stand inside <{place.read}>, which is taken out of the text", line)
    if place.mode in (Mode.UNQUOTED, Mode.BEFORE_VALUE):
        raise TemplateProblem('put quotes around the value in the tag: href="{{ … }}"', line)
    raise TemplateProblem('inside a tag a value may stand only in a quoted attribute: href="{{ … }}"', line)
