"""Single-use VMRs: an alias of its own for one meeting, handed out before anybody sends it.

One statement, a transaction of its own, keeps count and stores; it has ended before anything is rendered or answered.
The number is unique by the database's indexes, over live and quarantined aliases of all integrations, and differs from
those of the directory.
"""

from __future__ import annotations

import math
import uuid as uuids
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from addin_host.domain.alarms import ALIASES_EXHAUSTED, Level
from addin_host.domain.alias import AliasPattern, DrawnAlias, draw_alias
from addin_host.domain.errors import Reason, Refused, Upstream
from addin_host.domain.integration import Integration
from addin_host.domain.platform import PLATFORM_BY_NAME
from addin_host.domain.tag import Kind, Tag, print_tag
from addin_host.flows import alarms
from addin_host.flows.meeting_texts import meeting_texts
from addin_host.flows.tag_keys import TagKeys
from addin_host.store.db import Database

SAME_ANSWER = timedelta(seconds=60)
DRAWS = 5
_HOUR = timedelta(hours=1)


def _setting(name: str) -> str:
    """Return a setting, a whole number, as an expression of SQL."""
    stored = "(SELECT value FROM platform_setting WHERE name = 'NAME')".replace("NAME", name)
    return f"CAST(coalesce({stored}, '{PLATFORM_BY_NAME[name].default}') AS INTEGER)"


# What this visit was given a moment ago; and the newest aliases of the hour that use up a limit: while there is one,
# the hour is full. Words in capital letters that are no SQL stand for the parts below.
_PARTS = {
    "GIVEN": (
        "SELECT id FROM scheduled_alias WHERE caller = ? AND integration_id = ? AND visit = ? AND visit <> ''"
        " AND created_at > ? AND released_at IS NULL ORDER BY created_at DESC LIMIT 1"
    ),
    "FULL_BY_ONE": (
        "SELECT created_at FROM scheduled_alias WHERE caller = ? AND created_at > ?"
        " ORDER BY created_at DESC LIMIT 1 OFFSET (SELECT MOST_BY_ONE - 1)"
    ),
    "FULL_IN_ALL": (
        "SELECT created_at FROM scheduled_alias WHERE integration_id = ? AND created_at > ?"
        " ORDER BY created_at DESC LIMIT 1 OFFSET (SELECT MOST_IN_ALL - 1)"
    ),
    "MOST_BY_ONE": _setting("single_use_per_user_hour"),
    "MOST_IN_ALL": _setting("single_use_per_integration_hour"),
}
_EXPIRES = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f000', ?, '+' || DAYS || ' days')",
    "postgresql": "CAST(? AS timestamp with time zone) + DAYS * interval '1 day'",
}


def _whole(statement: str) -> str:
    for name, part in _PARTS.items():
        statement = statement.replace(name, part)
    return statement


_AGAIN = "SELECT uuid, alias, numeric_alias, expires_at FROM scheduled_alias WHERE id = ?"
_WHY_NOT = _whole("SELECT (GIVEN), (FULL_BY_ONE), (FULL_IN_ALL)")
_STORE = _whole(
    "INSERT INTO scheduled_alias (uuid, integration_id, alias, numeric_alias, alias_number, is_used, caller, visit,"
    " created_at, expires_at) SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, EXPIRES"
    " WHERE NOT EXISTS (SELECT 1 FROM conference_alias WHERE lower(alias) IN (?, ?))"
    " AND NOT EXISTS (GIVEN) AND NOT EXISTS (FULL_BY_ONE) AND NOT EXISTS (FULL_IN_ALL)"
    " ON CONFLICT DO NOTHING RETURNING expires_at"
)
_STORE_ON = {
    kind: _STORE.replace("EXPIRES", expires).replace("DAYS", _setting("alias_unclaimed_days"))
    for kind, expires in _EXPIRES.items()
}


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

    def asked(self, database: Database) -> Sequence[Any]:
        """Return the parameters of _WHY_NOT."""
        lately, hour = database.stored(self.now - SAME_ANSWER), database.stored(self.now - _HOUR)
        return self.caller, self.integration_id, self.visit, lately, self.caller, hour, self.integration_id, hour


def mint(
    database: Database, integration: Integration, caller: str, visit: str, *, keys: TagKeys, now: datetime
) -> Minted:
    """Return an alias of its own for one meeting; the same one again for the same visit within a minute.

    A blank `visit` always gets another one. Raises Refused (RATE_LIMITED, with `retry_after`) and Upstream.
    """
    keys.follow()
    signing, known = keys.signing(), keys.all()
    wish = _Wish(integration.id, caller, visit, now, pattern_of(integration))
    stored = _stored(database, wish)
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


def _stored(database: Database, wish: _Wish) -> _Stored | None:
    """Return an alias that nobody else has, or the visit's own; None without luck. Raises Refused in a full hour.

    One statement counts, compares and stores. Why it did not is asked only then.
    """
    for _draw in range(DRAWS):
        uuid, drawn = str(uuids.uuid4()), draw_alias(wish.pattern)
        statement = _STORE_ON[database.url.get_backend_name()]
        row = _row(database, uuid, drawn, wish)
        for (expires,) in database.write_alone(statement, *row, turn=wish.integration_id):
            return uuid, drawn.alias, drawn.numeric, database.instant(expires)
        if again := _again(database, wish):
            return again
    return None


def _again(database: Database, wish: _Wish) -> _Stored | None:
    """Return what this visit was given a moment ago. Raises Refused when it is none and the hour is full."""
    given, by_one, in_all = database.row(_WHY_NOT, *wish.asked(database))
    if given is not None:
        uuid, alias, numeric, expires = database.row(_AGAIN, given)
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


def _row(database: Database, uuid: str, drawn: DrawnAlias, wish: _Wish) -> list[Any]:
    now = database.stored(wish.now)
    return [
        *(
            uuid,
            wish.integration_id,
            drawn.alias,
            drawn.numeric,
            drawn.number,
            False,
            wish.caller,
            wish.visit,
            now,
            now,
        ),
        *(drawn.alias.lower(), drawn.numeric.lower()),
        *wish.asked(database),
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
