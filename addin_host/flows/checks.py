"""Carrying out the checks of an integration, each step written down, so that any process can show it (check_runs.py).

No step holds a transaction open: what the network says is waited for between two short ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import jinja2
from sqlalchemy import select
from sqlalchemy.orm import Session

from addin_host.domain.alarms import CHECKS as ALARM_PREFIX
from addin_host.domain.alarms import Level
from addin_host.domain.checks import (
    RUN_SECONDS,
    STALLED_AFTER,
    STEP_SECONDS,
    CheckResult,
    Outcome,
    Step,
    Verdict,
    skip,
    steps_of,
)
from addin_host.domain.deployment import Deployment
from addin_host.domain.errors import Reason, Refused
from addin_host.domain.integration import Integration
from addin_host.domain.mailbox import Mailbox
from addin_host.domain.ports import Installation, Probes, Probing, TemplateTrial
from addin_host.flows import alarms, integrations, local_checks, platform
from addin_host.flows.local_checks import Own
from addin_host.flows.scheduling import mailbox_check
from addin_host.store.db import Database
from addin_host.store.models import CheckRunRow, IntegrationRow
from addin_host.store.secrets import SecretBox

_LATE = "The time for the checks was over before this one. Check again."
_BROKEN, _BROKEN_STEP = "This check could not be carried out.", "Look into the log of this machine for the cause."


@dataclass(frozen=True, slots=True)
class Inspection:
    """What runs are carried out with. `elapsed` is a clock in seconds that only ever goes forward."""

    database: Database
    box: SecretBox
    deployment: Deployment
    probes: Probes
    installation: Installation
    trial: TemplateTrial
    manifest: jinja2.Template
    open_mailbox: Callable[[Integration], Mailbox]
    now: Callable[[], datetime]
    elapsed: Callable[[], float]


def begin(session: Session, integration_id: int, *, asked_by: str, now: datetime) -> tuple[int, bool]:
    """Return the run of an integration that is to be watched, and whether it is a new one, to be carried out.

    One run at a time: while one is at work on the version that is stored, that one is returned. One that stalled, or
    looks at an older version, is ended. Raises Refused for an unknown integration.
    """
    row = session.get(IntegrationRow, integration_id, with_for_update=True)
    if row is None:
        raise Refused(Reason.UNKNOWN, "There is no such integration.")
    open_runs = session.scalars(
        select(CheckRunRow).where(CheckRunRow.integration_id == integration_id, CheckRunRow.finished_at.is_(None))
    )
    for run in open_runs:
        if run.version == row.version and run.updated_at + STALLED_AFTER > now:
            return run.id, False
        run.finished_at = now
        run.results = [data for data in run.results if data["outcome"] != Outcome.RUNNING]
    made = CheckRunRow(
        integration_id=integration_id,
        version=row.version,
        asked_by=asked_by[:250],
        started_at=now,
        updated_at=now,
        results=[],
    )
    session.add(made)
    session.flush()
    return made.id, True


def carry_out(with_: Inspection, run_id: int) -> Sequence[CheckResult]:
    """Carry a run out and return its results: each step is written before it starts and when it ends.

    It stops when somebody else ended the run. Alarms are raised and ended with the last step.
    """
    try:
        return _carried_out(with_, run_id)
    except Exception:
        _break_off(with_, run_id)
        raise


def _carried_out(with_: Inspection, run_id: int) -> Sequence[CheckResult]:
    started = with_.elapsed()
    integration, own, probing = _open(with_, run_id)
    done: list[CheckResult] = []
    late: list[Step] = []
    for step in steps_of(integration):
        is_late = with_.elapsed() - started > RUN_SECONDS - STEP_SECONDS
        if not _write(with_, run_id, [*done, CheckResult(step.check.name, Outcome.RUNNING, instance=step.instance)]):
            return done
        late += [step] if is_late else []
        done.append(_result(with_, step, integration, own, None if is_late else probing))
    _finish(with_, run_id, integration, done, late)
    return done


def _open(with_: Inspection, run_id: int) -> tuple[Integration, Own, Probing]:
    with with_.database.read() as session:
        run = session.get_one(CheckRunRow, run_id)
        row = session.get_one(IntegrationRow, run.integration_id)
        integration = integrations.to_value(row, with_.deployment)
        proxy = str(platform.read(session)["web_proxy"])
        own = Own(
            icon=row.icon,
            sealed={secret.field: secret.sealed for secret in row.secrets},
            box=with_.box,
            trial=with_.trial,
            manifest=with_.manifest,
            live_aliases=local_checks.live_aliases(session, integration.id),
            has_nested_library=with_.installation.has_nested_library,
        )
    installation = replace(with_.installation, admin_host=platform.admin_host(with_.database))
    return integration, own, with_.probes.open(integration, web_proxy=proxy, installation=installation)


def _result(with_: Inspection, step: Step, integration: Integration, own: Own, probing: Probing | None) -> CheckResult:
    """Return what a step found; without `probing` there is no time left for it."""
    began = with_.elapsed()
    verdict = skip(_LATE) if probing is None else _verdict(with_, step, integration, own, probing)
    seconds = round(with_.elapsed() - began, 2)
    return CheckResult(
        step.check.name, verdict.outcome, verdict.message, verdict.next_step, step.instance, max(seconds, 0.0)
    )


def _verdict(with_: Inspection, step: Step, integration: Integration, own: Own, probing: Probing) -> Verdict:
    if reason := step.check.skipped(integration):
        return skip(reason)
    if step.check.name == mailbox_check.NAME:
        opener, now = with_.open_mailbox, with_.now()
        return mailbox_check.judge(integration, database=with_.database, open_mailbox=opener, now=now)
    local = local_checks.LOCAL.get(step.check.name)
    return local(integration, own) if local else probing.probe(step)


def _write(with_: Inspection, run_id: int, results: Sequence[CheckResult]) -> bool:
    """Write what is known so far; False when the run was ended meanwhile."""
    with with_.database.write() as session:
        row = session.get(CheckRunRow, run_id, with_for_update=True)
        if row is None or row.finished_at is not None:
            return False
        row.results, row.updated_at = [result.as_data() for result in results], with_.now()
        return True


def _break_off(with_: Inspection, run_id: int) -> None:
    """End a run that a fault of ours has stopped, so that it can be started again at once."""
    with with_.database.write() as session:
        row = session.get(CheckRunRow, run_id, with_for_update=True)
        if row is None or row.finished_at is not None:
            return
        broken = {"outcome": Outcome.FAILED, "message": _BROKEN, "next_step": _BROKEN_STEP}
        row.results = [data | broken if data["outcome"] == Outcome.RUNNING else data for data in row.results]
        row.updated_at = row.finished_at = with_.now()


def _finish(
    with_: Inspection, run_id: int, integration: Integration, results: Sequence[CheckResult], late: Sequence[Step]
) -> None:
    now = with_.now()
    with with_.database.write() as session:
        row = session.get(CheckRunRow, run_id, with_for_update=True)
        if row is None or row.finished_at is not None:
            return
        row.results = [result.as_data() for result in results]
        row.updated_at = row.finished_at = now
        _settle_alarms(session, integration, results, late, now)


_LEVELS = {Outcome.WARNING: Level.WARNING, Outcome.FAILED: Level.ERROR}


def _settle_alarms(
    session: Session, integration: Integration, results: Sequence[CheckResult], late: Sequence[Step], now: datetime
) -> None:
    """Raise what failed and end what passed; what there was no time for stays as it is."""
    if not integration["enabled"]:
        alarms.clear_integration(session, integration.id, now=now)
        return
    has_alarm = mailbox_check.has_alarm(session, integration.id)
    bad = [
        result
        for result in results
        if result.outcome in _LEVELS and not (has_alarm and result.name == mailbox_check.NAME)
    ]
    standing = {(result.name, result.instance) for result in bad}
    standing |= {(step.check.name, step.instance) for step in late}
    alarms.clear_checks(session, integration.id, but=standing, now=now)
    for result in bad:
        alarms.raise_(
            session,
            f"{ALARM_PREFIX}{result.name}",
            integration_id=integration.id,
            level=_LEVELS[result.outcome],
            details=result.message,
            next_step=result.next_step,
            instance=result.instance,
            now=now,
        )


def by_itself(with_: Inspection, integration_id: int, asked_by: str = "addin-host") -> None:
    """Check an integration that was saved, or whose turn it is; one that is switched off only loses its alarms."""
    now = with_.now()
    with with_.database.write() as session:
        row = session.get(IntegrationRow, integration_id)
        if row is None:
            return
        if not row.record.get("enabled", True):
            alarms.clear_integration(session, integration_id, now=now)
            return
        run_id, is_new = begin(session, integration_id, asked_by=asked_by, now=now)
    if is_new:
        carry_out(with_, run_id)
