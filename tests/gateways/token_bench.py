"""One integration that accepts every kind of identity token, the servers behind it, and the gateway under test."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from addin_host.domain.addresses import AddressPolicy, Peer
from addin_host.domain.errors import Reason, Refused
from addin_host.domain.fields import defaults
from addin_host.domain.integration import Integration
from addin_host.domain.ports import Person
from addin_host.gateways.http import Outbound
from addin_host.gateways.identity import AuthlibIdentity
from tests.gateways.peers.exchange import MAIL, ExchangePeer, exchange_claims
from tests.gateways.peers.names import Names, entries
from tests.gateways.peers.provider import CA, HOST, OID, OWN, TENANT, Claims, ProviderPeer, bent

APPLICATION = "c0000000-1111-4222-8333-444444444444"
API = "a0000000-1111-4222-8333-444444444444"
OUTLOOK_ON_THE_WEB = "bc59ab01-8403-45c6-8796-ac3ef710b3e3"
EVERY_KIND = ["EXCHANGE_USER_ID_TOKEN", "SSO_TOKEN", "NAA_TOKEN"]


class Resolver(Names):
    """Knows the two servers; Exchange is asked at port 443 and answers at its own."""

    def __init__(self, exchange: ExchangePeer) -> None:
        super().__init__({HOST: ("127.0.0.1",)})
        self.exchange = exchange

    def __call__(self, host: str, port: int, *rest: Any) -> Any:
        if host != MAIL or port != 443:
            return super().__call__(host, port, *rest)
        self.asked.append(host)
        return entries(self.exchange.port, "127.0.0.1")


@dataclass
class Bench:
    """`shift` moves the gateway's clock."""

    exchange: ExchangePeer
    entra: ProviderPeer
    integration: Integration
    deadline: float = 2.0
    shift: timedelta = timedelta()
    names: Resolver = field(init=False)
    gateway: AuthlibIdentity = field(init=False)

    def __post_init__(self) -> None:
        self.names = Resolver(self.exchange)
        peers = {Peer("https", MAIL, 443), Peer("https", HOST, self.entra.port)}
        outbound = Outbound(self.names, deadline_seconds=self.deadline)
        policy = AddressPolicy(exceptions=frozenset(peers))
        self.gateway = AuthlibIdentity(outbound, web_proxy=lambda: "", policy=policy, now=self.now)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.shift

    def forward(self, **amount: float) -> None:
        self.shift += timedelta(**amount)

    def saved(self, **values: object) -> Bench:
        """Save the integration with other values: its version rises."""
        before = self.integration
        self.integration = replace(before, version=before.version + 1, values={**before.values, **values})
        return self

    def person(self, token: str) -> Person:
        return self.gateway.person_of(self.integration, token)

    def refused(self, token: str) -> None:
        with pytest.raises(Refused) as caught:
            self.person(token)
        assert caught.value.reason is Reason.UNAUTHENTICATED
        assert "not accepted" in caught.value.message

    @property
    def servers(self) -> set[Any]:
        """Where connections may go."""
        return {("127.0.0.1", self.exchange.port), ("127.0.0.1", self.entra.port)}

    def claims(self, kind: str, **changes: Any) -> Claims:
        """Return the claims of a good token of a kind."""
        if kind == "EXCHANGE":
            return exchange_claims(self.integration.pane_url, **changes)
        now = int(time.time())
        claims = {
            "iss": f"{self.entra.origin}/{TENANT}/v2.0", "ver": "2.0", "tid": TENANT, "oid": OID, "scp": "access email",
            "aud": API if kind == "NAA" else APPLICATION, "azp": APPLICATION if kind == "NAA" else OUTLOOK_ON_THE_WEB,
            "preferred_username": "Ada@Example.com", "name": "Ada Lovelace", "iat": now, "nbf": now, "exp": now + 4000,
            "sub": "pairwise",
        }  # fmt: skip
        return bent(claims, changes)

    def token(self, kind: str, **changes: Any) -> str:
        """Return a token of a kind with its claims changed, signed with the key that is published."""
        return OWN.token({"typ": "JWT", "alg": "RS256", "kid": OWN.kid, "x5t": OWN.x5t}, self.claims(kind, **changes))


@contextmanager
def servers() -> Iterator[tuple[ExchangePeer, ProviderPeer]]:
    with ExchangePeer() as exchange, ProviderPeer("AZURE") as entra:
        yield exchange, entra  # type: ignore[misc]


def bench_at(exchange: ExchangePeer, entra: ProviderPeer, **options: Any) -> Bench:
    """Return a bench whose gateway remembers nothing yet."""
    exchange.reset()
    entra.requests.clear()
    entra.bend_discovery, entra.published, entra.tenant = {}, [OWN.jwk], TENANT
    values = {
        **defaults(), "uuid": "10000000-2222-4333-8444-555555555555", "addin_server_domain": "addin.example",
        "addin_authentication_method": EVERY_KIND[0], "accepted_identity_kinds": EVERY_KIND,
        "domains": [MAIL], "ca_bundle": CA.pem, "addin_application_id": APPLICATION,
        "addin_naa_web_api_application_id": API, "api_scope": "access",
        "addin_oidc_metadata_url": f"{entra.origin}/{TENANT}/v2.0/.well-known/openid-configuration",
    }  # fmt: skip
    return Bench(exchange, entra, Integration(1, 1, values, "https://addin.example"), **options)
