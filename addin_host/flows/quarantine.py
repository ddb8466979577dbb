"""Judging what stands in the database as if an administrator typed it in now.

For data that came another way than through the pages: what does not pass is switched off or set back to its default,
never deleted, and named.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from addin_host.domain.access import Role
from addin_host.domain.errors import Invalid, Refused
from addin_host.domain.platform import PLATFORM_BY_NAME, check_platform
from addin_host.domain.ports import TemplateTrial
from addin_host.flows import integrations, platform
from addin_host.flows.icons import accept_icon
from addin_host.store.models import AccountRow, ApiUserRow, IntegrationRow, PlatformSettingRow


def judge_all(session: Session, *, trial: TemplateTrial, now: datetime) -> tuple[str, ...]:
    """Judge integrations, platform settings, accounts and API users; return what was put out of use, in sentences."""
    found = (*_integrations(session, trial, now), *_settings(session), *_roles(session))
    session.flush()
    return found


def _integrations(session: Session, trial: TemplateTrial, now: datetime) -> Iterator[str]:
    for row in session.scalars(select(IntegrationRow).order_by(IntegrationRow.id)):
        problems = [*_record_problems(row, trial), *_icon_problems(row)]
        if problems:
            row.record = {**row.record, "enabled": False}
            row.version, row.updated_at = row.version + 1, now
            yield f"Integration {row.id} ({row.name}) is switched off: {' '.join(problems)}"


def _record_problems(row: IntegrationRow, trial: TemplateTrial) -> list[str]:
    try:
        integrations.prepare(row.record, before=integrations.existing_of(row), trial=trial)
    except Invalid as invalid:
        return [str(problem) for problem in invalid.problems]
    except (TypeError, ValueError, AttributeError, KeyError):
        return ["Its record has another shape than an integration."]
    if row.record.get("uuid") != row.uuid or row.record.get("name") != row.name:
        return ["Its record names another integration."]
    return []


def _icon_problems(row: IntegrationRow) -> list[str]:
    if row.icon is None:
        return []
    try:
        accept_icon(row.icon)
    except Refused as refusal:
        row.icon, row.icon_hash = None, ""
        return [f"Add-in icon: {refusal.message}"]
    return []


def _settings(session: Session) -> Iterator[str]:
    for row in session.scalars(select(PlatformSettingRow)).all():
        if row.name not in PLATFORM_BY_NAME:
            session.delete(row)
            yield f"The platform setting {row.name} is not known and was left out."
    session.flush()
    stored = platform.read(session)
    try:
        check_platform(stored.values, secrets_set=stored.secrets_set)
    except Invalid as invalid:
        for problem in invalid.problems:
            if stored_row := session.get(PlatformSettingRow, problem.field):
                session.delete(stored_row)
            yield f"The platform setting {problem} It has its default again."


def _roles(session: Session) -> Iterator[str]:
    accounts = session.scalars(select(AccountRow).order_by(AccountRow.id)).all()
    api_users = session.scalars(select(ApiUserRow).order_by(ApiUserRow.id)).all()
    rows: list[AccountRow | ApiUserRow] = [*accounts, *api_users]
    for row in rows:
        known = isinstance(row.integrations, list) and all(type(number) is int for number in row.integrations)
        if row.role not in set(Role) or not known:
            row.role, row.integrations, row.enabled = Role.VIEWER.value, [], False
            words = "Account" if isinstance(row, AccountRow) else "API user"
            yield f"{words} {row.name} is switched off: its role is not known."
