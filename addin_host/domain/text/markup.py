"""HTML made safe after rendering (design/security.md section 8, T3): an allow-list over what a real parser reads."""

from __future__ import annotations

import functools
import html
import re

import nh3

from addin_host.domain.text.limits import MAX_OUTPUT
from addin_host.domain.text.plain import printable
from addin_host.domain.text.problems import RenderProblem

SCHEMES = {"https", "http", "mailto", "tel", "sip", "sips", "h323", "pexip", "cid"}
TAGS = set(nh3.ALLOWED_TAGS) - {"area", "map"}
INLINE_TAGS = {"abbr", "b", "br", "cite", "code", "del", "em", "i", "ins", "kbd", "mark", "q", "s", "samp", "small"} | {
    "span",
    "strike",
    "strong",
    "sub",
    "sup",
    "tt",
    "u",
    "var",
}
# What mail clients understand: tables are laid out by attributes there.
_TABLE = {"align", "valign", "width", "height", "bgcolor"}
_MORE_ATTRIBUTES = {
    "*": {"style", "title", "dir", "lang"},
    "table": _TABLE | {"border", "cellpadding", "cellspacing"},
    "tr": _TABLE,
    "td": _TABLE | {"nowrap"},
    "th": _TABLE | {"nowrap"},
    "col": {"width"},
    "img": {"border"},
    "div": {"align"},
    "p": {"align"},
}
ATTRIBUTES = {
    tag: set(nh3.ALLOWED_ATTRIBUTES.get(tag, ())) | _MORE_ATTRIBUTES.get(tag, set())
    for tag in {*nh3.ALLOWED_ATTRIBUTES, *_MORE_ATTRIBUTES}
}
_PROPERTY = re.compile(
    r"(?:color|background-color|font|font-(?:family|size|style|weight|variant)|line-height|letter-spacing|word-spacing"
    r"|text-(?:align|decoration|indent|transform)|vertical-align|white-space|word-(?:break|wrap)|overflow-wrap"
    r"|(?:margin|padding)(?:-(?:top|right|bottom|left))?|border(?:-(?:top|right|bottom|left))?"
    r"(?:-(?:color|style|width))?|border-(?:collapse|spacing|radius)|(?:max-|min-)?(?:width|height)|display"
    r"|list-style-type|table-layout|mso-(?:line-height-rule|table-lspace|table-rspace))",
    re.IGNORECASE,
)
# Words, numbers, quoted names and colour functions. No url(), no expression(), no escapes, no comments.
_VALUE = re.compile(r"(?:[\w #%.,+!\-]|'[\w .\-]*'|\"[\w .\-]*\"|(?<=rgb)\([\d ,.%]*\)|(?<=rgba)\([\d ,.%]*\))+")
_MAX_STYLE = 2_000
# What one parse may cost; see _check_cost.
_MAX_DEPTH = 200
_MAX_REOPENED = 100_000
_FEW_TAGS = 100
_MAX_TAGS = 8_000
_MAX_PIECE = 32_768  # a tag and the text behind it: the attributes of a tag are compared with one another
_MAX_REFERENCES = 20_000
VOID_ELEMENTS = frozenset(
    {"br", "hr", "img", "col", "wbr", "input", "meta", "link", "base", "embed", "param", "source", "area"}
)
_SELF_CLOSING = frozenset({"p", "li", "dt", "dd", "tr", "td", "th", "tbody", "thead", "tfoot", "option", "colgroup"})
# Not <a>: a second one ends the first.
_REOPENED = frozenset({"b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"})
_NAME = re.compile(r"(/?)([A-Za-z][^\s/>]*)")


@functools.lru_cache(maxsize=256)
def _kept_style(style: str) -> str | None:
    """Return the declarations that are on the list, the whole text unchanged when all are."""
    if len(style) > _MAX_STYLE:
        return None
    declarations = [part for part in style.split(";") if part.strip()]
    kept = [part.strip() for part in declarations if is_harmless_declaration(part)]
    if len(kept) == len(declarations):
        return style
    return "; ".join(kept) or None


