"""The small lists that others refer to, as REST resources: `ivr_theme` and `identity_provider_group`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from addin_host.domain.errors import Invalid, Problem
from addin_host.domain.rest.directory import IDENTITY_PROVIDER_GROUP, IVR_THEME
from addin_host.domain.rest.incoming import Incoming
from addin_host.domain.rest.resource import Resource
from addin_host.flows import references
from addin_host.flows.references import ListKind
from addin_host.flows.rest_queries import Table
from addin_host.flows.rest_served import Asking, Served, Show, Writing, as_it_is
from addin_host.store.models import IdentityProviderGroupRow, IvrThemeRow

THEMES = Table(IvrThemeRow, {"id": IvrThemeRow.id, "name": IvrThemeRow.name})
GROUPS = Table(IdentityProviderGroupRow, {"id": IdentityProviderGroupRow.id, "name": IdentityProviderGroupRow.name})


def _show(resource: Resource) -> Show:
    def show(_session: Session, rows: Sequence[Any], _asking: Asking) -> list[dict[str, Any]]:
        return [{"id": row.id, "resource_uri": resource.uri(row.id), "name": row.name} for row in rows]

    return show


def _writing(kind: ListKind) -> Writing:
    def save(session: Session, number: int | None, incoming: Incoming, asking: Asking) -> int:
        name, caller, now = incoming.values.get("name"), asking.caller, asking.now
        if number is None:
            if name is None:
                raise Invalid([Problem("name", "Name", "is missing. Enter a value.")])
            return references.create(session, kind, name, caller=caller, now=now).id
        if name is None:
            return references.get(session, kind, number).id
        return references.rename(session, kind, number, name, caller=caller, now=now).id

    def delete(session: Session, number: int, asking: Asking) -> None:
        references.delete(session, kind, number, caller=asking.caller, now=asking.now)

    return Writing(as_it_is, save, delete)


SERVED = (
    Served(IVR_THEME, THEMES, _show(IVR_THEME), _writing(ListKind.IVR_THEME)),
    Served(
        IDENTITY_PROVIDER_GROUP,
        GROUPS,
        _show(IDENTITY_PROVIDER_GROUP),
        _writing(ListKind.IDENTITY_PROVIDER_GROUP),
    ),
)
