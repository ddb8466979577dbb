"""One comparison of the directory with the conference platform: read everything, then write batch by batch.

Each batch is a transaction of its own and can be repeated: a run that is broken off is finished by the next one.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from addin_host.domain.directory import COLUMNS, Kind, Submitted, User, Vmr, check
from addin_host.domain.errors import Reason, Refused
from addin_host.domain.rooms import Platform
from addin_host.flows.directory_sync_vmrs import SYNC_TAG, VmrBatch
from addin_host.store.db import Database
from addin_host.store.models import ConferenceRow, EndUserRow
from addin_host.store.secrets import SecretBox

Change = tuple[str, str, str]
_BATCH = 200
_MAX_CHANGES = 1000
_NOUNS: Mapping[Kind, str] = {Kind.USER: "user", Kind.VMR: "VMR"}
_USER_COLUMNS: Mapping[str, str] = {
    "first_name": "first name",
    "last_name": "last name",
    "display_name": "display name",
}
T = TypeVar("T")


class TooManyGone(Refused):
    """More than half of what came from the platform is not there any more."""

    def __init__(self, noun: str, gone: int, known: int) -> None:
        super().__init__(
            Reason.CONFLICT,
            f"{gone:,} of {known:,} {noun}s that came from the conference platform are not there any more. "
            "Nothing was changed, since this is more than half.",
        )


@dataclass(frozen=True, slots=True)
class Remote:
    """What the platform has, by the key that records are recognised by; `flaws` are of those that cannot be taken."""

    users: Mapping[str, User]
    vmrs: Mapping[str, Vmr] = field(repr=False)
    flaws: Sequence[Change] = ()


@dataclass(slots=True)
class Outcome:
    """What a run did; `kept` counts what stays because it was entered here."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    kept: int = 0
    changes: list[Change] = field(default_factory=list)

    def note(self, kind: Kind, name: str, what: str) -> None:
        """Remember one of the first changes."""
        if len(self.changes) < _MAX_CHANGES:
            self.changes.append((_NOUNS[kind], name, what))

    @property
    def message(self) -> str:
        """What is to be said besides the numbers."""
        return f"{self.kept:,} stay as they were entered here." if self.kept else ""


@dataclass(frozen=True, slots=True)
class Comparing:
    """What a comparison works with; `go_on` is called before each batch, and raises when it must end."""

    database: Database
    box: SecretBox
    now: Callable[[], datetime]
    go_on: Callable[[], None]


def read_remote(platform: Platform) -> Remote:
    """Return everything that the platform has. Raises Upstream and Misconfigured."""
    flaws: list[Change] = []
    users = _judged(Kind.USER, platform.users(), flaws)
    vmrs = _judged(Kind.VMR, platform.vmrs(), flaws)
    return Remote({one.primary_email_address.lower(): one for one in users}, {one.name: one for one in vmrs}, flaws)


def _judged(kind: Kind, records: Iterator[Any], flaws: list[Change]) -> Iterator[Any]:
    for number, one in enumerate(records, 1):
        values = {name: value for name in COLUMNS[kind] if (value := getattr(one, name)) is not None}
        record, problems = check(Submitted(kind, _NOUNS[kind], number, values))
        if record is not None:
            yield record
        else:
            name = one.name if kind is Kind.VMR else one.primary_email_address
            words = "; ".join(f"{problem.field} {problem.message}" for problem in problems)
            flaws.append((_NOUNS[kind], name[:250], f"left out: {words}"[:500]))


def compare(own: Comparing, remote: Remote, *, remove_all: bool) -> Outcome:
    """Bring the directory in step, and return what that changed. Raises TooManyGone, before anything was changed."""
    with own.database.read() as session:
        lost_users = _lost(session, EndUserRow, func.lower(EndUserRow.primary_email_address), remote.users)
        lost_vmrs = _lost(session, ConferenceRow, ConferenceRow.name, remote.vmrs)
    for kind, (lost, known) in ((Kind.USER, lost_users), (Kind.VMR, lost_vmrs)):
        if len(lost) * 2 > known and not remove_all:
            raise TooManyGone(_NOUNS[kind], len(lost), known)
    outcome = Outcome(changes=list(remote.flaws)[:_MAX_CHANGES])
    _remove(own, Kind.VMR, ConferenceRow, lost_vmrs[0], outcome)
    _remove(own, Kind.USER, EndUserRow, lost_users[0], outcome)
    for users in _batches(list(remote.users.values())):
        own.go_on()
        with own.database.write() as session:
            _take_users(session, users, outcome, own.now())
    for vmrs in _batches(list(remote.vmrs.values())):
        own.go_on()
        with own.database.write() as session:
            _take_vmrs(session, own, remote.vmrs, vmrs, outcome)
    return outcome


def _batches(records: Sequence[T]) -> Iterator[Sequence[T]]:
    yield from (records[first : first + _BATCH] for first in range(0, len(records), _BATCH))


def _lost(session: Session, row: Any, key: Any, remote: Mapping[str, Any]) -> tuple[list[tuple[int, str]], int]:
    """Return ids and names of what came from the platform and is not there any more, and how many came from there."""
    known = session.execute(select(row.id, key).where(row.sync_tag == SYNC_TAG).order_by(row.id)).all()
    return [(number, name) for number, name in known if name not in remote], len(known)


def _remove(own: Comparing, kind: Kind, row: Any, lost: Sequence[tuple[int, str]], outcome: Outcome) -> None:
    for some in _batches(lost):
        own.go_on()
        with own.database.write() as session:
            # The tag is asked for again: somebody may have taken a record over meanwhile.
            chosen = delete(row).where(row.id.in_([number for number, _ in some]), row.sync_tag == SYNC_TAG)
            gone = set(session.scalars(chosen.returning(row.id)))
        for number, name in some:
            if number in gone:
                outcome.removed += 1
                outcome.note(kind, name, "removed")


def _take_users(session: Session, users: Sequence[User], outcome: Outcome, now: datetime) -> None:
    address = func.lower(EndUserRow.primary_email_address)
    wanted = [user.primary_email_address.lower() for user in users]
    rows = session.scalars(select(EndUserRow).where(address.in_(wanted)))
    stored = {row.primary_email_address.lower(): row for row in rows}
    for user in users:
        row = stored.get(user.primary_email_address.lower())
        if row is None:
            names = {name: getattr(user, name) or "" for name in _USER_COLUMNS}
            own = {"primary_email_address": user.primary_email_address, "uuid": str(uuid.uuid4())}
            session.add(EndUserRow(**own, **names, user_groups=[], sync_tag=SYNC_TAG, created_at=now))
            outcome.added += 1
            outcome.note(Kind.USER, user.primary_email_address, "added")
        elif row.sync_tag != SYNC_TAG:
            outcome.kept += 1
        elif different := [name for name in _USER_COLUMNS if getattr(row, name) != (getattr(user, name) or "")]:
            for name in different:
                setattr(row, name, getattr(user, name) or "")
            outcome.changed += 1
            words = ", ".join(_USER_COLUMNS[name] for name in different)
            outcome.note(Kind.USER, user.primary_email_address, f"changed: {words}")


def _take_vmrs(
    session: Session, own: Comparing, remote: Mapping[str, Vmr], vmrs: Sequence[Vmr], outcome: Outcome
) -> None:
    for name, action, what in VmrBatch(session, own.box, own.now(), remote).take(vmrs):
        outcome.added += action == "added"
        outcome.changed += action == "changed"
        outcome.kept += action == "kept"
        if what:
            outcome.note(Kind.VMR, name, what)
