"""Sign-in at Entra and AD FS against a provider on this machine that signs real tokens, well or badly."""
# ruff: noqa: E501, ARG005 - tables of forgeries

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from addin_host.domain.addresses import AddressPolicy, Peer
from addin_host.domain.errors import HostError, Misconfigured, Reason, Refused, Upstream
from addin_host.domain.fields import defaults
from addin_host.domain.integration import Integration
from addin_host.domain.ports import PendingSignIn, Person
from addin_host.gateways.http import Outbound, Redirected
from addin_host.gateways.identity import AuthlibIdentity
from tests.gateways.peers.names import Names, watched_connects
from tests.gateways.peers.provider import (
    CLIENT,
    FOREIGN,
    HOST,
    NEXT,
    OID,
    OWN,
    RESOURCE,
    SECRET,
    TENANT,
    Claims,
    ProviderPeer,
    SigningPair,
    b64,
    federation_metadata,
    times,
)  # fmt: skip

OTHER_TENANT = "99999999-2222-3333-4444-555555555555"
PERSONAL = "9188040d-6c67-4c5b-b112-36a304b66dad"
PENDING = PendingSignIn(
    state="s" * 43, nonce="n" * 43, verifier="v" * 43, redirect_uri="https://addin.example/api/client/v2/msexchange_schedulers/1/signin/callback"
)  # fmt: skip


class Desk:
    """One integration, its provider, and the gateway under test; its clock can be moved."""

    def __init__(self, provider: ProviderPeer, **values: object) -> None:
        self.provider, self.shift = provider, timedelta()
        self.integration = Integration(1, 1, {**defaults(), **provider.fields, **values}, "https://addin.example")
        self.policy = AddressPolicy(exceptions=frozenset({Peer("https", HOST, provider.port)}))
        self.names = Names({HOST: ("127.0.0.1",)})
        outbound = Outbound(self.names, deadline_seconds=2)
        self.gateway = AuthlibIdentity(outbound, web_proxy=lambda: "", policy=self.policy, now=self.now)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.shift

    def with_values(self, **values: object) -> Desk:
        self.integration = replace(self.integration, values={**self.integration.values, **values})
        return self

    def url(self, pending: PendingSignIn = PENDING) -> str:
        return self.gateway.authorization_url(self.integration, pending)

    def sign_in(self, *, pending: PendingSignIn = PENDING, issuer: str | None = None, secret: str = SECRET) -> Person:
        code = self.provider.grant(self.url())
        return self.gateway.redeem(self.integration, pending, code=code, issuer=issuer, client_secret=secret)

    def refused(self, **arguments: object) -> Refused:
        with pytest.raises(Refused) as caught:
            self.sign_in(**arguments)  # type: ignore[arg-type]
        assert caught.value.message.startswith("Sign-in did not succeed: ")
        return caught.value


@pytest.fixture
def entra() -> Iterator[Desk]:
    with ProviderPeer("AZURE") as provider:
        yield Desk(provider)


@pytest.fixture
def adfs() -> Iterator[Desk]:
    with ProviderPeer("ADFS") as provider:
        yield Desk(provider)


@pytest.fixture
def old_adfs() -> Iterator[Desk]:
    with ProviderPeer("ADFS2012") as provider:
        yield Desk(provider)


@pytest.fixture(params=["AZURE", "ADFS", "ADFS2012"])
def any_desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    with ProviderPeer(request.param) as provider:
        yield Desk(provider)


# The way that succeeds ------------------------------------------------------------------------------------------------


def test_the_browser_is_sent_to_entra_with_pkce_state_and_nonce(entra: Desk) -> None:
    with watched_connects() as connects:
        parts = urlsplit(entra.url())
    assert connects == []
    assert parts._replace(query="").geturl() == entra.integration["personal_vmr_oauth_auth_endpoint"]
    challenge = b64(hashlib.sha256(PENDING.verifier.encode()).digest())
    assert parse_qs(parts.query) == {
        "response_type": ["code"], "client_id": [CLIENT], "redirect_uri": [PENDING.redirect_uri], "scope": ["openid profile email"],
        "state": [PENDING.state], "nonce": [PENDING.nonce], "response_mode": ["query"], "code_challenge": [challenge],
        "code_challenge_method": ["S256"],
    }  # fmt: skip


def test_the_browser_is_sent_to_adfs_with_the_resource(adfs: Desk) -> None:
    asked = parse_qs(urlsplit(adfs.url()).query)
    assert asked["resource"] == [RESOURCE]
    assert asked["scope"] == ["openid"]
    assert asked["code_challenge_method"] == ["S256"]
    assert "client_secret" not in asked


def test_entra_names_the_person(entra: Desk) -> None:
    issuer = f"{entra.provider.origin}/{TENANT}/v2.0"
    assert entra.sign_in(issuer=issuer) == Person("AZURE", issuer, f"{TENANT}.{OID}", "ada@example.com", "Ada Lovelace")
    assert entra.provider.requests[-1].form["client_secret"] == SECRET


