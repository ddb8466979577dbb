"""The management REST interface: one set of views for each resource that domain/rest describes.

It knows no cookie, so no page of another site can use it.
"""

from __future__ import annotations

from flask.blueprints import BlueprintSetupState

from addin_host.flows.request_limits import RequestLimits
from addin_host.flows.rest import SERVED
from addin_host.web.rest import document, views
from addin_host.web.rest.blueprint import LIMITS, blueprint
from addin_host.web.services import KEY, Services

__all__ = ["blueprint"]


def _start_counting(state: BlueprintSetupState) -> None:
    services: Services = state.app.extensions[KEY]
    state.app.extensions[LIMITS] = RequestLimits(services.database, services.background.submit)


blueprint.record(_start_counting)
for _served in SERVED.values():
    for _route in views.routes(_served):
        blueprint.add_url_rule(_route.rule, _route.name, _route.view, methods=[_route.method], strict_slashes=False)
blueprint.add_url_rule("/openapi.json", "openapi", document.openapi, methods=["GET"])
