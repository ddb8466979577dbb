"""The OpenAPI document, for programs."""

from __future__ import annotations

from flask import Response

from addin_host.domain.rest.openapi import document
from addin_host.web.admission import Auth, admits
from addin_host.web.headers import page_kind
from addin_host.web.rest.answers import answer


@page_kind("api")
@admits(Auth.API)
def openapi() -> Response:
    """Return the OpenAPI document of this interface."""
    return answer(document())
