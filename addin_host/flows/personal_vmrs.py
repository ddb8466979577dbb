"""The personal VMRs of the person who is signed in, with every text rendered.

What was rendered is kept per version of the integration and of the VMR, in the memory of this process only: it holds
PINs. Templates that print the time or random values are rendered each time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from addin_host.domain.alias import sort_aliases
from addin_host.domain.integration import Integration
from addin_host.domain.text import Template, html_to_text
from addin_host.flows import written_texts
from addin_host.flows.directory import pin_place
from addin_host.store.db import Database
from addin_host.store.models import ConferenceRow
from addin_host.store.secrets import SecretBox

_OWNED = (
    "SELECT c.id, c.version FROM end_user u"
    " JOIN conference c ON lower(c.primary_owner_email_address) = lower(u.primary_email_address)"
    " WHERE u.id = ? AND NOT c.is_scheduled"
    " AND c.service_type IN ('conference', 'lecture', 'two_stage_dialing') ORDER BY c.name LIMIT 500"
)
_TEMPLATES: Mapping[str, str] = {
    "name": "personal_vmr_name_template",
    "description": "personal_vmr_description_template",
    "location": "personal_vmr_location_template",
    "instructions": "personal_vmr_instructions_template",
}
NO_ALIAS = "This VMR has no alias to join by. Ask your administrator to add one."

Rendered = Mapping[str, Any]


class RenderedVmrs:
    """Lists VMRs as the pane shows them; remembers what it rendered, the oldest first forgotten."""

    def __init__(self, database: Database, box: SecretBox, *, capacity: int = 3_000) -> None:
        self._database = database
        self._box = box
        self._capacity = capacity
        self._kept: OrderedDict[tuple[int, int, int, int], Rendered] = OrderedDict()
        self._lock = Lock()

    def list(self, integration: Integration, user_id: int) -> list[Rendered]:
        """Return the user's VMRs by name. Raises Misconfigured when a stored PIN cannot be opened."""
        keys = [(integration.id, integration.version, row[0], row[1]) for row in self._database.rows(_OWNED, user_id)]
        with self._lock:
            found = {key: self._kept[key] for key in keys if key in self._kept}
        missing = [key for key in keys if key not in found]
        if missing:
            found |= self._render_all(integration, missing)
        return [found[key] for key in keys if key in found]

    def _render_all(
        self, integration: Integration, keys: Sequence[tuple[int, int, int, int]]
    ) -> dict[tuple[int, int, int, int], Rendered]:
        templates = _compiled(integration)
        with self._database.read() as session:
            values = _values(session, [key[2] for key in keys], integration, self._box)
        made = {key: _render(key[2], values[key[2]], templates) for key in keys if key[2] in values}
        if all(template.deterministic for template in templates.values()):
            self._keep(made)
        return made

    def _keep(self, made: Mapping[tuple[int, int, int, int], Rendered]) -> None:
        with self._lock:
            self._kept.update(made)
            while len(self._kept) > self._capacity:
                self._kept.popitem(last=False)


def _compiled(integration: Integration) -> dict[str, Template]:
    return {part: written_texts.compiled(name, str(integration[name] or "")) for part, name in _TEMPLATES.items()}


def _values(
    session: Session, ids: Sequence[int], integration: Integration, box: SecretBox
) -> dict[int, dict[str, Any]]:
    rows = session.scalars(
        select(ConferenceRow).where(ConferenceRow.id.in_(ids)).options(selectinload(ConferenceRow.aliases))
    )
    return {row.id: _variables(row, integration, box) for row in rows}


def _variables(row: ConferenceRow, integration: Integration, box: SecretBox) -> dict[str, Any]:
    aliases = sort_aliases([alias.alias for alias in row.aliases])
    return {
        "addin_server_domain": integration["addin_server_domain"],
        "name": row.name,
        "description": row.description,
        "service_type": row.service_type,
        "allow_guests": row.allow_guests,
        "owners_email": row.primary_owner_email_address,
        "pin": box.open(pin_place(row.uuid, "pin"), row.sealed_pin) if row.sealed_pin else "",
        "guest_pin": box.open(pin_place(row.uuid, "guest_pin"), row.sealed_guest_pin) if row.sealed_guest_pin else "",
        "aliases": list(aliases.all),
        "domain_aliases": list(aliases.domain),
        "numeric_aliases": list(aliases.numeric),
        "other_aliases": list(aliases.other),
    }


def _render(vmr_id: int, values: Mapping[str, Any], templates: Mapping[str, Template]) -> Rendered:
    alias = sort_aliases(values["aliases"]).preferred
    texts = {part: _render_part(part, template, values, alias) for part, template in templates.items()}
    return {
        "id": vmr_id,
        **texts,
        "name": texts["name"] or values["name"],
        "instructions_text": html_to_text(texts["instructions"]),
        "alias": alias,
        "usable": bool(alias),
        "reason": "" if alias else NO_ALIAS,
    }


def _render_part(part: str, template: Template, values: Mapping[str, Any], alias: str) -> str:
    otherwise = alias if part in ("name", "location") else f"Join the meeting at {alias}."
    return written_texts.rendered(_TEMPLATES[part], template, values, otherwise=otherwise)
