"""Single-use VMRs: an alias of its own for one meeting, handed out before anybody sends it.

One short transaction keeps count, draws and stores; it has ended before anything is rendered or answered. The number is
unique by the database's indexes, over live and quarantined aliases of all integrations and over the directory's.
"""

from __future__ import annotations

import math
import uuid as uuids
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from addin_host.domain.alarms import ALIASES_EXHAUSTED, Level
from addin_host.domain.alias import AliasPattern, DrawnAlias, draw_alias
from addin_host.domain.errors import Reason, Refused, Upstream
from addin_host.domain.integration import Integration
from addin_host.domain.tag import Kind, Tag, print_tag
from addin_host.flows import alarms, platform
from addin_host.flows.meeting_texts import meeting_texts
from addin_host.flows.tag_keys import TagKeys
from addin_host.store.db import Database, Statements

SAME_ANSWER = timedelta(seconds=60)
DRAWS = 5
_HOUR = timedelta(hours=1)
_SETTINGS = ("single_use_per_user_hour", "single_use_per_integration_hour", "alias_unclaimed_days")
# Mints of one integration come one after another, so that none overlooks the other. SQLite has one writer anyway.
_IN_TURN = "SELECT pg_advisory_xact_lock(4715, ?)"
# The newest row of the hour that uses up the quota: when it is there, the hour is full until it has gone by.
_SO_FAR = (
    "SELECT"
    " (SELECT id FROM scheduled_alias WHERE caller = ? AND integration_id = ? AND visit = ? AND visit <> ''"
    "  AND created_at > ? AND released_at IS NULL ORDER BY created_at DESC LIMIT 1),"
    " (SELECT created_at FROM scheduled_alias WHERE caller = ? AND created_at > ?"
    "  ORDER BY created_at DESC LIMIT 1 OFFSET ?),"
    " (SELECT created_at FROM scheduled_alias WHERE integration_id = ? AND created_at > ?"
    "  ORDER BY created_at DESC LIMIT 1 OFFSET ?)"
)
_GIVEN = "SELECT uuid, alias, numeric_alias, expires_at FROM scheduled_alias WHERE id = ?"
_STORE = (
    "INSERT INTO scheduled_alias (uuid, integration_id, alias, numeric_alias, alias_number, is_used, caller, visit,"
    " created_at, expires_at) SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?"
    " WHERE NOT EXISTS (SELECT 1 FROM conference_alias WHERE lower(alias) IN (?, ?)) ON CONFLICT DO NOTHING"
)


class AliasSpaceExhausted(Upstream):
    """Every number that was drawn is taken: there are too few of them."""


@dataclass(frozen=True, slots=True)
class Minted:
    """An alias that was handed out, and the tag that ties a meeting to it."""

    uuid: str
    alias: str
    numeric_alias: str
    tag: str
    expires: datetime


@dataclass(frozen=True, slots=True)
class _Wish:
    """Who wants an alias, when, and what it is to look like."""

    integration_id: int
    caller: str
    visit: str
    now: datetime
    pattern: AliasPattern
    limits: Mapping[str, int]


def mint(
    database: Database, integration: Integration, caller: str, visit: str, *, keys: TagKeys, now: datetime
) -> Minted:
    """Return an alias of its own for one meeting; the same one again for the same visit within a minute.

    A blank `visit` always gets another one. Raises Refused (RATE_LIMITED, with `retry_after`) and Upstream.
    """
    keys.follow()
    signing, known = keys.signing(), keys.all()
    wish = _Wish(integration.id, caller, visit, now, pattern_of(integration), platform.numbers(database, _SETTINGS))
    with database.short_write() as statements:
        stored = _again(database, statements, wish) or _new(database, statements, wish)
    if stored is None:
        raise _exhausted(database, integration, now)
    uuid, alias, numeric, expires = stored
    tag = Tag(Kind.ALIAS, signing, integration.id, uuids.UUID(uuid))
    return Minted(uuid, alias, numeric, print_tag(tag, known), expires)


