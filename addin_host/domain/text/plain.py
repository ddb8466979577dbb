"""Plain text: one clean line, and HTML made readable where a mail body holds text only."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_LINE_BREAKS = "\u0085\u2028\u2029"
_BIDI = [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]
_SURROGATES = range(0xD800, 0xE000)
_CONTROLS = [*range(0x20), *range(0x7F, 0xA0), *map(ord, _LINE_BREAKS)]
_TO_LINES: dict[int, str | None] = dict.fromkeys(_CONTROLS, "\n") | dict.fromkeys(_BIDI)
_NOT_ENCODABLE = re.compile("[\ud800-\udfff]")
_UNCLEAN = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_NEVER_PRINTED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def one_line(text: str) -> str:
    """Return the text as one line: breaks and controls become one space, bidi controls go, ends are trimmed."""
    if _UNCLEAN.search(text) is None:
        return text.strip()
    lines = _NOT_ENCODABLE.sub("", text).translate(_TO_LINES).split("\n")
    return " ".join(stripped for line in lines if (stripped := line.strip()))


def printable(text: str) -> str:
    """Return the text without controls (tab and line breaks stay) and without what UTF-8 cannot hold."""
    return _NEVER_PRINTED.sub("", text)


_PARAGRAPHS = frozenset({"p", "ul", "ol", "dl", "table", "blockquote", "pre", "h1", "h2", "h3", "h4", "h5", "h6"})
_LINES = frozenset(
    {"div", "li", "dt", "dd", "tr", "caption", "center", "article", "aside", "details", "figcaption", "figure"}
    | {"footer", "header", "hgroup", "nav", "summary", "hr"}
)
_SPACES = re.compile(r"[ \t\r\n\f]+")


class _Reader(HTMLParser):
    """Collects what a person would read. A pending break is written before the next text only."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = [""]
        self.links: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag == "br":
            self.lines.append("")
        elif tag == "a":
            self.links.append((named.get("href") or "", self._written()))
        elif tag == "img":
            self._write(named.get("alt") or "")
        elif tag in ("td", "th"):
            self._write(" ")
        self._break(tag)
        if tag == "li":
            self._write("- ")

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self.links:
            self._end_link(*self.links.pop())
        self._break(tag)

    def handle_data(self, data: str) -> None:
        self._write(_SPACES.sub(" ", data))

    def _written(self) -> str:
        return "\n".join(self.lines[-3:])

    def _write(self, text: str) -> None:
        self.lines[-1] += text if self.lines[-1].strip() else text.lstrip(" ")

    def _break(self, tag: str) -> None:
        if tag in _PARAGRAPHS or tag in _LINES:
            if self.lines[-1].strip():
                self.lines.append("")
            if tag in _PARAGRAPHS and len(self.lines) > 1 and self.lines[-2].strip():
                self.lines.append("")

    def _end_link(self, address: str, _before: str) -> None:
        shown = address.removeprefix("mailto:").removeprefix("tel:")
        if shown and shown not in self.lines[-1]:
            self._write(f" ({shown})" if self.lines[-1].strip() else shown)


def html_to_text(html: str) -> str:
    """Return sanitised HTML as readable text: one line per line, each link's address once, no blank mess."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    lines = [line.strip() for line in reader.lines]
    kept = [line for at, line in enumerate(lines) if line or (at and lines[at - 1])]
    return "\n".join(kept).strip("\n")
