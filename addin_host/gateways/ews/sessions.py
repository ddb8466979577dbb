"""How a session with Exchange is signed in: Basic, NTLM, Kerberos, or a token (service account, or application)."""

from __future__ import annotations

from collections.abc import Callable
from struct import error as StructError  # noqa: N812 - what pyspnego lets through
from typing import Any

import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from requests.auth import AuthBase, HTTPBasicAuth
from requests_ntlm import HttpNtlmAuth
from spnego.exceptions import SpnegoError

from addin_host.domain.errors import Misconfigured
from addin_host.domain.integration import Integration
from addin_host.domain.mailbox import Fault, MailboxAccess, MailboxTrouble

_WEAK = ("md5", "sha1")
_REFUSED = "The Exchange server refuses the sign-in. Check the service account and its password."


class _Ntlm(HttpNtlmAuth):
    """NTLM bound to the TLS connection, as Extended Protection asks for; our adapter knows the certificate."""

    def _get_server_cert(self, response: requests.Response) -> bytes | None:
        adapter: Any = response.connection
        return _end_point(adapter.certificate)

    def response_hook(self, r: requests.Response, **kwargs: Any) -> requests.Response:
        try:
            return super().response_hook(r, **kwargs)
        except (PermissionError, LookupError, ValueError, StructError, SpnegoError) as error:
            raise MailboxTrouble(Fault.AUTHENTICATION, _REFUSED) from error


def _end_point(certificate: bytes | None) -> bytes | None:
    """Return the tls-server-end-point hash of a certificate (RFC 5929 section 4.1)."""
    if certificate is None:
        return None
    signed = x509.load_der_x509_certificate(certificate).signature_hash_algorithm
    digest = hashes.Hash(hashes.SHA256() if signed is None or signed.name in _WEAK else signed)
    digest.update(certificate)
    return digest.finalize()


class _Bearer(AuthBase):
    """An access token; a new one when it is refused. `token` takes whether the last one was."""

    def __init__(self, token: Callable[[bool], str]) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token(False)}"
        request.hooks["response"].append(self._again)
        return request

    def _again(self, response: requests.Response, **options: Any) -> requests.Response:
        if response.status_code != 401:
            return response
        request = response.request.copy()
        request.headers["Authorization"] = f"Bearer {self._token(True)}"
        adapter: Any = response.connection
        again: requests.Response = adapter.send(request, **options)
        return again


def sign_in(integration: Integration, access: MailboxAccess, app_token: Callable[[bool], str]) -> AuthBase:
    """Return what signs the requests of an integration. Raises Misconfigured."""
    method = str(integration["authentication_method"])
    user, password = str(integration["username"]), access.secrets.get("password", "")
    if method in ("BASIC", "NTLM", "KERBEROS") and not (user and password):
        raise Misconfigured("The service account's username or password is missing. Enter both in the integration.")
    if method == "BASIC":
        return HTTPBasicAuth(user.encode(), password.encode())
    if method == "NTLM":
        ntlm: AuthBase = _Ntlm(user, password)
        return ntlm
    if method == "KERBEROS":
        return _kerberos(integration, user, password)
    if method == "APP_PERM":
        return _Bearer(app_token)
    if access.service_token is None:
        raise MailboxTrouble(Fault.SIGN_IN_NEEDED, "Sign in to the service account in the integration.")
    return _Bearer(access.service_token)


def _kerberos(integration: Integration, user: str, password: str) -> AuthBase:
    """Return Kerberos with a ticket of the service account. Where its realm's KDC is, the host's krb5.conf says."""
    try:
        import gssapi  # noqa: PLC0415 - an extra
        import requests_gssapi  # noqa: PLC0415
    except ImportError as error:
        raise Misconfigured("Kerberos is not installed on this host. Install addin-host[kerberos].") from error
    realm, spn = str(integration["kerberos_realm"]), str(integration["kerberos_exchange_spn"])
    name = gssapi.Name(user if "@" in user else f"{user}@{realm}", gssapi.NameType.kerberos_principal)
    try:
        ticket = gssapi.raw.acquire_cred_with_password(name, password.encode(), usage="initiate").creds
    except gssapi.exceptions.GSSError as error:
        raise MailboxTrouble(Fault.AUTHENTICATION, "No Kerberos ticket is given to the service account.") from error
    negotiated: AuthBase = requests_gssapi.HTTPSPNEGOAuth(
        creds=gssapi.Credentials(ticket),
        target_name=gssapi.Name(spn, gssapi.NameType.kerberos_principal),
        opportunistic_auth=bool(integration["kerberos_auth_every_request"]),
    )
    return negotiated
