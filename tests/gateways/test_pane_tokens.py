"""Identity tokens of Outlook, forged, borrowed and bent (security.md X1-X6, X10, N1-N4): none of them names anybody.

The integration accepts every kind, so that each token could find a way in; the connections of the process are watched.
"""
# ruff: noqa: E501, ARG005 - tables of forgeries

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from addin_host.domain.errors import Misconfigured
from addin_host.domain.ports import Person
from tests.gateways.peers.exchange import ISSUER, MAIL, PATH, ExchangePeer, context, signed
from tests.gateways.peers.names import watched_connects
from tests.gateways.peers.provider import CLIENT, FOREIGN, HOST, NEXT, OID, OWN, RESOURCE, TENANT, ProviderPeer, times
from tests.gateways.test_identity import ENTRA_FAULTS, FORGERIES, OTHER_TENANT, PERSONAL, own_key
from tests.gateways.token_bench import API, APPLICATION, EVERY_KIND, OUTLOOK_ON_THE_WEB, Bench, bench_at, servers

Forge = Callable[[Bench], str]
UID = "53e925fa-76ba-45e1-be0f-4ef08b59d389@mail.test"
KINDS = ("EXCHANGE", "NAA", "SSO")


@pytest.fixture(scope="module")
def peers() -> Iterator[tuple[ExchangePeer, ProviderPeer]]:
    with servers() as running:
        yield running


@pytest.fixture
def bench(peers: tuple[ExchangePeer, ProviderPeer]) -> Bench:
    return bench_at(*peers)


# What is accepted -----------------------------------------------------------------------------------------------------


def test_an_exchange_token_names_a_person_of_this_integration_alone(bench: Bench) -> None:
    issuer = f"10000000222243338444555555555555@{MAIL}{PATH}"
    assert bench.person(bench.token("EXCHANGE")) == Person("EXCHANGE", issuer, UID, "", "")
    assert [request.path for request in bench.exchange.requests] == [PATH]


@pytest.mark.parametrize("kind", ["NAA", "SSO"])
def test_an_access_token_names_the_person_by_tenant_and_object(bench: Bench, kind: str) -> None:
    issuer = f"{bench.entra.origin}/{TENANT}/v2.0"
    assert bench.person(bench.token(kind)) == Person(kind, issuer, f"{TENANT}.{OID}", "ada@example.com", "Ada Lovelace")


def seconds(shift: int) -> int:
    return int(time.time()) + shift


LEGAL: dict[str, Callable[[Bench], str]] = {
    "appctx as text": lambda bench: bench.token("EXCHANGE", appctx=json.dumps(context())),
    "times as numbers": lambda bench: bench.token("EXCHANGE", nbf=seconds(0), exp=seconds(3600)),
    "exp 299 s ago, as text": lambda bench: bench.token("EXCHANGE", nbf=str(seconds(-3600)), exp=str(seconds(-299))),
    "nbf in 290 s": lambda bench: bench.token("EXCHANGE", nbf=str(seconds(290))),
    "a whole day": lambda bench: bench.token("EXCHANGE", nbf=seconds(0), exp=seconds(24 * 3600)),
    "amurl without port": lambda bench: bench.token("EXCHANGE", appctx=context(amurl=f"https://{MAIL}{PATH}")),
    "amurl with its host in capitals": lambda bench: bench.token("EXCHANGE", appctx=context(amurl=f"https://Mail.TEST:443{PATH}")),
    "header of Exchange": lambda bench: signed(bench.claims("EXCHANGE")),
    "aud as URI, NAA": lambda bench: bench.token("NAA", aud=f"api://{API}"),
    "aud as URI, SSO": lambda bench: bench.token("SSO", aud=f"api://{APPLICATION}"),
    "aud as URI with host, SSO": lambda bench: bench.token("SSO", aud=f"api://addin.example/{APPLICATION}"),
    **{f"client {azp}": lambda bench, azp=azp: bench.token("SSO", azp=azp) for azp in ("ea5a67f6-b6f3-4338-b240-c655ddc3cc8e", "d3590ed6-52b3-4102-aeff-aad2292ab01c", "93d53678-613d-4013-afc1-62e9e444a0a5")},
    "idtyp user": lambda bench: bench.token("NAA", idtyp="user"),
    "the scope alone": lambda bench: bench.token("NAA", scp="access"),
    "28 hours": lambda bench: bench.token("NAA", exp=seconds(28 * 3600)),
}  # fmt: skip


