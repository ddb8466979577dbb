"""Importing VMRs: one batch compared with what is stored, and written in a few statements."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from addin_host.domain.directory import COLUMNS, Kind, Submitted, Survey, Vmr, pin_problems
from addin_host.domain.errors import Misconfigured, Problem
from addin_host.flows import meeting_vmrs
from addin_host.flows.directory import WhichPin, aliases_of, pin_place
from addin_host.flows.vmr_aliases import of_a_meeting, of_meetings
from addin_host.store.models import ConferenceAliasRow, ConferenceRow
from addin_host.store.secrets import SecretBox

MAX_SAMPLES = 20
_NEW = Vmr("", "", "conference", "", "", False, "", ())
_ASKED_AT_ONCE = 200  # aliases: PostgreSQL reads the whole table instead of the index when asked for thousands


@dataclass(slots=True)
class Counts:
    """What became of the records of one kind."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0


@dataclass(frozen=True, slots=True)
class Sample:
    """One change as an example: what it is called, whether it is new, and columns with their value before and after."""

    name: str
    new: bool
    columns: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Run:
    """One import: what it is given, and the problems found so far. After the first problem nothing is written."""

    session: Session
    survey: Survey
    box: SecretBox
    now: datetime
    dry_run: bool
    problems: list[Problem]
    samples: list[Sample] = field(default_factory=list)

    def take_sample(self, name: str, before: Any, after: Any, columns: Sequence[str]) -> None:
        """Keep one of the first changes as an example, PINs only as words. `before` is None for something new."""
        if self.dry_run and len(self.samples) < MAX_SAMPLES:
            values = [(column, getattr(before, column, None), getattr(after, column, None)) for column in columns]
            shown = [(column, _words(column, old), _words(column, new)) for column, old, new in values if old != new]
            blank = [entry for entry in shown if before is not None or entry[2]]
            self.samples.append(Sample(name, before is None, tuple(blank)))

    @property
    def writing(self) -> bool:
        """Whether changes are still worth writing."""
        return not self.dry_run and not self.problems


def _words(column: str, value: Any) -> str:
    if column in ("pin", "guest_pin"):
        return "set" if value else "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, tuple) else str(value or "")


@dataclass(frozen=True, slots=True)
class _Change:
    """A VMR before and after, and the row it is stored in (None for a new one)."""

    submitted: Submitted
    row: ConferenceRow | None
    before: Vmr
    after: Vmr

    @property
    def new_aliases(self) -> bool:
        return self.before.aliases != self.after.aliases


