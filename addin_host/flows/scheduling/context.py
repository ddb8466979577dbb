"""What the scheduling service works with."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from addin_host.domain.integration import Integration
from addin_host.domain.mailbox import Mailbox, MailboxAccess
from addin_host.domain.ports import Outside
from addin_host.flows import integrations, platform, service_account
from addin_host.flows.catalogue import Catalogue
from addin_host.flows.tag_keys import TagKeys
from addin_host.store.db import Database
from addin_host.store.secrets import SecretBox

BACK, AHEAD = timedelta(hours=24), timedelta(days=62)  # how far series have rows


@dataclass(frozen=True, slots=True)
class Scheduling:
    """One value per process. `holder` is the name that this process holds leases under.

    `now` is for what people see; leases go by the database's own time (`Database.time`).
    """

    database: Database
    box: SecretBox
    catalogue: Catalogue
    tag_keys: TagKeys
    outside: Outside
    now: Callable[[], datetime]
    holder: str = field(default_factory=lambda: str(uuid.uuid4()))

    def open_mailbox(self, integration: Integration) -> Mailbox:
        """Open an integration's mailbox; one instance is for one thread. Raises Misconfigured."""
        with self.database.read() as session:
            secrets = {
                name: integrations.secret(session, integration.id, name, box=self.box)
                for name in integration.secrets_set & _USED
            }
            proxy = str(platform.read(session)["web_proxy"])
        token = partial(service_account.access_token, self.database, integration, box=self.box, outside=self.outside)
        return self.outside.mailboxes.open(integration, MailboxAccess(secrets, proxy, token))


_USED = frozenset({"password", "oauth_client_secret"})
