"""The service account that reads a mailbox over OAuth: its sign-in, and its tokens (design/scheduling.md 12)."""

from __future__ import annotations

from addin_host.domain.integration import Integration
from addin_host.domain.mailbox import Fault, MailboxTrouble
from addin_host.domain.ports import Outside
from addin_host.store.db import Database
from addin_host.store.secrets import SecretBox


def access_token(database: Database, integration: Integration, again: bool, *, box: SecretBox, outside: Outside) -> str:
    """Return an access token of the signed-in account; `again` asks for a new one. Raises MailboxTrouble."""
    del database, integration, again, box, outside
    raise MailboxTrouble(Fault.SIGN_IN_NEEDED, "Sign in to the service account.")
