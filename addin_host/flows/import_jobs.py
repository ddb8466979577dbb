"""Importing a file that an administrator handed in: examined first, carried out in the background when asked to.

What a job has reached stands in the database, so that any process can show it. Progress is written beside the import's
own transaction; on SQLite, which has one writer, it stands still while the import writes.
"""

from __future__ import annotations

import base64
import io
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session, defer

from addin_host.domain.access import Caller
from addin_host.domain.directory import Kind, Submitted, Survey
from addin_host.domain.directory_file import read_csv, read_json
from addin_host.domain.errors import HostError, Invalid, Problem, Reason, Refused
from addin_host.flows.directory_import import Examined, examine, import_records, note_import
from addin_host.store.db import Database
from addin_host.store.models import ImportJobRow
from addin_host.store.secrets import SecretBox

MAX_BYTES = 24 * 1024 * 1024
KINDS = {"vmrs": Kind.VMR, "users": Kind.USER}
EXAMINING, PREVIEW, WAITING, RUNNING, DONE, FAILED, CANCELLED = (
    "examining",
    "preview",
    "waiting",
    "running",
    "done",
    "failed",
    "cancelled",
)
BUSY = (EXAMINING, WAITING, RUNNING)
_KEPT_PROBLEMS = 100_000
_TICK = 1000
_SILENT_FOR = timedelta(minutes=2)
_KEPT_FOR = timedelta(days=1)
_RECORDS_A_SECOND = 1000  # that SQLite writes at least, while nothing can be heard of it
_NO_PREVIEW = "This import cannot be started. Hand the file in again."
_AT_FAULT = "The file has rows at fault. Nothing was imported."


class _Cancelled(Exception):
    """The job was cancelled while it ran."""


def get(session: Session, job_id: int) -> ImportJobRow:
    """Return a job without its content. Raises Refused(UNKNOWN)."""
    hidden = defer(ImportJobRow.sealed_content, raiseload=True)
    row = session.scalar(select(ImportJobRow).where(ImportJobRow.id == job_id).options(hidden))
    if row is None:
        raise Refused(Reason.UNKNOWN, "There is no such import.")
    return row


def newest(session: Session, limit: int = 20) -> list[ImportJobRow]:
    """Return the newest jobs without their content and their reports."""
    hidden = (defer(ImportJobRow.sealed_content, raiseload=True), defer(ImportJobRow.report, raiseload=True))
    statement = select(ImportJobRow).options(*hidden).order_by(ImportJobRow.id.desc()).limit(limit)
    return list(session.scalars(statement))


def is_stalled(row: ImportJobRow, now: datetime) -> bool:
    """Whether nothing was heard of a job for so long that its process must have ended."""
    writing = timedelta(seconds=row.all_records / _RECORDS_A_SECOND) if row.state == RUNNING else timedelta()
    return row.state in BUSY and row.updated_at + _SILENT_FOR + writing < now


def hand_in(
    session: Session, *, filename: str, kind: str, content: bytes, box: SecretBox, caller: Caller, now: datetime
) -> int:
    """Keep a file, sealed, and return the id of its job. Raises Invalid when it cannot be a directory file."""
    suffix = filename.rpartition(".")[2].lower()
    if suffix not in ("csv", "json"):
        raise _refusal("Choose a file whose name ends with .csv or .json.")
    if kind not in KINDS:
        raise _refusal("Choose what the file holds.", "kind")
    if not content.strip():
        raise _refusal("The file is empty. Choose another one.")
    if len(content) > MAX_BYTES:
        raise _refusal("The file is larger than 24 MB. Import it on the machine: addin-host directory import FILE")
    row = ImportJobRow(
        account_id=caller.id,
        kind="json" if suffix == "json" else kind,
        filename=filename[:250],
        state=EXAMINING,
        options={},
        preview={},
        report=[],
        message="",
        done_records=0,
        all_records=0,
        created_at=now,
        updated_at=now,
    )
    session.add(row)
    session.flush()
    packed = base64.b64encode(zlib.compress(content)).decode("ascii")
    row.sealed_content = box.seal(_place(row.id), packed)
    session.flush()
    return row.id


