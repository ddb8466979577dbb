"""Notes of the program about the database that several processes change: taken with a lock, made when missing."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from addin_host.store.models import MarkRow
from addin_host.store.upsert import insert_missing


def locked(session: Session, name: str, initial: str) -> MarkRow:
    """Return a mark with its newest value, locked until the transaction ends."""
    found = _locked(session, name)
    if found is None:
        insert_missing(session, MarkRow, {"name": name, "value": initial})
        found = _locked(session, name)
    if found is None:
        raise LookupError(f"the mark {name} went away while it was being made")
    return found


def _locked(session: Session, name: str) -> MarkRow | None:
    query = select(MarkRow).where(MarkRow.name == name).with_for_update()
    return session.scalar(query.execution_options(populate_existing=True))


def value(session: Session, name: str, default: str) -> str:
    """Return what a mark says, without a lock."""
    return session.scalar(select(MarkRow.value).where(MarkRow.name == name)) or default