class VmrImport:
    """Takes the VMRs of a file batch by batch and counts what became of them."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._session = run.session
        self._robbed: set[str] = set()  # VMRs that lost an alias to another VMR of the file before their turn came
        self.counts = Counts()

    def take(self, batch: Sequence[tuple[Submitted, Vmr]]) -> None:
        """Compare VMRs with those stored, and write them unless there are problems."""
        self._settle_aliases(batch)
        stored = self._stored([vmr.name for _submitted, vmr in batch])
        changes = [self._change(submitted, vmr, stored) for submitted, vmr in batch]
        for change in changes:
            self._run.problems.extend(pin_problems(change.submitted, change.after))
            if change.row is not None and change.row.is_scheduled:
                self._run.problems.append(change.submitted.problem("name", meeting_vmrs.OF_A_MEETING))
        created = [change for change in changes if change.row is None]
        updated = [change for change in changes if change.row is not None and self._differs(change)]
        for change in changes:
            if change.row is None or self._differs(change):
                before = None if change.row is None else change.before
                self._run.take_sample(change.after.name, before, change.after, COLUMNS[Kind.VMR][1:])
        self.counts.created += len(created)
        self.counts.updated += len(updated)
        self.counts.unchanged += len(changes) - len(created) - len(updated)
        if self._run.writing:
            self._write(created, updated)

    def _differs(self, change: _Change) -> bool:
        return change.after != change.before or change.after.name in self._robbed

    def _stored(self, names: Sequence[str]) -> dict[str, tuple[ConferenceRow, Vmr]]:
        statement = select(ConferenceRow).where(ConferenceRow.name.in_(names))
        rows = self._session.scalars(statement.with_for_update() if self._run.writing else statement).all()
        aliases = aliases_of(self._session, [row.id for row in rows])
        return {row.name: (row, self._to_vmr(row, aliases.get(row.id, ()))) for row in rows}

    def _to_vmr(self, row: ConferenceRow, aliases: tuple[str, ...]) -> Vmr:
        return Vmr(
            name=row.name,
            description=row.description,
            service_type=row.service_type,
            pin=self._opened(row, "pin", row.sealed_pin),
            guest_pin=self._opened(row, "guest_pin", row.sealed_guest_pin),
            allow_guests=row.allow_guests,
            owner=row.primary_owner_email_address,
            aliases=aliases,
        )

    def _opened(self, row: ConferenceRow, which: WhichPin, sealed: str | None) -> str:
        try:
            return self._run.box.open(pin_place(row.uuid, which), sealed) if sealed else ""
        except Misconfigured:
            # Not a PIN that a file can hold, so that importing the PIN again mends such a VMR.
            return f"unreadable {which}"

    def _change(self, submitted: Submitted, vmr: Vmr, stored: dict[str, tuple[ConferenceRow, Vmr]]) -> _Change:
        row, before = stored.get(vmr.name, (None, _NEW))
        given = {column: value for column in COLUMNS[Kind.VMR] if (value := getattr(vmr, column)) is not None}
        return _Change(submitted, row, before, replace(before, **given))

    def _settle_aliases(self, batch: Sequence[tuple[Submitted, Vmr]]) -> None:
        """Report aliases that another VMR keeps; take those away that another VMR of the file gives up."""
        wanted = {alias.lower(): (submitted, vmr) for submitted, vmr in batch for alias in vmr.aliases or ()}
        given_up, new = [], set(wanted)
        for alias_id, alias, holder in self._holders(list(wanted)):
            new.discard(alias.lower())
            submitted, vmr = wanted[alias.lower()]
            if holder == vmr.name:
                continue
            if holder in self._run.survey.vmrs and holder not in self._run.survey.silent:
                given_up.append(alias_id)
                self._robbed.add(holder)
            else:
                text = f"{alias!r} belongs to the VMR {holder!r}. Choose another alias, or give that VMR another one."
                self._run.problems.append(submitted.problem("aliases", text))
        for alias in sorted(self._of_meetings(sorted(new))):
            self._run.problems.append(wanted[alias][0].problem("aliases", of_a_meeting(alias)))
        if given_up and self._run.writing:
            self._session.execute(delete(ConferenceAliasRow).where(ConferenceAliasRow.id.in_(given_up)))

    def _write(self, created: Sequence[_Change], updated: Sequence[_Change]) -> None:
        ids = {change.after.name: change.row.id for change in updated if change.row is not None}
        realiased = [change for change in updated if change.new_aliases]
        if realiased:
            gone = ConferenceAliasRow.conference_id.in_([ids[change.after.name] for change in realiased])
            self._session.execute(delete(ConferenceAliasRow).where(gone))
        for change in updated:
            for column, value in self._values(change).items():
                setattr(change.row, column, value)
        if created:
            # Without RETURNING the driver sends rows in bulk; asking for the ids afterwards is still faster.
            self._session.execute(insert(ConferenceRow), [self._values(change) for change in created])
            named = ConferenceRow.name.in_([change.after.name for change in created])
            found = self._session.execute(select(ConferenceRow.name, ConferenceRow.id).where(named))
            ids |= {row.name: row.id for row in found}
        self._write_aliases(ids, [*created, *realiased])

    def _write_aliases(self, ids: dict[str, int], changes: Sequence[_Change]) -> None:
        rows = [
            {"conference_id": ids[change.after.name], "alias": alias, "view_order": order}
            for change in changes
            for order, alias in enumerate(change.after.aliases or ())
        ]
        if rows:
            self._session.execute(insert(ConferenceAliasRow), rows)

    def _values(self, change: _Change) -> dict[str, Any]:
        row, vmr = change.row, change.after
        own_uuid = row.uuid if row else str(uuid.uuid4())
        return {
            "uuid": own_uuid,
            "name": vmr.name,
            "description": vmr.description,
            "service_type": vmr.service_type,
            "sealed_pin": self._sealed(own_uuid, "pin", change, row.sealed_pin if row else None),
            "sealed_guest_pin": self._sealed(own_uuid, "guest_pin", change, row.sealed_guest_pin if row else None),
            "allow_guests": vmr.allow_guests,
            "primary_owner_email_address": vmr.owner,
            "version": row.version + 1 if row else 1,
            "created_at": row.created_at if row else self._run.now,
        }

    def _sealed(self, own_uuid: str, which: WhichPin, change: _Change, stored: str | None) -> str | None:
        pin = getattr(change.after, which)
        if pin == getattr(change.before, which):
            return stored
        return self._run.box.seal(pin_place(own_uuid, which), pin) if pin else None

    def _of_meetings(self, aliases: Sequence[str]) -> set[str]:
        parts = (aliases[first : first + _ASKED_AT_ONCE] for first in range(0, len(aliases), _ASKED_AT_ONCE))
        return set().union(*(of_meetings(self._session, part) for part in parts))

    def _holders(self, aliases: Sequence[str]) -> Iterator[tuple[int, str, str]]:
        """Yield id, alias and the name of the VMR for those of the aliases (in lower case) that are stored."""
        # Two plain reads instead of a join, for which PostgreSQL without statistics finds a plan that reads everything.
        stored = select(ConferenceAliasRow.id, ConferenceAliasRow.alias, ConferenceAliasRow.conference_id)
        for first in range(0, len(aliases), _ASKED_AT_ONCE):
            some = aliases[first : first + _ASKED_AT_ONCE]
            found = self._session.execute(stored.where(func.lower(ConferenceAliasRow.alias).in_(some))).all()
            owners = {row.conference_id for row in found}
            named = select(ConferenceRow.id, ConferenceRow.name).where(ConferenceRow.id.in_(owners))
            names = {row.id: row.name for row in self._session.execute(named)} if owners else {}
            yield from ((row.id, row.alias, names[row.conference_id]) for row in found)
