"""A sign-in provider on 127.0.0.1: Entra v2, AD FS 2016, or AD FS 2012 R2. It checks the code exchange and signs.

Tests bend it: `bend_id`, `bend_access` and `bend_discovery` change claims (None removes one), `forge_id` and
`forge_access` replace the whole token, `token_answer` and `down` break an endpoint.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import socket
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from tests.gateways.peers.certificates import Ca, signing_certificate
from tests.gateways.peers.server import LocalServer, Request, answer

CA = Ca("Provider CA")
TLS = CA.server_context("idp.test")
HOST = "idp.test"
TENANT = "11111111-2222-3333-4444-555555555555"
OID = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
CLIENT = "4189c2b4-92ca-416c-b7ea-bc3cfab3d0f0"
SECRET = "client-secret"
RESOURCE = "https://addin.example/"
Claims = dict[str, Any]


def b64(data: bytes | dict[str, Any]) -> str:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def b64_number(number: int) -> str:
    return b64(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def bent(claims: Claims, changes: Claims) -> Claims:
    return {name: value for name, value in {**claims, **changes}.items() if value is not None}


class SigningPair:
    """A key pair with the names that providers give it."""

    def __init__(self, kid: str, bits: int = 2048) -> None:
        self.kid, self.private = kid, rsa.generate_private_key(65537, bits)
        certificate = signing_certificate(self.private) if bits >= 2048 else None
        self.der = certificate.public_bytes(Encoding.DER) if certificate else b""
        self.x5t = b64(hashlib.sha1(self.der).digest())

    @property
    def jwk(self) -> dict[str, Any]:
        numbers = self.private.public_key().public_numbers()
        return {"kty": "RSA", "use": "sig", "kid": self.kid, "n": b64_number(numbers.n), "e": b64_number(numbers.e)}

    def token(self, header: Claims | bytes, claims: Claims | bytes) -> str:
        unsigned = f"{b64(header)}.{b64(claims)}"
        return f"{unsigned}.{b64(self.private.sign(unsigned.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


OWN = SigningPair("own-1")
NEXT = SigningPair("own-2")
FOREIGN = SigningPair("foreign")


class ProviderPeer(LocalServer):
    """`kind` is AZURE, ADFS or ADFS2012; `tenant` is what stands in Entra's addresses."""

    def __init__(self, kind: str, tenant: str = TENANT) -> None:
        super().__init__(self.respond, TLS)
        self.kind, self.tenant = kind, tenant
        self.pair, self.published = OWN, [OWN.jwk]
        self.bend_id: Claims = {}
        self.bend_access: Claims = {}
        self.bend_header: Claims = {}
        self.bend_discovery: Claims = {}
        self.forge_id: Callable[[Claims], str] | None = None
        self.forge_access: Callable[[Claims], str] | None = None
        self.omit: frozenset[str] = frozenset()
        self.token_answer: tuple[int, bytes] | None = None
        self.down: dict[str, int] = {}
        self.federation: bytes | None = None
        self.granted: dict[str, dict[str, str]] = {}

    @property
    def origin(self) -> str:
        return f"https://{HOST}:{self.port}"

    @property
    def base(self) -> str:
        return f"/{self.tenant}" if self.kind == "AZURE" else "/adfs"

    @property
    def fields(self) -> dict[str, Any]:
        """The integration's fields that point at this provider."""
        version = "/v2.0" if self.kind == "AZURE" else ""
        return {
            "auth_provider": "AZURE" if self.kind == "AZURE" else "ADFS",
            "enable_personal_vmrs": True,
            "personal_vmr_oauth_auth_endpoint": f"{self.origin}{self.base}/oauth2{version}/authorize",
            "personal_vmr_oauth_token_endpoint": f"{self.origin}{self.base}/oauth2{version}/token",
            "personal_vmr_oauth_client_id": CLIENT,
            "personal_vmr_adfs_relying_party_trust_identifier": RESOURCE,
            "ca_bundle": CA.pem,
        }

    def count(self, part: str) -> int:
        return sum(part in request.path for request in self.requests)

    def grant(self, authorization_url: str) -> str:
        """Play browser and person: sign in at the authorization URL and return the code."""
        code = secrets.token_urlsafe()
        self.granted[code] = dict(parse_qsl(urlsplit(authorization_url).query))
        return code

    def respond(self, request: Request, connection: socket.socket) -> None:
        for part, status in self.down.items():
            if part in request.path:
                answer(connection, b"out of order", status=status)
                return
        if request.path.endswith("/token"):
            status, body = self.token_answer or self.tokens(request.form)
        else:
            status, body = self.document(request.path)
        answer(connection, body, status=status)

    def document(self, path: str) -> tuple[int, bytes]:
        if path.endswith("/.well-known/openid-configuration") and self.kind != "ADFS2012":
            return 200, json.dumps(bent(self.discovery(), self.bend_discovery)).encode()
        if path.endswith("/keys"):
            return 200, json.dumps({"keys": self.published}).encode()
        if path.endswith("/FederationMetadata.xml") and self.kind == "ADFS2012":
            return 200, self.federation or federation_metadata(self.trust, self.pair)
        return 404, b"not here"

    @property
    def trust(self) -> str:
        return f"http://{HOST}/adfs/services/trust"

    @property
    def issuer(self) -> str:
        if self.kind != "AZURE":
            return f"{self.origin}/adfs"
        named = "{tenantid}" if self.tenant in ("common", "organizations") else TENANT
        return f"{self.origin}/{named}/v2.0"

    def discovery(self) -> Claims:
        keys = "/common/discovery/v2.0/keys" if self.kind == "AZURE" else "/adfs/discovery/keys"
        document = {"issuer": self.issuer, "jwks_uri": self.origin + keys}
        return document if self.kind == "AZURE" else {**document, "access_token_issuer": self.trust}

    def tokens(self, form: dict[str, str]) -> tuple[int, bytes]:
        asked = self.granted.pop(form.get("code", ""), None)
        if form.get("client_id") != CLIENT or (self.kind == "AZURE" and form.get("client_secret") != SECRET):
            return 401, b'{"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret"}'
        challenge = b64(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if asked is None or challenge != asked["code_challenge"] or form.get("redirect_uri") != asked["redirect_uri"]:
            return 400, b'{"error": "invalid_grant", "error_description": "AADSTS54005"}'
        if self.kind != "AZURE" and form.get("resource") != RESOURCE:
            return 400, b'{"error": "invalid_resource"}'
        found = {"id_token": self.id_token(asked["nonce"]), "access_token": self.access_token()}
        absent = self.omit | ({"id_token"} if self.kind == "ADFS2012" else set())
        issued = {name: token for name, token in found.items() if name not in absent}
        return 200, json.dumps({"token_type": "Bearer", "expires_in": 3600, **issued}).encode()

    def signed(self, claims: Claims, forge: Callable[[Claims], str] | None) -> str:
        name = {"x5t": self.pair.x5t} if self.kind == "ADFS2012" else {"kid": self.pair.kid}
        header = bent({"typ": "JWT", "alg": "RS256", **name}, self.bend_header)
        return forge(claims) if forge else self.pair.token(header, claims)

    def id_token(self, nonce: str) -> str:
        claims = {"aud": CLIENT, "nonce": nonce, "name": "Ada Lovelace", **times()}
        if self.kind == "AZURE":
            claims |= {
                "iss": f"{self.origin}/{TENANT}/v2.0",
                "tid": TENANT,
                "oid": OID,
                "sub": "pairwise",
                "ver": "2.0",
            }
            claims |= {"preferred_username": "Ada@Example.com"}
        else:
            claims |= {"iss": self.issuer, "sub": "adfs-sub-1", "upn": "Ada@Example.com", "unique_name": "EX\\ada"}
        return self.signed(bent(claims, self.bend_id), self.forge_id)

    def access_token(self) -> str:
        if self.kind == "AZURE":
            return "opaque"
        claims = {"iss": self.trust, "aud": RESOURCE, "upn": "Ada@Example.com", "appid": CLIENT, **times()}
        return self.signed(bent(claims, self.bend_access), self.forge_access)


def times(shift: int = 0) -> Claims:
    now = int(time.time()) + shift
    return {"iat": now, "nbf": now, "exp": now + 3600}


def federation_metadata(entity: str, *pairs: SigningPair, head: str = "") -> bytes:
    """Return metadata in the shape of AD FS: the signing certificate under two roles, and one for encryption."""
    info = (
        '<KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>{}</X509Certificate></X509Data>'
    )
    key = '<KeyDescriptor use="{}">' + info + "</KeyInfo></KeyDescriptor>"
    signing = "".join(key.format("signing", base64.b64encode(pair.der).decode()) for pair in pairs)
    encryption = key.format("encryption", base64.b64encode(FOREIGN.der).decode())
    return (
        f'{head}<EntityDescriptor entityID="{entity}" xmlns="urn:oasis:names:tc:SAML:2.0:metadata">'
        f"<RoleDescriptor>{encryption}{signing}</RoleDescriptor><IDPSSODescriptor>{encryption}{signing}</IDPSSODescriptor>"
        "</EntityDescriptor>"
    ).encode()