def test_adfs_names_the_person_by_both_tokens(adfs: Desk) -> None:
    person = adfs.sign_in(issuer=adfs.provider.issuer, secret="")
    assert person == Person("ADFS", adfs.provider.issuer, "adfs-sub-1", "ada@example.com", "Ada Lovelace")
    assert adfs.provider.requests[-1].form["resource"] == RESOURCE
    assert "client_secret" not in adfs.provider.requests[-1].form


def test_adfs_2012_r2_names_the_person_by_the_access_token(old_adfs: Desk) -> None:
    person = old_adfs.sign_in(secret="")
    assert person == Person("ADFS", old_adfs.provider.trust, "ada@example.com", "ada@example.com", "ada@example.com")


def test_adfs_may_name_the_resource_with_its_prefix(adfs: Desk) -> None:
    adfs.provider.bend_access = {"aud": f"microsoft:identityserver:{RESOURCE}"}
    assert adfs.sign_in().subject == "adfs-sub-1"


def test_keys_are_fetched_once_for_many_sign_ins(any_desk: Desk) -> None:
    for _ in range(3):
        any_desk.sign_in()
    part = "FederationMetadata" if any_desk.provider.kind == "ADFS2012" else "keys"
    assert any_desk.provider.count(part) == 1


@pytest.mark.parametrize("tenant", ["common", "organizations"])
def test_a_shared_authority_admits_the_allowed_tenants(tenant: str) -> None:
    with ProviderPeer("AZURE", tenant) as provider:
        desk = Desk(provider, allowed_tenants=f"{OTHER_TENANT}\r\n{TENANT.upper()}\r\n")
        assert desk.sign_in().subject == f"{TENANT}.{OID}"
        desk.with_values(allowed_tenants=OTHER_TENANT)
        assert desk.refused().reason is Reason.FORBIDDEN
        desk.with_values(allowed_tenants=" ")
        with pytest.raises(Misconfigured, match="allowed tenants"):
            desk.url()


def test_a_tenant_may_be_written_as_its_domain() -> None:
    with ProviderPeer("AZURE", "contoso.example") as provider:
        assert Desk(provider).sign_in().subject == f"{TENANT}.{OID}"


@pytest.mark.parametrize("tenant", ["common", "consumers", PERSONAL])
def test_personal_accounts_enter_only_when_allowed(tenant: str) -> None:
    with ProviderPeer("AZURE", tenant) as provider:
        own = f"{provider.origin}/{PERSONAL}/v2.0"
        provider.bend_id = {"tid": PERSONAL, "iss": own}
        provider.bend_discovery = {} if tenant == "common" else {"issuer": own}
        desk = Desk(provider, allowed_tenants=TENANT)
        assert desk.refused().reason is Reason.FORBIDDEN
        assert desk.with_values(allowed_tenants=PERSONAL).sign_in().subject == f"{PERSONAL}.{OID}"


def test_the_address_claim_is_the_configured_one(entra: Desk, adfs: Desk) -> None:
    entra.provider.bend_id = {"email": "countess@example.com"}
    assert entra.with_values(user_claim="email").sign_in().email == "countess@example.com"
    adfs.provider.bend_id, adfs.provider.bend_access = {"upn": None}, {"upn": None, "email": "countess@example.com"}
    assert adfs.sign_in().email == "countess@example.com"


def test_a_missing_address_claim_is_the_administrators(entra: Desk) -> None:
    entra.with_values(user_claim="upn")
    with pytest.raises(Misconfigured, match="upn"):
        entra.sign_in()


@pytest.mark.parametrize(
    "value", ["EXAMPLE\\ada", "ada", "ada@", "@example.com", "a b@example.com", "ada@example", "ada@exam_ple.com", "a@b@example.com",
              "ada@example.com\nbcc:x@example.com", "\u212aada@example.com", "ada@ex\u00e4mple.com", "a" * 250 + "@example.com", ["ada@example.com"], 7]
)  # fmt: skip
def test_an_address_claim_that_is_no_address_is_refused(entra: Desk, value: object) -> None:
    entra.provider.bend_id = {"preferred_username": value}
    assert entra.refused().reason is Reason.FORBIDDEN


def test_a_name_that_is_not_a_text_gives_way_to_the_address(entra: Desk) -> None:
    for value, shown in (
        ([1], "ada@example.com"),
        (" Ada\n Lovelace ", "Ada Lovelace"),
        ("A" * 300, "ada@example.com"),
        ("\u202eadA", "ada@example.com"),
    ):
        entra.provider.bend_id = {"name": value}
        assert entra.sign_in().name == shown


# Forged and borrowed tokens (security.md N1-N5, C1, C2, C8) -----------------------------------------------------------


def own_key(claims: Claims, **header: object) -> str:
    return OWN.token({"typ": "JWT", "alg": "RS256", "kid": OWN.kid, "x5t": OWN.x5t, **header}, claims)


def hs256(claims: Claims) -> str:
    public = OWN.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    unsigned = f"{b64({'alg': 'HS256', 'typ': 'JWT', 'kid': OWN.kid, 'x5t': OWN.x5t})}.{b64(claims)}"
    return f"{unsigned}.{b64(hmac.digest(public, unsigned.encode(), 'sha256'))}"


