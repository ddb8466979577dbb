"""Copies of everything that the database holds, in one form for both databases (design/security.md B2, B3).

A backup is lines of JSON: what it is, then each table with its rows, then how many there were. Sealed values stay
sealed. Sessions and sign-ins under way are left out: a backup must not bring back what was ended since.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Column, LargeBinary, Table, inspect, select, text
from sqlalchemy.orm import Session

from addin_host.store import revision
from addin_host.store.models import (
    AdminSessionRow,
    AdminSignInRow,
    DialogSessionRow,
    FailureRow,
    Model,
    PendingSignInRow,
    PreviewDraftRow,
    RequestCountRow,
    SeenTokenRow,
    ServiceSignInRow,
    SetupLinkRow,
    SignInResultRow,
    UtcDateTime,
)

FORM = 1
_BATCH = 500
_PASSING = (
    AdminSessionRow,
    AdminSignInRow,
    DialogSessionRow,
    FailureRow,
    PendingSignInRow,
    PreviewDraftRow,
    RequestCountRow,
    SeenTokenRow,
    ServiceSignInRow,
    SetupLinkRow,
    SignInResultRow,
)
_SEQUENCE_OF = "SELECT pg_get_serial_sequence(:table, :column)"


def tables() -> tuple[Table, ...]:
    """Return the tables that a backup holds, each after those that it refers to."""
    passing = {row.__tablename__ for row in _PASSING}
    return tuple(table for table in Model.metadata.sorted_tables if table.name not in passing)


def lines(session: Session, *, now: datetime) -> Iterator[str]:
    """Return the backup, line by line. The session must see one state of the tables (`Database.snapshot`)."""
    yield _json({"addin_host_backup": FORM, "revision": revision.NEEDED, "created_at": now.isoformat()})
    counts: dict[str, int] = {}
    for table in tables():
        yield _json({"table": table.name, "columns": [column.name for column in table.columns]})
        number = 0
        query = select(table).order_by(*table.primary_key).execution_options(yield_per=_BATCH)
        for number, row in enumerate(session.execute(query), 1):  # noqa: B007 - the last number counts
            yield _json([_written(value) for value in row])
        counts[table.name] = number
    yield _json({"counts": counts, "sequences": dict(_sequences(session))})


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"))


def _written(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return value.isoformat() if isinstance(value, datetime) else value


def as_stored(column: Column[Any], written: Any) -> Any:
    """Return the value of a column from what stands in a backup. Raises ValueError or TypeError."""
    if written is None:
        return None
    if isinstance(column.type, LargeBinary):
        return base64.b64decode(written, validate=True)
    return datetime.fromisoformat(written) if isinstance(column.type, UtcDateTime) else written


def _sequences(session: Session) -> Iterator[tuple[str, int]]:
    """Return the highest id ever given in each table, so that none is given twice after a restore."""
    if session.get_bind().dialect.name == "sqlite":
        if inspect(session.connection()).has_table("sqlite_sequence"):
            yield from (tuple(row) for row in session.execute(text("SELECT name, seq FROM sqlite_sequence")))
        return
    for table in tables():
        if name := sequence_of(session, table):
            last, is_called = session.execute(text(f"SELECT last_value, is_called FROM {name}")).one()  # noqa: S608
            yield table.name, last if is_called else 0


def sequence_of(session: Session, table: Table) -> str | None:
    """Return the name of the sequence that gives a table its ids, on PostgreSQL."""
    column = table.autoincrement_column
    if column is None:
        return None
    given: Mapping[str, str] = {"table": table.name, "column": column.name}
    name: str | None = session.scalar(text(_SEQUENCE_OF), given)
    return name
