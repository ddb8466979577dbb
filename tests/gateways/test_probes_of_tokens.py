"""The checks of what issuers of the add-in's tokens publish, against real TLS servers on this machine."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from addin_host.domain.addresses import AddressPolicy
from addin_host.domain.checks import BY_CHECK, Outcome, Step
from addin_host.domain.ports import Installation
from addin_host.gateways.http import Outbound
from addin_host.gateways.probes import OutboundProbes
from tests.gateways.peers.names import Names
from tests.gateways.peers.provider import TENANT, ProviderPeer, SigningPair
from tests.gateways.peers.server import LocalServer, answer
from tests.gateways.test_probes import CA, VERSION, integration, outcome, proof

STRONG, WEAK = rsa.generate_private_key(65537, 2048), rsa.generate_private_key(65537, 1024)
OTHER = ec.generate_private_key(ec.SECP256R1())
OTHER_TENANT = "99999999-2222-3333-4444-555555555555"


def entry(key: Any = STRONG, days: int = 300, **changes: Any) -> dict[str, Any]:
    """Return an entry as Exchange publishes it, for a certificate that holds so many days longer."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Microsoft Exchange Server Auth Certificate")])
    ends = datetime.now(UTC) + timedelta(days=days, hours=1)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(days + 1000).not_valid_before(ends - timedelta(days=1800)).not_valid_after(ends)
    certificate = made.sign(key, SHA256())
    thumbprint = base64.urlsafe_b64encode(certificate.fingerprint(SHA1())).rstrip(b"=").decode()
    value = base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()
    return {
        "usage": "signing",
        "keyinfo": {"x5t": thumbprint},
        "keyvalue": {"type": "x509Certificate", "value": value},
    } | changes


def document(*entries: Any) -> bytes:
    return json.dumps({"id": "x", "issuer": "00000002", "keys": entries}).encode()


def metadata(body: bytes, status: int = 200, host: str = "mail.test") -> tuple[Outcome, str]:
    tls = CA.server_context(host)

    def behave(_request: object, connection: Any) -> None:
        answer(connection, body, status=status, headers=("Location: /elsewhere",))

    with LocalServer(behave, tls) as server:
        url = f"https://{host}:{server.port}/autodiscover/metadata/json/1"
        table, hosts = {host: ("127.0.0.1",)}, ("vmr.test", host)
        return outcome("metadata", integration(domains=[url]), server.port, instance=url, table=table, hosts=hosts)


@pytest.mark.parametrize(
    ("body", "expected", "words"),
    [
        (document(entry()), Outcome.OK, "1 usable certificate;"),
        (document(entry(), entry(days=900)), Outcome.OK, "2 usable certificates;"),
        (document(entry(WEAK), entry()), Outcome.OK, "1 usable certificate;"),
        (document(entry(days=20), entry(days=400)), Outcome.OK, "2 usable certificates;"),
        (document(entry(days=20)), Outcome.WARNING, "holds only until"),
        (document(entry(days=-3)), Outcome.WARNING, "held only until"),
        (document(entry(WEAK)), Outcome.FAILED, "no certificate that tokens can be checked with"),
        (document(entry(OTHER)), Outcome.FAILED, "no certificate that tokens can be checked with"),
        (document(entry(usage="encryption")), Outcome.FAILED, "no certificate"),
        (document(entry(keyinfo={"x5t": "another"})), Outcome.FAILED, "no certificate"),
        (document(entry(keyvalue={"type": "x509Certificate", "value": "MII"})), Outcome.FAILED, "no certificate"),
        (document(entry(keyvalue="x"), 7), Outcome.FAILED, "no certificate"),
        (document(), Outcome.FAILED, "no certificate"),
        (b"{}", Outcome.FAILED, "something else"),
        (b'{"keys": "x"}', Outcome.FAILED, "something else"),
        (b"[" * 100_000, Outcome.FAILED, "something else"),
        (b"<html>internal detail", Outcome.FAILED, "something else"),
        (b"x" * 2_000_000, Outcome.FAILED, "too large"),
    ],
)
def test_metadata(body: bytes, expected: Outcome, words: str) -> None:
    found, message = metadata(body)
    assert (found, words in message) == (expected, True), message