def raw_header(text: str) -> object:
    names = f'"kid":"{OWN.kid}","x5t":"{OWN.x5t}"'
    return lambda claims: OWN.token(text.replace("NAMES", names).encode(), claims)


def with_claims(text: str) -> object:
    """Sign the claims with `text` written into them as it is."""
    return lambda claims: OWN.token(
        {"typ": "JWT", "alg": "RS256", "kid": OWN.kid, "x5t": OWN.x5t},
        json.dumps(claims)[:-1].encode() + f", {text}}}".encode(),
    )


def altered(claims: Claims) -> str:
    head, _, signature = own_key(claims).split(".")
    return f"{head}.{b64({**claims, 'oid': TENANT, 'upn': 'ceo@example.com'})}.{signature}"


FORGERIES = {
    **{f"alg {alg}": lambda claims, alg=alg: own_key(claims, alg=alg) for alg in ("none", "None", "NONE", "rs256", "Rs256", "RS384", "PS256", "HS256", "", " RS256", "RS256\0")},
    "alg missing": raw_header('{"typ":"JWT",NAMES}'),
    "alg null": raw_header('{"typ":"JWT","alg":null,NAMES}'),
    "alg list": raw_header('{"typ":"JWT","alg":["RS256"],NAMES}'),
    "alg twice": raw_header('{"alg":"none","typ":"JWT","alg":"RS256",NAMES}'),
    "alg twice, good first": raw_header('{"alg":"RS256","typ":"JWT","alg":"none",NAMES}'),
    "kid twice": raw_header('{"alg":"RS256","typ":"JWT","kid":"foreign","x5t":"x",NAMES}'),
    "header list": raw_header("[]"),
    "header nested": raw_header("[" * 5000),
    "header text": raw_header("alg"),
    "none, unsigned": lambda claims: f"{b64({'alg': 'none', 'typ': 'JWT', 'kid': OWN.kid, 'x5t': OWN.x5t})}.{b64(claims)}.",
    "signature stripped": lambda claims: own_key(claims).rsplit(".", 1)[0] + ".",
    "two parts": lambda claims: own_key(claims).rsplit(".", 1)[0],
    "four parts": lambda claims: own_key(claims) + ".x",
    "five parts": lambda claims: own_key(claims) + ".x.y",
    "empty": lambda claims: "",
    "not a text": lambda claims: {"token": own_key(claims)},
    "a list": lambda claims: [own_key(claims)],
    "not ASCII": lambda claims: own_key(claims) + "é",
    "white space": lambda claims: own_key(claims) + "\n",
    "huge": lambda claims: own_key({**claims, "x": "y" * 40_000}),
    "HS256 keyed with the public key": hs256,
    "content altered": altered,
    "foreign key under own name": lambda claims: FOREIGN.token({"typ": "JWT", "alg": "RS256", "kid": OWN.kid, "x5t": OWN.x5t}, claims),
    "foreign key": lambda claims: FOREIGN.token({"typ": "JWT", "alg": "RS256", "kid": FOREIGN.kid, "x5t": FOREIGN.x5t}, claims),
    **{f"kid {kid!r}"[:40]: lambda claims, kid=kid: own_key(claims, kid=kid, x5t=kid) for kid in ("", None, 7, ["own-1"], "../../dev/null", "own-1\0", "OWN-1", "' or 1=1", "x" * 300)},
    "no key named": raw_header('{"alg":"RS256","typ":"JWT"}'),
    "jku": lambda claims: own_key(claims, jku="https://evil.example/keys"),
    "jwk": lambda claims: own_key(claims, jwk=OWN.jwk),
    "x5u": lambda claims: own_key(claims, x5u="https://evil.example/cert"),
    "x5c": lambda claims: own_key(claims, x5c=[base64.b64encode(FOREIGN.der).decode()]),
    "crit": lambda claims: own_key(claims, crit=["exp"], exp=1),
    "b64": lambda claims: own_key(claims, b64=False, crit=["b64"]),
    "typ": lambda claims: own_key(claims, typ="logout+jwt"),
    "typ number": lambda claims: own_key(claims, typ=7),
    "claims list": lambda claims: OWN.token({"typ": "JWT", "alg": "RS256", "kid": OWN.kid, "x5t": OWN.x5t}, b"[]"),
    "claims twice": with_claims('"iss": "x"'),
    "expired": lambda claims: own_key({**claims, **times(-3600 - 121)}),
    "expired long ago, exp 0": lambda claims: own_key({**claims, "exp": 0}),
    "from the future": lambda claims: own_key({**claims, **times(180)}),
    "nbf in the future": lambda claims: own_key({**claims, "nbf": times(180)["nbf"]}),
    "iat in the future": lambda claims: own_key({**claims, "iat": times(180)["iat"]}),
    **{f"exp {exp!r}": lambda claims, exp=exp: own_key({**claims, "exp": exp}) for exp in (None, "9999999999", 9999999999.5, True, [9999999999], {})},
    "exp NaN": lambda claims: with_claims('"exp": NaN')({key: value for key, value in claims.items() if key != "exp"}),
    "exp infinite": lambda claims: with_claims('"exp": 1e999')({key: value for key, value in claims.items() if key != "exp"}),
    **{f"aud {aud!r}": lambda claims, aud=aud: own_key({**claims, "aud": aud}) for aud in (None, "", "other", [CLIENT], [RESOURCE], [CLIENT, RESOURCE], {CLIENT: 1}, 7, CLIENT.upper() + "x")},
    **{f"iss {iss!r}": lambda claims, iss=iss: own_key({**claims, "iss": iss}) for iss in (None, "", "https://evil.example", ["x"], 7)},
    "iss with a slash": lambda claims: own_key({**claims, "iss": claims["iss"] + "/"}),
    "iss in upper case": lambda claims: own_key({**claims, "iss": claims["iss"].upper()}),
}  # fmt: skip


