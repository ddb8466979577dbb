"""Keeping the directory in step with the conference platform's users and personal VMRs, on a schedule.

What came from there carries `SYNC_TAG`; what has no such tag was entered here and is never touched. A run that would
remove more than half of what came from there stops instead: the platform is more likely to be broken than empty.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from addin_host.domain.access import BY_ITSELF, Caller, Permission
from addin_host.domain.alarms import DIRECTORY_STOPPED, PLATFORM_UNREACHABLE, Level, open_key
from addin_host.domain.errors import HostError, Reason, Refused
from addin_host.domain.ports import Outside
from addin_host.flows import alarms, audit, leases, platform
from addin_host.flows.audit import Subject
from addin_host.flows.directory_sync_steps import Comparing, Outcome, TooManyGone, compare, read_remote
from addin_host.store.db import Database
from addin_host.store.models import AlarmRow, DirectorySyncRow
from addin_host.store.secrets import SecretBox

RUNNING, DONE, FAILED, STOPPED = "running", "done", "failed", "stopped"
INSTANCE = "directory"
_LEASE = "directory_sync"
_LEASE_LASTS = timedelta(minutes=10)
_AFTER_FAILURE = timedelta(minutes=5)
_KEPT_RUNS = 200
_BROKEN_OFF = "This run was broken off. The next one does what is left."


@dataclass(frozen=True, slots=True)
class Syncing:
    """What a run works with, and the name that this process holds the lease under."""

    database: Database
    box: SecretBox
    outside: Outside
    now: Callable[[], datetime]
    holder: str


def due(own: Syncing) -> bool:
    """Compare when it is time to; call it every minute or so. False when it was not, or somebody else is at it."""
    with own.database.read() as session:
        settings, last = platform.read(session), newest(session)
        enabled, every = bool(settings["platform_sync"]), timedelta(minutes=settings["platform_sync_minutes"])
        alarmed = not enabled and _is_alarmed(session)
    if not enabled:
        if alarmed:
            _clear_alarms(own)
        return False
    if last is not None:
        pause = min(every, _AFTER_FAILURE) if last.state == FAILED else every
        if last.started_at > own.now() - pause:
            return False
    return run(own, caller=BY_ITSELF)


def run(own: Syncing, *, caller: Caller, remove_all: bool = False) -> bool:
    """Compare now, and write down what became of it; False while another process is at it. Raises Refused.

    With `remove_all` it does not stop however many are gone.
    """
    caller.require(Permission.CHANGE_DIRECTORY)
    with own.database.read() as session:
        require_on(session)
    if not _take(own):
        return False
    try:
        with own.database.write() as session:
            run_id = _begin(session, own.now())
        _carry_out(own, run_id, caller, remove_all)
    finally:
        with own.database.write() as session:
            leases.give_back(session, _LEASE, holder=own.holder, now=own.now())
    return True


def require_on(session: Session) -> None:
    """Raise Refused(CONFLICT) when the directory is not to be kept in step."""
    if not platform.read(session)["platform_sync"]:
        raise Refused(Reason.CONFLICT, "Switch on “Take users and personal VMRs from the platform” first.")


def _take(own: Syncing) -> bool:
    with own.database.write() as session:
        return leases.take(session, _LEASE, holder=own.holder, lasts=_LEASE_LASTS, now=own.now())


def _begin(session: Session, now: datetime) -> int:
    broken = update(DirectorySyncRow).where(DirectorySyncRow.state == RUNNING)
    session.execute(broken.values(state=FAILED, message=_BROKEN_OFF, finished_at=now))
    row = DirectorySyncRow(started_at=now, state=RUNNING, changes=[])
    session.add(row)
    session.flush()
    session.execute(delete(DirectorySyncRow).where(DirectorySyncRow.id <= row.id - _KEPT_RUNS))
    return row.id


def _carry_out(own: Syncing, run_id: int, caller: Caller, remove_all: bool) -> None:
    try:
        with own.database.read() as session:
            address = platform.management_api(session, box=own.box)
        remote = read_remote(own.outside.platforms.open(address))
        comparing = Comparing(own.database, own.box, own.now, lambda: _require_lease(own))
        outcome = compare(comparing, remote, remove_all=remove_all)
    except TooManyGone as gone:
        _end(own, run_id, STOPPED, gone.message)
        _raise_alarm(own, DIRECTORY_STOPPED, gone.message, "Look at the last run, and at the platform's users.")
    except HostError as error:
        _end(own, run_id, FAILED, error.message)
        _raise_alarm(own, PLATFORM_UNREACHABLE, error.message, "Check the conference platform in the settings.")
    else:
        _end(own, run_id, DONE, outcome.message, outcome, caller)
        _clear_alarms(own)


def _require_lease(own: Syncing) -> None:
    if not _take(own):
        raise Refused(Reason.CONFLICT, "Another process has begun to compare the directory.")


def _end(
    own: Syncing,
    run_id: int,
    state: str,
    message: str,
    outcome: Outcome | None = None,
    caller: Caller = BY_ITSELF,
) -> None:
    found = outcome or Outcome()
    with own.database.write() as session:
        row = session.get(DirectorySyncRow, run_id)
        if row is None:
            return
        row.state, row.message, row.finished_at = state, message[:1000], own.now()
        row.added, row.changed, row.removed = found.added, found.changed, found.removed
        row.changes = [list(change) for change in found.changes]
        if found.added or found.changed or found.removed:
            after = {"added": found.added, "changed": found.changed, "removed": found.removed}
            subject = Subject("directory", "", "Conference platform")
            audit.record(session, caller, "synchronise", subject, now=own.now(), after=after)


def _raise_alarm(own: Syncing, identifier: str, details: str, next_step: str) -> None:
    with own.database.write() as session:
        alarms.raise_(
            session,
            identifier,
            integration_id=None,
            level=Level.WARNING,
            details=details,
            next_step=next_step,
            instance=INSTANCE,
            now=own.now(),
        )


def _clear_alarms(own: Syncing) -> None:
    with own.database.write() as session:
        for identifier in (DIRECTORY_STOPPED, PLATFORM_UNREACHABLE):
            alarms.clear(session, identifier, integration_id=None, instance=INSTANCE, now=own.now())


def _is_alarmed(session: Session) -> bool:
    keys = [open_key(identifier, None, INSTANCE) for identifier in (DIRECTORY_STOPPED, PLATFORM_UNREACHABLE)]
    return session.scalar(select(AlarmRow.id).where(AlarmRow.open_key.in_(keys)).limit(1)) is not None


def newest(session: Session) -> DirectorySyncRow | None:
    """Return the newest run."""
    return session.scalar(select(DirectorySyncRow).order_by(DirectorySyncRow.id.desc()).limit(1))


def runs(session: Session, limit: int = 25) -> Sequence[DirectorySyncRow]:
    """Return the runs of late, newest first."""
    return session.scalars(select(DirectorySyncRow).order_by(DirectorySyncRow.id.desc()).limit(limit)).all()


def get(session: Session, run_id: int) -> DirectorySyncRow:
    """Return one run. Raises Refused(UNKNOWN)."""
    row = session.get(DirectorySyncRow, run_id) if 0 < run_id < 2**31 else None
    if row is None:
        raise Refused(Reason.UNKNOWN, "There is no such run.")
    return row
