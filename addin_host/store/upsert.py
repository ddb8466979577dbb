"""Insert a row, or change the one that is there, in one statement: two at once lose nothing on either database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from addin_host.store.models import Model


def upsert(
    session: Session, table: type[Model], key: Mapping[str, Any], new: Mapping[str, Any], change: Mapping[str, Any]
) -> None:
    """Insert `key` and `new`; when a row with this primary key is there, set `change` in it instead.

    A change may be an expression over the table's columns, such as `UsageRow.number + 1`. Rows that the session holds
    already are not refreshed.
    """
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    statement = insert(table).values(**key, **new)
    session.execute(statement.on_conflict_do_update(index_elements=list(key), set_=dict(change)))
