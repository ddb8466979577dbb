"""Equipment mailboxes over EWS."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from addin_host.domain.addresses import AddressPolicy
from addin_host.domain.errors import Misconfigured
from addin_host.domain.integration import Integration
from addin_host.domain.mailbox import Mailbox, MailboxAccess
from addin_host.gateways.http import Outbound


def open_ews(
    integration: Integration,
    access: MailboxAccess,
    *,
    outbound: Outbound,
    policy: AddressPolicy,
    now: Callable[[], datetime],
) -> Mailbox:
    """Return the mailbox; nothing is called yet. Raises Misconfigured."""
    del integration, access, outbound, policy, now
    raise Misconfigured("not built yet")
