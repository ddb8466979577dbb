"""Access tokens of the service account that reads a mailbox over OAuth (design/scheduling.md section 12).

A token is kept in memory until shortly before it ends or the integration is saved: it is for one Exchange server, and
for the sign-in that was there. Of all processes one at a time renews it, under a lease: the
provider may give a new refresh token each time, and take the one before for stolen when it is used again. The new one
is stored before its access token is used.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Lock
from uuid import uuid4
from weakref import WeakKeyDictionary

from sqlalchemy.orm import Session

from addin_host.domain import service_account
from addin_host.domain.integration import Integration
from addin_host.domain.mailbox import Fault, MailboxTrouble
from addin_host.domain.ports import Outside, ServiceAccess, ServiceClient
from addin_host.flows import integrations, leases, platform
from addin_host.flows.integrations.reading import place_of
from addin_host.flows.integrations.service_token import REFRESH_TOKEN, find_token, raise_alarm
from addin_host.store.db import Database
from addin_host.store.models import IntegrationSecretRow
from addin_host.store.secrets import SecretBox

_LEASE = timedelta(seconds=40)  # a renewal ends within 30
_PATIENCE, _LOOK_EVERY = 10.0, 0.1  # seconds
_EARLY = 120.0  # seconds before its end a token is renewed
_NEW = 30.0  # seconds; one so new is not at fault when Exchange refuses it


@dataclass(frozen=True, slots=True)
class _Kept:
    version: int
    token: str = field(repr=False)
    since: float
    until: float

    def is_good(self, version: int, now: float, is_refused: bool) -> bool:
        return self.version == version and now < self.until and not (is_refused and now > self.since + _NEW)


@dataclass(frozen=True, slots=True)
class _Stored:
    refresh_token: str
    client: ServiceClient


class _Shelf:
    """The tokens of this process, by integration; one thread at a time renews one."""

    def __init__(self) -> None:
        self._guard, self._locks = Lock(), defaultdict[int, Lock](Lock)
        self.tokens: dict[int, _Kept] = {}

    def turn(self, integration_id: int) -> Lock:
        """Return the lock of an integration."""
        with self._guard:
            return self._locks[integration_id]


_shelves: WeakKeyDictionary[Database, _Shelf] = WeakKeyDictionary()


def access_token(database: Database, integration: Integration, again: bool, *, box: SecretBox, outside: Outside) -> str:
    """Return an access token of the signed-in account; `again` asks for a new one. Raises MailboxTrouble."""
    shelf = _shelves.setdefault(database, _Shelf())
    with shelf.turn(integration.id):
        kept, now = shelf.tokens.get(integration.id), time.monotonic()
        if kept is None or not kept.is_good(integration.version, now, again):
            access = _renewed(database, integration, box=box, outside=outside)
            kept = _Kept(integration.version, access.token, now, now + access.seconds - _EARLY)
        shelf.tokens[integration.id] = kept
        return kept.token


def _renewed(database: Database, integration: Integration, *, box: SecretBox, outside: Outside) -> ServiceAccess:
    holder = str(uuid4())
    stored = _waited_for(lambda: _begin(database, integration, holder, box))
    try:
        access = outside.service_accounts.refresh(integration, stored.client, refresh_token=stored.refresh_token)
    except MailboxTrouble as trouble:
        if trouble.fault is Fault.SIGN_IN_NEEDED:
            _sign_in_needed(database, integration, stored, box)
        raise
    else:
        _save(database, integration, stored, access, box)
        return access
    finally:
        with database.write() as session:
            leases.give_back(session, _lease(integration), holder=holder, now=database.time(session))


def _waited_for(begin: Callable[[], _Stored | None]) -> _Stored:
    """Wait for whoever renews this very token in another process, as at a lock: it takes a second at most."""
    ends = time.monotonic() + _PATIENCE
    while (stored := begin()) is None:
        if time.monotonic() > ends:
            raise MailboxTrouble(Fault.BUSY, "Another process renews the service account's access.", retry_after=5)
        time.sleep(_LOOK_EVERY)
    return stored


def _begin(database: Database, integration: Integration, holder: str, box: SecretBox) -> _Stored | None:
    """Take the lease and read what to renew with; None while another process has it. Raises SIGN_IN_NEEDED."""
    with database.write() as session:
        row = find_token(session, integration.id)
        if row is None:
            raise MailboxTrouble(Fault.SIGN_IN_NEEDED, service_account.SIGN_IN_NEEDED)
        if not leases.take(session, _lease(integration), holder=holder, lasts=_LEASE, now=database.time(session)):
            return None
        session.refresh(row)  # whoever had the lease may have stored another one since
        secret = integrations.secret(session, integration.id, "oauth_client_secret", box=box)
        client = ServiceClient(secret, str(platform.read(session)["web_proxy"]))
        return _Stored(box.open(place_of(integration.id, REFRESH_TOKEN), row.sealed), client)


def _save(database: Database, integration: Integration, stored: _Stored, access: ServiceAccess, box: SecretBox) -> None:
    """Store a new refresh token. Raises MailboxTrouble when somebody has signed in, or had to, meanwhile."""
    with database.write() as session:
        row = _same(session, integration, stored, box)
        if row is None:
            raise MailboxTrouble(Fault.BUSY, "The service account signed in anew at this moment.", retry_after=1)
        if access.refresh_token:
            row.sealed = box.seal(place_of(integration.id, REFRESH_TOKEN), access.refresh_token)


def _sign_in_needed(database: Database, integration: Integration, stored: _Stored, box: SecretBox) -> None:
    """Drop a refresh token that is refused, and raise the alarm; one that came meanwhile is not touched."""
    with database.write() as session:
        row = _same(session, integration, stored, box)
        if row is not None:
            session.delete(row)
            words = "The sign-in service does not take the account's sign-in any more."
            raise_alarm(session, integration.id, words, now=database.time(session))


def _same(session: Session, integration: Integration, stored: _Stored, box: SecretBox) -> IntegrationSecretRow | None:
    """Return the row, locked, if it still holds the token that was read; it may be sealed with another key."""
    row = find_token(session, integration.id, locked=True)
    place = place_of(integration.id, REFRESH_TOKEN)
    return row if row is not None and box.open(place, row.sealed) == stored.refresh_token else None


def _lease(integration: Integration) -> str:
    return f"service account {integration.id}"
