"""The played providers answer as Entra v2 and as AD FS do (design/outlook.md 4.5 and 4.6)."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest
import urllib3
from cryptography import x509
from playwright.sync_api import Page

from . import edge
from .conftest import World
from .exchange_metadata import Exchange
from .providers import ADFS_CLIENT, ADFS_RESOURCE, ENTRA_CLIENT, ENTRA_SECRET, TENANT, Providers

VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
ENTRA = {"client_id": ENTRA_CLIENT, "client_secret": ENTRA_SECRET}
ADFS = {"client_id": ADFS_CLIENT}


class Client:
    """The server's side of a sign-in, verifying TLS against the run's own authority."""

    def __init__(self, world: World) -> None:
        self.redirect_uri = f"{world.origin(edge.SAMPLE)}/callback.html"
        self._host = f"{edge.LOGIN}:{world.port}"
        self._pool = urllib3.HTTPSConnectionPool(
            "127.0.0.1",
            world.port,
            ca_certs=str(world.certificate.authority),
            server_hostname=edge.LOGIN,
            assert_hostname=edge.LOGIN,
            timeout=2.0,
            retries=False,
        )

    def get(self, url: str) -> tuple[int, Any]:
        answer = self._pool.request("GET", urlsplit(url).path, headers={"Host": self._host})
        return answer.status, json.loads(answer.data)

    def redeem(self, url: str, code: str, **fields: str) -> tuple[int, Any]:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.redirect_uri, **fields}
        answer = self._pool.request(
            "POST",
            urlsplit(url).path,
            body=urlencode(form),
            headers={"Host": self._host, "Content-Type": "application/x-www-form-urlencoded"},
        )
        return answer.status, json.loads(answer.data)

    def claims(self, token: str, keys_url: str, **checks: Any) -> dict[str, Any]:
        """Verify a token with the published key that it names."""
        header = jwt.get_unverified_header(token)
        keys = {key["kid"]: key for key in self.get(keys_url)[1]["keys"]}
        return jwt.decode(token, jwt.PyJWK(keys[header["kid"]]).key, algorithms=["RS256"], **checks)


@pytest.fixture
def client(world: World) -> Client:
    return Client(world)


def authorize(page: Page, client: Client, endpoint: str, client_id: str, act: str = "Sign in", **more: str) -> Any:
    """Go through the provider's pages as alice; return the parameters that come back."""
    query = {
        "client_id": client_id,
        "response_type": "code",
        "scope": "openid profile",
        "state": "s",
        "nonce": "n",
        "redirect_uri": client.redirect_uri,
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **more,
    }
    page.goto(f"{endpoint}?{urlencode({name: value for name, value in query.items() if value})}")
    if act:
        page.get_by_label("User name").fill("alice")
        page.get_by_label("Password").fill("secret")
        page.get_by_role("button", name=act).click()
    page.wait_for_url("**/callback.html?*")
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def test_entra_publishes_its_addresses(client: Client, idp: Providers) -> None:
    _, found = client.get(f"{idp.entra}/v2.0/.well-known/openid-configuration")
    assert {name: found[name] for name in ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")} == {
        "issuer": f"{idp.entra}/v2.0",
        "authorization_endpoint": f"{idp.entra}/oauth2/v2.0/authorize",
        "token_endpoint": f"{idp.entra}/oauth2/v2.0/token",
        "jwks_uri": f"{idp.entra}/discovery/v2.0/keys",
    }


def test_adfs_publishes_its_addresses(client: Client, idp: Providers) -> None:
    _, found = client.get(f"{idp.adfs}/.well-known/openid-configuration")
    names = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "access_token_issuer")
    assert {name: found[name] for name in names} == {
        "issuer": idp.adfs,
        "authorization_endpoint": f"{idp.adfs}/oauth2/authorize",
        "token_endpoint": f"{idp.adfs}/oauth2/token",
        "jwks_uri": f"{idp.adfs}/discovery/keys",
        "access_token_issuer": f"http://{edge.LOGIN}/adfs/services/trust",
    }