@pytest.mark.parametrize("form", LEGAL)
def test_legal_forms_are_accepted(bench: Bench, form: str) -> None:
    assert bench.person(LEGAL[form](bench)).subject in (UID, f"{TENANT}.{OID}")


@pytest.mark.parametrize(("claim", "value", "email"), [
    ("preferred_username", None, ""), ("preferred_username", "ada", ""), ("preferred_username", ["a@b.example"], ""),
    ("preferred_username", "EX\\ada", ""), ("preferred_username", "Ada@Example.COM", "ada@example.com"),
])  # fmt: skip
def test_a_person_without_a_usable_address_is_still_somebody(
    bench: Bench, claim: str, value: object, email: str
) -> None:
    person = bench.person(bench.token("NAA", **{claim: value}))
    assert (person.subject, person.email) == (f"{TENANT}.{OID}", email)


def test_the_address_claim_is_the_configured_one(bench: Bench) -> None:
    bench.saved(user_claim="upn")
    assert bench.person(bench.token("NAA", upn="countess@example.com")).email == "countess@example.com"
    assert bench.person(bench.token("SSO")).email == ""


def test_a_full_address_in_the_settings_is_the_same_as_the_domain(bench: Bench) -> None:
    first = bench.person(bench.token("EXCHANGE"))
    for entry in (f"https://{MAIL}{PATH}", f"https://{MAIL}:443{PATH}", f"HTTPS://MAIL.test{PATH}", MAIL.upper()):
        assert bench.saved(domains=["unused.test", entry]).person(bench.token("EXCHANGE")) == first
    assert len(bench.exchange.requests) == 2  # the route differs with the hosts that it may go to


def test_another_document_of_the_same_server_is_another_person(bench: Bench) -> None:
    """X10: the key of a person is integration, document and uid."""
    first = bench.person(bench.token("EXCHANGE"))
    bench.integration = replace(
        bench.integration, id=2, values={**bench.integration.values, "uuid": "20000000-2222-4333-8444-555555555555"}
    )
    second = bench.person(bench.token("EXCHANGE"))
    assert first.subject == second.subject
    assert first.issuer != second.issuer


def test_an_issuer_always_fits_its_column(bench: Bench) -> None:
    long = ".".join(["x" * 60] * 3) + ".test"
    assert len(f"{'0' * 32}@{long[:192]}{PATH}") <= 255


def test_one_application_may_be_client_and_api(bench: Bench) -> None:
    bench.saved(addin_naa_web_api_application_id=APPLICATION.upper())
    assert bench.person(bench.token("NAA", aud=APPLICATION)).path == "NAA"
    assert bench.person(bench.token("SSO", aud=APPLICATION)).path == "SSO"


def test_a_shared_authority_admits_the_allowed_tenants(bench: Bench) -> None:
    bench.entra.tenant = "common"
    url = f"{bench.entra.origin}/common/v2.0/.well-known/openid-configuration"
    bench.saved(addin_oidc_metadata_url=url, allowed_tenants=f"{OTHER_TENANT}\r\n{TENANT.upper()}")
    assert bench.person(bench.token("NAA")).subject == f"{TENANT}.{OID}"
    for tenant in (PERSONAL, "88888888-2222-3333-4444-555555555555"):
        bench.refused(bench.token("NAA", tid=tenant, iss=f"{bench.entra.origin}/{tenant}/v2.0"))
    bench.refused(bench.token("NAA", tid=OTHER_TENANT))  # an allowed tenant, and another one's issuer
    bench.saved(allowed_tenants="")
    with pytest.raises(Misconfigured, match="OIDC metadata URL"):
        bench.person(bench.token("NAA"))


# What is not ----------------------------------------------------------------------------------------------------------