CONTROLS = {
    "own key": own_key,
    "raw header": raw_header('{"typ":"JWT","alg":"RS256",NAMES}'),
    "raw claims": with_claims('"more": 1'),
    "no typ": raw_header('{"alg":"RS256",NAMES}'),
    "clock a little ahead": lambda claims: own_key({**claims, **times(100)}),
    "clock a little behind": lambda claims: own_key({**claims, **times(-3600 - 100)}),
    "no nbf": lambda claims: own_key({name: value for name, value in claims.items() if name != "nbf"}),
}


@pytest.mark.parametrize("control", CONTROLS)
def test_tokens_made_by_the_same_tools_without_a_fault_are_accepted(any_desk: Desk, control: str) -> None:
    any_desk.provider.forge_id = any_desk.provider.forge_access = CONTROLS[control]  # type: ignore[assignment]
    assert any_desk.sign_in().email == "ada@example.com"


@pytest.mark.parametrize("forgery", FORGERIES)
def test_forged_tokens_name_nobody(any_desk: Desk, forgery: str) -> None:
    provider = any_desk.provider
    if provider.kind == "AZURE":
        provider.forge_id = FORGERIES[forgery]  # type: ignore[assignment]
    else:
        provider.forge_access = FORGERIES[forgery]  # type: ignore[assignment]
    with watched_connects() as connects:
        refusal = any_desk.refused()
    assert refusal.reason is Reason.UNAUTHENTICATED
    assert set(connects) == {("127.0.0.1", provider.port)}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_id_token_of_adfs_names_nobody(adfs: Desk, forgery: str) -> None:
    adfs.provider.forge_id = FORGERIES[forgery]  # type: ignore[assignment]
    assert adfs.refused().reason is Reason.UNAUTHENTICATED


def test_the_table_of_forgeries_is_as_large_as_promised() -> None:
    assert len(FORGERIES) >= 60


ID_FAULTS: list[Claims] = [
    {"nonce": None}, {"nonce": ""}, {"nonce": "other"}, {"nonce": ["n" * 43]}, {"nonce": "é"}, {"azp": "other-client"}, {"azp": [CLIENT]}, {"iat": None},
    {"aud": RESOURCE}, {"aud": "00000003-0000-0000-c000-000000000000"},
]  # fmt: skip
ENTRA_FAULTS: list[Claims] = [
    {"tid": None}, {"tid": OTHER_TENANT}, {"tid": "not-a-guid"}, {"tid": [TENANT]}, {"tid": TENANT + "/"}, {"tid": TENANT + "\n"}, {"tid": ""}, {"tid": "{tenantid}"},
    {"oid": None}, {"oid": ""}, {"oid": 7}, {"oid": "ceo"}, {"oid": [OID]},
]  # fmt: skip


@pytest.mark.parametrize("changes", ID_FAULTS + ENTRA_FAULTS, ids=str)
def test_an_entra_id_token_with_a_wrong_claim_names_nobody(entra: Desk, changes: Claims) -> None:
    entra.provider.bend_id = changes
    assert entra.refused().reason is Reason.UNAUTHENTICATED


@pytest.mark.parametrize(
    "changes", [*ID_FAULTS, {"sub": None}, {"sub": ""}, {"sub": ["x"]}, {"sub": "x" * 300}, {"sub": "a\nb"}], ids=str
)
def test_an_adfs_id_token_with_a_wrong_claim_names_nobody(adfs: Desk, changes: Claims) -> None:
    adfs.provider.bend_id = changes
    assert adfs.refused().reason is Reason.UNAUTHENTICATED


@pytest.mark.parametrize("changes", [{"aud": CLIENT}, {"aud": "https://other.example/"}, {"aud": f"microsoft:identityserver:{CLIENT}"}, {"aud": RESOURCE.rstrip("/")},
                                     {"aud": [RESOURCE]}, {"iss": "https://idp.test/adfs"}, {"appid": "other"}, {"nonce": PENDING.nonce}], ids=str)  # fmt: skip
def test_an_adfs_access_token_for_something_else_names_nobody(adfs: Desk, old_adfs: Desk, changes: Claims) -> None:
    for desk in (adfs, old_adfs):
        desk.provider.bend_access = changes
        assert desk.refused().reason is Reason.UNAUTHENTICATED


