"""What the product keeps about single-use VMRs, read from its database with its own keys."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from addin_host import settings
from addin_host.domain.tag import Tag, find_tags
from addin_host.flows.tag_keys import TagKeys
from addin_host.store import keys
from addin_host.store.db import Database
from addin_host.store.models import ScheduledAliasRow

from .application import Application


@dataclass(frozen=True, slots=True)
class Alias:
    """An alias that was handed out."""

    integration_id: int
    alias: str
    numeric_alias: str
    caller: str


class Records:
    """The database of an installation; close it after use."""

    def __init__(self, application: Application) -> None:
        known = settings.load({"ADDIN_HOST_DATA": str(application.folder)})
        self._database = Database(known.database_url)
        self._keys = TagKeys(self._database, keys.secret_box(known.key_file, self._database))

    def tags(self, body: str, *, is_html: bool = True) -> tuple[Tag, ...]:
        """Return the tags in a body that were signed here."""
        return find_tags(body, self._keys.all(), is_html=is_html)

    def alias(self, tag: Tag) -> Alias:
        """Return the alias that a tag stands for."""
        with self._database.read() as session:
            row = session.scalars(select(ScheduledAliasRow).where(ScheduledAliasRow.uuid == str(tag.uuid))).one()
            return Alias(row.integration_id, row.alias, row.numeric_alias, row.caller)

    def count(self, integration: int) -> int:
        """Return how many aliases an integration has handed out."""
        of_it = ScheduledAliasRow.integration_id == integration
        with self._database.read() as session:
            return session.scalar(select(func.count()).select_from(ScheduledAliasRow).where(of_it)) or 0

    def close(self) -> None:
        """Let the database go."""
        self._database.engine.dispose()
