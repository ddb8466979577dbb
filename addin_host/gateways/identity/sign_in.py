"""The authorization-code flow: where the browser is sent, and what the code is exchanged for."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import requests
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session

from addin_host.domain.addresses import AddressPolicy, parse_url
from addin_host.domain.errors import HostError, Misconfigured, Reason, Refused, Upstream
from addin_host.domain.integration import Integration
from addin_host.domain.ports import PendingSignIn, Person
from addin_host.gateways.http import Outbound, Route, busy, route_for
from addin_host.gateways.identity.adfs import Adfs
from addin_host.gateways.identity.authority import Authorities
from addin_host.gateways.identity.entra import Entra
from addin_host.gateways.identity.pane_tokens import PaneTokens
from addin_host.gateways.identity.provider import Provider, TokenReader
from addin_host.gateways.identity.tokens import TokenFault

MAX_CODE = 8192
NOT_PROVEN = (
    "Sign-in did not succeed: the sign-in service's answer could not be verified. Close this window and try again."
)
NOT_ACCEPTED = "Outlook's proof of who you are was not accepted. Sign in, or ask your administrator."
NOT_GRANTED = "Sign-in did not succeed: the sign-in service did not grant it. Try again, or ask your administrator."

_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636
_HINT = re.compile(r"(?:AADSTS|MSIS)[0-9]{1,8}")  # what the providers' own documentation lists errors by
_GRANT_ERRORS = frozenset(
    {"invalid_grant", "access_denied", "interaction_required", "login_required", "consent_required"}
)
_BUSY_ERRORS = frozenset({"server_error", "temporarily_unavailable"})

log = logging.getLogger(__name__)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class AuthlibIdentity:
    """The `IdentityProvider` of production: Entra and AD FS over the one way out.

    `web_proxy` returns the platform's proxy of the moment; `now` an aware datetime.
    """

    def __init__(
        self,
        outbound: Outbound,
        *,
        web_proxy: Callable[[], str],
        policy: AddressPolicy,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._outbound, self._web_proxy, self._policy, self._now = outbound, web_proxy, policy, now
        self._authorities = Authorities(outbound, now)
        self._pane_tokens = PaneTokens(outbound, self._authorities, now)

    def authorization_url(self, integration: Integration, pending: PendingSignIn) -> str:
        """Return the address to send the browser to. Raises Misconfigured. Makes no outbound call."""
        route = self._route(integration)
        provider = _provider_of(integration, route)
        require_bound(pending)
        session = self._session(provider, route, integration, pending, client_secret="")
        url, _ = session.create_authorization_url(
            str(integration["personal_vmr_oauth_auth_endpoint"]),
            state=pending.state,
            code_verifier=pending.verifier,
            nonce=pending.nonce,
            response_mode="query",
            **provider.parameters,
        )
        return str(url)

    def redeem(
        self, integration: Integration, pending: PendingSignIn, *, code: str, issuer: str | None, client_secret: str
    ) -> Person:
        """Exchange the code and verify the tokens; see the port for the errors."""
        route = self._route(integration)
        provider = _provider_of(integration, route)
        require_bound(pending)
        if not 0 < len(code) <= MAX_CODE:
            raise Refused(Reason.UNAUTHENTICATED, NOT_PROVEN)
        reader = TokenReader(self._authorities, provider.source, route, self._now)
        try:
            provider.check_issuers(reader.authority, issuer)
            session = self._session(provider, route, integration, pending, client_secret=client_secret)
            url = str(integration["personal_vmr_oauth_token_endpoint"])
            tokens = exchanged(session, url, route, code=code, pending=pending, extra=provider.parameters)
            return provider.person(tokens, reader, nonce=pending.nonce)
        except TokenFault as fault:
            log.warning("sign-in refused: %s", fault, extra={"integration": integration.id})
            raise Refused(Reason.UNAUTHENTICATED, NOT_PROVEN) from fault

    def person_of(self, integration: Integration, token: str) -> Person:
        """Return whom an identity token from Outlook names; see the port for the errors."""
        try:
            return self._pane_tokens.person(integration, self._route(integration), token)
        except TokenFault as fault:
            log.warning("identity token refused: %s", fault, extra={"integration": integration.id})
            raise Refused(Reason.UNAUTHENTICATED, NOT_ACCEPTED) from fault

    def _route(self, integration: Integration) -> Route:
        return route_for(integration, web_proxy=self._web_proxy(), policy=self._policy)

    def _session(
        self, provider: Provider, route: Route, integration: Integration, pending: PendingSignIn, *, client_secret: str
    ) -> OAuth2Session:
        session = OAuth2Session(
            client_id=str(integration["personal_vmr_oauth_client_id"]),
            client_secret=client_secret or None,
            token_endpoint_auth_method=provider.client_authentication,
            scope=provider.scope,
            redirect_uri=pending.redirect_uri,
            code_challenge_method="S256",
        )
        return self._outbound.mount(session, route)


def _provider_of(integration: Integration, route: Route) -> Provider:
    if integration["auth_provider"] == "ADFS":
        return Adfs.of(integration, route.policy)
    return Entra.of(integration, route.policy)


def require_bound(pending: PendingSignIn) -> None:
    """Refuse a sign-in without the values that bind it to its browser: PKCE is never left out (RFC 9700)."""
    if not _VERIFIER.fullmatch(pending.verifier) or not pending.state or not pending.nonce or not pending.redirect_uri:
        raise Refused(Reason.UNAUTHENTICATED, NOT_PROVEN)


def exchanged(
    session: OAuth2Session,
    url: str,
    route: Route,
    *,
    code: str,
    pending: PendingSignIn,
    extra: Mapping[str, str],
) -> Mapping[str, Any]:
    """Return what the token endpoint at `url` answers to a code. Raises Refused, Upstream or Misconfigured."""
    host = parse_url(url, route.policy).host
    try:
        with session:
            answer: Mapping[str, Any] = session.fetch_token(
                url, grant_type="authorization_code", code=code, code_verifier=pending.verifier, **extra
            )
    except OAuthError as error:
        hint = _HINT.search(str(error.description))
        log.warning(
            "the token endpoint answered %r, %s", str(error.error)[:40], hint[0] if hint else "without a number"
        )
        raise _in_words(str(error.error), host) from None
    except (requests.HTTPError, ValueError, TypeError, OverflowError, RecursionError) as error:
        response = error.response if isinstance(error, requests.HTTPError) else None
        if response is not None and (response.status_code >= 500 or response.status_code == 429):
            raise busy(response, host) from None
        raise Upstream(f"{host} does not answer as a token endpoint. Check the token URI.", retryable=False) from None
    return answer


def _in_words(code: str, host: str) -> HostError:
    """Return what an OAuth error code means; its description stays here, since it may hold identifiers."""
    if code in _GRANT_ERRORS:
        return Refused(Reason.UNAUTHENTICATED, NOT_GRANTED)
    if code in _BUSY_ERRORS:
        return Upstream(f"{host} cannot answer at the moment. Try again later.")
    if code == "invalid_client":
        return Misconfigured(
            "The sign-in service does not accept the client. Check the client ID and the client secret."
        )
    return Misconfigured(
        "The sign-in service does not accept the request. Check the client, redirect URI and resource."
    )