def test_a_tenants_good_signature_does_not_admit_another_tenant(entra: Desk) -> None:
    entra.provider.bend_id = {"tid": OTHER_TENANT, "iss": f"{entra.provider.origin}/{OTHER_TENANT}/v2.0"}
    assert entra.refused().reason is Reason.FORBIDDEN


def test_a_key_that_is_published_for_one_issuer_signs_for_no_other() -> None:
    with ProviderPeer("AZURE", "common") as provider:
        provider.published = [{**OWN.jwk, "issuer": f"{provider.origin}/{PERSONAL}/v2.0"}]
        desk = Desk(provider, allowed_tenants=f"{TENANT}\n{PERSONAL}")
        assert desk.refused().reason is Reason.UNAUTHENTICATED
    with ProviderPeer("AZURE", "common") as provider:
        provider.published = [{**OWN.jwk, "issuer": f"{provider.origin}/{{tenantid}}/v2.0"}]
        assert Desk(provider, allowed_tenants=TENANT).sign_in().subject == f"{TENANT}.{OID}"


def test_tokens_in_each_others_place_name_nobody(adfs: Desk) -> None:
    provider = adfs.provider
    provider.forge_access = lambda claims: provider.pair.token(
        {"typ": "JWT", "alg": "RS256", "kid": OWN.kid}, {**id_claims(provider)}
    )
    assert adfs.refused().reason is Reason.UNAUTHENTICATED
    provider.forge_access = None
    provider.forge_id = lambda claims: provider.access_token()
    assert adfs.refused().reason is Reason.UNAUTHENTICATED


def id_claims(provider: ProviderPeer) -> Claims:
    return {
        "iss": provider.issuer,
        "aud": CLIENT,
        "nonce": PENDING.nonce,
        "sub": "x",
        "upn": "ada@example.com",
        **times(),
    }


def test_an_access_token_in_the_place_of_entras_id_token_names_nobody(entra: Desk) -> None:
    entra.provider.forge_id = lambda claims: own_key(
        {**claims, "aud": "api://addin", "scp": "access_as_user", "nonce": None}
    )
    assert entra.refused().reason is Reason.UNAUTHENTICATED
    entra.provider.forge_id = lambda claims: own_key(claims, typ="at+jwt")
    assert entra.refused().reason is Reason.UNAUTHENTICATED


def test_two_tokens_that_name_two_people_name_nobody(adfs: Desk) -> None:
    adfs.provider.bend_access = {"upn": "ceo@example.com"}
    assert adfs.refused().reason is Reason.UNAUTHENTICATED
    adfs.provider.bend_access = {"upn": "ADA@example.COM"}
    assert adfs.sign_in().subject == "adfs-sub-1"


def test_adfs_without_the_access_token_names_nobody(adfs: Desk) -> None:
    adfs.provider.omit = frozenset({"access_token"})
    assert adfs.refused().reason is Reason.UNAUTHENTICATED


def test_entra_without_the_id_token_names_nobody(entra: Desk) -> None:
    entra.provider.omit = frozenset({"id_token"})
    assert entra.refused().reason is Reason.UNAUTHENTICATED


def test_an_id_token_beside_federation_metadata_alone_names_nobody(old_adfs: Desk) -> None:
    provider = old_adfs.provider
    token = OWN.token({"typ": "JWT", "alg": "RS256", "x5t": OWN.x5t}, {**id_claims(provider), "iss": ""})
    body = {"token_type": "Bearer", "access_token": provider.access_token(), "id_token": token}
    provider.token_answer = (200, json.dumps(body).encode())
    assert old_adfs.refused().reason is Reason.UNAUTHENTICATED


# The flow (C1, C2, C4) ------------------------------------------------------------------------------------------------


def test_another_verifier_or_nonce_is_refused(any_desk: Desk) -> None:
    assert any_desk.refused(pending=replace(PENDING, verifier="w" * 43)).reason is Reason.UNAUTHENTICATED
    if any_desk.provider.kind != "ADFS2012":
        assert any_desk.refused(pending=replace(PENDING, nonce="m" * 43)).reason is Reason.UNAUTHENTICATED


def test_another_redirect_address_is_refused(any_desk: Desk) -> None:
    refusal = any_desk.refused(pending=replace(PENDING, redirect_uri="https://evil.example/"))
    assert refusal.reason is Reason.UNAUTHENTICATED


@pytest.mark.parametrize("name", ["verifier", "nonce", "state", "redirect_uri"])
def test_a_sign_in_without_its_bindings_is_refused_before_any_call(any_desk: Desk, name: str) -> None:
    pending = replace(PENDING, **{name: ""})
    with watched_connects() as connects:
        any_desk.refused(pending=pending)
        with pytest.raises(Refused):
            any_desk.url(pending)
    assert connects == []


@pytest.mark.parametrize("verifier", ["v" * 42, "v" * 129, "v" * 42 + "=", "v" * 42 + "é"])
def test_a_verifier_outside_the_standard_is_refused(entra: Desk, verifier: str) -> None:
    with pytest.raises(Refused):
        entra.url(replace(PENDING, verifier=verifier))


