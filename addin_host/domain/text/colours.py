"""Colours that make a text unreadable in one of Outlook's two themes: fixed black, and fixed white."""

from __future__ import annotations

import re

_TAG = re.compile(r"<[A-Za-z][^<>]*>")
_STYLE = re.compile(r"""\s+style\s*=\s*(["'])(.*?)\1""", re.IGNORECASE | re.DOTALL)
_ATTRIBUTE = re.compile(
    r"""\s+(?:bg)?color\s*=\s*(["']?)\#?(?:0{6}|0{3}|f{6}|f{3}|black|white)\1(?=[\s/>])""", re.IGNORECASE
)
_DECLARATION = re.compile(
    r"\s*(?:color|background|background-color)\s*:\s*"
    r"(?:\#(?:0{6}|0{3}|f{6}|f{3})|black|white|windowtext|window|rgb\(\s*(?:0\s*,\s*0\s*,\s*0|255\s*,\s*255\s*,\s*255)\s*\))"
    r"\s*(?:!\s*important\s*)?",
    re.IGNORECASE,
)


def without_fixed_colours(source: str) -> str:
    """Return the source of a template with no black or white fixed in it; unchanged when it has none.

    Everything else keeps its bytes. Styles that hold template constructs are left alone.
    """
    return _TAG.sub(lambda tag: _ATTRIBUTE.sub("", _STYLE.sub(_kept, tag[0])), source)


def _kept(style: re.Match[str]) -> str:
    quote, declarations = style[1], style[2]
    if "{" in declarations:
        return style[0]
    kept = [part for part in declarations.split(";") if not _DECLARATION.fullmatch(part)]
    if len(kept) == len(declarations.split(";")):
        return style[0]
    text = ";".join(kept).strip()
    return f" style={quote}{text}{quote}" if text.strip("; ") else ""
