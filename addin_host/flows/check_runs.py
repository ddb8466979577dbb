"""Runs of the checks of an integration, as far as they have come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from addin_host.domain.checks import STALLED_AFTER, CheckResult, Outcome, steps_of, worst
from addin_host.domain.deployment import Deployment
from addin_host.domain.errors import Reason, Refused
from addin_host.flows import integrations
from addin_host.store.models import CheckRunRow, IntegrationRow


@dataclass(frozen=True, slots=True)
class Run:
    """A run as pages show it. `state` is `running`, `broken off` (its process is gone) or `finished`.

    While it is at work, the steps to come stand among the results.
    """

    id: int
    integration_id: int
    version: int
    asked_by: str
    state: str
    started_at: datetime
    finished_at: datetime | None
    results: Sequence[CheckResult]

    @property
    def done(self) -> int:
        """How many steps are through."""
        return len(self.results) - self.count("running") - self.count("waiting")

    @property
    def outcome(self) -> Outcome:
        """The outcome of its worst step."""
        return worst(self.results)

    def count(self, outcome: str) -> int:
        """Return how many steps ended so."""
        return sum(result.outcome == outcome for result in self.results)


def find(session: Session, integration_id: int, run_id: int, *, deployment: Deployment, now: datetime) -> Run:
    """Return one run of an integration. Raises Refused when there is none."""
    row = session.get(CheckRunRow, run_id)
    if row is None or row.integration_id != integration_id:
        raise Refused(Reason.UNKNOWN, "There is no such run of the checks.")
    run = _value(row, now)
    if run.state != "running":
        return run
    integration = integrations.to_value(session.get_one(IntegrationRow, integration_id), deployment)
    to_come = steps_of(integration)[len(run.results) :]
    waiting = [CheckResult(step.check.name, Outcome.WAITING, instance=step.instance) for step in to_come]
    return replace(run, results=[*run.results, *waiting])


def latest(session: Session, integration_id: int, *, now: datetime, number: int = 10) -> list[Run]:
    """Return the last runs of an integration, newest first."""
    query = select(CheckRunRow).where(CheckRunRow.integration_id == integration_id)
    return [_value(row, now) for row in session.scalars(query.order_by(CheckRunRow.id.desc()).limit(number))]


def newest(session: Session, integration_ids: Sequence[int], *, now: datetime) -> dict[int, Run]:
    """Return the newest run of each of some integrations, for overviews."""
    last = (
        select(func.max(CheckRunRow.id))
        .where(CheckRunRow.integration_id.in_(integration_ids))
        .group_by(CheckRunRow.integration_id)
    )
    rows = session.scalars(select(CheckRunRow).where(CheckRunRow.id.in_(last)))
    return {row.integration_id: _value(row, now) for row in rows}


def _value(row: CheckRunRow, now: datetime) -> Run:
    state = "running" if row.updated_at + STALLED_AFTER > now else "broken off"
    results = [CheckResult.from_data(data) for data in row.results]
    if row.finished_at is not None:
        state = "finished"
    elif state == "broken off":
        results = [result for result in results if result.outcome is not Outcome.RUNNING]
    return Run(
        id=row.id,
        integration_id=row.integration_id,
        version=row.version,
        asked_by=row.asked_by,
        state=state,
        started_at=row.started_at,
        finished_at=row.finished_at,
        results=results,
    )
