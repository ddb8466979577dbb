"""Administrators' OpenID Connect against a provider on this machine that signs real tokens, well or badly."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from addin_host.domain.addresses import AddressPolicy, Peer
from addin_host.domain.errors import HostError, Misconfigured, Refused, Upstream
from addin_host.domain.ports import AdminPerson, AdminProvider, PendingSignIn
from addin_host.gateways.http import Outbound
from addin_host.gateways.identity import AuthlibAdminIdentity
from tests.gateways.peers.names import Names
from tests.gateways.peers.provider import CA, CLIENT, FOREIGN, HOST, OWN, SECRET, TENANT, ProviderPeer, b64, times

PENDING = PendingSignIn("s" * 43, "n" * 43, "v" * 43, "https://admin.example.com/admin/signin/callback")


class Desk:
    """The administrators' provider and the gateway under test."""

    def __init__(self, peer: ProviderPeer) -> None:
        self.peer = peer
        base = f"{peer.origin}/{TENANT}"
        self.peer.bend_discovery = {
            "authorization_endpoint": f"{base}/authorize",
            "token_endpoint": f"{base}/token",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
        }
        self.peer.bend_id = {"roles": ["admins"], "preferred_username": "ada", "email": "ada@example.com"}
        self.provider = AdminProvider(peer.issuer, CLIENT, "openid profile", "roles", ca_bundle=CA.pem)
        policy = AddressPolicy(exceptions=frozenset({Peer("https", HOST, peer.port)}))
        outbound = Outbound(Names({HOST: ("127.0.0.1",)}), deadline_seconds=2)
        self.gateway = AuthlibAdminIdentity(outbound, policy=policy, now=lambda: datetime.now(UTC))

    def url(self, *, again: bool = False) -> str:
        return self.gateway.authorization_url(self.provider, PENDING, again=again)

    def sign_in(
        self, *, pending: PendingSignIn = PENDING, issuer: str | None = None, again: bool = False, code: str = ""
    ) -> AdminPerson:
        code = code or self.peer.grant(self.url())
        return self.gateway.redeem(self.provider, pending, code=code, issuer=issuer, client_secret=SECRET, again=again)


@pytest.fixture
def desk() -> Iterator[Desk]:
    with ProviderPeer("AZURE") as peer:
        yield Desk(peer)


def test_the_way_that_succeeds(desk: Desk) -> None:
    asked = parse_qs(urlsplit(desk.url()).query)
    assert (asked["code_challenge_method"], asked["state"], asked["nonce"]) == (["S256"], ["s" * 43], ["n" * 43])
    assert asked["redirect_uri"] == [PENDING.redirect_uri]
    assert "prompt" not in asked
    person = desk.sign_in(issuer=desk.peer.issuer)
    assert person == AdminPerson(desk.peer.issuer, "pairwise", "ada", "Ada Lovelace", "ada@example.com", ("admins",))


def test_a_confirmation_asks_for_a_new_sign_in_and_checks_that_it_was_one(desk: Desk) -> None:
    asked = parse_qs(urlsplit(desk.url(again=True)).query)
    assert (asked["prompt"], asked["max_age"]) == (["login"], ["0"])
    for at in (None, int(time.time()) - 600, int(time.time()) + 600, str(int(time.time())), True):
        desk.peer.bend_id["auth_time"] = at
        with pytest.raises(Refused):
            desk.sign_in(again=True)
    desk.peer.bend_id["auth_time"] = int(time.time()) - 5
    assert desk.sign_in(again=True).login == "ada"


@pytest.mark.parametrize(
    ("claims", "name", "roles"),
    [
        ({"roles": "admins"}, "roles", ("admins",)),
        ({"roles": ["a", 7, None, "b"]}, "roles", ("a", "b")),
        ({"roles": None}, "roles", ()),
        ({"roles": {"a": 1}}, "roles", ()),
        ({"realm_access": {"roles": ["x"]}}, "realm_access.roles", ("x",)),
        ({"https://a.example/roles": ["x"]}, "https://a.example/roles", ("x",)),
        ({"roles": [str(number) for number in range(600)]}, "roles", tuple(str(number) for number in range(500))),
    ],
)
def test_roles_in_many_shapes(desk: Desk, claims: dict[str, Any], name: str, roles: tuple[str, ...]) -> None:
    desk.peer.bend_id |= claims
    desk.provider = replace(desk.provider, role_claim=name)
    assert desk.sign_in().roles == roles


def test_a_person_without_a_name_is_the_subject(desk: Desk) -> None:
    desk.peer.bend_id |= {"preferred_username": None, "email": None, "name": None}
    person = desk.sign_in()
    assert (person.login, person.name, person.email) == ("pairwise", "pairwise", "")


HOSTILE: list[tuple[str, dict[str, Any]]] = [
    ("other audience", {"aud": "another"}),
    ("audience list", {"aud": [CLIENT]}),
    ("other issuer", {"iss": "https://evil.example"}),
    ("issuer missing", {"iss": None}),
    ("other nonce", {"nonce": "x"}),
    ("nonce missing", {"nonce": None}),
    ("expired", times(-90000)),
    ("from the future", times(90000)),
    ("exp as text", {"exp": "9999999999"}),
    ("no exp", {"exp": None}),
    ("no iat", {"iat": None}),
    ("other azp", {"azp": "another"}),
    ("no subject", {"sub": None}),
    ("empty subject", {"sub": " "}),
    ("numeric subject", {"sub": 7}),
    ("long subject", {"sub": "x" * 300}),
    ("control character", {"sub": "a\nb"}),
]


