"""Personal VMRs of the conference platform, batch by batch: new ones, changed ones, and aliases that changed hands."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from addin_host.domain.directory import Vmr
from addin_host.domain.errors import Misconfigured
from addin_host.flows.directory import WhichPin, pin_place
from addin_host.flows.vmr_aliases import of_meetings, put_aliases
from addin_host.store.models import ConferenceAliasRow, ConferenceRow
from addin_host.store.secrets import SecretBox

SYNC_TAG = "conference-platform"
_COLUMNS: Mapping[str, tuple[str, str]] = {
    "description": ("description", "description"),
    "service_type": ("service_type", "kind"),
    "allow_guests": ("allow_guests", "guests"),
    "owner": ("primary_owner_email_address", "owner"),
}
_PINS: tuple[tuple[WhichPin, str], ...] = (("pin", "PIN"), ("guest_pin", "guest PIN"))
_ASKED_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class VmrBatch:
    """Takes over some of the platform's VMRs in one transaction; `remote` is all of them, by name."""

    session: Session
    box: SecretBox
    now: datetime
    remote: Mapping[str, Vmr] = field(repr=False)

    def take(self, vmrs: Sequence[Vmr]) -> Iterator[tuple[str, str, str]]:
        """Write them; yield name, what was done (added, changed, kept or same), and what to say about it, or ""."""
        blocked = self._blocked(vmrs)
        named = select(ConferenceRow).where(ConferenceRow.name.in_([vmr.name for vmr in vmrs]))
        rows = self.session.scalars(named.options(selectinload(ConferenceRow.aliases)))
        stored = {row.name: row for row in rows}
        for vmr in vmrs:
            row = stored.get(vmr.name)
            if row is not None and row.sync_tag != SYNC_TAG:
                yield vmr.name, "kept", ""
                continue
            aliases = [alias for alias in vmr.aliases or () if alias.lower() not in blocked]
            missing = len(vmr.aliases or ()) - len(aliases)
            action, what = self._create(vmr, aliases) if row is None else self._change(row, vmr, aliases)
            left_out = f"without {missing} of its aliases, which are in use here" if missing else ""
            yield vmr.name, action, "; ".join(filter(None, (what, left_out)))
        self.session.flush()

    def _create(self, vmr: Vmr, aliases: Sequence[str]) -> tuple[str, str]:
        row = ConferenceRow(uuid=str(uuid.uuid4()), name=vmr.name, sync_tag=SYNC_TAG, created_at=self.now, version=1)
        row.extra, row.aliases = {}, []
        self._put(row, vmr)
        put_aliases(row, [(alias, None) for alias in aliases], now=self.now)
        self.session.add(row)
        return "added", "added"

    def _change(self, row: ConferenceRow, vmr: Vmr, aliases: Sequence[str]) -> tuple[str, str]:
        different = self._put(row, vmr)
        in_order = sorted(row.aliases, key=lambda one: one.view_order)
        if [one.alias for one in in_order] != list(aliases):
            put_aliases(row, [(alias, None) for alias in aliases], now=self.now)
            different.append("aliases")
        if not different:
            return "same", ""
        row.version += 1
        return "changed", f"changed: {', '.join(different)}"

    def _put(self, row: ConferenceRow, vmr: Vmr) -> list[str]:
        """Put the values into a row, PINs sealed; return in words which of them are new to it."""
        different = []
        for name, (column, word) in _COLUMNS.items():
            if getattr(row, column) != getattr(vmr, name):
                setattr(row, column, getattr(vmr, name))
                different.append(word)
        for which, word in _PINS:
            wanted = getattr(vmr, which) or ""
            if self._opened(row, which) != wanted:
                sealed = self.box.seal(pin_place(row.uuid, which), wanted) if wanted else None
                setattr(row, f"sealed_{which}", sealed)
                different.append(word)
        return different

    def _opened(self, row: ConferenceRow, which: WhichPin) -> str | None:
        sealed: str | None = getattr(row, f"sealed_{which}")
        try:
            return self.box.open(pin_place(row.uuid, which), sealed) if sealed else ""
        except Misconfigured:
            return None  # sealed with a key that is gone: what the platform says mends it

    def _blocked(self, vmrs: Sequence[Vmr]) -> set[str]:
        """Return, in lower case, the aliases that cannot be had.

        One that a VMR from the platform holds and gives up there is taken from it, so that aliases can change hands.
        """
        wanted = {alias.lower(): vmr.name for vmr in vmrs for alias in vmr.aliases or ()}
        free, blocked = set(wanted), set()
        for alias, holder in self._holders(list(wanted)):
            key = alias.alias.lower()
            free.discard(key)
            if holder.name == wanted[key]:
                continue
            if holder.sync_tag == SYNC_TAG and key not in self._remote_aliases(holder.name):
                self.session.delete(alias)
                holder.version += 1
            else:
                blocked.add(key)
        self.session.flush()
        self.session.expire_all()
        return blocked | of_meetings(self.session, free)

    def _holders(self, aliases: Sequence[str]) -> list[tuple[ConferenceAliasRow, ConferenceRow]]:
        found: list[tuple[ConferenceAliasRow, ConferenceRow]] = []
        held = select(ConferenceAliasRow, ConferenceRow).join(
            ConferenceRow, ConferenceRow.id == ConferenceAliasRow.conference_id
        )
        for first in range(0, len(aliases), _ASKED_AT_ONCE):
            some = aliases[first : first + _ASKED_AT_ONCE]
            rows = self.session.execute(held.where(func.lower(ConferenceAliasRow.alias).in_(some)))
            found += ((alias, holder) for alias, holder in rows)
        return found

    def _remote_aliases(self, name: str) -> set[str]:
        vmr = self.remote.get(name)
        return {alias.lower() for alias in (vmr.aliases if vmr else None) or ()}
