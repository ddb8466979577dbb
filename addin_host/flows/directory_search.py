"""Searching the directory page by page, as fast with a million VMRs as with ten thousand.

What many records hold is found among the first few hundred in the order of names. What few hold is found by the index
of runs of three characters: its candidates are looked at one by one. Between the two, some thousands more are looked
through in order before the index is asked for everything. Nothing skips over rows (OFFSET), and nothing is counted
beyond what had to be read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from addin_host.domain.directory_words import Sought, grams, rarest, sought
from addin_host.store import directory_index
from addin_host.store.directory_index import FTS, INDEXED

_FIRST_LOOK = 500
_SECOND_LOOK = 10_000
_CANDIDATES = 5_000
_SAMPLE = 200
MAX_COUNT = 1_000

Key = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Searched:
    """A table that is searched: the column it is ordered by, and the columns where a short word may begin."""

    table: str
    order: str
    starts: tuple[str, ...]
    with_aliases: bool = False
    only: str = "true"  # those of meetings are no part of the directory


VMRS = Searched(
    "conference",
    "name",
    ("name", "primary_owner_email_address"),
    with_aliases=True,
    only="NOT c.is_scheduled",
)
USERS = Searched("end_user", "primary_email_address", INDEXED["end_user"])


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for. `after` is the key of the row before the page; `backwards` turns the order round."""

    search: str = ""
    size: int = 25
    after: Key | None = None
    backwards: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A page: ids in order, the keys of its first and last row, and whether more follow.

    `total` is how many records match as far as that is known; `exact` tells whether it is all of them.
    """

    ids: list[int]
    first: Key | None = None
    last: Key | None = None
    more: bool = False
    total: int | None = None
    exact: bool = False


def find(session: Session, searched: Searched, query: Query) -> Found:
    """Return one page of the records that hold every word."""
    return _Search(session, searched, query).run()


@dataclass(slots=True)
class _Search:
    session: Session
    searched: Searched
    query: Query
    words: Sought | None = field(init=False)
    sqlite: bool = field(init=False)

    def __post_init__(self) -> None:
        self.words = sought(self.query.search)
        self.sqlite = self.session.get_bind().dialect.name == "sqlite"

    def run(self) -> Found:
        """Look through the first rows, then ask the index, then look further."""
        look = self._first_look(_FIRST_LOOK if self.words else self.query.size + 1)
        if look is not None or self.words is None:
            return look or Found([])
        if not self.sqlite:
            _trust_indexes(self.session)
        piece = self.words.words[0] if self.words.prefix else rarest(self.words.words, self._sample())
        candidates = self._candidates(piece)
        if len(candidates) <= _CANDIDATES:
            return self._among(candidates)
        return self._second_look() or self._all(piece)

    def _first_look(self, rows: int) -> Found | None:
        """Return a page when these rows fill one, or when there are no others; else None."""
        condition, values = self._matching()
        statement = (
            f"SELECT c.id, lower(c.{self.searched.order}) AS place, {condition} AS hit FROM ({self._next_rows()}) c"
            f" ORDER BY {self._ordering()}"
        )
        seen = self._execute(statement, values | {"rows": rows})
        hits = [(row.place, row.id) for row in seen if row.hit]
        if len(hits) <= self.query.size and len(seen) >= rows:
            return None
        return self._page(hits, exact=len(seen) < rows)

    def _next_rows(self) -> str:
        return f"SELECT * FROM {self.searched.table} c WHERE {self._beyond()} ORDER BY {self._ordering()} LIMIT :rows"

    def _second_look(self) -> Found | None:
        """Return a page when some thousands of rows fill one; else None."""
        hits = self._hits(f"({self._next_rows()}) c", "true", {"rows": _SECOND_LOOK, "most": self.query.size + 1})
        # More than the index was asked for match, or might: no number is known, but it is large.
        return self._page(hits, exact=False) if len(hits) > self.query.size else None

    def _hits(self, source: str, chosen: str, values: Mapping[str, Any]) -> list[Key]:
        condition, words = self._matching()
        statement = (
            f"SELECT c.id, lower(c.{self.searched.order}) AS place FROM {source}"
            f" WHERE {chosen} AND {self._beyond()} AND {condition} ORDER BY {self._ordering()} LIMIT :most"
        )
        return [(row.place, row.id) for row in self._execute(statement, {**words, **values})]

    def _page(self, hits: Sequence[Key], *, exact: bool) -> Found:
        """Cut a page out of what matches beyond the key; a total is known only from the beginning on."""
        shown = hits[: self.query.size]
        return Found(
            ids=[key[1] for key in shown],
            first=shown[0] if shown else None,
            last=shown[-1] if shown else None,
            more=len(hits) > len(shown),
            total=None if self.query.after or not self.words else min(len(hits), MAX_COUNT),
            exact=exact and len(hits) <= MAX_COUNT,
        )

    def _among(self, candidates: Sequence[int]) -> Found:
        """Return a page of those of the candidates that match."""
        ids = {"ids": self._list(candidates), "most": MAX_COUNT + 1}
        return self._page(self._hits(self._source, f"c.id {self._in_list}", ids), exact=True)

    def _all(self, piece: str) -> Found:
        """Return a page of everything that the index finds: when many match, but only far from the beginning."""
        lookups = list(self._lookups(piece))
        chosen = " UNION ".join(statement for statement, _values in lookups)
        values = {name: value for _statement, given in lookups for name, value in given.items()}
        most = {"most": self.query.size + 1}
        return self._page(self._hits(self._source, f"c.id IN ({chosen})", values | most), exact=False)

    @property
    def _source(self) -> str:
        return f"{self.searched.table} c"

    @property
    def _in_list(self) -> str:
        return "IN (SELECT value FROM json_each(:ids))" if self.sqlite else "= ANY(:ids)"

    def _list(self, ids: Sequence[int]) -> Any:
        return json.dumps(ids) if self.sqlite else list(ids)

    def _beyond(self) -> str:
        if self.query.after is None:
            return self.searched.only
        way = "<" if self.query.backwards else ">"
        return f"{self.searched.only} AND (lower(c.{self.searched.order}), c.id) {way} (:place, :last)"

    def _ordering(self) -> str:
        way = " DESC" if self.query.backwards else ""
        return f"lower(c.{self.searched.order}){way}, c.id{way}"

    def _matching(self) -> tuple[str, dict[str, Any]]:
        """Return the condition that a record holds every word, and the values of its parameters."""
        if self.words is None:
            return "true", {}
        words = {f"word{number}": word for number, word in enumerate(self.words.words)}
        conditions = [self._holding(name, prefix=self.words.prefix and name == "word0") for name in words]
        return f"({' AND '.join(conditions)})", words

    def _holding(self, name: str, *, prefix: bool) -> str:
        columns = self.searched.starts if prefix else INDEXED[self.searched.table]
        tests = [self._holds(f"c.{column}", name, prefix=prefix) for column in columns]
        if self.searched.with_aliases:
            alias = self._holds("a.alias", name, prefix=prefix)
            tests.append(f"EXISTS (SELECT 1 FROM conference_alias a WHERE a.conference_id = c.id AND {alias})")
        return f"({' OR '.join(tests)})"

    def _holds(self, column: str, name: str, *, prefix: bool) -> str:
        folded = f"fold({column})" if self.sqlite else f"lower({column})"
        # Not LIKE: PostgreSQL would take it to the index, with runs that exclude nothing.
        place = f"instr({folded}, :{name})" if self.sqlite else f"strpos({folded}, :{name})"
        return f"{place} = 1" if prefix else f"{place} > 0"

    def _sample(self) -> list[str]:
        """Return what some records from all over the table hold, in lower case."""
        end = f"(SELECT id FROM {self.searched.table} ORDER BY id"  # not min and max: SQLite would read all rows
        ends = self._execute(f"SELECT {end} LIMIT 1) AS low, {end} DESC LIMIT 1) AS high", {})[0]
        step = max(1, (ends.high - ends.low) // _SAMPLE)
        columns = " || ' ' || ".join(f"c.{column}" for column in INDEXED[self.searched.table])
        if self.searched.with_aliases:
            alias = "(SELECT alias FROM conference_alias a WHERE a.conference_id = c.id LIMIT 1)"
            columns += f" || ' ' || coalesce({alias}, '')"
        ids = list(range(ends.low, ends.high + 1, step))
        statement = f"SELECT {columns} AS held FROM {self._source} WHERE c.id {self._in_list}"
        rows = self._execute(statement, {"ids": self._list(ids)})
        return [row.held.lower() for row in rows]

    def _candidates(self, piece: str) -> list[int]:
        """Return the ids of records that may hold the piece; more than _CANDIDATES when there are too many."""
        found: set[int] = set()
        for statement, values in self._lookups(piece):
            found.update(row[0] for row in self._execute(f"{statement} LIMIT {_CANDIDATES + 1}", values))
        return sorted(found)

    def _lookups(self, piece: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        tables = {self.searched.table: "id"}
        if self.searched.with_aliases:
            tables["conference_alias"] = "conference_id"
        short = len(piece) < 3
        for table, wanted in tables.items():
            if not self.sqlite:
                pattern = directory_index.pattern(piece, at_start=short)
                expression = directory_index.expression(table)
                yield f"SELECT {wanted} FROM {table} WHERE {expression} LIKE :pattern", {"pattern": pattern}
            elif short:
                yield from self._beginnings(table, wanted, piece)
            else:
                runs = " AND ".join('"' + run.replace('"', '""') + '"' for run in grams(piece))
                inner = f"SELECT rowid FROM {FTS[table]} WHERE {FTS[table]} MATCH :runs"
                yield f"SELECT {wanted} FROM {table} WHERE id IN ({inner})", {"runs": runs}

    def _beginnings(self, table: str, wanted: str, piece: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """SQLite's index has no beginnings of words; the ordinary indexes over lower() do."""
        columns = ("alias",) if table == "conference_alias" else self.searched.starts
        starts = dict.fromkeys((piece, piece.upper(), piece.capitalize()))  # lower() leaves letters beyond ASCII alone
        for column in columns:
            for number, start in enumerate(starts):
                low, high = f"low{number}", f"high{number}"
                yield (
                    f"SELECT {wanted} FROM {table} WHERE lower({column}) >= :{low} AND lower({column}) < :{high}",
                    {low: start, high: start + "\U0010ffff"},
                )

    def _execute(self, statement: str, values: Mapping[str, Any]) -> Sequence[Any]:
        parameters = dict(values)
        if self.query.after is not None and ":place" in statement:
            parameters |= {"place": self.query.after[0], "last": self.query.after[1]}
        return self.session.execute(text(statement), parameters).all()


def _trust_indexes(session: Session) -> None:
    """Keep PostgreSQL to its indexes: it cannot know how many records hold a piece of text."""
    session.execute(text("SET LOCAL enable_seqscan = off"))
    session.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))
