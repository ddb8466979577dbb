"""Sign-in of the service account at Microsoft Entra's v1 endpoints, over Authlib (design/scheduling.md section 12).

What the tokens say about the account is taken from the token endpoint's own answer, which came over TLS from the
configured address: no signature is asked for besides (OpenID Connect Core 3.1.3.7).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session

from addin_host.domain.addresses import AddressPolicy, parse_url
from addin_host.domain.errors import Misconfigured, Reason, Refused, Upstream
from addin_host.domain.integration import Integration, origin_of
from addin_host.domain.mailbox import Fault, MailboxTrouble
from addin_host.domain.ports import PendingSignIn, ServiceAccess, ServiceClient
from addin_host.domain.service_account import CALLBACK, SIGN_IN_NEEDED
from addin_host.gateways.http import Outbound, Route, busy, route_for
from addin_host.gateways.identity.sign_in import MAX_CODE, exchanged, require_bound
from addin_host.gateways.identity.tokens import TokenFault, check_audience, unproven_claims

_NOT_PROVEN = "Sign-in did not succeed: the sign-in service's answer does not fit to what was asked. Try again."
_NAMES = ("upn", "unique_name", "preferred_username")  # not `email`, which its owner may set
_NEEDS_SIGN_IN = frozenset({"invalid_grant", "interaction_required", "login_required", "consent_required"})
_BUSY = frozenset({"server_error", "temporarily_unavailable"})
_ENTRA_CODE = re.compile(r"AADSTS\d{4,9}")
_MICROSOFTS_ISSUERS = frozenset({"sts.windows.net", "sts.microsoftonline.us", "sts.chinacloudapi.cn"})
_MAX_TOKEN = 32 * 1024
_HOUR, _DAY = 3600, 86400  # seconds

log = logging.getLogger(__name__)


class AuthlibServiceAccounts:
    """The `ServiceAccounts` of production. `policy` is what app.py handed out."""

    def __init__(self, outbound: Outbound, *, policy: AddressPolicy) -> None:
        self._outbound, self._policy = outbound, policy

    def authorization_url(self, integration: Integration, pending: PendingSignIn) -> str:
        """Return the address to sign in at; the account's name stands there already. Raises Misconfigured."""
        require_bound(pending)
        endpoint = _endpoint(integration, "oauth_auth_endpoint", self._route(integration, ServiceClient()))
        if urlsplit(pending.redirect_uri).path != CALLBACK:
            raise Misconfigured(f"The OAuth redirect URI must end with {CALLBACK}, here and in the app registration.")
        url, _ = self._session(integration, ServiceClient(), pending).create_authorization_url(
            endpoint,
            state=pending.state,
            code_verifier=pending.verifier,
            nonce=pending.nonce,
            resource=_resource(integration),
            response_mode="query",
            prompt="login",
            login_hint=str(integration["username"]),
        )
        return str(url)

    def redeem(
        self, integration: Integration, pending: PendingSignIn, client: ServiceClient, *, code: str, issuer: str | None
    ) -> ServiceAccess:
        """Exchange the code; see the port for the errors."""
        require_bound(pending)
        if not 0 < len(code) <= MAX_CODE or not _is_issuer(integration, issuer):
            raise Refused(Reason.UNAUTHENTICATED, _NOT_PROVEN)
        route = self._route(integration, client)
        endpoint = _endpoint(integration, "oauth_token_endpoint", route)
        session, extra = self._session(integration, client, pending), {"resource": _resource(integration)}
        answer = exchanged(session, endpoint, route, code=code, pending=pending, extra=extra)
        try:
            return _access(answer, _names(answer, integration, pending.nonce))
        except TokenFault as fault:
            log.warning("sign-in of a service account refused: %s", fault, extra={"integration": integration.id})
            raise Refused(Reason.UNAUTHENTICATED, _NOT_PROVEN) from fault

    def refresh(self, integration: Integration, client: ServiceClient, *, refresh_token: str) -> ServiceAccess:
        """Renew the access; see the port for the errors."""
        endpoint = _endpoint(integration, "oauth_token_endpoint", self._route(integration, client))
        try:
            with self._session(integration, client) as session:
                session.register_compliance_hook("refresh_token_response", _judged)
                answer = session.refresh_token(
                    endpoint, refresh_token=refresh_token, resource=_resource(integration), scope=None
                )
            return _access(answer, ())
        except OAuthError as error:
            raise _refusal(str(error.error), str(error.description)) from None
        except MailboxTrouble:
            raise
        except Upstream as error:
            raise MailboxTrouble(Fault.UNREACHABLE, error.message, retry_after=error.retry_after) from error
        except (TokenFault, requests.HTTPError, ValueError, TypeError, OverflowError, RecursionError):
            message = "The OAuth token endpoint does not answer as one. Check its address."
            raise MailboxTrouble(Fault.UNUSABLE, message) from None

    def _route(self, integration: Integration, client: ServiceClient) -> Route:
        return route_for(integration, web_proxy=client.web_proxy, policy=self._policy)

    def _session(
        self, integration: Integration, client: ServiceClient, pending: PendingSignIn | None = None
    ) -> OAuth2Session:
        session = OAuth2Session(
            client_id=str(integration["oauth_client_id"] or ""),
            client_secret=client.secret or None,
            token_endpoint_auth_method="client_secret_post" if client.secret else "none",
            scope="openid",
            redirect_uri=pending.redirect_uri if pending else None,
            code_challenge_method="S256",
        )
        return self._outbound.mount(session, self._route(integration, client))