BASE = f"https://{MAIL}{PATH}"
AMURLS: list[Any] = [
    f"http://{MAIL}{PATH}", f"http://{MAIL}:443{PATH}", f"https://{MAIL}:8443{PATH}", f"https://{MAIL}:444{PATH}", f"https://{MAIL}:80{PATH}",
    f"https://{MAIL}:0443{PATH}", f"https://{MAIL}:443443{PATH}", f"https://{MAIL}:{PATH}", f"https://{MAIL}:443:443{PATH}", f"https://{MAIL}:x{PATH}",
    f"https://user@{MAIL}{PATH}", f"https://user:pw@{MAIL}{PATH}", f"https://@{MAIL}{PATH}", f"https://{MAIL}@evil.test{PATH}", f"https://{MAIL}:443@evil.test{PATH}",
    f"https://evil.test#@{MAIL}{PATH}", f"https://evil.test?@{MAIL}{PATH}", f"https://evil.test/@{MAIL}{PATH}", f"https://evil.test\\@{MAIL}{PATH}",
    f"https://{MAIL}\\.evil.test{PATH}", f"https://{MAIL}.evil.test{PATH}", f"https://evil{MAIL}{PATH}", f"https://evil.{MAIL}{PATH}", f"https://evil-{MAIL}{PATH}",
    f"https://mail-test{PATH}", f"https://mail{PATH}", f"https://test{PATH}", f"https://{MAIL}.{PATH}", f"https://{MAIL}..{PATH}", f"https://.{MAIL}{PATH}",
    f"https://mail\u3002test{PATH}", f"https://m\u0430il.test{PATH}", f"https://xn--mil-8cd.test{PATH}", f"https://\uff4dail.test{PATH}", f"https://mai\u217c.test{PATH}",
    f"https://mail\u00ad.test{PATH}", f"https://mail%2etest{PATH}", f"https://{MAIL}%00.evil.test{PATH}", f"https://{MAIL}%2f.evil.test{PATH}", f"https://{MAIL}\0{PATH}",
    f"https:\\\\{MAIL}{PATH}", f"https:/{MAIL}{PATH}", f"https:///{MAIL}{PATH}", f"https:{MAIL}{PATH}", f"//{MAIL}{PATH}", f"{MAIL}{PATH}", MAIL, PATH,
    f"HTTPS://{MAIL}{PATH}", f" {BASE}", f"{BASE} ", f"{BASE}\n", f"https://ma\til.test{PATH}", f"{BASE}\u200b", f"\ufeff{BASE}",
    f"{BASE}/", f"{BASE}?", f"{BASE}?x=1", f"{BASE}#", f"{BASE}#x", f"{BASE};x", f"https://{MAIL}/Autodiscover/metadata/json/1", BASE[:-1] + "%31", BASE[:-1] + "2", BASE + "1",
    f"https://{MAIL}/autodiscover%2fmetadata/json/1", f"https://{MAIL}//autodiscover/metadata/json/1", f"https://{MAIL}/./autodiscover/metadata/json/1",
    f"https://{MAIL}/x/..{PATH}", f"https://{MAIL}/", f"https://{MAIL}", f"https://{MAIL}/owa", f"https://evil.test/?{BASE}", f"https://evil.test{PATH}",
    f"https://127.0.0.1{PATH}", f"https://169.254.169.254{PATH}", "https://169.254.169.254/latest/meta-data/", f"https://[::1]{PATH}", f"https://[::ffff:127.0.0.1]{PATH}",
    f"https://2130706433{PATH}", f"https://0x7f.1{PATH}", f"https://127.1{PATH}", f"https://0177.0.0.1{PATH}", f"https://localhost{PATH}", f"https://{HOST}{PATH}",
    f"https://outlook.office365.com:443{PATH}", f"https://other.test{PATH}", "file:///etc/passwd", "ftp://mail.test/", "gopher://mail.test/", "javascript:1",
    "data:application/json,{}", "", " ", None, 7, True, [BASE], {"url": BASE}, BASE + "?" + "x" * 5000, f"https://{'a.' * 2000}test{PATH}", f"https://{MAIL},evil.test{PATH}",
]  # fmt: skip
CONTEXTS: dict[str, Any] = {
    "missing": None, "a number": 7, "a list": [context()], "not JSON": "{", "encoded twice": json.dumps(json.dumps(context())), "an empty text": "", "true": True,
    "a bomb": '{"version": "ExIdTok.V1", "x": ' + "[" * 3000, "nested deeply": json.dumps({**context(), "x": json.loads("[" * 40 + "]" * 40)}),
    "version twice": json.dumps(context())[:-1] + ', "version": "ExIdTok.V1"}', "uid twice": json.dumps(context())[:-1] + ', "msexchuid": "ceo"}',
    "NaN": json.dumps(context())[:-1] + ', "x": NaN}', "amurl twice": json.dumps(context())[:-1] + f', "amurl": "{BASE}"}}',
    **{f"version {version!r}": context(version=version) for version in ("ExIdTok.V2", "exidtok.v1", "ExIdTok.V1 ", "", None, 1, ["ExIdTok.V1"])},
    **{f"uid {uid!r}"[:30]: context(msexchuid=uid) for uid in ("", " ", None, 7, ["x"], "x" * 300, "a\nb", "a\0", "\u202ex")},
}  # fmt: skip
EXCHANGE_CLAIMS: list[dict[str, Any]] = [
    *[{"aud": aud} for aud in ("https://addin.example/api/client/v2/msexchange_schedulers/2/pane", "https://addin.example/api/client/v2/msexchange_schedulers/1/pane/",
       "https://ADDIN.example/api/client/v2/msexchange_schedulers/1/pane", "https://addin.example:443/api/client/v2/msexchange_schedulers/1/pane", "https://addin.example",
       "http://addin.example/api/client/v2/msexchange_schedulers/1/pane", "https://addin.example/api/client/v2/msexchange_schedulers/1/pane?x", "https://addin.example/api/client/v2/msexchange_schedulers/1/commands",
       "https://addin.example.evil.test/api/client/v2/msexchange_schedulers/1/pane", "https://addin.example/api/client/v2/msexchange_schedulers/1/pane ", API, APPLICATION, "", None, 7,
       ["https://addin.example/api/client/v2/msexchange_schedulers/1/pane"], {"https://addin.example/api/client/v2/msexchange_schedulers/1/pane": 1})],
    *[{"iss": iss} for iss in (None, "", "00000002-0000-0ff1-ce00-000000000000", "00000002-0000-0ff1-ce00-000000000000@", "00000003-0000-0ff1-ce00-000000000000@x", "x" + ISSUER, [ISSUER], ISSUER + "\n", 7, "00000002-0000-0ff1-ce00-000000000000@a b")],
    *[{"isbrowserhostedapp": value} for value in (None, "false", True, "True", "", 1, ["true"])],
    *[{"exp": value} for value in (None, "", "NaN", "inf", "1e10", "9999999999.0", "-1", "+9999999999", " 9999999999", "0x7fffffff", "99999999999999", "\u0661" * 10, "\uff11" * 10, "1_000_000_000", True, [9999999999], {}, 10**15, 9999999999.5, 0)],
    *[{"nbf": value} for value in (None, "", "soon", 0.5, True, [], -1, "-1", "0", 0)],
]  # fmt: skip


