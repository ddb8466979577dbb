"""Identity tokens that Outlook gives to the pane: which kind one is, and whom it names (design/outlook.md 4.6).

Nothing in a token chooses the algorithm or where its key is. What has been proven is remembered for a minute, so that
a token which a pane shows again and again is verified once.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import sha256
from threading import Lock
from typing import Any

from addin_host.domain.identity_kinds import IdentityKind, accepted_kinds
from addin_host.domain.integration import Integration
from addin_host.domain.ports import Person
from addin_host.gateways.http import Outbound, Route
from addin_host.gateways.identity import access_tokens, exchange
from addin_host.gateways.identity.authority import Authorities
from addin_host.gateways.identity.provider import Named, TokenReader
from addin_host.gateways.identity.tokens import TokenFault, unproven_claims

REMEMBERED_SECONDS = 60
MAX_REMEMBERED = 10_000

_Key = tuple[int, int, bytes]


class PaneTokens:
    """Verifies the tokens of all integrations; `authorities` are those that sign people in as well."""

    def __init__(self, outbound: Outbound, authorities: Authorities, now: Callable[[], datetime]) -> None:
        self._authorities, self._now = authorities, now
        self._exchanges = Authorities(outbound, now, exchange.read_metadata)
        self._remembered: OrderedDict[_Key, tuple[Person, float]] = OrderedDict()
        self._lock = Lock()

    def person(self, integration: Integration, route: Route, token: str) -> Person:
        """Return whom the token names. Raises TokenFault, Upstream or Misconfigured."""
        claims, now = unproven_claims(token), self._now().timestamp()
        key = (integration.id, integration.version, sha256(token.encode("ascii")).digest())
        with self._lock:
            person, until = self._remembered.get(key, (None, 0.0))
        if person is not None and now < until:
            return person
        return self._remember(key, self._named(integration, route, token, claims), now)

    def _named(self, integration: Integration, route: Route, token: str, unproven: Mapping[str, Any]) -> Named:
        if "appctx" in unproven:
            if IdentityKind.EXCHANGE not in accepted_kinds(integration):
                raise TokenFault("Exchange tokens are not accepted")
            now = self._now().timestamp()
            return exchange.named_by(token, unproven, integration, route, self._exchanges, now=now)
        api = next((api for api in access_tokens.apis_of(integration) if api.may_be_meant(unproven)), None)
        if api is None:
            raise TokenFault("for another audience or client, or of a kind that is not accepted")
        tenancy = access_tokens.tenancy_of(integration, route.policy)
        reader = TokenReader(self._authorities, tenancy.source, route, self._now)
        return access_tokens.named_by(token, api, integration, tenancy, reader)

    def _remember(self, key: _Key, named: Named, now: float) -> Person:
        with self._lock:
            self._remembered[key] = named.person, min(now + REMEMBERED_SECONDS, named.expires)
            while len(self._remembered) > MAX_REMEMBERED:
                self._remembered.popitem(last=False)
        return named.person