@pytest.mark.parametrize("claims", [claims for _name, claims in HOSTILE], ids=[name for name, _claims in HOSTILE])
def test_claims_that_do_not_hold(desk: Desk, claims: dict[str, Any]) -> None:
    desk.peer.bend_id |= claims
    with pytest.raises(Refused, match="could not be verified"):
        desk.sign_in()


FORGED = {
    "no signature": lambda claims: f"{b64({'alg': 'none', 'typ': 'JWT'})}.{b64(claims)}.",
    "stripped signature": lambda claims: f"{b64({'alg': 'RS256', 'typ': 'JWT', 'kid': OWN.kid})}.{b64(claims)}.",
    "another key": lambda claims: FOREIGN.token({"alg": "RS256", "typ": "JWT", "kid": OWN.kid}, claims),
    "unknown key": lambda claims: FOREIGN.token({"alg": "RS256", "typ": "JWT", "kid": "nobody"}, claims),
    "key in the token": lambda claims: FOREIGN.token(
        {"alg": "RS256", "typ": "JWT", "kid": OWN.kid, "jwk": FOREIGN.jwk}, claims
    ),
    "key elsewhere": lambda claims: FOREIGN.token(
        {"alg": "RS256", "typ": "JWT", "kid": OWN.kid, "jku": "https://evil.example/keys"}, claims
    ),
    "no key named": lambda claims: OWN.token({"alg": "RS256", "typ": "JWT"}, claims),
    "access token": lambda claims: OWN.token({"alg": "RS256", "typ": "at+jwt", "kid": OWN.kid}, claims),
    "not a token": lambda _claims: "nothing",
    "not an object": lambda _claims: OWN.token({"alg": "RS256", "typ": "JWT", "kid": OWN.kid}, b"[1]"),
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED.keys())
def test_forged_tokens(desk: Desk, forge: Any) -> None:
    desk.peer.forge_id = forge
    with pytest.raises(Refused, match="could not be verified"):
        desk.sign_in()


def test_mixed_up_answers(desk: Desk) -> None:
    with pytest.raises(Refused):
        desk.sign_in(issuer="https://evil.example")
    assert desk.peer.count("/token") == 0
    for pending in (replace(PENDING, nonce="x" * 43), replace(PENDING, verifier="w" * 43)):
        with pytest.raises(Refused):
            desk.sign_in(pending=pending)
    for code in ("unknown", "x" * 9000):
        with pytest.raises(Refused):
            desk.sign_in(code=code)
    with pytest.raises(Refused):
        desk.sign_in(pending=replace(PENDING, verifier=""))


def test_a_token_answer_without_an_id_token(desk: Desk) -> None:
    desk.peer.omit = frozenset({"id_token"})
    with pytest.raises(Refused):
        desk.sign_in()


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"issuer": "https://evil.example"}, Misconfigured),
        ({"token_endpoint": "https://evil.example/token"}, Misconfigured),
        ({"token_endpoint": "http://169.254.169.254/token"}, Misconfigured),
        ({"token_endpoint": None}, Misconfigured),
        ({"authorization_endpoint": "http://evil.example/"}, Misconfigured),
        ({"authorization_endpoint": "javascript:alert(1)"}, Misconfigured),
        ({"jwks_uri": "https://evil.example/keys"}, Misconfigured),
        ({"jwks_uri": None}, Upstream),
    ],
)
def test_descriptions_that_lead_elsewhere(desk: Desk, changes: dict[str, Any], error: type[HostError]) -> None:
    desk.peer.bend_discovery |= changes
    with pytest.raises(error):
        desk.url()


def test_the_issuer_is_compared_to_the_letter(desk: Desk) -> None:
    desk.provider = replace(desk.provider, issuer=desk.provider.issuer + "/")
    with pytest.raises(Misconfigured, match="another issuer"):
        desk.url()


def test_addresses_inside_are_refused_unless_allowed() -> None:
    outbound = Outbound(Names({"idp.inside.example": ("10.0.0.7",)}), deadline_seconds=1)
    gateway = AuthlibAdminIdentity(outbound, policy=AddressPolicy(), now=lambda: datetime.now(UTC))
    provider = AdminProvider("https://idp.inside.example", CLIENT, "openid", "roles")
    with pytest.raises(Misconfigured):
        gateway.authorization_url(provider, PENDING, again=False)


def test_secrets_go_in_the_header_where_the_provider_takes_them_there(desk: Desk) -> None:
    desk.peer.bend_discovery["token_endpoint_auth_methods_supported"] = ["client_secret_basic", "client_secret_post"]
    with pytest.raises(Misconfigured):  # the peer reads the form alone
        desk.sign_in()
    sent = next(request for request in desk.peer.requests if request.path.endswith("/token"))
    assert "client_secret" not in sent.form
