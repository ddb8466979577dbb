"""Sign-in of administrators at one OpenID Connect provider, described by its discovery document."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from authlib.integrations.requests_client import OAuth2Session

from addin_host.domain.addresses import AddressPolicy, parse_url
from addin_host.domain.errors import Misconfigured, Reason, Refused
from addin_host.domain.ports import AdminPerson, AdminProvider, PendingSignIn
from addin_host.gateways.http import Outbound, Route
from addin_host.gateways.identity.authority import Authorities, Authority, Source
from addin_host.gateways.identity.provider import MAX_ADDRESS, TokenReader, name_from, subject_from
from addin_host.gateways.identity.sign_in import MAX_CODE, exchanged, require_bound
from addin_host.gateways.identity.tokens import LEEWAY_SECONDS, TokenFault, check_id_token, check_issuer

MAX_ROLES = 500
_NOT_PROVEN = "Sign-in did not succeed: the provider's answer could not be verified. Try again."
_BASIC, _POST = "client_secret_basic", "client_secret_post"

log = logging.getLogger(__name__)


class AuthlibAdminIdentity:
    """The `AdminIdentity` of production. `policy` is what app.py handed out; `now` returns an aware datetime."""

    def __init__(self, outbound: Outbound, *, policy: AddressPolicy, now: Callable[[], datetime]) -> None:
        self._outbound, self._policy, self._now = outbound, policy, now
        self._authorities = Authorities(outbound, now)

    def authorization_url(self, provider: AdminProvider, pending: PendingSignIn, *, again: bool) -> str:
        """Return the address to send the browser to. Reads the discovery document when it is not kept."""
        route = self._route(provider)
        authority = self._authority(provider, route)
        require_bound(pending)
        parse_url(authority.authorization_endpoint, route.policy)
        url, _ = self._session(provider, authority, route, pending, client_secret="").create_authorization_url(
            authority.authorization_endpoint,
            state=pending.state,
            code_verifier=pending.verifier,
            nonce=pending.nonce,
            **({"prompt": "login", "max_age": "0"} if again else {}),
        )
        return str(url)

    def redeem(
        self,
        provider: AdminProvider,
        pending: PendingSignIn,
        *,
        code: str,
        issuer: str | None,
        client_secret: str,
        again: bool,
    ) -> AdminPerson:
        """Exchange the code and verify the ID token; see the port for the errors."""
        route = self._route(provider)
        require_bound(pending)
        if not 0 < len(code) <= MAX_CODE:
            raise Refused(Reason.UNAUTHENTICATED, _NOT_PROVEN)
        try:
            authority = self._authority(provider, route)
            if issuer is not None and issuer != authority.issuer:
                raise TokenFault("the response names another issuer")
            session = self._session(provider, authority, route, pending, client_secret=client_secret)
            tokens = exchanged(session, authority.token_endpoint, route, code=code, pending=pending, extra={})
            claims = self._claims(provider, route, tokens, pending)
            if again:
                _check_just_now(claims, self._now().timestamp())
            return _person(claims, provider.role_claim)
        except TokenFault as fault:
            log.warning("sign-in of an administrator refused: %s", fault)
            raise Refused(Reason.UNAUTHENTICATED, _NOT_PROVEN) from fault

    def _route(self, provider: AdminProvider) -> Route:
        policy = replace(self._policy, allow_private=provider.is_internal)
        hosts = frozenset({urlsplit(provider.issuer).hostname or ""})
        return Route(policy=policy, proxy=provider.web_proxy, ca_bundle=provider.ca_bundle, hosts=hosts)

    def _source(self, provider: AdminProvider, route: Route) -> Source:
        base = provider.issuer.rstrip("/")
        return Source(parse_url(base, route.policy), f"{base}/.well-known/openid-configuration")

    def _authority(self, provider: AdminProvider, route: Route) -> Authority:
        """Return the provider's own description, checked against what the settings say."""
        source = self._source(provider, route)
        authority = self._authorities.current(source, route)
        if authority.issuer != provider.issuer:
            raise Misconfigured("The provider names another issuer than the settings. Enter it exactly as it does.")
        if parse_url(authority.token_endpoint, route.policy) != source.peer:
            raise Misconfigured("The provider's token endpoint is on another host than its issuer, which is refused.")
        return authority

    def _session(
        self,
        provider: AdminProvider,
        authority: Authority,
        route: Route,
        pending: PendingSignIn,
        *,
        client_secret: str,
    ) -> OAuth2Session:
        supported = authority.token_authentication or (_BASIC,)
        session = OAuth2Session(
            client_id=provider.client_id,
            client_secret=client_secret or None,
            token_endpoint_auth_method=_BASIC if _BASIC in supported else _POST,
            scope=provider.scopes,
            redirect_uri=pending.redirect_uri,
            code_challenge_method="S256",
        )
        return self._outbound.mount(session, route)

    def _claims(
        self, provider: AdminProvider, route: Route, tokens: Mapping[str, Any], pending: PendingSignIn
    ) -> Mapping[str, Any]:
        reader = TokenReader(self._authorities, self._source(provider, route), route, self._now)
        claims = reader.claims(tokens.get("id_token"), types={"jwt"})
        check_issuer(claims, provider.issuer)
        check_id_token(claims, client_id=provider.client_id, nonce=pending.nonce)
        return claims


def _check_just_now(claims: Mapping[str, Any], now: float) -> None:
    """Require the provider to say that the person signed in this very moment: `max_age` obliges it to."""
    at = claims.get("auth_time")
    if type(at) is not int or not now - LEEWAY_SECONDS <= at <= now + LEEWAY_SECONDS:
        raise TokenFault("auth_time is missing or too old")


def _person(claims: Mapping[str, Any], role_claim: str) -> AdminPerson:
    subject = subject_from(claims, "sub")
    login = next(filter(None, (_text(claims, name) for name in ("preferred_username", "upn", "email"))), subject)
    return AdminPerson(
        issuer=str(claims["iss"]),
        subject=subject,
        login=login,
        name=name_from(login, claims),
        email=_text(claims, "email"),
        roles=_roles(claims, role_claim),
    )


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    return value if isinstance(value, str) and len(value) <= MAX_ADDRESS and value.isprintable() else ""


def _roles(claims: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value: Any = claims.get(name)
    if value is None:
        value = claims
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
    entries = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(entry for entry in entries[:MAX_ROLES] if isinstance(entry, str))