def test_entra_names_the_person_in_the_id_token(page: Page, client: Client, idp: Providers) -> None:
    back = authorize(page, client, f"{idp.entra}/oauth2/v2.0/authorize", ENTRA_CLIENT)
    assert (back["state"], back["iss"]) == ("s", f"{idp.entra}/v2.0")
    status, tokens = client.redeem(f"{idp.entra}/oauth2/v2.0/token", back["code"], code_verifier=VERIFIER, **ENTRA)
    assert status == 200
    claims = client.claims(
        tokens["id_token"], f"{idp.entra}/discovery/v2.0/keys", audience=ENTRA_CLIENT, issuer=f"{idp.entra}/v2.0"
    )
    names = ("tid", "oid", "preferred_username", "name", "ver", "nonce")
    assert [claims[name] for name in names] == [
        TENANT,
        "a11ce000-0000-4000-8000-000000000001",
        "alice@example.test",
        "Alice Example",
        "2.0",
        "n",
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"code_verifier": "w" * 64, **ENTRA},
        {**ENTRA},
        {"code_verifier": VERIFIER, **ENTRA, "client_secret": "wrong"},
        {"code_verifier": VERIFIER, "client_id": ENTRA_CLIENT},
    ],
    ids=["other verifier", "no verifier", "other secret", "no secret"],
)
def test_entra_refuses_a_code_without_its_proofs(
    page: Page, client: Client, idp: Providers, fields: dict[str, str]
) -> None:
    back = authorize(page, client, f"{idp.entra}/oauth2/v2.0/authorize", ENTRA_CLIENT)
    status, answer = client.redeem(f"{idp.entra}/oauth2/v2.0/token", back["code"], **fields)
    assert status in (400, 401)
    assert "id_token" not in answer


def test_both_providers_insist_on_pkce(page: Page, client: Client, idp: Providers) -> None:
    back = authorize(
        page,
        client,
        f"{idp.entra}/oauth2/v2.0/authorize",
        ENTRA_CLIENT,
        "",
        code_challenge="",
        code_challenge_method="",
    )
    assert back["error"] == "invalid_request"
    back = authorize(
        page, client, f"{idp.adfs}/oauth2/authorize", ADFS_CLIENT, "", code_challenge="", code_challenge_method=""
    )
    assert back["error"] == "invalid_request"


@pytest.mark.parametrize(
    ("audience", "expected"),
    [("bare", ADFS_RESOURCE), ("prefixed", f"microsoft:identityserver:{ADFS_RESOURCE}")],
)
def test_adfs_names_the_person_in_both_tokens(
    page: Page, client: Client, idp: Providers, audience: str, expected: str
) -> None:
    idp.behave("adfs", audience=audience)
    back = authorize(page, client, f"{idp.adfs}/oauth2/authorize", ADFS_CLIENT, resource=ADFS_RESOURCE)
    status, tokens = client.redeem(f"{idp.adfs}/oauth2/token", back["code"], code_verifier=VERIFIER, **ADFS)
    assert status == 200, tokens
    keys = f"{idp.adfs}/discovery/keys"
    access = client.claims(
        tokens["access_token"], keys, audience=expected, issuer=f"http://{edge.LOGIN}/adfs/services/trust"
    )
    assert [access[name] for name in ("upn", "unique_name", "email")] == [
        "alice@example.test",
        "EXAMPLE\\alice",
        "alice@example.test",
    ]
    identity = client.claims(tokens["id_token"], keys, audience=ADFS_CLIENT, issuer=idp.adfs)
    assert (identity["nonce"], identity["upn"]) == ("n", "alice@example.test")


def test_deny_comes_back_as_access_denied(page: Page, client: Client, idp: Providers) -> None:
    back = authorize(page, client, f"{idp.entra}/oauth2/v2.0/authorize", ENTRA_CLIENT, "Deny")
    assert (back["error"], back["state"]) == ("access_denied", "s")


def test_always_ask_shows_the_form_again(page: Page, client: Client, idp: Providers) -> None:
    endpoint = f"{idp.entra}/oauth2/v2.0/authorize"
    authorize(page, client, endpoint, ENTRA_CLIENT)
    assert "code" in authorize(page, client, endpoint, ENTRA_CLIENT, "")
    idp.behave("entra", alwaysAsk=True)
    assert "code" in authorize(page, client, endpoint, ENTRA_CLIENT)


