"""Insert a row unless it is there already, in one statement: two at once lose nothing on either database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from addin_host.store.models import Model


def insert_missing(session: Session, table: type[Model], row: Mapping[str, Any]) -> bool:
    """Insert a row unless one with its keys is there; waits for another process that is inserting it right now.

    Returns whether the row is new.
    """
    statement = _insert(session, table).values(**row).on_conflict_do_nothing()
    return session.execute(statement.returning(*table.__table__.primary_key)).first() is not None


def upsert(
    session: Session, table: type[Model], key: Mapping[str, Any], new: Mapping[str, Any], change: Mapping[str, Any]
) -> None:
    """Insert `key` and `new`; when a row with this primary key is there, set `change` in it instead.

    A change may be an expression over the table's columns, such as `UsageRow.number + 1`. Rows that the session holds
    already are not refreshed.
    """
    statement = _insert(session, table).values(**key, **new)
    session.execute(statement.on_conflict_do_update(index_elements=list(key), set_=dict(change)))


def _insert(session: Session, table: type[Model]) -> sqlite.Insert | postgresql.Insert:
    return (sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert)(table)
