"""A row for any table, made from its columns: for tests that walk over all tables."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Table, insert, select
from sqlalchemy.orm import Session

from addin_host.store.models import UtcDateTime

_numbers = itertools.count(1)


def a_row(session: Session, table: Table, now: datetime, **given: Any) -> dict[str, Any]:
    """Insert a row and return it; what is not given has some value of its type, and nothing is sealed."""
    row = {column.name: given.get(column.name, _value(session, column, now)) for column in _columns(table, given)}
    done = session.execute(insert(table).values(**row))
    return row | dict(zip((column.name for column in table.primary_key), done.inserted_primary_key or (), strict=True))


def _columns(table: Table, given: dict[str, Any]) -> list[Column[Any]]:
    def is_made(column: Column[Any]) -> bool:
        return column is table.autoincrement_column

    return [column for column in table.columns if column.name in given or not is_made(column)]


def _value(session: Session, column: Column[Any], now: datetime) -> Any:
    for key in column.foreign_keys:
        if column.unique:
            return a_row(session, key.column.table, now)[key.column.name]  # one for each row
        found = session.execute(select(key.column).limit(1)).first()
        return found[0] if found else a_row(session, key.column.table, now)[key.column.name]
    if isinstance(column.type, JSON):
        return {"text": "ä\u2028", "list": [1, None, True]}
    if column.nullable and column.name.startswith("sealed"):
        return None
    return now if isinstance(column.type, UtcDateTime) else _VALUES[column.type.python_type]()


_VALUES: dict[type, Callable[[], Any]] = {
    str: lambda: f"ä{next(_numbers)}",
    int: lambda: next(_numbers),
    bool: lambda: True,
    bytes: lambda: b"\x00\xff",
}
