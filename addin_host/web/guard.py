"""Who may enter: known hosts only, and the pane's bearer."""

from __future__ import annotations

import time
from contextlib import suppress
from urllib.parse import urlsplit

from flask import Flask, abort, request

from addin_host.domain.deployment import Deployment
from addin_host.domain.errors import Reason, Refused, Upstream
from addin_host.domain.identity_kinds import has_dialog
from addin_host.domain.integration import Integration
from addin_host.domain.ports import Person
from addin_host.domain.redaction import new_correlation_id
from addin_host.flows import bearer, platform, usage
from addin_host.flows.bearer import Bearer
from addin_host.store.db import Database
from addin_host.web.access import neighbourhood, network
from addin_host.web.numbers import RowNumber
from addin_host.web.services import Services, services

# Administrators without a public address come through a tunnel; a page elsewhere cannot claim these names.
_THIS_MACHINE = frozenset({"127.0.0.1", "localhost", "[::1]"})
_ADMINISTRATION = ("/admin/", "/api/admin/", "/static/", "/bootstrap/", "/metrics")
_KEPT_SECONDS = 5.0
_ANY_HOST = frozenset({"health.livez", "health.readyz", "health.metrics"})
MAX_BODY = 64 * 1024


def install(app: Flask, services: Services) -> None:
    """Refuse hosts that no integration is published under, before anything else looks at the request."""
    fixed = _fixed_hosts(services.deployment)
    serves = services.catalogue.serves_host
    administered = _AdminHost(services.database)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.url_map.converters["int"] = RowNumber

    @app.before_request
    def admit() -> None:
        new_correlation_id()
        host = request.environ.get("HTTP_HOST", "").lower()
        name = host.rsplit(":", 1)[0] if host.rsplit(":", 1)[-1].isdigit() else host
        if name in fixed or request.endpoint in _ANY_HOST or administered.at(name) or serves(name):
            return
        if name not in _THIS_MACHINE or not request.path.startswith(_ADMINISTRATION):
            abort(400)


class _AdminHost:
    """The host name of the administrators' pages, read from the database at most every few seconds."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known, self._until = "", 0.0

    def at(self, host: str) -> bool:
        """Whether the pages are at this host, or were before the database went away."""
        if time.monotonic() > self._until:
            with suppress(Upstream):
                self._known, self._until = platform.admin_host(self._database), time.monotonic() + _KEPT_SECONDS
        return bool(host) and host == self._known


def _fixed_hosts(deployment: Deployment) -> frozenset[str]:
    """Return the hosts of a deployment whose origin does not depend on the integration: the demo's."""
    if "{fqdn}" in deployment.origin:
        return frozenset()
    return frozenset({urlsplit(deployment.origin).hostname or ""})


def require_bearer(integration: Integration) -> Bearer:
    """Return what the request's bearer says. Raises Refused when it is missing or not for this integration."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token or len(token) > 4096:
        raise Refused(Reason.UNAUTHENTICATED, "Sign in first.")
    host = services()
    return bearer.verify(token.strip(), integration_id=integration.id, keys=host.bearer_keys, now=host.now())


def require_person(integration: Integration, token: str) -> Person:
    """Return whom an identity token from Outlook names, whatever may be asked for with it.

    Raises Refused (UNAUTHENTICATED; RATE_LIMITED for a network that sent many bad ones), Upstream or Misconfigured.
    """
    host, sender = services(), (integration.uuid, neighbourhood(network()))
    host.tokens.require_few(sender, now=host.now())
    try:
        return host.identity.person_of(integration, token)
    except Refused:
        host.tokens.add(sender, now=host.now())
        if not host.tokens.refusals.again(sender, host.now()):
            with host.database.write() as db:
                usage.count(db, integration.id, usage.Happening.REFUSAL, host.now())
        raise


def require_enabled(integration: Integration) -> None:
    """Raise Refused when the integration is switched off."""
    if not integration["enabled"]:
        raise Refused(Reason.SWITCHED_OFF, "This service is switched off at the moment. Ask your administrator.")


def require_on(integration: Integration) -> None:
    """Raise Refused when the integration, or its personal VMRs, are switched off."""
    require_enabled(integration)
    if not integration["enable_personal_vmrs"]:
        raise Refused(Reason.SWITCHED_OFF, "Personal VMRs are not switched on here. Ask your administrator.")


def require_dialog(integration: Integration) -> None:
    """Raise Refused when the integration is switched off, or nobody can sign in through its dialog."""
    require_enabled(integration)
    if not has_dialog(integration):
        raise Refused(Reason.SWITCHED_OFF, "Signing in is not switched on here. Ask your administrator.")


def refuse_head() -> None:
    """Answer 405 to HEAD where GET has an effect."""
    if request.method == "HEAD":
        abort(405)