@pytest.mark.parametrize("issuer", ["https://evil.example", "", "https://login.microsoftonline.com/{tenantid}/v2.0"])
def test_a_foreign_issuer_in_the_response_ends_it_before_the_code_is_used(any_desk: Desk, issuer: str) -> None:
    if any_desk.provider.kind == "ADFS2012" and issuer == "":
        issuer = any_desk.provider.trust
    any_desk.refused(issuer=issuer)
    assert any_desk.provider.count("/token") == 0


def test_the_issuer_of_another_tenant_in_the_response_is_refused(entra: Desk) -> None:
    entra.refused(issuer=f"{entra.provider.origin}/{OTHER_TENANT}/v2.0")
    assert entra.provider.count("/token") == 0


@pytest.mark.parametrize("code", ["", "x" * 10_000])
def test_a_code_that_cannot_be_one_is_refused_before_any_call(entra: Desk, code: str) -> None:
    with watched_connects() as connects, pytest.raises(Refused):
        entra.gateway.redeem(entra.integration, PENDING, code=code, issuer=None, client_secret=SECRET)
    assert connects == []


def test_a_code_is_used_once(entra: Desk) -> None:
    code = entra.provider.grant(entra.url())
    for expected in (None, Refused):
        arguments = {"code": code, "issuer": None, "client_secret": SECRET}
        if expected is None:
            assert entra.gateway.redeem(entra.integration, PENDING, **arguments).path == "AZURE"
        else:
            with pytest.raises(expected):
                entra.gateway.redeem(entra.integration, PENDING, **arguments)


# The provider's own description (N5) ----------------------------------------------------------------------------------


@pytest.mark.parametrize("desk", ["entra", "adfs"])
@pytest.mark.parametrize(
    "keys", ["https://evil.example/keys", "https://127.0.0.1/keys", "https://idp.test/keys", "http://idp.test/keys", "https://169.254.169.254/",
             "https://user@idp.test/keys", "https://idp.test.evil.example/keys", "file:///etc/passwd", "", None, 7, ["https://idp.test/keys"]]
)  # fmt: skip
def test_keys_of_another_place_are_not_fetched(request: pytest.FixtureRequest, desk: str, keys: object) -> None:
    bench: Desk = request.getfixturevalue(desk)
    bench.provider.bend_discovery = {"jwks_uri": keys}
    with watched_connects() as connects, pytest.raises((Misconfigured, Upstream)):
        bench.sign_in()
    assert connects == [("127.0.0.1", bench.provider.port)]
    assert set(bench.names.asked) == {HOST}


@pytest.mark.parametrize(
    "issuer",
    [
        "https://evil.example",
        "https://login.microsoftonline.com/x/v2.0",
        None,
        7,
        "",
        f"https://idp.test/{TENANT}/v2.0",
    ],
)
def test_a_description_of_another_issuer_ends_it_before_the_code_is_used(entra: Desk, issuer: object) -> None:
    entra.provider.bend_discovery = {"issuer": issuer}
    with pytest.raises((Misconfigured, Upstream)):
        entra.sign_in()
    assert entra.provider.count("/token") == 0


@pytest.mark.parametrize("named", ["contoso.example", "{tenantid}", "common", ""])
def test_a_tenant_written_as_its_domain_must_be_described_by_its_id(named: str) -> None:
    with ProviderPeer("AZURE", "contoso.example") as provider:
        provider.bend_discovery = {"issuer": f"{provider.origin}/{named}/v2.0"}
        with pytest.raises(Misconfigured):
            Desk(provider).sign_in()
        assert provider.count("/token") == 0


def test_a_shared_authority_must_describe_itself_as_shared(entra: Desk) -> None:
    entra.provider.tenant, entra.provider.bend_discovery = (
        "common",
        {"issuer": f"{entra.provider.origin}/{TENANT}/v2.0"},
    )
    entra.with_values(**entra.provider.fields, allowed_tenants=TENANT)
    with pytest.raises(Misconfigured):
        entra.sign_in()


def test_a_farm_of_another_name_ends_it_before_the_code_is_used(adfs: Desk) -> None:
    adfs.provider.bend_discovery = {"issuer": "https://other.example/adfs"}
    with pytest.raises(Misconfigured):
        adfs.sign_in()
    assert adfs.provider.count("/token") == 0


@pytest.mark.parametrize("status", [500, 503, 400, 403])
def test_discovery_that_fails_is_upstream(any_desk: Desk, status: int) -> None:
    any_desk.provider.down = {"openid-configuration": status}
    with pytest.raises(Upstream):
        any_desk.sign_in()
    assert any_desk.provider.count("/token") == 0


def test_entra_has_no_federation_metadata_to_fall_back_on(entra: Desk) -> None:
    entra.provider.down = {"openid-configuration": 404}
    with pytest.raises(Upstream):
        entra.sign_in()
    assert entra.provider.count("FederationMetadata") == 0


WEAK = SigningPair("weak", 1024)
TWIN = {**FOREIGN.jwk, "kid": OWN.kid}