def is_harmless_declaration(declaration: str) -> bool:
    """Whether one declaration of a style (`color: #333333`) may stay."""
    name, _, value = declaration.partition(":")
    return bool(_PROPERTY.fullmatch(name.strip()) and _VALUE.fullmatch(value.strip()))


def _filtered(tag: str, attribute: str, value: str) -> str | None:  # noqa: ARG001 - the shape nh3 calls
    return _kept_style(value) if attribute == "style" else value


_BLOCKS = nh3.Cleaner(
    tags=TAGS,
    attributes=ATTRIBUTES,
    attribute_filter=_filtered,
    url_schemes=SCHEMES,
    url_relative="deny",
    link_rel=None,
)
_INLINE = nh3.Cleaner(
    tags=INLINE_TAGS,
    attributes={"*": {"style", "dir", "lang"}},
    attribute_filter=_filtered,
    url_schemes=SCHEMES,
    url_relative="deny",
    link_rel=None,
)


def cleaned(source: str) -> str:
    """Return the HTML with nothing left but what may stand in a mail. Raises RenderProblem when it is too much."""
    text = printable(source)
    _check_cost(text)
    result = _BLOCKS.clean(text)
    if len(result) > MAX_OUTPUT or (not result.isascii() and len(result.encode()) > MAX_OUTPUT):
        raise RenderProblem("the HTML becomes longer than 256 KB")
    return result


def sanitise_html(source: str) -> str:
    """Return what static_html and html_label fields may show. HTML built to exhaust the parser becomes plain text."""
    try:
        return cleaned(source)
    except RenderProblem:
        return html.escape(source[: MAX_OUTPUT // 8])


_BOUNDARY = re.compile(
    r"</?(?:p|div|li|ul|ol|dl|dt|dd|table|tr|td|th|h[1-6]|blockquote|pre|hr|center|article|section|header|footer)\b[^<>]*>"
)


def inline_html(source: str) -> str:
    """Return sanitised HTML for buttons and headings: phrasing content only, no links, blocks become spaces."""
    return _INLINE.clean(_BOUNDARY.sub(" ", sanitise_html(source))).strip()


def _check_cost(text: str) -> None:
    """Refuse HTML whose parsing would take far more time or memory than its length suggests.

    Parsers look through all open elements at every tag, and open every unclosed formatting element (<b>, <font> …)
    anew in each block: 12 KB of such source grew to 14 MB and 200 MB of memory when measured. What is counted here
    errs on the safe side. Raises RenderProblem.
    """
    if text.count("&") > _MAX_REFERENCES:
        raise RenderProblem("the HTML holds too many & characters")
    if text.count("<") < _FEW_TAGS and len(text) <= _MAX_PIECE:
        return
    depth = tags = 0
    formatting: set[str] = set()
    for piece in text.split("<")[1:]:
        if len(piece) > _MAX_PIECE:
            raise RenderProblem(f"the HTML has a tag or a text of more than {_MAX_PIECE} characters")
        if found := _NAME.match(piece):
            tags += 1
            depth = _depth_after(depth, found[2].lower(), bool(found[1]))
            if found[2].lower() in _REOPENED and not found[1]:
                # Identical tags are reopened three times at most; one with a < inside cannot be told apart here.
                formatting.add(piece.partition(">")[0] if ">" in piece else str(tags))
    if tags > _MAX_TAGS:
        raise RenderProblem(f"the HTML has more than {_MAX_TAGS} tags")
    if len(formatting) * 3 * tags > _MAX_REOPENED:
        raise RenderProblem("the HTML has too many different formatting tags; use fewer, or styles on <span>")


def _depth_after(depth: int, name: str, closing: bool) -> int:
    if name in VOID_ELEMENTS or name in _SELF_CLOSING:
        return depth
    if depth == _MAX_DEPTH and not closing:
        raise RenderProblem(f"the HTML has more than {_MAX_DEPTH} elements inside one another; close them")
    return max(depth - 1, 0) if closing else depth + 1
