"""One item on its way through a transaction: what was read, what is stored, what was decided, what is to be written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from addin_host.domain.binding import Alias, Choice, Holding
from addin_host.domain.calendar import Meeting
from addin_host.domain.situation import Decision, Outcome
from addin_host.flows.scheduling.facts import Facts
from addin_host.flows.scheduling.reading import Item


@dataclass(frozen=True, slots=True)
class Window:
    """One meeting or occurrence: when it takes place, and when its room can be joined."""

    start: datetime
    end: datetime
    opens_at: datetime
    closes_at: datetime
    subject: str = ""


@dataclass(slots=True)
class Work:
    """An item that was decided on. `meeting` is the one that decides.

    What is found on the way: the ids of the rows that are made for it, and the windows that its room is to have; None
    where they stay as they are.
    """

    item: Item
    facts: Facts
    decision: Decision
    meeting: Meeting | None
    choice: Choice = field(default_factory=lambda: Choice(Holding.NOBODY))
    alone: str = ""
    alias: Alias | None = None
    windows: Mapping[str, Window] | None = None
    horizon_until: datetime | None = None
    meeting_id: int | None = None
    conference_id: int | None = None
    is_over: bool = False

    @property
    def has_room(self) -> bool:
        """Whether the meeting has a room once this is done."""
        return self.decision.outcome in (Outcome.ACCEPT, Outcome.CONVERGE) and not self.is_over

    @property
    def drops_room(self) -> bool:
        """Whether a room that is there goes."""
        return self.facts.room is not None and self.changes and not self.has_room

    @property
    def changes(self) -> bool:
        """Whether anything is to be written about the meeting."""
        return self.decision.outcome is not Outcome.IGNORE and not self.decision.keeps_room
