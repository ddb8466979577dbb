"""Equipment mailboxes over Microsoft Graph: requests, and client credentials over Authlib (scheduling.md 10.6)."""

from __future__ import annotations

from urllib.parse import urlsplit

from addin_host.domain.addresses import AddressPolicy, parse_url
from addin_host.domain.errors import Misconfigured
from addin_host.domain.integration import Integration
from addin_host.domain.mailbox import Mailbox, MailboxAccess
from addin_host.gateways.graph.client import GraphClient
from addin_host.gateways.graph.gate import Gates
from addin_host.gateways.graph.mailbox import GraphMailbox
from addin_host.gateways.graph.tokens import Application, Shelf, Tokens, session_for
from addin_host.gateways.http import Outbound, route_for
from addin_host.gateways.kept import Budget, KeptAdapter

MAX_BYTES = 32 * 1024 * 1024


class GraphMailboxes:
    """Opens mailboxes. Tokens and the allowance of each mailbox are shared by all that one instance opens."""

    def __init__(self, outbound: Outbound, *, policy: AddressPolicy, max_bytes: int = MAX_BYTES) -> None:
        self._outbound, self._policy, self._max_bytes = outbound, policy, max_bytes
        self._shelf, self._gates = Shelf(), Gates()

    def open(self, integration: Integration, access: MailboxAccess) -> Mailbox:
        """Return the mailbox; nothing is called yet. Raises Misconfigured."""
        application = _application(integration, access)
        endpoint, address = str(integration["graph_endpoint"]), _address(integration)
        route = route_for(integration, web_proxy=access.web_proxy, policy=self._policy)
        parse_url(endpoint, route.policy)
        parse_url(application.token_endpoint, route.policy)
        budget = Budget(self._outbound.deadline_seconds)
        adapter = KeptAdapter(self._outbound, route, self._max_bytes, budget)
        session = self._outbound.mount(session_for(application), route, adapter=adapter)
        gate = self._gates.of(f"{endpoint} {address}")
        tokens = Tokens(session, application, self._shelf)
        return GraphMailbox(GraphClient(session, endpoint, tokens, gate, budget), address)


def _application(integration: Integration, access: MailboxAccess) -> Application:
    """Return who signs in. The scope is everything that was granted at the endpoint's origin, also in other clouds."""
    if integration["authentication_method"] != "APP_PERM":
        raise Misconfigured("Microsoft Graph needs the authentication method with app permissions. Choose it.")
    client_id, secret = str(integration["oauth_client_id"] or ""), access.secrets.get("oauth_client_secret", "")
    token_endpoint = str(integration["oauth_token_endpoint"] or "")
    if not (client_id and secret and token_endpoint and integration["graph_endpoint"]):
        raise Misconfigured("Enter Graph endpoint, OAuth token endpoint, client ID and client secret.")
    parts = urlsplit(str(integration["graph_endpoint"]))
    return Application(client_id, secret, token_endpoint, f"{parts.scheme}://{parts.netloc}/.default")


def _address(integration: Integration) -> str:
    address = str(integration["room_mailbox_email_address"] or "").strip().lower()
    if not address:
        raise Misconfigured("Enter the email address of the equipment mailbox.")
    return address