@pytest.mark.parametrize(
    "published",
    [[], None, {}, "x", [7, None, "x"], [OWN.jwk, TWIN], [{**OWN.jwk, "use": "enc"}], [{**OWN.jwk, "alg": "RS512"}], [{**OWN.jwk, "kty": "oct", "k": "c2VjcmV0"}],
     [{**OWN.jwk, "kid": None}], [{**OWN.jwk, "n": "!"}], [{**OWN.jwk, "e": "AA"}], [{**OWN.jwk, "n": 7}], [{"kty": "RSA", "kid": OWN.kid}], [{**OWN.jwk, "issuer": 7}],
     [OWN.jwk] * 2, [{**OWN.jwk, "kid": f"k{n}"} for n in range(101)]],
    ids=str,
)  # fmt: skip
def test_unusable_key_documents_prove_nothing(entra: Desk, published: object) -> None:
    entra.provider.published = published  # type: ignore[assignment]
    with pytest.raises((Refused, Upstream)):
        entra.sign_in()


def test_a_short_key_proves_nothing(entra: Desk) -> None:
    entra.provider.pair, entra.provider.published = WEAK, [WEAK.jwk, OWN.jwk]
    assert entra.refused().reason is Reason.UNAUTHENTICATED


# Keys over time -------------------------------------------------------------------------------------------------------


def test_a_new_key_costs_one_fetch(any_desk: Desk) -> None:
    any_desk.sign_in()
    any_desk.provider.pair, any_desk.provider.published = NEXT, [OWN.jwk, NEXT.jwk]
    assert any_desk.sign_in().email == "ada@example.com"
    part = "FederationMetadata" if any_desk.provider.kind == "ADFS2012" else "keys"
    assert any_desk.provider.count(part) == 2


def test_many_people_at_once_cost_one_fetch(entra: Desk) -> None:
    with ThreadPoolExecutor(8) as people:
        persons = list(people.map(lambda _: entra.sign_in(), range(16)))
    assert {person.subject for person in persons} == {f"{TENANT}.{OID}"}
    assert entra.provider.count("/keys") == 1


def test_unknown_keys_are_looked_for_once_a_minute(entra: Desk) -> None:
    entra.sign_in()
    for number in range(20):
        entra.provider.bend_header = {"kid": f"random-{number}"}
        entra.refused()
    assert entra.provider.count("/keys") == 2
    entra.shift = timedelta(seconds=61)
    entra.refused()
    assert entra.provider.count("/keys") == 3


def test_keys_outlive_a_provider_that_is_down_by_a_day_at_most(entra: Desk) -> None:
    entra.sign_in()
    entra.provider.down = {"openid-configuration": 500}
    entra.provider.bend_id = {"nbf": None, "exp": times(40 * 3600)["exp"]}
    entra.shift = timedelta(hours=23)
    assert entra.sign_in().subject == f"{TENANT}.{OID}"
    assert entra.provider.count("openid-configuration") == 2
    entra.sign_in()
    assert entra.provider.count("openid-configuration") == 2  # a failure is remembered for some seconds
    entra.shift = timedelta(hours=25)
    with pytest.raises(Upstream):
        entra.sign_in()


def test_a_key_that_was_withdrawn_is_forgotten_with_the_hour(entra: Desk) -> None:
    entra.sign_in()
    entra.provider.published = [NEXT.jwk]
    entra.shift = timedelta(minutes=61)
    entra.provider.bend_id = {"exp": times(3 * 3600)["exp"]}
    assert entra.refused().reason is Reason.UNAUTHENTICATED


def test_a_provider_that_is_down_holds_up_one_sign_in_and_comes_back(entra: Desk) -> None:
    entra.provider.down = {"openid-configuration": 500}
    for _ in range(3):
        with pytest.raises(Upstream):
            entra.sign_in()
    assert entra.provider.count("openid-configuration") == 1
    entra.provider.down, entra.shift = {}, timedelta(seconds=11)
    assert entra.sign_in().subject == f"{TENANT}.{OID}"


def test_keys_are_not_shared_between_integrations_that_trust_different_roots(entra: Desk) -> None:
    entra.sign_in()
    entra.with_values(ca_bundle=entra.integration["ca_bundle"] + "\n").sign_in()
    assert entra.provider.count("/keys") == 2
    entra.with_values(ca_bundle="")
    with pytest.raises(Upstream, match="certificate"):
        entra.sign_in()