def raw_times(text: str, kind: str) -> Forge:
    def forge(bench: Bench) -> str:
        claims = {name: value for name, value in bench.claims(kind).items() if name != "exp"}
        header = {"typ": "JWT", "alg": "RS256", "kid": OWN.kid, "x5t": OWN.x5t}
        return OWN.token(header, json.dumps(claims)[:-1].encode() + f', "exp": {text}}}'.encode())

    return forge


EXCHANGE: dict[str, Forge] = {
    **{f"appctx {name}": lambda bench, value=value: bench.token("EXCHANGE", appctx=value) for name, value in CONTEXTS.items()},
    **{f"{claims}"[:90]: lambda bench, claims=claims: bench.token("EXCHANGE", **claims) for claims in EXCHANGE_CLAIMS},
    **{f"exp {text} as it is": raw_times(text, "EXCHANGE") for text in ("NaN", "Infinity", "-Infinity", "1e999", "9" * 5000)},
    "exp 301 s ago": lambda bench: bench.token("EXCHANGE", nbf=str(seconds(-3600)), exp=str(seconds(-301))),
    "nbf in 310 s": lambda bench: bench.token("EXCHANGE", nbf=str(seconds(310))),
    "ten years": lambda bench: bench.token("EXCHANGE", exp=str(seconds(10 * 365 * 86400))),
    "a day and a second": lambda bench: bench.token("EXCHANGE", nbf=seconds(0), exp=seconds(86401)),
    "ends before it begins": lambda bench: bench.token("EXCHANGE", nbf=seconds(100), exp=seconds(0)),
    "no time at all": lambda bench: bench.token("EXCHANGE", nbf=seconds(0), exp=seconds(0)),
    "typ missing": lambda bench: signed(bench.claims("EXCHANGE"), typ=None),
    "typ in small letters": lambda bench: signed(bench.claims("EXCHANGE"), typ="jwt"),
    "typ at+jwt": lambda bench: signed(bench.claims("EXCHANGE"), typ="at+jwt"),
    "x5t missing": lambda bench: signed(bench.claims("EXCHANGE"), x5t=None, kid=OWN.kid),
    "x5t with padding": lambda bench: signed(bench.claims("EXCHANGE"), x5t=OWN.x5t + "="),
    "x5t in the other alphabet": lambda bench: signed(bench.claims("EXCHANGE"), x5t=OWN.x5t[::-1]),
    "x5t of ours, key of theirs": lambda bench: signed(bench.claims("EXCHANGE"), FOREIGN, x5t=OWN.x5t),
    "x5t of another": lambda bench: signed(bench.claims("EXCHANGE"), FOREIGN),
    "key not yet published": lambda bench: signed(bench.claims("EXCHANGE"), NEXT),
}  # fmt: skip
ACCESS_CLAIMS: list[dict[str, Any]] = [
    *ENTRA_FAULTS,
    *[{"scp": scp} for scp in (None, "", "other", "access2", "xaccess", "Access", "access,openid", "access_as_user", ["access"], {"access": 1}, 7, True, "api://x/access", "access\n")],
    *[{"ver": ver} for ver in (None, "1.0", "2", 2, 2.0, "3.0", ["2.0"])],
    *[{"idtyp": kind} for kind in ("app", "App", "device", "", True, ["user"])],
    {"scp": None, "roles": ["access"]}, {"scp": None, "roles": ["access"], "idtyp": "app"},
    {"nonce": "n" * 43}, {"nonce": ""}, {"nonce": 7},
    *[{"azp": azp} for azp in (None, "", "00000003-0000-0000-c000-000000000000", [APPLICATION], [OUTLOOK_ON_THE_WEB], APPLICATION.upper(), OUTLOOK_ON_THE_WEB.upper(), "1fec8e78-bce4-4aaf-ab1b-5451cc387264", 7)],
    {"azp": None, "appid": APPLICATION}, {"azp": None, "appid": OUTLOOK_ON_THE_WEB},
    *[{"aud": aud} for aud in ("00000003-0000-0000-c000-000000000000", "https://graph.microsoft.com", CLIENT, API.upper(), APPLICATION.upper(), f"api://{API}/", f"api://{API}/access", f"API://{API}", f"api://dev.example/{APPLICATION}", f"api://addin.example:443/{APPLICATION}", f"api://addin.example/{API}", f"https://addin.example/{APPLICATION}", [API], [APPLICATION, API], None, 7)],
    *[{"nbf": nbf} for nbf in (None, "0", 0, 0.5, True, -1)],
]  # fmt: skip


