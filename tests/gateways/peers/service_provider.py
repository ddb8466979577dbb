"""Entra's v1 endpoints on 127.0.0.1, as far as a service account needs them: codes, refresh tokens that rotate."""

from __future__ import annotations

import hashlib
import json
import secrets
import socket
import threading
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

from addin_host.domain.addresses import AddressPolicy, Peer
from addin_host.gateways.http import Outbound
from addin_host.gateways.service_account import AuthlibServiceAccounts
from tests.gateways.peers.names import Names
from tests.gateways.peers.provider import CA, CLIENT, HOST, SECRET, TENANT, TLS, b64, bent
from tests.gateways.peers.server import LocalServer, Request, answer

ACCOUNT = "svc-meetings@example.com"
RESOURCE = "https://outlook.office365.com"
REDIRECT_URI = "https://127.0.0.1/admin/platform/msexchangeconnector/oauth_redirect/"


class ServiceProvider(LocalServer):
    """Issues access to `account`. A refresh token is good once; when it comes again, all of its family are revoked."""

    def __init__(self) -> None:
        super().__init__(self.respond, TLS)
        self.account, self.resource, self.seconds = ACCOUNT, RESOURCE, 3600
        self.bend_id: dict[str, Any] = {}
        self.bend: dict[str, Any] = {}
        self.fault: tuple[int, bytes, tuple[str, ...]] | None = None
        self.granted: dict[str, dict[str, str]] = {}
        self.valid: set[str] = set()
        self.used: set[str] = set()
        self.at_once, self.most_at_once = 0, 0
        self.takes = 0.0
        self._lock = threading.Lock()

    @property
    def base(self) -> str:
        return f"https://{HOST}:{self.port}/{TENANT}/oauth2"

    @property
    def fields(self) -> dict[str, Any]:
        """The integration's fields that lead here."""
        return {
            "name": "Sales",
            "enable_dynamic_vmrs": True,
            "enable_personal_vmrs": False,
            "addin_server_domain": "vmr.example.com",
            "mailbox_protocol": "EWS",
            "url": f"{RESOURCE}/EWS/Exchange.asmx",
            "authentication_method": "OAUTH",
            "username": ACCOUNT,
            "room_mailbox_email_address": "meetings@example.com",
            "room_mailbox_name": "Meetings",
            "domains": ["mail.example.com"],
            "oauth_client_id": CLIENT,
            "oauth_client_secret": SECRET,
            "oauth_redirect_uri": REDIRECT_URI,
            "oauth_auth_endpoint": f"{self.base}/authorize",
            "oauth_token_endpoint": f"{self.base}/token",
            "scheduled_alias_prefix": "55",
            "scheduled_alias_domain": "video.example.com",
            "scheduled_alias_suffix_length": 6,
            "addin_authentication_method": "EXCHANGE_USER_ID_TOKEN",
            "ca_bundle": CA.pem,
        }

    def gateway(self, seconds: float = 5) -> AuthlibServiceAccounts:
        """The gateway of production, which finds this server under its name."""
        policy = AddressPolicy(exceptions=frozenset({Peer("https", HOST, self.port)}))
        return AuthlibServiceAccounts(Outbound(Names({HOST: ("127.0.0.1",)}), deadline_seconds=seconds), policy=policy)

    @property
    def calls(self) -> int:
        return len(self.requests)

    def grant(self, link: str) -> str:
        """Sign in at a link and return the code that the browser brings back."""
        code = secrets.token_urlsafe()
        asked = {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}
        assert asked["redirect_uri"] == REDIRECT_URI
        self.granted[code] = asked
        return code

    def issue(self) -> str:
        """A refresh token that is good."""
        token = secrets.token_urlsafe()
        self.valid.add(token)
        return token

    def revoke(self) -> None:
        """Take every refresh token back, as a new password does."""
        self.valid.clear()

    def respond(self, request: Request, connection: socket.socket) -> None:
        with self._lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        time.sleep(self.takes)
        status, body, headers = self.fault or (*self.tokens(request.form), ())
        with self._lock:
            self.at_once -= 1
        answer(connection, body, status=status, headers=headers)

    def tokens(self, form: dict[str, str]) -> tuple[int, bytes]:
        if form.get("client_id") != CLIENT or form.get("client_secret") != SECRET:
            return 401, b'{"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret"}'
        if form.get("resource") != self.resource:
            return 400, b'{"error": "invalid_resource", "error_description": "AADSTS500011"}'
        grants = {"authorization_code": self._by_code, "refresh_token": self._by_refresh_token}
        found = grants[form["grant_type"]](form)
        if found is None:
            return 400, b'{"error": "invalid_grant", "error_description": "AADSTS50173: revoked"}'
        issued = {"token_type": "Bearer", "expires_in": str(self.seconds), "access_token": secrets.token_urlsafe()}
        return 200, json.dumps(bent(issued | {"refresh_token": self.issue()} | found, self.bend)).encode()

    def _by_code(self, form: dict[str, str]) -> dict[str, Any] | None:
        asked = self.granted.pop(form["code"], None)
        challenge = b64(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if asked is None or challenge != asked["code_challenge"] or form["redirect_uri"] != asked["redirect_uri"]:
            return None
        claims = {"aud": CLIENT, "upn": self.account, "unique_name": self.account, "nonce": asked["nonce"]}
        return {"id_token": f"{b64({'typ': 'JWT', 'alg': 'none'})}.{b64(bent(claims, self.bend_id))}."}

    def _by_refresh_token(self, form: dict[str, str]) -> dict[str, Any] | None:
        token = form["refresh_token"]
        if token in self.used:
            self.revoke()
        if token not in self.valid:
            return None
        self.valid.remove(token)
        self.used.add(token)
        return {}