# The token endpoint ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "family"),
    [
        (400, {"error": "invalid_grant"}, Refused), (400, {"error": "access_denied"}, Refused), (400, {"error": "interaction_required"}, Refused),
        (401, {"error": "invalid_client"}, Misconfigured), (400, {"error": "unauthorized_client"}, Misconfigured), (400, {"error": "invalid_resource"}, Misconfigured),
        (400, {"error": {"a": 1}}, Misconfigured), (400, {"error": "server_error"}, Upstream), (503, {"error": "temporarily_unavailable"}, Upstream),
        (500, {"error": "invalid_grant"}, Upstream), (200, [], Upstream), (200, "x", Upstream), (404, "x", Upstream), (429, "x", Upstream), (302, "x", Redirected),
        (200, {"access_token": "x", "expires_in": "soon"}, Upstream), (200, {"access_token": "x", "expires_in": [1]}, Upstream), (200, {}, Refused),
    ],
)  # fmt: skip
def test_answers_of_the_token_endpoint(entra: Desk, status: int, body: object, family: type[HostError]) -> None:
    entra.provider.token_answer = (status, json.dumps(body).encode())
    with pytest.raises(family) as caught:
        entra.sign_in()
    assert type(caught.value) is family


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff\xfe", b"[" * 100_000, b"{" * 10])
def test_a_token_endpoint_that_answers_nonsense_is_upstream(entra: Desk, body: bytes) -> None:
    entra.provider.token_answer = (200, body)
    with pytest.raises(Upstream):
        entra.sign_in()


def test_the_wrong_secret_is_the_administrators(entra: Desk) -> None:
    with pytest.raises(Misconfigured, match="client secret"):
        entra.sign_in(secret="wrong")


def test_what_the_provider_says_reaches_neither_people_nor_the_log(
    entra: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    entra.provider.token_answer = (
        400,
        b'{"error": "invalid_grant", "error_description": "AADSTS50034: user ceo@example.com is unknown"}',
    )
    refusal = entra.refused()
    assert "ceo" not in refusal.message + caplog.text
    assert "AADSTS50034" in caplog.text


def test_no_token_content_is_logged(any_desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    any_desk.provider.bend_id = any_desk.provider.bend_access = {"aud": "canary-audience", "upn": "canary@example.com"}
    any_desk.refused()
    assert "sign-in refused" in caplog.text
    assert "canary" not in caplog.text
    assert PENDING.verifier not in caplog.text


# Addresses that cannot be ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "uri", ["", "http://idp.test/{t}/oauth2/v2.0/authorize", "https://169.254.169.254/{t}/oauth2/v2.0/authorize#", "https://idp.test/{t}/oauth2/authorize", "https://idp.test/oauth2/v2.0/authorize",
            "https://idp.test/a/b/oauth2/v2.0/authorize", "https://idp.test/{t}/oauth2/v2.0/authorize/../x", "https://idp.test/%2e%2e/oauth2/v2.0/authorize", "nonsense"]
)  # fmt: skip
def test_an_authorization_uri_of_another_form_is_the_administrators(entra: Desk, uri: str) -> None:
    entra.with_values(personal_vmr_oauth_auth_endpoint=uri.replace("{t}", TENANT))
    with pytest.raises(Misconfigured):
        entra.url()


@pytest.mark.parametrize(
    "values",
    [
        {"personal_vmr_oauth_auth_endpoint": "https://idp.test/adfs/ls"},
        {"personal_vmr_adfs_relying_party_trust_identifier": ""},
    ],
)
def test_an_adfs_record_that_is_not_complete_is_the_administrators(adfs: Desk, values: dict[str, object]) -> None:
    adfs.with_values(**values)
    with pytest.raises(Misconfigured):
        adfs.url()


def test_an_internal_farm_needs_internal_exchange(adfs: Desk) -> None:
    adfs.names.table = {HOST: ("10.1.2.3",)}
    adfs.with_values(personal_vmr_oauth_auth_endpoint="https://idp.test/adfs/oauth2/authorize")
    with watched_connects() as connects, pytest.raises(Misconfigured, match="Internal Exchange"):
        adfs.sign_in()
    assert connects == []


# Federation metadata of 2012 R2 ---------------------------------------------------------------------------------------

TRUST = f"http://{HOST}/adfs/services/trust"
LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {b} "{("&" + a + ";") * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    + "]>"
)


@pytest.mark.parametrize(
    "document",
    [
        b"", b"<html/>", b"not xml", b"\x00", federation_metadata(TRUST), federation_metadata("", OWN), federation_metadata(TRUST, FOREIGN),
        federation_metadata(TRUST, OWN, head='<!DOCTYPE EntityDescriptor>'), federation_metadata(TRUST, OWN, head=LAUGHS),
        federation_metadata(TRUST, OWN, head='<!DOCTYPE x SYSTEM "https://evil.example/x.dtd">'),
        federation_metadata(TRUST, OWN, head='<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>'),
        federation_metadata(TRUST, OWN, head='<!DOCTYPE x>').decode().encode("utf-16"),
        federation_metadata(TRUST, OWN).replace(b"MII", b"!!!"), federation_metadata(TRUST, OWN).replace(b"MII", b"AAAA"),
        federation_metadata(TRUST, OWN).replace(b'use="signing"', b'use="encryption"'), b"<a>" * 100_000,
    ],
    ids=lambda document: str(document[:60]),
)  # fmt: skip
def test_unusable_federation_metadata_proves_nothing(old_adfs: Desk, document: bytes) -> None:
    old_adfs.provider.federation = document or b" "
    with watched_connects() as connects, pytest.raises((Refused, Upstream)):
        old_adfs.sign_in()
    assert {address[1] for address in connects} == {old_adfs.provider.port}


def test_the_encryption_certificate_signs_nothing(old_adfs: Desk) -> None:
    old_adfs.provider.federation = federation_metadata(TRUST, OWN)
    old_adfs.provider.pair = FOREIGN
    assert old_adfs.refused().reason is Reason.UNAUTHENTICATED
