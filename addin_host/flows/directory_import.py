"""Importing users and VMRs: all of a file, or nothing of it.

A file is read twice. First `Survey` judges it without the database, so that no lock is held meanwhile; then
`import_records` compares it with what is stored, batch by batch, and writes. An import can be repeated: a record of the
same name (or address) is changed, and one that is equal stays as it is.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from addin_host.domain.access import Caller
from addin_host.domain.directory import COLUMNS, Kind, Submitted, Survey, User, Vmr, check
from addin_host.domain.errors import Invalid, Problem, Reason, Refused
from addin_host.flows import audit
from addin_host.flows.audit import Subject
from addin_host.flows.directory_vmr_import import Counts, Run, Sample, VmrImport
from addin_host.store.db import prefer_indexes
from addin_host.store.directory_index import indexing_in_bulk
from addin_host.store.models import EndUserRow
from addin_host.store.secrets import SecretBox

_BATCH = 1000
_BLANK_USER = User("")
_CHANGED = "The file changed while it was imported. Nothing was imported. Try again."
_RACED = "Somebody else changed the directory at the same moment. Nothing was imported. Try again."


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an import did, or would do."""

    vmrs: Counts
    users: Counts


@dataclass(frozen=True, slots=True)
class Examined:
    """What an import would do, every problem of the file, and some of the changes as examples."""

    outcome: Outcome
    problems: tuple[Problem, ...]
    samples: tuple[Sample, ...]


def import_records(
    session: Session,
    *,
    records: Iterable[Submitted],
    survey: Survey,
    box: SecretBox,
    now: datetime,
    dry_run: bool = False,
) -> Outcome:
    """Write the records of a file that was surveyed; with `dry_run`, only tell what that would do.

    Raises Invalid with the problems of the survey and those that the database shows, and Refused when somebody else
    changed the directory, or the file, at the same moment. Then the caller's transaction must be rolled back.
    """
    run = Run(session, survey, box, now, dry_run, list(survey.problems))
    outcome = _carry_out(run, records)
    if run.problems:
        raise Invalid(_in_order(run.problems))
    return outcome


def examine(
    session: Session, *, records: Iterable[Submitted], survey: Survey, box: SecretBox, now: datetime
) -> Examined:
    """Tell what importing the records of a surveyed file would do; changes nothing. Raises Refused."""
    run = Run(session, survey, box, now, True, list(survey.problems))
    outcome = _carry_out(run, records)
    return Examined(outcome, tuple(_in_order(run.problems)), tuple(run.samples))


def _in_order(problems: list[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda problem: problem.line or 0)


def _carry_out(run: Run, records: Iterable[Submitted]) -> Outcome:
    prefer_indexes(run.session)
    vmrs, users = VmrImport(run), _UserImport(run)
    try:
        with _indexing(run) as index:
            for batch in _batches(records):
                known = list(_known(run.survey, batch))
                vmrs.take([(submitted, record) for submitted, record in known if isinstance(record, Vmr)])
                users.take([record for _submitted, record in known if isinstance(record, User)])
                run.session.flush()
                index()
                run.session.expunge_all()  # memory stays the same however long the file is
    except IntegrityError as conflict:
        # SQLAlchemy's own error would carry the values of the statement into a log; the driver's does not.
        raise Refused(Reason.CONFLICT, _RACED) from conflict.orig
    return Outcome(vmrs.counts, users.counts)


def _indexing(run: Run) -> AbstractContextManager[Callable[[], None]]:
    # A dry run may not write anything, not even the mark of the index.
    return nullcontext(_nothing) if run.dry_run else indexing_in_bulk(run.session)


def _nothing() -> None:
    return


def _batches(records: Iterable[Submitted]) -> Iterator[list[Submitted]]:
    remaining = iter(records)
    while batch := list(islice(remaining, _BATCH)):
        yield batch


def _known(survey: Survey, batch: Sequence[Submitted]) -> Iterator[tuple[Submitted, Vmr | User]]:
    """Yield the good records. A bad one was reported by the survey, or else the file is another one by now."""
    for submitted in batch:
        record, _problems = check(submitted)
        if record is not None and survey.knows(submitted, record):
            yield submitted, record
        elif not survey.problems:
            raise Refused(Reason.CONFLICT, _CHANGED)


class _UserImport:
    def __init__(self, run: Run) -> None:
        self._run = run
        self.counts = Counts()

    def take(self, batch: Sequence[User]) -> None:
        """Compare users with those stored, and write them unless there are problems."""
        if not batch:
            return
        address = func.lower(EndUserRow.primary_email_address)
        wanted = [user.primary_email_address.lower() for user in batch]
        rows = self._run.session.scalars(select(EndUserRow).where(address.in_(wanted)))
        stored = {row.primary_email_address.lower(): row for row in rows}
        new = [_given(user) for user in batch if user.primary_email_address.lower() not in stored]
        for user in batch:
            if row := stored.get(user.primary_email_address.lower()):
                self._update(row, _given(user))
            else:
                self._run.take_sample(user.primary_email_address, None, user, COLUMNS[Kind.USER][1:])
        self.counts.created += len(new)
        if new and self._run.writing:
            blank = dict.fromkeys(COLUMNS[Kind.USER], "")
            values = [blank | user | {"uuid": str(uuid.uuid4()), "created_at": self._run.now} for user in new]
            self._run.session.execute(insert(EndUserRow).returning(EndUserRow.id), values)

    def _update(self, row: EndUserRow, given: dict[str, Any]) -> None:
        changed = {column: value for column, value in given.items() if getattr(row, column) != value}
        if not changed:
            self.counts.unchanged += 1
            return
        self.counts.updated += 1
        self._run.take_sample(row.primary_email_address, row, replace(_BLANK_USER, **changed), tuple(changed))
        for column, value in changed.items() if self._run.writing else ():
            setattr(row, column, value)


def _given(user: User) -> dict[str, Any]:
    return {column: value for column in COLUMNS[Kind.USER] if (value := getattr(user, column)) is not None}


def note_import(session: Session, outcome: Outcome, filename: str, *, caller: Caller, now: datetime) -> None:
    """Write down in the audit log how much was imported."""
    after = {
        f"{label} {what}": number
        for label, counts in (("VMRs", outcome.vmrs), ("users", outcome.users))
        for what, number in (("created", counts.created), ("changed", counts.updated), ("unchanged", counts.unchanged))
        if number
    }
    audit.record(session, caller, "import", Subject("directory", "", filename), now=now, after=after)
