"""Names of rooms: from a template that an administrator wrote, and unlike every other name (scheduling.md 7)."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from addin_host.domain.text import one_line
from addin_host.store.models import ConferenceRow

LONGEST = 250
_MARKS = re.compile("[\u200e\u200f\u061c]")  # turn the direction of what stands behind them, unseen
_DIGITS = (4, 4, 4, 6, 8)
_TRY = "SELECT k, pg_try_advisory_xact_lock(k) FROM unnest(CAST(:keys AS bigint[])) AS k"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a room would be called if there were no other; `current` is what it is called now, blank for a new one."""

    base: str
    current: str = ""


def cleaned(text: str) -> str:
    """Return a name as it may be stored: one line, nothing unseen, 250 characters at most."""
    return one_line(_MARKS.sub("", text))[:LONGEST].rstrip()


def keeps(current: str, base: str) -> bool:
    """Whether a name is this base already, as it is or with digits behind it."""
    if current == base:
        return True
    found = re.fullmatch(r"(.+) [0-9]{4,8}", current, re.ASCII)
    return found is not None and found[1] == _cut(base, len(current) - len(found[1])) and found[1] != current


def assign(session: Session, wishes: Sequence[Wish], *, is_taken: Callable[[str], bool] | None = None) -> list[str]:
    """Return a name of its own for each wish. No meeting that is dealt with meanwhile gets one of them; what an
    administrator makes may, and then the insert is refused.
    """
    names = [wish.current if wish.current and keeps(wish.current, wish.base) else "" for wish in wishes]
    used = {name for name in names if name}
    open_ = {at: wish.base for at, wish in enumerate(wishes) if not names[at]}
    for digits in (0, *_DIGITS):
        tried = {at: _with_digits(base, digits) for at, base in open_.items()}
        taken = _taken(session, tried)
        for at, name in tried.items():
            if name not in used and name not in taken and not (is_taken and is_taken(name)):
                names[at] = name
                used.add(name)
                del open_[at]
        if not open_:
            return names
    for at, base in open_.items():
        names[at] = _with_digits(base, 15)
    return names


def _with_digits(base: str, digits: int) -> str:
    if not digits:
        return base
    drawn = f" {secrets.randbelow(10**digits):0{digits}}"
    return _cut(base, len(drawn)) + drawn


def _cut(base: str, room: int) -> str:
    return base[: LONGEST - room].rstrip()


def _taken(session: Session, tried: Mapping[int, str]) -> set[str]:
    if not tried:
        return set()
    names = set(tried.values())
    underway = _underway(session, names)  # first: what is committed while it is asked is found below
    return underway | set(session.scalars(select(ConferenceRow.name).where(ConferenceRow.name.in_(names))))


def _underway(session: Session, names: Set[str]) -> set[str]:
    """Return which names somebody else is about to take, and keep the others until this transaction ends.

    Nobody waits: many meetings of one name at the same moment get their digits at once. SQLite has one writer anyway.
    """
    if session.get_bind().dialect.name != "postgresql":
        return set()
    keys = {_lock_key(name): name for name in names}
    asked = session.execute(text(_TRY), {"keys": list(keys)})
    return {keys[key] for key, is_mine in asked if not is_mine}


def _lock_key(name: str) -> int:
    return int.from_bytes(sha256(f"name:{name}".encode()).digest()[:8], signed=True)
