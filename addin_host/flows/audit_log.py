"""Reading the audit log: pages of it, what may be asked for, and copies of it for other programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, String, cast, func, or_, select
from sqlalchemy.orm import Session

from addin_host.domain.access import Caller, Permission
from addin_host.domain.differences import Difference, differences
from addin_host.flows import audit
from addin_host.store import marks
from addin_host.store.db import Database
from addin_host.store.models import AuditRow

Query = Select[*tuple[Any, ...]]
PAGE = 50
_BATCH = 500
_RECENT = 2_000
COLUMNS = tuple(column.key for column in AuditRow.__table__.columns)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are asked for. `since` is part of the range, `until` is not; "" and None ask for all."""

    since: datetime | None = None
    until: datetime | None = None
    actor: str = ""
    action: str = ""
    kind: str = ""
    integration: int | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the log."""

    id: int
    at: datetime
    actor: str
    actor_kind: str
    network: str
    action: str
    object_kind: str
    object_id: str
    object_name: str
    integration_id: int | None
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    correlation_id: str
    previous_hash: str
    hash: str

    @property
    def differences(self) -> tuple[Difference, ...]:
        """What changed."""
        return differences(self.before, self.after)


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the log, newest first. `newer` and `older` name the entries to go on from, where there are more."""

    entries: tuple[Entry, ...]
    newer: int | None
    older: int | None


@dataclass(frozen=True, slots=True)
class Choices:
    """What recent entries hold, to choose from."""

    actors: tuple[str, ...]
    actions: tuple[str, ...]
    kinds: tuple[str, ...]


def page(
    session: Session,
    caller: Caller,
    wanted: Wanted,
    *,
    before: int | None = None,
    after: int | None = None,
    size: int = PAGE,
) -> Page:
    """Return the newest entries within the caller's reach, or those before or after an entry. Raises Refused."""
    query = _within(select(AuditRow), caller, wanted)
    if after is not None:
        rows = session.scalars(query.where(AuditRow.id > after).order_by(AuditRow.id).limit(size + 1)).all()
        found, more_newer, more_older = rows[:size][::-1], len(rows) > size, True
    else:
        older = query.where(AuditRow.id < before) if before is not None else query
        rows = session.scalars(older.order_by(AuditRow.id.desc()).limit(size + 1)).all()
        found, more_newer, more_older = rows[:size], before is not None, len(rows) > size
    entries = tuple(map(_entry, found))
    if not entries:
        return Page((), None, None)
    return Page(entries, entries[0].id if more_newer else None, entries[-1].id if more_older else None)


def _within(query: Query, caller: Caller, wanted: Wanted) -> Query:
    caller.require(Permission.SEE_AUDIT)
    if wanted.integration is not None:
        caller.require_reach(wanted.integration)
    if caller.integrations is not None:
        query = query.where(AuditRow.integration_id.in_(caller.integrations))
    return query.where(*_conditions(wanted))


def _conditions(wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    if wanted.since:
        yield AuditRow.at >= wanted.since
    if wanted.until:
        yield AuditRow.at < wanted.until
    exact = ((AuditRow.actor, wanted.actor), (AuditRow.action, wanted.action), (AuditRow.object_kind, wanted.kind))
    yield from (column == value for column, value in exact if value)
    if wanted.integration is not None:
        yield AuditRow.integration_id == wanted.integration
    if wanted.text:
        columns = (AuditRow.object_name, AuditRow.object_id, AuditRow.network, AuditRow.correlation_id)
        changes = (cast(AuditRow.before, String), cast(AuditRow.after, String))
        yield or_(*(func.lower(column).contains(wanted.text.lower(), autoescape=True) for column in columns + changes))


def choices(session: Session, caller: Caller) -> Choices:
    """Return the actors, actions and kinds of the newest entries within the caller's reach."""
    query = _within(select(AuditRow.actor, AuditRow.action, AuditRow.object_kind), caller, Wanted())
    found = session.execute(query.order_by(AuditRow.id.desc()).limit(_RECENT)).all()
    actors, actions, kinds = zip(*found, strict=True) if found else ((), (), ())
    return Choices(*(tuple(sorted(set(names))) for names in (actors, actions, kinds)))


def _entry(row: AuditRow) -> Entry:
    return Entry(**{name: getattr(row, name) for name in COLUMNS})


def head(session: Session) -> str:
    """Return the hash of the newest entry: kept elsewhere, it shows later whether entries were taken away."""
    return marks.value(session, audit.HEAD, audit.START)


Write = Callable[[Sequence[Any]], str]


def export(database: Database, caller: Caller, wanted: Wanted, *, form: str) -> Iterator[str]:
    """Return the log as text, oldest first, piece by piece: `csv` for spreadsheets, `jsonl` to the byte.

    The last line holds the hash of the newest entry of the whole log. Raises Refused at once.
    """
    with database.snapshot() as session:
        newest, last = head(session), session.scalar(select(func.max(AuditRow.id))) or 0
        query = _within(select(AuditRow), caller, wanted).where(AuditRow.id <= last).order_by(AuditRow.id)
    return _pieces(database, query, _csv if form == "csv" else _json_lines, newest)


def _pieces(database: Database, query: Query, write: Callable[..., str], newest: str) -> Iterator[str]:
    yield write(None)
    after = 0
    while True:
        with database.read() as session:
            entries = [_entry(row) for row in session.scalars(query.where(AuditRow.id > after).limit(_BATCH))]
        if not entries:
            break
        after = entries[-1].id
        yield "".join(write(entry) for entry in entries)
    yield write(newest)


def _json_lines(what: Entry | str | None) -> str:
    if what is None:
        return ""
    line = {"head": what} if isinstance(what, str) else {name: getattr(what, name) for name in COLUMNS}
    return json.dumps(line, ensure_ascii=False, default=_instant) + "\n"


def _csv(what: Entry | str | None) -> str:
    if what is None:
        cells: list[Any] = list(COLUMNS)
    elif isinstance(what, str):
        cells = ["head", *[""] * (len(COLUMNS) - 2), what]
    else:
        cells = [_cell(getattr(what, name)) for name in COLUMNS]
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return _instant(value)
    if isinstance(value, Mapping):
        return json.dumps(value, ensure_ascii=False)
    # Spreadsheets take a text that begins so for a formula.
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _instant(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
