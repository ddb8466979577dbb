"""One line of plain text from a text that others may have written."""

from __future__ import annotations

import unicodedata

# Controls, formats (with what turns the direction of text), lone surrogates, and the separators of lines.
_DROPPED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def plain_line(text: str) -> str:
    """Return the text on one line, without anything that could end the line or hide what stands in it."""
    kept = (" " if unicodedata.category(character) in _DROPPED else character for character in text)
    return " ".join("".join(kept).split())
