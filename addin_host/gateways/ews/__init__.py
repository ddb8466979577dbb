"""Equipment mailboxes over EWS."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

import requests

from addin_host.domain.addresses import AddressPolicy, parse_url
from addin_host.domain.errors import Misconfigured
from addin_host.domain.integration import Integration
from addin_host.domain.mailbox import Mailbox, MailboxAccess
from addin_host.gateways.ews.mailbox import EwsMailbox
from addin_host.gateways.ews.protocol import Connection
from addin_host.gateways.ews.sessions import sign_in
from addin_host.gateways.ews.tokens import Application, AppTokens
from addin_host.gateways.ews.wire import MAX_BYTES
from addin_host.gateways.http import MAX_BYTES as TOKEN_BYTES
from addin_host.gateways.http import Outbound, route_for
from addin_host.gateways.kept import Budget, KeptAdapter


def open_ews(
    integration: Integration,
    access: MailboxAccess,
    *,
    outbound: Outbound,
    policy: AddressPolicy,
    now: Callable[[], datetime],
) -> Mailbox:
    """Return the mailbox; nothing is called yet. Raises Misconfigured.

    The service account opens the mailbox with its own rights; an application impersonates it.
    """
    url, mailbox = str(integration["url"] or ""), str(integration["room_mailbox_email_address"] or "")
    if not (url and mailbox):
        raise Misconfigured("The EWS URL or the mailbox email address is missing. Enter both in the integration.")
    route, budget = route_for(integration, web_proxy=access.web_proxy, policy=policy), Budget(outbound.deadline_seconds)
    parse_url(url, route.policy)

    def mount(session: requests.Session, *, max_bytes: int = TOKEN_BYTES) -> requests.Session:
        return outbound.mount(session, route, adapter=KeptAdapter(outbound, route, max_bytes, budget))

    signed = sign_in(integration, access, AppTokens(_application(integration, access), mount))

    def make() -> requests.Session:
        session = mount(requests.Session(), max_bytes=MAX_BYTES)
        session.auth = signed
        return session

    acting_as = mailbox if integration["authentication_method"] == "APP_PERM" else ""
    return EwsMailbox(Connection(url, mailbox, make, budget, acting_as), now)


def _application(integration: Integration, access: MailboxAccess) -> Application:
    return Application(
        endpoint=str(integration["oauth_token_endpoint"] or ""),
        client_id=str(integration["oauth_client_id"] or ""),
        client_secret=access.secrets.get("oauth_client_secret", ""),
        scope=f"https://{urlsplit(str(integration['url'])).hostname}/.default",
    )