def elsewhere(kind: str, tenant: str, issuer: str = "{origin}/{tenant}/v2.0") -> Forge:
    return lambda bench: bench.token(kind, tid=tenant, iss=issuer.format(origin=bench.entra.origin, tenant=tenant))


def access(kind: str) -> dict[str, Forge]:
    return {
        **{f"{claims}"[:90]: lambda bench, claims=claims: bench.token(kind, **claims) for claims in ACCESS_CLAIMS},
        **{f"exp {text} as it is": raw_times(text, kind) for text in ("NaN", "Infinity", "1e999", "9" * 5000)},
        "the other kind's client": lambda bench: bench.token(kind, azp=OUTLOOK_ON_THE_WEB if kind == "NAA" else APPLICATION),
        "the other kind's audience": lambda bench: bench.token(kind, aud=APPLICATION if kind == "NAA" else API),
        "ten years": lambda bench: bench.token(kind, exp=seconds(10 * 365 * 86400)),
        "expired": lambda bench: bench.token(kind, **times(-4000 - 400)),
        "not yet": lambda bench: bench.token(kind, **times(400)),
        "another tenant": elsewhere(kind, OTHER_TENANT),
        "personal accounts": elsewhere(kind, PERSONAL),
        "another cloud": elsewhere(kind, TENANT, "https://login.microsoftonline.us/{tenant}/v2.0"),
        "v1": lambda bench: bench.token(kind, ver="1.0", iss=f"https://sts.windows.net/{TENANT}/", appid=APPLICATION, azp=None),
        "v1 issuer": elsewhere(kind, TENANT, "https://sts.windows.net/{tenant}/"),
        "issuer of B2C": elsewhere(kind, TENANT, "{origin}/tfp/{tenant}/v2.0"),
        "an ID token of ours": lambda bench: bench.token(kind, aud=APPLICATION, nonce="n" * 43, scp=None, azp=None),
        "an appctx besides": lambda bench: bench.token(kind, appctx={}),
        "a good appctx besides": lambda bench: bench.token(kind, appctx=context()),
        "signed with the next key": lambda bench: NEXT.token({"typ": "JWT", "alg": "RS256", "kid": NEXT.kid}, bench.claims(kind)),
    }  # fmt: skip


