"""Which adapter an integration's mailbox is read through.

The adapters are loaded when the first mailbox is opened: exchangelib is large, and web processes hardly need it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from addin_host.domain.addresses import AddressPolicy
from addin_host.domain.integration import Integration
from addin_host.domain.mailbox import Mailbox, MailboxAccess
from addin_host.gateways.http import Outbound


class ProtocolMailboxes:
    """Opens mailboxes over Microsoft Graph or EWS."""

    def __init__(self, outbound: Outbound, *, policy: AddressPolicy, now: Callable[[], datetime]) -> None:
        self._outbound, self._policy, self._now = outbound, policy, now

    def open(self, integration: Integration, access: MailboxAccess) -> Mailbox:
        """Return the mailbox; nothing is called yet. Raises Misconfigured."""
        if integration["mailbox_protocol"] == "GRAPH":
            from addin_host.gateways.graph import open_graph  # noqa: PLC0415 - see above

            return open_graph(integration, access, outbound=self._outbound, policy=self._policy, now=self._now)
        from addin_host.gateways.ews import open_ews  # noqa: PLC0415

        return open_ews(integration, access, outbound=self._outbound, policy=self._policy, now=self._now)
