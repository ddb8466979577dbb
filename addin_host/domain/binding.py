"""Which alias a meeting is about: the tags in its body, and whom their aliases belong to (scheduling.md 5.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from addin_host.domain.tag import Kind, Tag

PLACEHOLDER_LIFETIME = timedelta(hours=24)


class Holding(StrEnum):
    """Whom the alias of a meeting's tag belongs to."""

    NOBODY = "nobody"  # there is no tag to go by
    OWN = "own"
    FREE = "free"
    ANOTHER = "another"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Alias:
    """An alias that was handed out. `uid` is the meeting it was bound to, blank for none.

    `is_gone`: its number was given back and somebody else has it. `is_taken`: a conference that is not this meeting's
    answers to it; `is_answered`: this meeting's does. `id` is 0 for one that a placeholder promises and that does not
    exist yet.
    """

    id: int
    uuid: str
    alias: str
    numeric: str
    uid: str = ""
    is_gone: bool = False
    is_taken: bool = False
    is_answered: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """The alias that a meeting is about, and the tag that led to it."""

    holding: Holding
    alias: Alias | None = None
    tag: Tag | None = None

    @property
    def uuid(self) -> str:
        """The uuid of the alias, blank for none."""
        return self.alias.uuid if self.alias else ""


def choose(tags: Sequence[Tag], aliases: Mapping[str, Alias], uid: str, current: str, sent_at: datetime) -> Choice:
    """Return the alias to use: the meeting's own (`current` first), else the only one that is free.

    `tags` are those of the integration; `aliases` are by uuid; `sent_at` is what a placeholder's age counts to.
    """
    held = [_held(tag, aliases.get(str(tag.uuid)), uid, sent_at) for tag in tags]
    own = sorted((choice for choice in held if choice.holding is Holding.OWN), key=lambda c: c.uuid != current)
    free = [choice for choice in held if choice.holding is Holding.FREE]
    if own or len(free) == 1:
        return (own or free)[0]
    others = [] if free else held
    for holding in (Holding.ANOTHER, Holding.GONE):
        if found := next((choice for choice in others if choice.holding is holding), None):
            return found
    return Choice(Holding.NOBODY)


def _held(tag: Tag, alias: Alias | None, uid: str, sent_at: datetime) -> Choice:
    if alias is None:
        return _without_alias(tag, sent_at)
    if alias.uid not in ("", uid):
        return Choice(Holding.ANOTHER, alias, tag)
    if alias.is_gone:
        return Choice(Holding.GONE, alias, tag)
    return Choice(Holding.OWN if alias.uid else Holding.FREE, alias, tag)


def _without_alias(tag: Tag, sent_at: datetime) -> Choice:
    """A signature of ours under an alias that is not there: deleted, or promised by a placeholder."""
    if tag.kind is Kind.ALIAS or tag.issued is None:
        return Choice(Holding.GONE, None, tag)
    if sent_at - tag.issued > PLACEHOLDER_LIFETIME:
        return Choice(Holding.NOBODY, None, tag)
    return Choice(Holding.FREE, Alias(0, str(tag.uuid), "", ""), tag)
