"""Values inside PowerShell commands."""

from __future__ import annotations

import re

# PowerShell ends a text in single quotes at any of these, not only at the plain one.
_QUOTES = re.compile("['\u2018\u2019\u201a\u201b]")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def quoted(text: str) -> str:
    """Return a text as one PowerShell word in which nothing is expanded, on one line."""
    plain = _CONTROLS.sub(" ", text)
    return f"'{_QUOTES.sub(lambda quote: quote[0] * 2, plain)}'"