def _endpoint(integration: Integration, name: str, route: Route) -> str:
    """Return one of the two endpoints, of the kind that takes a resource. Raises Misconfigured."""
    url = str(integration[name] or "")
    parse_url(url, route.policy)
    if "/v2.0/" in url.lower():
        raise Misconfigured(
            "The OAuth endpoints are those of version 2. Enter those of version 1 from the app registration."
        )
    return url


def _resource(integration: Integration) -> str:
    """Return what access is asked for: Exchange, by the address that EWS is called at."""
    return origin_of(str(integration["url"] or ""))


def _is_issuer(integration: Integration, issuer: str | None) -> bool:
    """Whether the `iss` of the response, where one was sent (RFC 9207), is the authorization endpoint's."""
    if issuer is None:
        return True
    host = urlsplit(str(integration["oauth_auth_endpoint"])).hostname
    try:
        return urlsplit(issuer).hostname in {host, *_MICROSOFTS_ISSUERS}
    except ValueError:
        return False


def _names(answer: Mapping[str, Any], integration: Integration, nonce: str) -> tuple[str, ...]:
    """Return what the tokens call the account. Raises TokenFault when the ID token is somebody else's."""
    if answer.get("id_token") is None:
        claims = unproven_claims(answer.get("access_token"))
    else:
        claims = unproven_claims(answer["id_token"])
        check_audience(claims, (str(integration["oauth_client_id"]),))
        if claims.get("nonce", nonce) != nonce:
            raise TokenFault("another nonce")
    return tuple(str(claims[name]) for name in _NAMES if isinstance(claims.get(name), str))


def _access(answer: Mapping[str, Any], names: tuple[str, ...]) -> ServiceAccess:
    token, renewed = answer.get("access_token"), answer.get("refresh_token") or ""
    if not isinstance(token, str) or not 0 < len(token) <= _MAX_TOKEN or not token.isascii():
        raise TokenFault("no access token")
    if not isinstance(renewed, str) or len(renewed) > _MAX_TOKEN:
        raise TokenFault("no usable refresh token")
    try:
        seconds = int(answer.get("expires_in") or _HOUR)  # version 1 writes it as text
    except (ValueError, TypeError, OverflowError) as error:
        raise TokenFault("a time to live that is no number") from error
    return ServiceAccess(token, max(0, min(seconds, _DAY)), renewed, names)


def _refusal(code: str, description: str) -> MailboxTrouble:
    """Return what an OAuth error means; its description stays here, since it may hold identifiers."""
    number = _ENTRA_CODE.search(description)
    log.warning("the token endpoint answered %r, %s", code[:40], number[0] if number else "without a number")
    if code in _NEEDS_SIGN_IN:
        return MailboxTrouble(Fault.SIGN_IN_NEEDED, SIGN_IN_NEEDED)
    if code in _BUSY:
        return MailboxTrouble(Fault.BUSY, "The sign-in service cannot answer at the moment.")
    return MailboxTrouble(
        Fault.AUTHENTICATION,
        "The sign-in service does not accept the application. Check OAuth client ID, client secret and EWS URL.",
    )


def _judged(answer: requests.Response) -> requests.Response:
    """Return an answer that is one. Raises MailboxTrouble for those that ask to come later."""
    if answer.status_code != 429 and answer.status_code < 500:
        return answer
    wait = busy(answer, "The sign-in service")
    raise MailboxTrouble(Fault.BUSY, wait.message, retry_after=wait.retry_after)
