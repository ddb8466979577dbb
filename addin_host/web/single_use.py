"""What the pane and older clients ask for a single-use VMR with (design/rest.md section 6)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, request

from addin_host.domain.errors import HostError, Reason, Refused, Upstream
from addin_host.domain.integration import Integration
from addin_host.domain.redaction import correlation_id
from addin_host.flows import pane_identity, single_use
from addin_host.flows.placeholder import placeholder
from addin_host.flows.single_use import AliasSpaceExhausted
from addin_host.web.admission import Auth, admits
from addin_host.web.errors import note, status_of
from addin_host.web.guard import refuse_head, require_bearer, require_enabled, require_person
from addin_host.web.headers import page_kind
from addin_host.web.services import services

blueprint = Blueprint("single_use", __name__, url_prefix="/api/client/v2/msexchange_schedulers/<reference>")

_FAILED = "Unable to assign a VMR"
_OFF = "Single-use VMRs are not switched on here. Ask your administrator."
_TOKEN_LENGTH = 16 * 1024
_RETRY_SECONDS = 5


@blueprint.get("/meeting_details")
@blueprint.get("/meeting_details/")
@page_kind("api")
@admits(Auth.BEARER)
def meeting_details(reference: str) -> Response:
    """Hand out an alias, and answer with all that the pane inserts. Each call takes one, so HEAD is refused."""
    refuse_head()
    proved: Integration | None = None
    try:
        integration, problem = _integration(reference)
        require_enabled(integration)
        caller, visit = _asker(integration)
        _require_single_use(integration)
        proved = integration
        if problem is not None:
            raise problem
        return _answer({"status": "success", "result": _details(integration, caller, visit)})
    except HostError as error:
        return _failure(error, proved)


def _integration(reference: str) -> tuple[Integration, Upstream | None]:
    """Return the integration; as it was known last, and why, when the database is away."""
    catalogue = services().catalogue
    try:
        return catalogue.get(reference), None
    except Upstream as problem:
        if (known := catalogue.remembered(reference)) is None:
            raise
        return known, problem


def _require_single_use(integration: Integration) -> None:
    if not integration["enable_dynamic_vmrs"]:
        raise Refused(Reason.SWITCHED_OFF, _OFF)


def _asker(integration: Integration) -> tuple[str, str]:
    """Return who asks, and the pane. Two appointments may share one identity token, so that stands for no pane."""
    token = request.headers.get("token", "")
    if not token:
        held = require_bearer(integration)
        return held.caller, held.visit
    if len(token) > _TOKEN_LENGTH:
        raise Refused(Reason.UNAUTHENTICATED, "The identity token is too long.")
    return pane_identity.caller_of(require_person(integration, token), None), ""


def _placeholder(integration: Integration) -> Mapping[str, Any] | None:
    """Return what the pane may insert instead, if the keys that sign it are in memory or can be read."""
    host = services()
    try:
        return placeholder(integration, keys=host.tag_keys, now=host.now())
    except Upstream:
        return None


def _details(integration: Integration, caller: str, visit: str) -> Mapping[str, Any]:
    host = services()
    minted = single_use.mint(host.database, integration, caller, visit, keys=host.tag_keys, now=host.now())
    return {**single_use.details(integration, minted), "correlation_id": correlation_id.get()}


def _failure(error: HostError, proved: Integration | None) -> Response:
    """Say why not; whoever has proved who they are gets a placeholder while this service cannot do its work."""
    status, code = status_of(error)
    note(error)
    if isinstance(error, AliasSpaceExhausted):
        code = "alias_space_exhausted"
    failed = {"code": code, "message": error.message, "correlation_id": correlation_id.get()}
    body: dict[str, Any] = {"status": "failed", "result": _FAILED, "error": failed}
    retry_after = getattr(error, "retry_after", None)
    if status == 503:
        retry_after = retry_after or _RETRY_SECONDS
        offered = _placeholder(proved) if proved else None
        body |= {"placeholder": offered} if offered else {}
    return _answer(body, status, {"Retry-After": str(retry_after)} if retry_after else {})


def _answer(value: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    text = json.dumps(value, ensure_ascii=False)
    return Response(text, status, headers, content_type="application/json; charset=utf-8")
