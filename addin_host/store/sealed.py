"""Where sealed values stand: found in the tables, so that a new column is rotated and guarded without being listed.

A column whose name begins with `sealed` holds sealed values; so do the secret ones among the platform settings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Select, Table, and_, bindparam, inspect, select, tuple_, update
from sqlalchemy.orm import Session

from addin_host.domain.platform import PLATFORM_FIELDS
from addin_host.store.models import Model, PlatformSettingRow

Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """One column with sealed values; where `names` is given, only in the rows of these names."""

    table: Table
    column: Column[Any]
    names: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Table and column, for people."""
        return f"{self.table.name}.{self.column.name}"

    def select(self) -> Select[*tuple[Any, ...]]:
        """Return the query for primary keys and values, in the order of the keys."""
        query = select(*self.table.primary_key, self.column).where(self.column.is_not(None))
        if self.names:
            query = query.where(self.table.c.name.in_(self.names))
        return query.order_by(*self.table.primary_key)

    def batch(self, session: Session, after: Key | None, size: int) -> list[tuple[Key, str]]:
        """Return the next values behind a primary key."""
        query = self.select().limit(size)
        if after is not None:
            query = query.where(tuple_(*self.table.primary_key) > tuple_(*after))
        return [(tuple(row[:-1]), row[-1]) for row in session.execute(query)]

    def exchange(self, session: Session, new: Sequence[tuple[Key, str, str]]) -> None:
        """Replace values, given as key, old value and new one; what was changed meanwhile stays as it is."""
        keys = tuple(self.table.primary_key)
        matches = [column == bindparam(f"key_{number}") for number, column in enumerate(keys)]
        statement = (
            update(self.table)
            .where(and_(*matches, self.column == bindparam("old")))
            .values({self.column.name: bindparam("new")})
        )
        rows = [{f"key_{n}": part for n, part in enumerate(key)} | {"old": old, "new": text} for key, old, text in new]
        session.connection().execute(statement, rows)


def sealed_columns() -> tuple[SealedColumn, ...]:
    """Return every column that holds sealed values."""
    found = [
        SealedColumn(table, column)
        for table in Model.metadata.sorted_tables
        for column in table.columns
        if column.name.startswith("sealed")
    ]
    settings: Table = Model.metadata.tables[PlatformSettingRow.__tablename__]
    secret = tuple(field.name for field in PLATFORM_FIELDS if field.is_secret)
    return (*found, SealedColumn(settings, settings.c.value, secret))


def samples(session: Session) -> Iterator[str]:
    """Return one sealed value of each column that has any; the schema may be an older one."""
    known = _columns_there(session)
    for column in sealed_columns():
        if column.column.name in known.get(column.table.name, ()):
            row = session.execute(column.select().order_by(None).limit(1)).first()
            if row is not None:
                yield row[-1]


def _columns_there(session: Session) -> Mapping[str, frozenset[str]]:
    inspector = inspect(session.connection())
    there = set(inspector.get_table_names())
    names = {column.table.name for column in sealed_columns()} & there
    return {name: frozenset(column["name"] for column in inspector.get_columns(name)) for name in names}