def farm(**changes: Any) -> Forge:
    """Return an access token as AD FS makes it, signed with the key that everybody here publishes."""
    claims = {"iss": f"http://{HOST}/adfs/services/trust", "aud": RESOURCE, "upn": "ada@example.com", "appid": CLIENT, "apptype": "Public", "ver": "1.0", "scp": "access", **times()}  # fmt: skip
    return lambda bench: own_key({**claims, **changes})


ADFS: dict[str, Forge] = {
    "as it is": farm(), "the resource with its prefix": farm(aud=f"microsoft:identityserver:{RESOURCE}"), "for our API": farm(aud=API), "for our application": farm(aud=APPLICATION),
    "for our API, by our client": farm(aud=API, azp=APPLICATION), "by our client, v2": farm(aud=API, azp=APPLICATION, ver="2.0"), "with tid and oid": farm(aud=API, azp=APPLICATION, ver="2.0", tid=TENANT, oid=OID),
    "with a prefix for our API": farm(aud=f"microsoft:identityserver:{API}", azp=APPLICATION), "for the pane": farm(aud="https://addin.example/api/client/v2/msexchange_schedulers/1/pane"),
    "with an appctx": farm(aud="https://addin.example/api/client/v2/msexchange_schedulers/1/pane", appctx=context(), isbrowserhostedapp="true", nbf=str(seconds(0))),
    "an ID token": farm(iss=f"https://{HOST}/adfs", aud=APPLICATION, nonce="n" * 43), "by Office": farm(aud=APPLICATION, azp=OUTLOOK_ON_THE_WEB, ver="2.0", tid=TENANT, oid=OID),
}  # fmt: skip
# Between the two leeways these are good Exchange tokens; their like stand in EXCHANGE.
_LENIENT = {"expired", "from the future", "nbf in the future", "iat in the future"}


def forged(kind: str, forge: Any) -> Forge:
    return lambda bench: forge(bench.claims(kind))


