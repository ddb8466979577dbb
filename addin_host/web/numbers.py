"""Numbers of rows in addresses and forms: what is larger than any row's number names nothing, and never reaches SQL."""

from __future__ import annotations

from werkzeug.routing import IntegerConverter, Map

LARGEST = 2**31 - 1
_DIGITS = len(str(LARGEST))


class RowNumber(IntegerConverter):
    """The number of a row in an address."""

    regex = rf"[0-9]{{1,{_DIGITS}}}"

    def __init__(self, url_map: Map) -> None:
        super().__init__(url_map, max=LARGEST)


def row_number(text: str) -> int | None:
    """Return the number that was typed, or None for anything that is not the number of a row."""
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        return None
    number = int(text)
    return number if number <= LARGEST else None