@pytest.mark.parametrize(("status", "words"), [(302, "redirect"), (401, "answers 401"), (500, "mail.test")])
def test_metadata_that_is_not_given(status: int, words: str) -> None:
    found, message = metadata(b"internal detail", status)
    assert (found, words in message) == (Outcome.FAILED, True), message


def test_exchange_online_is_remarked_upon() -> None:
    assert metadata(document(entry()), host="outlook.office365.com")[0] is Outcome.WARNING


def test_a_domain_stands_for_its_autodiscover_address() -> None:
    names = Names({"mail.test": ("10.0.0.7",)})
    probes = OutboundProbes(Outbound(names), policy=AddressPolicy(), now=lambda: datetime.now(UTC))
    run = probes.open(integration(domains=["mail.test"]), web_proxy="", installation=Installation(VERSION, proof))
    verdict = run.probe(Step(BY_CHECK["metadata"], "mail.test"))
    assert (verdict.outcome, names.asked) == (Outcome.FAILED, ["mail.test"])
    assert "Internal Exchange" in verdict.message


# SSO and NAA ----------------------------------------------------------------------------------------------------------


def tokens_of(provider: ProviderPeer, **changes: Any) -> tuple[Outcome, str]:
    address = f"{provider.origin}{provider.base}/v2.0/.well-known/openid-configuration"
    given = {
        "addin_authentication_method": "NAA_TOKEN",
        "addin_oidc_metadata_url": address,
        "addin_authority_url": f"{provider.origin}{provider.base}",
    }
    return outcome("token_metadata", integration(**(provider.fields | given | changes)), provider.port)


def test_the_metadata_of_the_tokens() -> None:
    with ProviderPeer("AZURE") as provider:
        assert tokens_of(provider)[0] is Outcome.OK
        provider.published = [SigningPair("weak", 1024).jwk]
        assert "no signing key" in tokens_of(provider)[1]
        provider.bend_discovery = {"issuer": f"https://sts.windows.net/{TENANT}/"}
        assert "names another issuer" in tokens_of(provider)[1]
        provider.bend_discovery = {"jwks_uri": "https://elsewhere.test/keys"}
        assert "another host" in tokens_of(provider)[1]
        provider.bend_discovery, provider.down = {}, {"/keys": 500}
        assert tokens_of(provider)[0] is Outcome.FAILED
        v1 = f"{provider.origin}{provider.base}/.well-known/openid-configuration"
        assert "/TENANT/v2.0/" in tokens_of(provider, addin_oidc_metadata_url=v1)[1]


def test_a_shared_authority_needs_the_tenants() -> None:
    with ProviderPeer("AZURE", "organizations") as provider:
        assert "Enter the allowed tenants" in tokens_of(provider)[1]
        assert tokens_of(provider, allowed_tenants=TENANT)[0] is Outcome.OK
        own = f"{provider.origin}/{TENANT}"
        assert tokens_of(provider, allowed_tenants=TENANT, addin_authority_url=own)[0] is Outcome.OK


@pytest.mark.parametrize(
    ("tenant", "expected", "words"),
    [
        (TENANT.upper(), Outcome.OK, ""),
        (f"{TENANT}/", Outcome.OK, ""),
        (OTHER_TENANT, Outcome.FAILED, "another tenant"),
        ("common", Outcome.WARNING, "one tenant alone"),
        ("contoso.example", Outcome.WARNING, "cannot be compared"),
        ("", Outcome.FAILED, "another tenant"),
    ],
)
def test_outlook_asks_where_tokens_are_checked(tenant: str, expected: Outcome, words: str) -> None:
    with ProviderPeer("AZURE") as provider:
        found, message = tokens_of(provider, addin_authority_url=f"{provider.origin}/{tenant}")
        assert (found, words in message) == (expected, True), message


def test_outlook_asks_at_the_host_of_the_metadata() -> None:
    with ProviderPeer("AZURE") as provider:
        elsewhere = f"https://mail.test:{provider.port}/{TENANT}"
        found, message = tokens_of(provider, addin_authority_url=elsewhere)
        assert (found, "asks mail.test" in message) == (Outcome.FAILED, True)
        sso = {"addin_authentication_method": "SSO_TOKEN", "addin_authority_url": elsewhere}
        assert tokens_of(provider, **sso)[0] is Outcome.OK
