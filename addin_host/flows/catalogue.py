"""The integrations as this process has read them, checked against the stored version at every use.

One narrow read decides whether the value in memory is still the stored one; only a change costs more.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from addin_host.domain.deployment import Deployment
from addin_host.domain.errors import Reason, Refused, Upstream
from addin_host.domain.integration import Integration
from addin_host.flows import integrations
from addin_host.store.db import Database

_BY_ID = "SELECT id, version FROM integration WHERE id = ?"
_BY_UUID = "SELECT id, version FROM integration WHERE uuid = ?"
_BY_HOST = "SELECT 1 FROM integration WHERE fqdn = ? LIMIT 1"
_HOST_KEPT_SECONDS = 10.0
_MAX_INTEGRATIONS = 10_000


class Catalogue:
    """Integrations by id or uuid, and what was made from each version of them (pages, manifests, icons)."""

    def __init__(self, database: Database, deployment: Deployment) -> None:
        self._database = database
        self.deployment = deployment
        self._known: dict[int, Integration] = {}
        self._made: dict[tuple[int, str], tuple[int, Any]] = {}
        self._hosts: dict[str, float] = {}

    def get(self, reference: str) -> Integration:
        """Return the integration as it is stored now. Raises Refused when there is none."""
        by_id = _is_id(reference)
        row = self._database.row(_BY_ID, int(reference)) if by_id else self._database.row(_BY_UUID, reference.lower())
        if row is None:
            raise Refused(Reason.UNKNOWN, "There is no such integration.")
        known = self._known.get(row[0])
        return known if known is not None and known.version == row[1] else self._read(row[0])

    def _read(self, integration_id: int) -> Integration:
        with self._database.read() as session:
            value = integrations.to_value(integrations.find(session, integration_id), self.deployment)
        if len(self._known) >= _MAX_INTEGRATIONS:
            self._known.clear()
            self._made.clear()
        self._known[integration_id] = value
        return value

    def remembered(self, reference: str) -> Integration | None:
        """Return the integration as this process read it last, without the database, or None."""
        found = self._known.get(int(reference)) if _is_id(reference) else None
        others = () if found or _is_id(reference) else tuple(self._known.values())
        return found or next((known for known in others if known.uuid == reference.lower()), None)

    def made(self, integration: Integration, kind: str, make: Callable[[], Any]) -> Any:
        """Return what `make` gives for this version of the integration, made once."""
        kept = self._made.get((integration.id, kind))
        if kept is None or kept[0] != integration.version:
            kept = (integration.version, make())
            self._made[(integration.id, kind)] = kept
        return kept[1]

    def serves_host(self, host: str) -> bool:
        """Whether some integration is published under this host name (lower case, no port)."""
        now = time.monotonic()
        if self._hosts.get(host, 0.0) > now:
            return True
        try:
            found = self._database.row(_BY_HOST, host) is not None
        except Upstream:
            if host not in self._hosts:
                raise
            return True  # it was served before the database went away
        if found:
            self._hosts[host] = now + _HOST_KEPT_SECONDS
        return found


def _is_id(reference: str) -> bool:
    return reference.isascii() and reference.isdigit() and len(reference) <= 9
