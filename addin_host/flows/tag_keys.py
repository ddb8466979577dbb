"""The keys that tags are signed with: made at first use, kept in memory, followed when another process adds one."""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock

from sqlalchemy import select
from sqlalchemy.orm import Session

from addin_host.domain.access import Caller, Permission
from addin_host.domain.errors import Misconfigured, Reason, Refused
from addin_host.domain.tag import HIGHEST_KEY, KEY_BYTES
from addin_host.flows import audit
from addin_host.flows.audit import Subject
from addin_host.store.db import Database
from addin_host.store.models import TagKeyRow
from addin_host.store.secrets import SecretBox
from addin_host.store.upsert import insert_missing

_LOOK_AGAIN_SECONDS = 10.0
_FOLLOW_SECONDS = 60.0
_FIRST = 1


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key as people see it."""

    id: int
    created_at: datetime
    signs: bool


class TagKeys:
    """The keys in clear, in this process's memory. Safe to share between threads.

    The first call reads them, and makes the first key when there is none: make it outside of a transaction. Later ones
    need no database, so that tags are signed and verified while it is away.
    """

    def __init__(self, database: Database, box: SecretBox) -> None:
        self._database = database
        self._box = box
        self._lock = Lock()
        self._known: Mapping[int, bytes] = {}
        self._looked_at = 0.0

    def signing(self) -> int:
        """Return the id of the key that signs: the highest. Raises Upstream, Misconfigured."""
        return max(self._loaded())

    def all(self) -> Mapping[int, bytes]:
        """Return the keys by id. An id that is not among them is looked for in the database, but not at every turn."""
        return _Followed(self, self._loaded())

    def _loaded(self) -> Mapping[int, bytes]:
        if not self._known:
            with self._lock:
                if not self._known:
                    self._known, self._looked_at = self._read() or self._made(), time.monotonic()
        return self._known

    def _read(self) -> dict[int, bytes]:
        with self._database.read() as session:
            rows = session.execute(select(TagKeyRow.id, TagKeyRow.sealed_key)).all()
        return {number: _opened(self._box, number, sealed) for number, sealed in rows}

    def _made(self) -> dict[int, bytes]:
        """Make the first key. Of two processes that do so at this moment one is first, and both read its key."""
        with self._database.write() as session:
            insert_missing(session, TagKeyRow, _new(self._box, _FIRST, datetime.now(UTC)))
        return self._read()

    def follow(self) -> None:
        """Read the keys again when that was a minute ago, so that a new one soon signs everywhere. Raises Upstream."""
        if time.monotonic() - self._looked_at >= _FOLLOW_SECONDS:
            self._look_again()

    def look_for(self, number: int) -> bytes:
        """Return a key, which may be in the database only. Raises KeyError, Upstream."""
        if number not in self._known:
            self._look_again()
        return self._known[number]

    def _look_again(self) -> None:
        # Anybody can write a tag with any key id, so this is not done at every turn.
        with self._lock:
            if self._known and time.monotonic() - self._looked_at >= _LOOK_AGAIN_SECONDS:
                self._known, self._looked_at = self._read(), time.monotonic()


class _Followed(Mapping[int, bytes]):
    """The keys as they stand in memory; one that is missing there is looked for."""

    def __init__(self, keys: TagKeys, known: Mapping[int, bytes]) -> None:
        self._keys, self._known = keys, known

    def __getitem__(self, number: int) -> bytes:
        return self._known[number] if number in self._known else self._keys.look_for(number)

    def __iter__(self) -> Iterator[int]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


def listed(session: Session) -> list[KnownKey]:
    """Return the keys, the oldest first, without what they are."""
    rows = session.scalars(select(TagKeyRow).order_by(TagKeyRow.id)).all()
    return [KnownKey(row.id, row.created_at, row.id == rows[-1].id) for row in rows]


def add(session: Session, *, box: SecretBox, caller: Caller, now: datetime) -> KnownKey:
    """Add a key that signs from now on; the others still verify. Raises Refused, Misconfigured."""
    caller.require(Permission.CHANGE_SETTINGS)
    last = session.scalar(select(TagKeyRow.id).order_by(TagKeyRow.id.desc()).limit(1).with_for_update()) or 0
    if last >= HIGHEST_KEY:
        raise Refused(Reason.CONFLICT, f"There are {HIGHEST_KEY} keys, which is as many as a tag can tell apart.")
    row = TagKeyRow(**_new(box, last + 1, now))
    session.add(row)
    session.flush()
    audit.record(session, caller, "create", Subject("tag key", row.id, f"Tag key {row.id}"), now=now)
    return KnownKey(row.id, row.created_at, signs=True)


def _new(box: SecretBox, number: int, now: datetime) -> dict[str, object]:
    key = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode("ascii")
    return {"id": number, "sealed_key": box.seal(_place(number), key), "created_at": now}


def _opened(box: SecretBox, number: int, sealed: str) -> bytes:
    key = base64.b64decode(box.open(_place(number), sealed))
    if len(key) != KEY_BYTES:
        raise Misconfigured(f"Tag key {number} is damaged. Restore it from a backup.")
    return key


def _place(number: int) -> str:
    return f"tag_key:{number}"
