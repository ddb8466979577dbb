"""The settings of the deployment that are kept in the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from sqlalchemy import select
from sqlalchemy.orm import Session

from addin_host.domain.deployment import PlatformSettings
from addin_host.store.models import PlatformSettingRow


def read(session: Session) -> PlatformSettings:
    """Return the settings, defaults where nothing was stored."""
    return PlatformSettings.from_texts({row.name: row.value for row in session.scalars(select(PlatformSettingRow))})


def change(session: Session, changes: Mapping[str, str]) -> PlatformSettings:
    """Store new values and return all settings. Raises Invalid."""
    before = {name: str(value) for name, value in asdict(read(session)).items()}
    settings = PlatformSettings.from_texts({**before, **changes})
    for name, value in changes.items():
        session.merge(PlatformSettingRow(name=name, value=value))
    return settings
