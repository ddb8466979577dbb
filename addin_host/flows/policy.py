"""Answering the conference platform: who meets behind an alias (design/rest.md section 7).

Nothing is written, nobody is called, and nothing is kept between two requests: each is answered from the tables as they
are, by statements that use an index each.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hmac import compare_digest
from threading import Lock
from typing import Any

from addin_host.domain.errors import Reason, Refused, Upstream
from addin_host.domain.platform import PLATFORM_BY_NAME, from_text
from addin_host.domain.policy import Answer, Known, Question, decide, earliest_close
from addin_host.flows import platform
from addin_host.flows.directory import WhichPin, pin_place
from addin_host.store.db import Database
from addin_host.store.secrets import SecretBox

_NAMES = (
    "policy_enabled",
    "policy_username",
    "policy_password",
    "policy_outside_window",
    "policy_requests_per_minute",
)
_SETTINGS = f"SELECT name, value FROM platform_setting WHERE name IN ({', '.join('?' * len(_NAMES))})"  # noqa: S608
_ROOM = """
SELECT c.uuid, c.name, c.is_scheduled, c.sync_tag, c.description, c.service_type, c.allow_guests, c.sealed_pin,
  c.sealed_guest_pin, c.participant_limit, c.non_idp_participants, c.primary_owner_email_address, m.organizer,
  (SELECT t.name FROM ivr_theme t WHERE t.id = c.ivr_theme_id) AS theme,
  (SELECT g.name FROM identity_provider_group g WHERE g.id = c.host_identity_provider_group_id) AS hosts,
  (SELECT g.name FROM identity_provider_group g WHERE g.id = c.guest_identity_provider_group_id) AS guests,
  EXISTS (SELECT 1 FROM scheduled_conference s
    WHERE s.conference_id = c.id AND s.opens_at <= ? AND s.closes_at >= ?) AS is_open
FROM conference c LEFT JOIN meeting m ON m.conference_id = c.id
"""
_BY_ALIAS = f"{_ROOM} JOIN conference_alias a ON a.conference_id = c.id WHERE lower(a.alias) = ?"
_BY_UUID = f"{_ROOM} WHERE c.uuid = ?"
_ASSIGNED = """
SELECT 1 FROM scheduled_alias WHERE lower(alias) = ? AND released_at IS NULL
UNION ALL SELECT 1 FROM scheduled_alias WHERE lower(numeric_alias) = ? AND released_at IS NULL LIMIT 1
"""
_MINUTE = 60


@dataclass(frozen=True, slots=True)
class Profile:
    """The policy profile: whether we answer at all, to which credentials, and how."""

    enabled: bool
    username: str
    password: str = field(repr=False)
    outside_window: str
    per_minute: int


def profile(database: Database, box: SecretBox) -> Profile:
    """Return the profile as it is stored. Raises Upstream and Misconfigured."""
    stored = dict(database.rows(_SETTINGS, *_NAMES))
    values = {name: PLATFORM_BY_NAME[name].default for name in _NAMES}
    sealed = stored.pop("policy_password", "")
    values |= {name: from_text(PLATFORM_BY_NAME[name], text) for name, text in stored.items()}
    return Profile(
        enabled=bool(values["policy_enabled"]),
        username=str(values["policy_username"]),
        password=platform.opened("policy_password", sealed, box=box),
        outside_window=str(values["policy_outside_window"]),
        per_minute=int(values["policy_requests_per_minute"]),
    )


def require_credentials(profile: Profile, header: str) -> None:
    """Raise Refused (UNAUTHENTICATED) unless an Authorization header holds the profile's user name and password.

    Both are compared whatever the first comparison gives, and in the same time whatever stands in them.
    """
    name, password = _basic(header)
    same_name = compare_digest(name, profile.username.encode())
    same_password = compare_digest(password, profile.password.encode())
    if not (same_name and same_password and profile.username and profile.password):
        raise Refused(Reason.UNAUTHENTICATED, "Sign in with the user name and the password of the policy profile.")


def _basic(header: str) -> tuple[bytes, bytes]:
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() != "basic":
        return b"", b""
    try:
        name, _, password = base64.b64decode(rest.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return b"", b""
    return name, password


def answer(database: Database, question: Question, profile: Profile, *, box: SecretBox, now: datetime) -> Answer:
    """Return what the platform is told. Raises Upstream, and Misconfigured when a PIN cannot be read: never a guess."""
    known, assigned = _known(database, question, box, now), False
    if known is None and question.alias:
        assigned = database.row(_ASSIGNED, question.alias, question.alias) is not None
    return decide(question, known, is_assigned=assigned, outside_window=profile.outside_window)


def _known(database: Database, question: Question, box: SecretBox, now: datetime) -> Known | None:
    key = question.uuid if question.tag else question.alias
    if not key:
        return None
    window = database.stored(now), database.stored(earliest_close(now))
    found = database.row(_BY_UUID if question.tag else _BY_ALIAS, *window, key)
    return _read(found, box) if found is not None else None


def _read(row: Any, box: SecretBox) -> Known:
    (uuid, name, is_scheduled, sync_tag, *_rest) = row
    return Known(
        uuid=uuid,
        name=name,
        is_scheduled=bool(is_scheduled),
        is_open=bool(row[-1]) or not is_scheduled,
        is_elsewhere=bool(sync_tag),
        settings={} if sync_tag else _settings(row, box),
    )


def _settings(row: Any, box: SecretBox) -> Mapping[str, Any]:
    uuid, _, is_scheduled, _, description, service_type, allow_guests, pin, guest_pin, limit, others = row[:11]
    owner, organizer, theme, hosts, guests, _ = row[11:]
    return {
        "service_type": service_type,
        "description": description,
        "pin": "" if is_scheduled else _pin(uuid, "pin", pin, box),
        "allow_guests": bool(allow_guests),
        "guest_pin": "" if is_scheduled else _pin(uuid, "guest_pin", guest_pin, box),
        "participant_limit": limit,
        "non_idp_participants": others,
        "ivr_theme_name": theme,
        "host_identity_provider_group": hosts,
        "guest_identity_provider_group": guests,
        "primary_owner_email_address": organizer if is_scheduled else owner,
    }


def _pin(uuid: str, which: WhichPin, sealed: str | None, box: SecretBox) -> str:
    return box.open(pin_place(uuid, which), sealed) if sealed else ""


class RequestRate:
    """How many requests this process answers in a minute; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._minute, self._number = 0, 0

    def count(self, limit: int, *, now: datetime) -> None:
        """Count a request. Raises TooMany when the minute has had its number."""
        seconds = int(now.timestamp())
        with self._lock:
            if seconds // _MINUTE != self._minute:
                self._minute, self._number = seconds // _MINUTE, 0
            self._number += 1
            excess = self._number > limit
        if excess:
            raise TooMany(_MINUTE - seconds % _MINUTE)


class TooMany(Upstream):
    """More policy requests than a minute may have; the platform is to use its own default meanwhile."""

    def __init__(self, wait: int) -> None:
        super().__init__("Too many policy requests in this minute.", retry_after=wait)
