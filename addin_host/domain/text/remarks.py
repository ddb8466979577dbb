"""What a person should know about the HTML of a template: what is not closed, and what is taken out of it.

The source is read, not the result, so that a remark can name the line in which the person finds the place. Template
constructs are covered first; branches of an `if` are read one after the other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html.parser import HTMLParser

from addin_host.domain.text.markup import ATTRIBUTES, SCHEMES, TAGS, VOID_ELEMENTS, is_harmless_declaration
from addin_host.domain.text.quoting import Mode, Place, read

_COVER = "\ue000"
_CONSTRUCT = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_MOST = 20
_WITH_CONTENT = frozenset({"script", "style"})
_ADDRESSES = frozenset({"href", "src", "cite"})
# A new one of these ends the one before it, where that is the innermost.
_NEXT_CLOSES = frozenset({"p", "li", "dt", "dd", "tr", "td", "th", "option"})


@dataclass(frozen=True, slots=True)
class Remark:
    """A sentence about a place in a source; line and column count from 1."""

    message: str
    line: int
    column: int | None = None

    def __str__(self) -> str:
        place = f"line {self.line}" + (f", column {self.column}" if self.column else "")
        return f"{place}: {self.message}"


def html_remarks(source: str) -> tuple[Remark, ...]:
    """Return what is not closed and what will be taken out, in the order of the source; the first twenty."""
    covered = _CONSTRUCT.sub(lambda found: re.sub(r"[^\n]", _COVER, found[0]), source)
    reader = _Reader()
    if read(Place(), covered).mode not in (Mode.TEXT, Mode.RAW, Mode.COMMENT):
        at = covered.rfind("<")
        line = covered.count("\n", 0, at) + 1
        reader.remarks.append(
            Remark("This tag has no > at its end. It is left out.", line, at - covered.rfind("\n", 0, at))
        )
        covered = covered[:at]
    reader.feed(covered)
    reader.close()
    reader.end()
    return tuple(sorted(reader.remarks, key=lambda remark: (remark.line, remark.column or 0))[:_MOST])


class _Reader(HTMLParser):
    """Keeps the open elements, and a remark for everything that will not come out as it was written."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.remarks: list[Remark] = []
        self._open: list[tuple[str, int, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _NEXT_CLOSES and self._open and self._open[-1][0] == tag:
            self._unclosed(self._open.pop(), f"before the next <{tag}>")
        if tag not in VOID_ELEMENTS:
            line, column = self.getpos()
            self._open.append((tag, line, column + 1))
        if tag in TAGS:
            self._attributes(tag, attrs)
        elif tag in _WITH_CONTENT:
            self._say(f"<{tag}> is taken out, with everything in it.")
        else:
            self._say(f"<{tag}> is taken out; the text inside it stays.")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # HTML knows no self-closing tags except where nothing can be inside.
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag not in [name for name, _line, _column in self._open]:
            if tag not in VOID_ELEMENTS:
                self._say(f"</{tag}> closes nothing here. It is left out.")
            return
        while (element := self._open.pop())[0] != tag:
            self._unclosed(element, f"where <{tag}> ends")

    def handle_comment(self, data: str) -> None:
        conditional = data.lstrip().lower().startswith("[if")
        self._say(
            "The conditional comment is taken out, with everything in it."
            if conditional
            else "The comment is taken out."
        )

    def handle_decl(self, decl: str) -> None:
        self._say(f"<!{decl[:20]}> is taken out.")

    def unknown_decl(self, data: str) -> None:
        self._say(f"<![{data[:20]}]> is taken out.")

    def handle_pi(self, data: str) -> None:
        self._say(f"<?{data[:20]}> is taken out.")

    def parse_marked_section(self, i: int, report: int = 1) -> int:  # noqa: ARG002 - the library's own signature
        """Read `<![…>` as browsers do, up to the next >; the library gives up on some of them."""
        end = self.rawdata.find(">", i)
        if end >= 0:
            self.unknown_decl(self.rawdata[i + 3 : end])
        return end + 1 or -1

    def end(self) -> None:
        """Speak about what is still open."""
        while self._open:
            self._unclosed(self._open.pop(), "at the end of the text")

    def _say(self, message: str) -> None:
        line, column = self.getpos()
        self.remarks.append(Remark(message, line, column + 1))

    def _unclosed(self, element: tuple[str, int, int], where: str) -> None:
        tag, line, column = element
        if tag in TAGS:
            self.remarks.append(Remark(f"<{tag}> is opened here and not closed. It is closed {where}.", line, column))

    def _attributes(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        allowed = ATTRIBUTES["*"] | ATTRIBUTES.get(tag, set())
        named = [(name, value or "") for name, value in attrs if _COVER not in name]
        if gone := sorted({name for name, _value in named if name not in allowed}):
            verb = "is" if len(gone) == 1 else "are"
            self._say(f"{_listed(gone)} of <{tag}> {verb} taken out.")
        for name, value in named:
            if name == "style" and _COVER not in value:
                self._style(tag, value)
            elif name in _ADDRESSES and name in allowed and not _may_stand(value):
                self._say(
                    f"The {name} of <{tag}> is taken out: write a full address, such as https://host.example.com/."
                )

    def _style(self, tag: str, style: str) -> None:
        gone = [part.strip()[:60] for part in style.split(";") if part.strip() and not is_harmless_declaration(part)]
        if gone:
            self._say(f"This is taken out of the style of <{tag}>: {'; '.join(gone[:3])}.")


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _may_stand(address: str) -> bool:
    scheme, separator, _rest = address.strip().partition(":")
    return address.strip().startswith(_COVER) or _COVER in scheme or bool(separator and scheme.lower() in SCHEMES)
