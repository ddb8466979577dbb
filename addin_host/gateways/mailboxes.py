"""Which adapter an integration's mailbox is read through.

The adapters are loaded when the first mailbox is opened: exchangelib is large, and web processes hardly need it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cached_property

from addin_host.domain.addresses import AddressPolicy
from addin_host.domain.integration import Integration
from addin_host.domain.mailbox import Mailbox, MailboxAccess, Mailboxes
from addin_host.gateways.http import Outbound


class ProtocolMailboxes:
    """Opens mailboxes over Microsoft Graph or EWS."""

    def __init__(self, outbound: Outbound, *, policy: AddressPolicy, now: Callable[[], datetime]) -> None:
        self._outbound, self._policy, self._now = outbound, policy, now

    def open(self, integration: Integration, access: MailboxAccess) -> Mailbox:
        """Return the mailbox; nothing is called yet. Raises Misconfigured."""
        if integration["mailbox_protocol"] == "GRAPH":
            return self._graph.open(integration, access)
        from addin_host.gateways.ews import open_ews  # noqa: PLC0415 - see above

        return open_ews(integration, access, outbound=self._outbound, policy=self._policy, now=self._now)

    @cached_property
    def _graph(self) -> Mailboxes:
        """Keep what all mailboxes of this process share: tokens, and how much each may be asked."""
        from addin_host.gateways.graph import GraphMailboxes  # noqa: PLC0415

        return GraphMailboxes(self._outbound, policy=self._policy)