def forget_abandoned(session: Session, *, now: datetime) -> None:
    """Forget the files that nobody came back for in a day: they may hold PINs."""
    old = ImportJobRow.sealed_content.is_not(None) & (ImportJobRow.updated_at < now - _KEPT_FOR)
    values = {"state": CANCELLED, "sealed_content": None, "message": "It was left for a day. Nothing was imported."}
    session.execute(update(ImportJobRow).where(old).values(**values))


def _refusal(message: str, name: str = "file") -> Invalid:
    return Invalid([Problem(name, "", message)])


def _place(job_id: int) -> str:
    return f"import:{job_id}:content"


def examine_file(database: Database, job_id: int, *, box: SecretBox, now: Callable[[], datetime]) -> None:
    """Find out what importing the file would do, and keep that with the job. Changes nothing else."""
    with _reporting(database, job_id, now):
        records, job = _open(database, job_id, box), _Progress(database, job_id, now)
        survey = Survey().take_all(job.counting(records()))
        job.all_records = max(1, survey.count)
        with database.read() as session:
            found = examine(session, records=job.counting(records()), survey=survey, box=box, now=now())
        _keep(database, job_id, _preview(found, survey.count), found.problems, now())


def _preview(found: Examined, count: int) -> dict[str, Any]:
    outcome = {"vmrs": asdict(found.outcome.vmrs), "users": asdict(found.outcome.users)}
    at_fault = len({(problem.label.split(",")[0], problem.line) for problem in found.problems if problem.line})
    return {
        **outcome,
        "read": count,
        "at_fault": at_fault,
        "problems": len(found.problems),
        "samples": [asdict(sample) for sample in found.samples],
    }


def _keep(database: Database, job_id: int, preview: dict[str, Any], problems: Iterable[Problem], now: datetime) -> None:
    report = _report(problems)
    state = FAILED if report else PREVIEW
    values: dict[str, Any] = {"preview": preview, "report": report, "state": state, "updated_at": now}
    if report:
        values |= {"sealed_content": None, "message": _AT_FAULT}
    with database.write() as session:
        session.execute(update(ImportJobRow).where(_still(job_id, EXAMINING)).values(**values))


def start(session: Session, job_id: int, *, now: datetime) -> None:
    """Let an examined file be imported; the caller then runs `carry_out` in the background. Raises Refused."""
    chosen = _still(job_id, PREVIEW)
    begun = session.execute(update(ImportJobRow).where(chosen).values(state=WAITING, done_records=0, updated_at=now))
    if not begun.rowcount:  # type: ignore[attr-defined]
        raise Refused(Reason.CONFLICT, _NO_PREVIEW)


def carry_out(database: Database, job_id: int, *, box: SecretBox, caller: Caller, now: Callable[[], datetime]) -> None:
    """Import the file: all of it, or nothing. Keeps the outcome with the job."""
    with _reporting(database, job_id, now):
        records, job = _open(database, job_id, box), _Progress(database, job_id, now)
        survey = Survey().take_all(job.counting(records()))
        job.all_records = max(1, survey.count)
        job.begin_writing()
        with database.write() as session:
            outcome = import_records(
                session, records=job.counting(records(), writing=True), survey=survey, box=box, now=now()
            )
            row = session.get_one(ImportJobRow, job_id, options=[defer(ImportJobRow.sealed_content)])
            if row.state != RUNNING:
                raise _Cancelled
            row.state, row.sealed_content, row.updated_at = DONE, None, now()
            row.done_records = row.all_records = survey.count
            row.preview = {**row.preview, "vmrs": asdict(outcome.vmrs), "users": asdict(outcome.users)}
            session.flush()
            note_import(session, outcome, row.filename, caller=caller, now=now())


