"""The organizer's own text, in which a placeholder gives way to the joining instructions (scheduling.md section 4).

Outlook and Exchange rewrite the markup of a body, so the placeholder is looked for in what people see. Its words go,
the markup around them stays, and the instructions stand in their place.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from addin_host.domain.mailbox import Rewrite

_LARGE = 1024 * 1024  # characters; nobody's agenda, so nothing is searched in it
# What is not closed hides the rest, and no piece is searched twice: a body made to be slow is read in one go.
_PIECE = re.compile(
    r"(?P<hidden><!--.*?(?:-->|\Z)|<(?P<kind>style|script)\b.*?(?:</(?P=kind)\s*>|\Z))|(?P<markup><[a-z/!?][^<>]*>)"
    r"|(?P<entity>&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,30});)|(?P<letter>.)",
    re.IGNORECASE | re.DOTALL,
)
_BREAK = re.compile(r"<br\b[^>]*>", re.IGNORECASE)
_END = re.compile(r"</body\s*>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Letter:
    """One visible character, and where it stands in the source."""

    seen: str
    start: int
    end: int


def rewritten(body: str, rewrite: Rewrite, *, is_html: bool = True) -> str | None:
    """Return the body with the instructions in it, as HTML; None when they stand there already.

    A placeholder that was edited is left alone but for its tag, and instructions without any tag are appended.
    """
    source = body if is_html else f"<div>{html.escape(body).replace(chr(10), '<br>')}</div>"
    if len(source) > _LARGE:
        return None if rewrite.html in source else _appended(source, rewrite.html)
    letters = list(_letters(source))
    seen = "".join(letter.seen for letter in letters)
    tag, placeholder = _seen(rewrite.tag), _seen(rewrite.placeholder_html)
    at = seen.find(tag)
    if at < 0:
        return None if _seen(rewrite.html) in seen else _appended(source, rewrite.html)
    first = at - len(placeholder) if seen[:at].endswith(placeholder) else at
    return _replaced(source, letters[first : at + len(tag)], rewrite.html)


def _letters(source: str) -> Iterator[_Letter]:
    for piece in _PIECE.finditer(source):
        if piece["letter"] or piece["entity"]:
            for seen in html.unescape(piece[0]).casefold():
                if not seen.isspace() and unicodedata.category(seen) != "Cf":
                    yield _Letter(seen, piece.start(), piece.end())


def _seen(source: str) -> str:
    return "".join(letter.seen for letter in _letters(source))


def _replaced(source: str, gone: list[_Letter], instructions: str) -> str:
    start, end = gone[0].start, gone[-1].end
    markup = [
        piece[0]
        for piece in _PIECE.finditer(source, start, end)
        if (piece["markup"] or piece["hidden"]) and not _BREAK.fullmatch(piece[0])
    ]
    return source[:start] + instructions + "".join(markup) + source[end:]


def _appended(source: str, instructions: str) -> str:
    ends = list(_END.finditer(source))
    at = ends[-1].start() if ends else len(source)
    return source[:at] + instructions + source[at:]