def pattern_of(integration: Integration) -> AliasPattern:
    """Return what the aliases of an integration look like."""
    return AliasPattern(
        prefix=str(integration["scheduled_alias_prefix"] or ""),
        digits=int(integration["scheduled_alias_suffix_length"]),
        domain=str(integration["scheduled_alias_domain"]),
    )


_Stored = tuple[str, str, str, datetime]


def _again(database: Database, statements: Statements, wish: _Wish) -> _Stored | None:
    """Return what this visit was given a moment ago. Raises Refused when it is none and the hour is full."""
    if not database.is_sqlite:
        statements.row(_IN_TURN, wish.integration_id)
    lately, hour = database.stored(wish.now - SAME_ANSWER), database.stored(wish.now - _HOUR)
    most_by_one, most_in_all = (wish.limits[name] for name in _SETTINGS[:2])
    given, by_one, in_all = statements.row(
        _SO_FAR,
        *(wish.caller, wish.integration_id, wish.visit, lately),
        *(wish.caller, hour, most_by_one - 1),
        *(wish.integration_id, hour, most_in_all - 1),
    )
    if given is not None:
        uuid, alias, numeric, expires = statements.row(_GIVEN, given)
        return uuid, alias, numeric, database.instant(expires)
    full = [database.instant(first) for first in (by_one, in_all) if first is not None]
    if full:
        whose = "You have" if by_one is not None else "Your organization has"
        raise _rate_limited(whose, max(full) + _HOUR - wish.now)
    return None


def _rate_limited(whose: str, wait: timedelta) -> Refused:
    seconds = max(1, math.ceil(wait.total_seconds()))
    minutes = math.ceil(seconds / 60)
    message = f"{whose} added many single-use VMRs within an hour. Try again in {minutes} minutes."
    return Refused(
        Reason.RATE_LIMITED, message if minutes > 1 else message.replace("1 minutes", "a minute"), retry_after=seconds
    )


def _new(database: Database, statements: Statements, wish: _Wish) -> _Stored | None:
    """Store an alias that nobody has, or return None."""
    expires = wish.now + timedelta(days=wish.limits["alias_unclaimed_days"])
    for _draw in range(DRAWS):
        uuid, drawn = str(uuids.uuid4()), draw_alias(wish.pattern)
        if statements.run(_STORE, *_row(database, uuid, drawn, wish, expires)):
            return uuid, drawn.alias, drawn.numeric, expires
    return None


def _row(database: Database, uuid: str, drawn: DrawnAlias, wish: _Wish, expires: datetime) -> list[Any]:
    return [
        *(uuid, wish.integration_id, drawn.alias, drawn.numeric, drawn.number, False, wish.caller, wish.visit),
        *(database.stored(wish.now), database.stored(expires)),
        *(drawn.alias.lower(), drawn.numeric.lower()),
    ]


def _exhausted(database: Database, integration: Integration, now: datetime) -> AliasSpaceExhausted:
    with database.write() as session:
        alarms.raise_(
            session,
            ALIASES_EXHAUSTED,
            integration_id=integration.id,
            level=Level.ERROR,
            details=f"{DRAWS} numbers in a row were taken, so nobody can add a single-use VMR.",
            next_step="Make the suffix of the scheduled aliases longer.",
            now=now,
        )
    return AliasSpaceExhausted("All numbers for meetings are taken. Tell your administrator.", retry_after=60)


def details(integration: Integration, minted: Minted) -> Mapping[str, Any]:
    """Return what the pane inserts: every text rendered, the tag in it, and who is to be invited."""
    texts = meeting_texts(integration, pattern_of(integration), minted.numeric_alias, minted.tag)
    return {
        "room_name": integration["room_mailbox_name"],
        "room_email": integration["room_mailbox_email_address"] or "",
        "alias_id": minted.tag,
        "instructions": texts.instructions,
        "instructions_text": texts.instructions_text,
        "location": texts.location,
        "alias": minted.alias,
        "numeric_alias": minted.numeric_alias,
        "join_url": texts.join_url,
        "expires": minted.expires.isoformat(timespec="seconds"),
    }