def test_tokens_can_be_spoilt_one_way_at_a_time(page: Page, client: Client, idp: Providers) -> None:
    token_url, keys = f"{idp.entra}/oauth2/v2.0/token", f"{idp.entra}/discovery/v2.0/keys"

    def spoilt(**how: Any) -> str:
        idp.behave("entra", idToken=how)
        act = "Sign in" if page.url == "about:blank" else ""
        back = authorize(page, client, f"{idp.entra}/oauth2/v2.0/authorize", ENTRA_CLIENT, act)
        return str(client.redeem(token_url, back["code"], code_verifier=VERIFIER, **ENTRA)[1].get("id_token"))

    claims = client.claims(spoilt(claims={"nonce": "other", "oid": None}), keys, audience=ENTRA_CLIENT)
    assert (claims["nonce"], "oid" in claims) == ("other", False)
    with pytest.raises(jwt.ExpiredSignatureError):
        client.claims(spoilt(shift=-7200), keys, audience=ENTRA_CLIENT)
    with pytest.raises(jwt.InvalidSignatureError):
        client.claims(spoilt(key="foreign"), keys, audience=ENTRA_CLIENT)
    assert spoilt(key="none").endswith(".")
    assert spoilt(absent=True) == "None"


def test_parts_can_be_out_of_order(client: Client, idp: Providers) -> None:
    discovery = f"{idp.entra}/v2.0/.well-known/openid-configuration"
    idp.behave("entra", down={"discovery": 503})
    with pytest.raises(json.JSONDecodeError):
        client.get(discovery)
    idp.behave("entra", down={"discovery": "hang"})
    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        client.get(discovery)
    idp.behave("entra", down={})
    assert client.get(discovery)[0] == 200
    assert idp.log("entra") == ["discovery"] * 3


def test_entra_signs_access_tokens_for_an_add_in(client: Client, idp: Providers) -> None:
    keys = f"{idp.entra}/discovery/v2.0/keys"
    token = idp.access_token("alice", {"aud": "an-api", "azp": "an-add-in", "scp": "access"})
    claims = client.claims(token, keys, audience="an-api", issuer=f"{idp.entra}/v2.0")
    assert [claims[name] for name in ("tid", "oid", "azp", "scp", "preferred_username", "ver")] == [
        TENANT,
        "a11ce000-0000-4000-8000-000000000001",
        "an-add-in",
        "access",
        "alice@example.test",
        "2.0",
    ]
    with pytest.raises(jwt.ExpiredSignatureError):
        client.claims(idp.access_token("alice", {"aud": "an-api"}, shift=-7200), keys, audience="an-api")
    with pytest.raises(jwt.InvalidSignatureError):
        client.claims(idp.access_token("alice", {"aud": "an-api"}, key="foreign"), keys, audience="an-api")


def published(world: World) -> tuple[int, dict[str, Any]]:
    """The document of Exchange's keys, as a server reads it that trusts the run's authority."""
    with urllib3.HTTPSConnectionPool(
        "127.0.0.1",
        world.exchange.port,
        ca_certs=str(world.certificate.authority),
        server_hostname=edge.EXCHANGE,
        assert_hostname=edge.EXCHANGE,
        timeout=2.0,
        retries=False,
    ) as pool:
        answer = pool.request("GET", urlsplit(world.exchange.metadata_url).path)
        return answer.status, json.loads(answer.data)


def test_exchange_publishes_the_key_that_it_signs_with(world: World, exchange: Exchange) -> None:
    token = exchange.token("https://addin.example.test/pane", uid="alice")
    for _ in range(2):
        (key,) = published(world)[1]["keys"]
        der = base64.b64decode(key["keyvalue"]["value"])
        thumbprint = base64.urlsafe_b64encode(hashlib.sha1(der, usedforsecurity=False).digest()).decode().rstrip("=")
        assert jwt.get_unverified_header(token) == {"typ": "JWT", "alg": "RS256", "x5t": thumbprint}
        claims = jwt.decode(
            token,
            x509.load_der_x509_certificate(der).public_key(),  # type: ignore[arg-type]
            algorithms=["RS256"],
            audience="https://addin.example.test/pane",
        )
        context = json.loads(claims["appctx"])
        assert isinstance(claims["exp"], str)
        assert (context["version"], context["amurl"]) == ("ExIdTok.V1", exchange.metadata_url)
        exchange.roll_over()
        token = exchange.token("https://addin.example.test/pane", uid="alice")


def test_exchange_can_be_out_of_order(world: World, exchange: Exchange) -> None:
    exchange.fault = 503
    assert published(world)[0] == 503
    exchange.fault = "reset"
    with pytest.raises(urllib3.exceptions.ProtocolError):
        published(world)
    exchange.fault = "hang"
    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        published(world)
    exchange.reset()
    assert published(world)[0] == 200
