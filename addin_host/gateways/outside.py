"""What the flows are given of the outside world, put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from addin_host.domain.addresses import AddressPolicy
from addin_host.domain.errors import Misconfigured
from addin_host.domain.integration import Integration
from addin_host.domain.mailbox import Mailboxes
from addin_host.domain.ports import Hook, Letter, MailServer, Outside, PendingSignIn, ServiceAccess, ServiceClient
from addin_host.domain.rooms import Platform, PlatformAddress
from addin_host.gateways.http import Outbound
from addin_host.gateways.mail import SmtpMail
from addin_host.gateways.mailboxes import ProtocolMailboxes
from addin_host.gateways.management import ManagementPlatforms
from addin_host.gateways.memory_mailbox import MemoryExchange
from addin_host.gateways.probes import OutboundProbes, SilentProbes
from addin_host.gateways.service_account import AuthlibServiceAccounts
from addin_host.gateways.webhook import OutboundWebhook


def real_outside(policy: AddressPolicy, now: Callable[[], datetime]) -> Outside:
    """Return the outside world of production."""
    outbound = Outbound()
    return Outside(
        probes=OutboundProbes(outbound, policy=policy, now=now),
        mail=SmtpMail(),
        webhook=OutboundWebhook(outbound, policy=policy),
        mailboxes=ProtocolMailboxes(Outbound(connect_seconds=5, deadline_seconds=30), policy=policy, now=now),
        platforms=ManagementPlatforms(Outbound(connect_seconds=5, deadline_seconds=30), policy=policy),
        service_accounts=AuthlibServiceAccounts(Outbound(connect_seconds=5, deadline_seconds=30), policy=policy),
    )


def no_outside(mailboxes: Mailboxes | None = None) -> Outside:
    """Return the outside world of the demo, where nobody is called and mailboxes are in memory."""
    exchange = mailboxes or MemoryExchange(lambda: datetime.now(UTC))
    return Outside(SilentProbes(), _NoMail(), _NoWebhook(), exchange, _NoPlatforms(), _NoServiceAccounts())


_SILENT = "The demo sends no messages."
_NO_SIGN_IN = "The demo's mailboxes need no sign-in."


class _NoServiceAccounts:
    def authorization_url(self, integration: Integration, pending: PendingSignIn) -> str:
        """Refuse."""
        del integration, pending
        raise Misconfigured(_NO_SIGN_IN)

    def redeem(
        self, integration: Integration, pending: PendingSignIn, client: ServiceClient, *, code: str, issuer: str | None
    ) -> ServiceAccess:
        """Refuse."""
        del integration, pending, client, code, issuer
        raise Misconfigured(_NO_SIGN_IN)

    def refresh(self, integration: Integration, client: ServiceClient, *, refresh_token: str) -> ServiceAccess:
        """Refuse."""
        del integration, client, refresh_token
        raise Misconfigured(_NO_SIGN_IN)


class _NoPlatforms:
    def open(self, address: PlatformAddress) -> Platform:
        """Refuse."""
        del address
        raise Misconfigured("The demo calls no conference platform.")


class _NoMail:
    def send(self, server: MailServer, letter: Letter) -> None:
        """Refuse."""
        del server, letter
        raise Misconfigured(_SILENT)


class _NoWebhook:
    def post(self, hook: Hook, body: Mapping[str, Any]) -> None:
        """Refuse."""
        del hook, body
        raise Misconfigured(_SILENT)
