"""The proof that a public address leads to this installation: asked for by its own checks, and of no use to others."""

from __future__ import annotations

import re

from flask import Blueprint, Response, request

from addin_host.domain.errors import Reason, Refused
from addin_host.flows.installation import prover
from addin_host.web.admission import Auth, admits
from addin_host.web.headers import page_kind
from addin_host.web.services import services

blueprint = Blueprint("proof", __name__, url_prefix="/api/client/v2/msexchange_schedulers/<reference>")
_NONCE = re.compile(r"[A-Za-z0-9_-]{22,64}")


@blueprint.get("/proof")
@page_kind("api")
@admits(Auth.PUBLIC)
def proof(reference: str) -> Response:
    """Answer the nonce of the query."""
    host, nonce = services(), request.args.get("nonce", "")
    host.catalogue.get(reference)
    if not _NONCE.fullmatch(nonce):
        raise Refused(Reason.INVALID, "Give a nonce of 22 to 64 letters, digits, hyphens and underscores.")
    return Response(prover(host.box)(nonce), content_type="text/plain; charset=utf-8")
