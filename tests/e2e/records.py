"""What the product keeps about single-use VMRs, read from its database with its own keys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select

from addin_host import settings
from addin_host.domain.access import ON_THIS_MACHINE
from addin_host.domain.tag import Tag, find_tags
from addin_host.flows import platform
from addin_host.flows.scheduling import fetching
from addin_host.flows.tag_keys import TagKeys
from addin_host.store import keys
from addin_host.store.db import Database
from addin_host.store.models import (
    ConferenceAliasRow,
    ConferenceRow,
    MeetingRow,
    OutboxRow,
    ScheduledAliasRow,
    ScheduledConferenceRow,
)

from .application import Application


@dataclass(frozen=True, slots=True)
class Alias:
    """An alias that was handed out."""

    integration_id: int
    alias: str
    numeric_alias: str
    caller: str


@dataclass(frozen=True, slots=True)
class Room:
    """The room of a meeting: its conference, and the windows in which it can be joined."""

    name: str
    uuid: str
    aliases: tuple[str, ...]
    windows: tuple[tuple[datetime, datetime], ...]


class Records:
    """The database of an installation; close it after use."""

    def __init__(self, application: Application) -> None:
        known = settings.load(application.place)
        self._database = Database(known.database_url)
        self._box = keys.secret_box(known.key_file, self._database)
        self._keys = TagKeys(self._database, self._box)

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

    def configure(self, **settings: Any) -> None:
        """Change settings of the platform."""
        with self._database.write() as session:
            platform.change(session, settings, box=self._box, caller=ON_THIS_MACHINE, now=datetime.now(UTC))

    def look(self, integration: int) -> None:
        """Have the worker look into a mailbox at once, as a signal from outside would; it has its own time for it."""
        with self._database.write() as session:
            fetching.ask(session, integration)

    def room(self, uid: str) -> Room | None:
        """Return the room of a meeting; None while it has none."""
        with self._database.read() as session:
            of_it = MeetingRow.conference_id == ConferenceRow.id
            found = session.scalars(select(ConferenceRow).join(MeetingRow, of_it).where(MeetingRow.uid == uid)).first()
            if found is None:
                return None
            windows, aliases = ScheduledConferenceRow, ConferenceAliasRow
            opens = select(windows).where(windows.conference_id == found.id).order_by(windows.opens_at)
            names = select(aliases.alias).where(aliases.conference_id == found.id).order_by(aliases.view_order)
            return Room(
                found.name,
                found.uuid,
                tuple(session.scalars(names)),
                tuple((one.opens_at, one.closes_at) for one in session.scalars(opens)),
            )

    def outbox(self, uid: str) -> list[tuple[str, str]]:
        """Return kind and state of all that was ever to be sent about a meeting."""
        of_it = OutboxRow.meeting_id == MeetingRow.id
        wanted = select(OutboxRow).join(MeetingRow, of_it).where(MeetingRow.uid == uid).order_by(OutboxRow.id)
        with self._database.read() as session:
            return [(row.kind, row.state) for row in session.scalars(wanted)]

    def close(self) -> None:
        """Let the database go."""
        self._database.engine.dispose()
