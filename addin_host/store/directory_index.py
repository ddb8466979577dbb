"""The search index of the directory (migration 0003), for those who read it.

SQLite keeps runs of three characters in FTS5 tables beside the tables, fed by triggers. PostgreSQL indexes them with
pg_trgm over the expressions below. pg_trgm leaves everything out that is neither letter nor digit, so punctuation is
turned into capitals, which nothing else is after lower(). A line break stays and marks where a column begins that short
words are looked for in; before a description stands a tab, which is turned as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import text
from sqlalchemy.orm import Session

FTS: dict[str, str] = {
    "conference": "search_conference",
    "conference_alias": "search_alias",
    "end_user": "search_user",
}
_PUNCTUATION, _CAPITALS = " .@_+-\t", "QXJZWVK"
_AS_CAPITALS = str.maketrans(_PUNCTUATION, _CAPITALS)
INDEXED: dict[str, tuple[str, ...]] = {
    "conference": ("name", "description", "primary_owner_email_address"),
    "conference_alias": ("alias",),
    "end_user": ("primary_email_address", "first_name", "last_name", "display_name"),
}


def expression(table: str) -> str:
    """Return what PostgreSQL indexes of a table; must be the migration's to the letter."""
    columns = " || ".join(f"chr({9 if column == 'description' else 10}) || {column}" for column in INDEXED[table])
    return f"translate(lower({columns}), ' .@_+-' || chr(9), '{_CAPITALS}')"


def pattern(piece: str, *, at_start: bool = False) -> str:
    """Return the LIKE pattern for a piece of text in lower case, anywhere or at the beginning of a column."""
    escaped = piece.translate(_AS_CAPITALS).replace("\\", "\\\\").replace("%", "\\%")
    return f"%\n{escaped}%" if at_start else f"%{escaped}%"


@contextmanager
def indexing_in_bulk(session: Session) -> Iterator[Callable[[], None]]:
    """Let many rows be added in this transaction. Call what is given after each batch, before its rows change again.

    SQLite then indexes a batch in one statement instead of one for each row; PostgreSQL needs no such thing.
    """
    if session.get_bind().dialect.name != "sqlite":
        yield lambda: None
        return
    session.execute(text("INSERT INTO mark (name, value) VALUES ('search_later', '')"))
    yield lambda: _index_new(session)
    _index_new(session)
    session.execute(text("DELETE FROM mark WHERE name = 'search_later'"))


def _index_new(session: Session) -> None:
    for table, index in FTS.items():
        names = ", ".join(INDEXED[table])
        new = f"SELECT id FROM search_new WHERE source = '{table}'"  # noqa: S608 - names of ours
        statement = f"INSERT INTO {index} (rowid, {names}) SELECT id, {names} FROM {table} WHERE id IN ({new})"  # noqa: S608
        session.execute(text(statement))
    session.execute(text("DELETE FROM search_new"))
