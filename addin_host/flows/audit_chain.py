"""Proving the audit log: every entry is as it was written, and none is missing (design/security.md B1)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from addin_host.flows import audit, audit_log
from addin_host.store.models import AuditRow

_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many entries were looked at, the hash of the newest, and what is wrong first; `entry` is its id."""

    entries: int
    head: str
    problem: str = ""
    entry: int | None = None

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problem


def verify(session: Session, *, exported_head: str = "") -> Verdict:
    """Compute the whole chain again. The session must see one state of the tables (`Database.snapshot`).

    `exported_head` is the hash of the newest entry at some earlier time: it must still be part of the chain.
    """
    marked = audit_log.head(session)
    columns = list(AuditRow.__table__.columns)
    rows = session.execute(select(*columns).order_by(AuditRow.id).execution_options(yield_per=_BATCH))
    number, previous, last, seen = 0, audit.START, 0, exported_head in ("", audit.START)
    for row in rows:
        if row.previous_hash != previous:
            return Verdict(number, previous, _gap(last, row.id), row.id)
        if audit.hash_of(row) != row.hash:
            return Verdict(number, previous, f"Entry {row.id} was changed after it was written.", row.id)
        number, previous, last = number + 1, row.hash, row.id
        seen = seen or row.hash == exported_head
    if previous != marked:
        return Verdict(number, previous, _cut(last), last)
    if not seen:
        return Verdict(number, previous, f"{_cut(last)} The given head is not among its entries.", last)
    return Verdict(number, previous)


def _gap(last: int, found: int) -> str:
    place = f"between entry {last} and entry {found}" if last else f"before entry {found}"
    return f"Entry {found} does not follow the one before it: something {place} was taken away, added or replaced."


def _cut(last: int) -> str:
    where = f"after entry {last}" if last else "from the first on"
    return f"The log ends too early: entries {where} were taken away."
