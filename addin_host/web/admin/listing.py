"""What the lists of VMRs and of users share: the words searched for, the order, and one page after another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from flask import request
from sqlalchemy.orm import Session

from addin_host.domain.directory_words import MAX_TEXT
from addin_host.flows.directory_search import MAX_COUNT, Found, Key, Query, Searched, find
from addin_host.web.numbers import row_number

SIZES = (25, 50, 100)


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a list as the address asks for it; `previous` and `next` are addresses or blank."""

    search: str
    size: int
    descending: bool
    ids: Sequence[int]
    previous: str
    next: str
    words: str

    def address(self, **changes: str) -> str:
        """Return the address of this list from its beginning, with changes."""
        asked = {"q": self.search, "size": str(self.size), "sort": "-name" if self.descending else "name"} | changes
        return f"?{urlencode(asked)}"


def listing(session: Session, searched: Searched, noun: str) -> Listing:
    """Return the page that the request's address asks for; what makes no sense there is passed over."""
    descending = request.args.get("sort") == "-name"
    size = request.args.get("size", type=int)
    before, after = _key(request.args.get("before", "")), _key(request.args.get("after", ""))
    query = Query(
        search=request.args.get("q", "").strip()[:MAX_TEXT],
        size=size if size in SIZES else SIZES[0],
        after=before or after,
        backwards=descending != bool(before),
    )
    found = find(session, searched, query)
    if before and len(found.ids) < query.size:  # fewer than a page are left before: begin at the beginning
        before = after = None
        found = find(session, searched, replace(query, after=None, backwards=descending))
    ids = list(reversed(found.ids)) if before else found.ids
    first, last = (found.last, found.first) if before else (found.first, found.last)
    made = Listing(query.search, query.size, descending, ids, "", "", _words(found, query, noun))
    return replace(
        made,
        previous=_turn(made, "before", first) if (after or (before and found.more)) else "",
        next=_turn(made, "after", last) if (before or found.more) else "",
    )


def _key(text: str) -> Key | None:
    number, separator, place = text.partition("~")
    found = row_number(number)
    return (place[:MAX_TEXT], found) if separator and found is not None and "\x00" not in place else None


def _turn(made: Listing, way: str, key: Key | None) -> str:
    return made.address(**{way: f"{key[1]}~{key[0]}"}) if key else ""


def _words(found: Found, query: Query, noun: str) -> str:
    if not query.search or found.total is None:
        return ""
    if found.exact:
        return f"{found.total:,} {noun if found.total != 1 else noun.removesuffix('s')} found"
    return f"More than {min(found.total, MAX_COUNT) - 1:,} {noun} found" if found.total else ""