VECTORS: dict[str, Forge] = {
    **{f"{kind}, forged: {name}": forged(kind, forge) for kind in KINDS for name, forge in FORGERIES.items() if kind != "EXCHANGE" or name not in _LENIENT},
    **{f"EXCHANGE, {name}": forge for name, forge in EXCHANGE.items()},
    **{f"{kind}, {name}": forge for kind in ("NAA", "SSO") for name, forge in access(kind).items()},
    **{f"AD FS, {name}": forge for name, forge in ADFS.items()},
}  # fmt: skip


def test_the_tables_are_as_large_as_promised() -> None:
    assert len(VECTORS) >= 400
    assert len(AMURLS) >= 90
    assert len({str(url) for url in AMURLS}) == len(AMURLS)


@pytest.mark.parametrize("vector", VECTORS)
def test_hostile_tokens_name_nobody_and_nobody_else_is_asked(bench: Bench, vector: str) -> None:
    token = VECTORS[vector](bench)
    with watched_connects() as connects:
        bench.refused(token)
    assert set(connects) <= bench.servers
    assert set(bench.names.asked) <= {MAIL, HOST}


@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize("amurl", AMURLS, ids=lambda url: ascii(url)[:60])
def test_a_document_that_is_not_configured_is_not_asked_for(bench: Bench, amurl: object, text: bool) -> None:
    """X3: no request at all, whoever signed the token."""
    said = context(amurl=amurl)
    with watched_connects() as connects:
        bench.refused(bench.token("EXCHANGE", appctx=json.dumps(said) if text else said))
    assert connects == []
    assert bench.names.asked == []


@pytest.mark.parametrize(
    "domains",
    [
        None,
        [],
        ["other.test"],
        ["https://mail.test/owa"],
        ["mail.test:8443"],
        ["https://u@mail.test/autodiscover/metadata/json/1"],
    ],
)
def test_without_a_matching_setting_no_exchange_token_is_accepted(bench: Bench, domains: object) -> None:
    with watched_connects() as connects:
        bench.saved(domains=domains).refused(bench.token("EXCHANGE"))
    assert connects == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_that_is_not_accepted_is_refused_without_a_question(bench: Bench, kind: str) -> None:
    mine = {"EXCHANGE": EVERY_KIND[0], "SSO": EVERY_KIND[1], "NAA": EVERY_KIND[2]}[kind]
    others = [name for name in EVERY_KIND if name != mine]
    token = bench.token(kind)
    with watched_connects() as connects:
        bench.saved(addin_authentication_method=others[0], accepted_identity_kinds=others).refused(token)
    assert connects == []
    assert bench.saved(addin_authentication_method=mine, accepted_identity_kinds=[]).person(token).path == kind


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_of_one_integration_is_nothing_at_another(bench: Bench, kind: str) -> None:
    token = bench.token(kind)
    assert bench.person(token).path == kind
    values = {
        **bench.integration.values, "uuid": "20000000-2222-4333-8444-555555555555",
        "addin_application_id": "d0000000-1111-4222-8333-444444444444",
        "addin_naa_web_api_application_id": "b0000000-1111-4222-8333-444444444444",
    }  # fmt: skip
    bench.integration = replace(bench.integration, id=2, values=values)
    bench.refused(token)


@pytest.mark.parametrize("name", ["addin_application_id", "addin_naa_web_api_application_id", "api_scope"])
def test_a_blank_setting_matches_nothing(bench: Bench, name: str) -> None:
    bench.saved(**{name: "" if name == "api_scope" else None})
    for changes in ({}, {"aud": ""}, {"azp": ""}, {"aud": "api://"}, {"scp": ""}, {"scp": " "}):
        bench.refused(bench.token("NAA", **changes))


@pytest.mark.parametrize("part", ["header", "payload"])
def test_nothing_but_base64url_and_no_bomb_is_read(bench: Bench, part: str) -> None:
    for kind in KINDS:
        head, payload, signature = bench.token(kind).split(".")
        for bad in ("!!!!", "e30=", "", "\0", "W10", "bnVsbA", "eyJ4Ijp", ("x" * 33_000)):
            bench.refused(".".join((bad, payload, signature) if part == "header" else (head, bad, signature)))
