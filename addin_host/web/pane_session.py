"""The pane's session: what a one-time code, an identity token or an old bearer is exchanged for.

The routes know no cookie: whoever asks brings a verifier of a sign-in, a token, or a bearer.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response

from addin_host.domain.errors import HostError, Reason, Refused
from addin_host.domain.integration import Integration
from addin_host.flows import bearer, pane_identity, signin, usage
from addin_host.flows.bearer import Bearer
from addin_host.flows.pane_identity import PaneIdentity, Sighting
from addin_host.flows.placeholder import placeholder
from addin_host.web.access import neighbourhood, network
from addin_host.web.admission import Auth, admits
from addin_host.web.errors import note
from addin_host.web.guard import require_bearer, require_enabled, require_person
from addin_host.web.headers import page_kind
from addin_host.web.pane_json import json_answer, json_object, text_in
from addin_host.web.services import services

_log = logging.getLogger(__name__)
blueprint = Blueprint("pane_session", __name__, url_prefix="/api/client/v2/msexchange_schedulers/<reference>")

_VERIFIER = re.compile(r"[A-Za-z0-9_-]{43,128}")
_MAX_TOKEN = 32 * 1024


@blueprint.post("/session")
@page_kind("api")
@admits(Auth.STATE)
def session(reference: str) -> Response:
    """Exchange a one-time code and verifier, a verifier alone (polling), an identity token or an old bearer."""
    integration = services().catalogue.get(reference)
    require_enabled(integration)
    asked = json_object()
    if asked.get("renew") is True:
        return _renewed(integration)
    if "token" in asked:
        return _by_token(integration, text_in(asked, "token"))
    return _by_verifier(integration, asked)


def _renewed(integration: Integration) -> Response:
    host, held = services(), require_bearer(integration)
    with host.database.read() as db:
        found = signin.renew(db, integration_id=integration.id, bearer=held, now=host.now())
    return _answer(integration, PaneIdentity(found.bearer, found.name, found.email))


def _by_verifier(integration: Integration, asked: Mapping[str, Any]) -> Response:
    host, verifier, code = services(), text_in(asked, "verifier"), asked.get("code")
    if not _VERIFIER.fullmatch(verifier) or not (code is None or isinstance(code, str)):
        raise Refused(Reason.INVALID, "The verifier or the code is not in the right form.")
    with host.database.write() as db:
        found = signin.redeem(db, integration_id=integration.id, verifier=verifier, code=code, now=host.now())
    if found is None:
        return json_answer({"status": "pending"}, 202)
    return _answer(integration, PaneIdentity(found.bearer, found.name, found.email))


def _by_token(integration: Integration, token: str) -> Response:
    if not 0 < len(token) <= _MAX_TOKEN:
        raise Refused(Reason.INVALID, "The token is not in the right form.")
    host, held = services(), _held(integration)
    person = require_person(integration, token)
    around = neighbourhood(network())
    with host.database.write() as db:
        found = pane_identity.exchange(db, integration, person, held=held, now=host.now())
        sighting = pane_identity.see(db, integration, token, network=around, now=host.now())
        caller = found.bearer.caller
        if sighting is Sighting.FIRST:
            usage.count(db, integration.id, usage.Happening.SIGN_IN, host.now())
            _log.info("%s came in to integration %d by %s", caller, integration.id, person.path)
        elif sighting is Sighting.ELSEWHERE and not host.tokens.reports.again((caller, around), host.now()):
            pane_identity.report_elsewhere(db, integration, caller, network=network(), now=host.now())
    return _answer(integration, found)


def _held(integration: Integration) -> Bearer | None:
    """Return what the pane's bearer says. One that has expired is as good as none: the token proves enough."""
    try:
        return require_bearer(integration)
    except Refused:
        return None


def _answer(integration: Integration, found: PaneIdentity) -> Response:
    host, held = services(), found.bearer
    is_known, personal = held.user_id is not None, integration["enable_personal_vmrs"]
    return json_answer(
        {
            "bearer": bearer.issue(held, integration_id=integration.id, keys=host.bearer_keys, now=host.now()),
            "expires_in": int(bearer.LIFETIME.total_seconds()),
            "user": {"name": found.name, "email": found.email} if is_known else None,
            "personal": is_known and personal,
            "personal_refusal": found.refusal,
            "renewable": held.session_id is not None,
            "placeholder": _placeholder(integration),
        }
    )


def _placeholder(integration: Integration) -> Mapping[str, Any] | None:
    """Return what the pane keeps for later; without it people still come in, above all to their own VMRs."""
    host = services()
    try:
        return placeholder(integration, keys=host.tag_keys, now=host.now())
    except HostError as problem:
        note(problem)
        return None
