"""Putting a backup into an empty database (design/security.md B3, B4).

Nothing in a backup is believed: the log is proved again, and what administrators entered is judged as if they typed it
in now. What does not pass is switched off or set back, and named.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import Table, exists, func, insert, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from addin_host.domain.access import Caller
from addin_host.domain.errors import Misconfigured, Reason, Refused
from addin_host.domain.ports import TemplateTrial
from addin_host.domain.text import sanitise_html
from addin_host.flows import audit, audit_chain, backup, quarantine
from addin_host.flows.audit import Subject
from addin_host.flows.audit_chain import Verdict
from addin_host.store import revision
from addin_host.store.models import Model, OutboxRow

_BATCH = 500
_DAMAGED = "This backup is not complete or was altered. Nothing was restored."


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored: rows by table, whether the audit log holds, and what did not pass, in sentences."""

    counts: Mapping[str, int]
    log: Verdict
    quarantined: tuple[str, ...]


def restore(session: Session, lines: Iterable[str], *, trial: TemplateTrial, caller: Caller, now: datetime) -> Restored:
    """Store everything that the backup holds, in the caller's transaction. Raises Refused; then nothing may be kept."""
    _require_empty(session)
    try:
        counts = _fill(session, iter(lines))
    except (ValueError, TypeError, KeyError, AttributeError, SQLAlchemyError) as problem:
        raise Refused(Reason.INVALID, _DAMAGED) from problem
    _doubt_answers(session, now)
    verdict = audit_chain.verify(session)
    found = quarantine.judge_all(session, trial=trial, now=now)
    after = {"rows": sum(counts.values()), "quarantined": list(found)}
    audit.record(session, caller, "restore", Subject("backup", "", "Backup"), now=now, after=after)
    return Restored(counts, verdict, found)


def _doubt_answers(session: Session, now: datetime) -> None:
    """Answers that waited then may have been sent since: they are looked for among what was sent before they go out."""
    waiting = select(OutboxRow).where(OutboxRow.kind == "reply", OutboxRow.state == "pending")
    for row in session.scalars(waiting):
        row.attempts, row.attempted_at = max(row.attempts, 1), row.attempted_at or now
        row.payload = {**row.payload, "html": sanitise_html(str(row.payload.get("html", "")))}
    session.flush()


def _require_empty(session: Session) -> None:
    full = [
        table.name
        for table in Model.metadata.sorted_tables
        if session.scalar(select(exists(select(1).select_from(table))))
    ]
    if full:
        raise Refused(
            Reason.CONFLICT,
            f"The database is not empty ({', '.join(full[:5])}). A backup is restored into a new database only: name "
            "one in DATABASE_URL and run addin-host db upgrade.",
        )


def _fill(session: Session, lines: Iterator[str]) -> dict[str, int]:
    _require_known(json.loads(next(lines, "null")))
    counts: dict[str, int] = {}
    known = {table.name: table for table in backup.tables()}
    heading = json.loads(next(lines, "null"))
    while "table" in heading:
        table = known.pop(heading["table"])
        counts[table.name], heading = _fill_table(session, table, heading["columns"], lines)
    if known or heading["counts"] != counts or next(lines, None) is not None:
        raise ValueError("tables or rows are missing")
    for name, highest in heading["sequences"].items():
        if name in counts:
            _go_on_behind(session, Model.metadata.tables[name], int(highest))
    return counts


def _require_known(header: Any) -> None:
    if not isinstance(header, dict) or header.get("addin_host_backup") != backup.FORM:
        raise Refused(Reason.INVALID, "This backup is of a form that this version does not know.")
    if header.get("revision") != revision.NEEDED:
        raise Misconfigured(
            f"The backup is of schema revision {header.get('revision')}, this version needs {revision.NEEDED}. Restore "
            "it with the version that made it, then run addin-host db upgrade with this one."
        )


def _fill_table(
    session: Session, table: Table, names: list[str], lines: Iterator[str]
) -> tuple[int, Mapping[str, Any]]:
    """Store rows until the next heading; return how many, and the heading."""
    columns = [table.columns[name] for name in names]
    heading: dict[str, Any] = {}

    def rows() -> Iterator[dict[str, Any]]:
        for line in lines:
            values = json.loads(line)
            if isinstance(values, dict):
                heading.update(values)
                return
            pairs = zip(columns, values, strict=True)
            yield {column.name: backup.as_stored(column, value) for column, value in pairs}

    number, waiting = 0, rows()
    while batch := list(islice(waiting, _BATCH)):
        session.execute(insert(table), batch)
        number += len(batch)
    return number, heading


def _go_on_behind(session: Session, table: Table, highest: int) -> None:
    """Let the ids of a table go on behind the highest that was ever given."""
    column = table.autoincrement_column
    if column is None:
        return
    highest = max(highest, session.scalar(select(func.max(column))) or 0)
    given = {"name": table.name, "highest": highest}
    if session.get_bind().dialect.name == "sqlite":
        if table.dialect_options["sqlite"]["autoincrement"]:
            session.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), given)
            session.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :highest)"), given)
    elif highest:
        session.execute(text("SELECT setval(:name, :highest)"), given | {"name": backup.sequence_of(session, table)})