def cancel(session: Session, job_id: int, *, now: datetime) -> None:
    """End a job and forget its file; what it was writing is taken back. Raises Refused when it has ended already."""
    row = get(session, job_id)
    if row.state not in (*BUSY, PREVIEW):
        raise Refused(Reason.CONFLICT, "This import has ended already.")
    row.state, row.sealed_content, row.updated_at = CANCELLED, None, now
    row.message = "It was cancelled. Nothing was imported."
    session.flush()


def _still(job_id: int, state: str) -> Any:
    return (ImportJobRow.id == job_id) & (ImportJobRow.state == state)


def _open(database: Database, job_id: int, box: SecretBox) -> Callable[[], Iterator[Submitted]]:
    """Return a function that reads the file from its beginning. Raises Invalid when it is not in UTF-8."""
    with database.read() as session:
        row = session.get_one(ImportJobRow, job_id)
        if row.sealed_content is None:
            raise _Cancelled
        content = zlib.decompress(base64.b64decode(box.open(_place(job_id), row.sealed_content)))
        kind = row.kind
    try:
        written = content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise _refusal('The file is not in UTF-8. Save it as "CSV UTF-8" and try again.') from problem
    if kind == "json":
        return lambda: read_json(written)
    return lambda: read_csv(io.StringIO(written, newline=""), KINDS[kind])


class _Progress:
    """Writes down every thousand records how far a job is, and stops it when it was cancelled."""

    def __init__(self, database: Database, job_id: int, now: Callable[[], datetime]) -> None:
        self._database, self._job_id, self._now = database, job_id, now
        self.all_records = 0

    def counting(self, records: Iterable[Submitted], *, writing: bool = False) -> Iterator[Submitted]:
        """Yield the records. Raises _Cancelled."""
        for number, submitted in enumerate(records):
            if number % _TICK == 0:
                self._note(number, writing)
            yield submitted

    def begin_writing(self) -> None:
        """Say that the import writes from now on. Raises _Cancelled."""
        values = {"state": RUNNING, "done_records": 0, "all_records": self.all_records, "updated_at": self._now()}
        with self._database.write() as session:
            begun = session.execute(update(ImportJobRow).where(_still(self._job_id, WAITING)).values(**values))
            if not begun.rowcount:  # type: ignore[attr-defined]
                raise _Cancelled

    def _note(self, done: int, writing: bool) -> None:
        with self._database.read() as session:
            if session.scalar(select(ImportJobRow.state).where(ImportJobRow.id == self._job_id)) not in BUSY:
                raise _Cancelled
        if writing and self._database.is_sqlite:
            return
        values = {"done_records": done, "all_records": self.all_records, "updated_at": self._now()}
        with self._database.write() as session:
            session.execute(update(ImportJobRow).where(ImportJobRow.id == self._job_id).values(**values))


@contextmanager
def _reporting(database: Database, job_id: int, now: Callable[[], datetime]) -> Iterator[None]:
    """Keep with the job why it failed. What is no error of ours is passed on, to be logged."""
    try:
        yield
    except _Cancelled:
        return
    except HostError as problem:
        problems = problem.problems if isinstance(problem, Invalid) else ()
        _fail(database, job_id, _AT_FAULT if problems else problem.message, problems, now())
    except Exception:
        _fail(database, job_id, "Something went wrong here. Nothing was imported. Try again.", (), now())
        raise


def _fail(database: Database, job_id: int, message: str, problems: Iterable[Problem], now: datetime) -> None:
    values = {"state": FAILED, "sealed_content": None, "message": message, "updated_at": now}
    chosen = (ImportJobRow.id == job_id) & ImportJobRow.state.in_(BUSY)
    with database.write() as session:
        session.execute(update(ImportJobRow).where(chosen).values(report=_report(problems), **values))


def _report(problems: Iterable[Problem]) -> list[list[Any]]:
    return [[problem.line, problem.field, str(problem)] for problem in problems][:_KEPT_PROBLEMS]
