"""The dashboard: what an administrator wants to know at one glance, within reach. A fixed number of queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jinja2 import Template
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session, defer, selectinload

from addin_host.domain.access import Caller, Permission
from addin_host.domain.alarms import Alarm
from addin_host.domain.deployment import Deployment
from addin_host.domain.integration import Integration
from addin_host.flows import alarms, check_runs, deploy, integrations, usage
from addin_host.flows.check_runs import Run
from addin_host.flows.scheduling import waiting
from addin_host.flows.scheduling.waiting import Health
from addin_host.flows.usage import DayFigures, Happening
from addin_host.store.models import (
    AlarmRow,
    CheckRunRow,
    ConferenceRow,
    IntegrationRow,
    ManifestDownloadRow,
    UsageRow,
)

SHOWN_INTEGRATIONS = 20
_SHOWN_ALARMS = 5
_DAYS = 30


@dataclass(frozen=True, slots=True)
class Line:
    """One integration of the dashboard. `downloaded` is the Version of the manifest that was downloaded last, or ""."""

    integration: Integration
    open_alarms: int
    checked: Run | None
    downloaded: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class FirstStep:
    """Something to do in a fresh installation, and whether it is done. `href` is "" where the caller may not do it."""

    words: str
    href: str
    done: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """All that the dashboard shows. `integrations` are those with alarms first, then by name, the first of `total`."""

    integrations: Sequence[Line]
    total: int
    days: Sequence[DayFigures]
    alarms: Sequence[Alarm]
    open_alarms: int
    first_steps: Sequence[FirstStep]
    database: str
    scheduling: Sequence[Health] = ()


def overview(
    session: Session, *, caller: Caller, template: Template, deployment: Deployment, now: datetime
) -> Overview:
    """Return the dashboard of one administrator."""
    found = alarms.find(session, alarms.Wanted(state="open", size=_SHOWN_ALARMS), caller=caller)
    total = session.scalar(select(func.count(IntegrationRow.id)).where(*_within(IntegrationRow.id, caller))) or 0
    lines = _lines(session, caller, template, deployment, now)
    return Overview(
        integrations=lines,
        total=total,
        days=usage.days(session, until=now, number=_DAYS, within=caller.integrations),
        alarms=found.alarms,
        open_alarms=found.total,
        first_steps=_first_steps(session, caller, lines),
        database=_database(session),
        scheduling=waiting.health(session, [line.integration.id for line in lines], now=now),
    )


def _within(column: InstrumentedAttribute[int], caller: Caller) -> list[ColumnElement[bool]]:
    """Return the condition that an integration's id is within the caller's reach; none for who reaches all."""
    return [] if caller.integrations is None else [column.in_(caller.integrations)]


def _lines(session: Session, caller: Caller, template: Template, deployment: Deployment, now: datetime) -> list[Line]:
    standing = (
        select(AlarmRow.integration_id, func.count().label("number"))
        .where(AlarmRow.open_key.is_not(None))
        .group_by(AlarmRow.integration_id)
        .subquery()
    )
    number = func.coalesce(standing.c.number, 0)
    chosen = (
        select(IntegrationRow, number)
        .outerjoin(standing, standing.c.integration_id == IntegrationRow.id)
        .where(*_within(IntegrationRow.id, caller))
        .options(defer(IntegrationRow.icon), selectinload(IntegrationRow.secrets))
        .order_by(number.desc(), func.lower(IntegrationRow.name))
        .limit(SHOWN_INTEGRATIONS)
    )
    rows = session.execute(chosen).all()
    ids = [row.id for row, _number in rows]
    runs = check_runs.newest(session, ids, now=now)
    downloads = {
        row.integration_id: row
        for row in session.scalars(select(ManifestDownloadRow).where(ManifestDownloadRow.integration_id.in_(ids)))
    }
    return [
        _line(integrations.to_value(row, deployment), count, runs.get(row.id), downloads.get(row.id), template)
        for row, count in rows
    ]


def _line(
    integration: Integration, count: int, run: Run | None, download: ManifestDownloadRow | None, template: Template
) -> Line:
    if download is None:
        return Line(integration, count, run, "", False)
    current = deploy.still_deployed(template, integration, download.manifest)
    return Line(integration, count, run, deploy.version_in(download.manifest), current)


def _first_steps(session: Session, caller: Caller, lines: Sequence[Line]) -> list[FirstStep]:
    """Return what a fresh installation needs; nothing once all of it is done."""
    home = "/admin/integrations/"
    one = f"{home}{lines[0].integration.id}/" if len(lines) == 1 else home
    done = [
        bool(lines),
        _any(session, ConferenceRow.id),
        _any(session, CheckRunRow.integration_id, *_within(CheckRunRow.integration_id, caller)),
        _any(session, ManifestDownloadRow.integration_id, *_within(ManifestDownloadRow.integration_id, caller)),
        _any(session, UsageRow.number, UsageRow.kind == Happening.SIGN_IN, *_within(UsageRow.integration_id, caller)),
    ]
    steps = [
        ("Make an integration", f"{home}new", Permission.CREATE_INTEGRATIONS),
        ("Enter or import the VMRs of your people", "/admin/vmrs/", Permission.CHANGE_DIRECTORY),
        ("Run its checks", f"{one}checks/" if one != home else home, Permission.RUN_CHECKS),
        ("Download its manifest and deploy it", f"{one}deploy/" if one != home else home, Permission.SEE_INTEGRATIONS),
        ("See the first person sign in from Outlook", "", Permission.SEE_INTEGRATIONS),
    ]
    if all(done):
        return []
    return [
        FirstStep(words, href if caller.may(permission) else "", is_done)
        for (words, href, permission), is_done in zip(steps, done, strict=True)
    ]


def _any(session: Session, column: InstrumentedAttribute[int], *where: ColumnElement[bool]) -> bool:
    return session.scalar(select(column).where(*where).limit(1)) is not None


def _database(session: Session) -> str:
    dialect = session.connection().dialect
    version: Any = dialect.server_version_info or ()
    name = "SQLite" if dialect.name == "sqlite" else "PostgreSQL"
    return " ".join([name, ".".join(str(part) for part in version)])
