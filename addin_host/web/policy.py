"""The external policy API: the conference platform asks who meets behind an alias (design/rest.md section 7)."""

from __future__ import annotations

import json
from typing import cast

from flask import Blueprint, Response, abort, current_app, request

from addin_host.domain.errors import HostError, Misconfigured, Reason, Refused, Upstream
from addin_host.domain.policy import asked
from addin_host.flows import policy
from addin_host.web.access import neighbourhood, network
from addin_host.web.admission import Auth, admits
from addin_host.web.errors import note
from addin_host.web.headers import page_kind
from addin_host.web.services import services

blueprint = Blueprint("policy", __name__, url_prefix="/policy/v1")
_RATE = "addin_host_policy_rate"
_REALM = 'Basic realm="policy"'


@blueprint.record
def _start_counting(state: object) -> None:
    state.app.extensions[_RATE] = policy.RequestRate()  # type: ignore[attr-defined]


@blueprint.get("/service/configuration")
@page_kind("api")
@admits(Auth.POLICY)
def service_configuration() -> Response:
    """Answer for one call. Switched off it is an unknown page; what goes wrong here is 500, and 503 is too much."""
    host, now = services(), services().now()
    try:
        profile = policy.profile(host.database, host.box)
        if not profile.enabled:
            abort(404)
        _admit(profile)
        cast(policy.RequestRate, current_app.extensions[_RATE]).count(profile.per_minute, now=now)
        found = policy.answer(host.database, asked(request.args), profile, box=host.box, now=now)
    except policy.TooMany as many:
        return _failure(many, 503, {"Retry-After": str(many.retry_after)})
    except (Upstream, Misconfigured) as error:
        note(error)
        return _failure(error, 500)
    except Refused as refusal:
        is_401 = refusal.reason is Reason.UNAUTHENTICATED
        headers = {"WWW-Authenticate": _REALM} if is_401 else {"Retry-After": str(refusal.retry_after or 1)}
        return _failure(refusal, 401 if is_401 else 429, headers)
    return Response(json.dumps(found), 200, mimetype="application/json")


def _admit(profile: policy.Profile) -> None:
    """Let in who has the credentials; a network that tries many wrong ones waits."""
    host, sender = services(), ("policy", neighbourhood(network()))
    host.tokens.require_few(sender, now=host.now())
    try:
        policy.require_credentials(profile, request.headers.get("Authorization", ""))
    except Refused:
        host.tokens.add(sender, now=host.now())
        raise


def _failure(error: HostError, status: int, headers: dict[str, str] | None = None) -> Response:
    body = json.dumps({"status": "failed", "result": error.message})
    return Response(body, status, headers, mimetype="application/json")
