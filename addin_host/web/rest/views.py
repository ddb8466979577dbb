"""The views of one resource, one for each method, so that each declares what it asks for."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Response, abort, request

from addin_host.domain.access import Permission
from addin_host.domain.errors import Reason, Refused
from addin_host.domain.rest import queries
from addin_host.domain.rest.bodies import read_object
from addin_host.domain.rest.connector import CONNECTOR, EXCHANGE_DOMAIN
from addin_host.domain.rest.directory import CONFERENCE
from addin_host.domain.rest.incoming import accept, number_of
from addin_host.domain.rest.resource import ROOT
from addin_host.flows import idempotency, pin_sightings, rest_queries, rest_served, rest_writing
from addin_host.flows.rest_served import Asking, Served
from addin_host.flows.rest_writing import Change
from addin_host.web import after_save
from addin_host.web.access import caller
from addin_host.web.admission import Auth, admits
from addin_host.web.headers import page_kind
from addin_host.web.rest.answers import answer
from addin_host.web.services import services

_log = logging.getLogger(__name__)
View = Callable[..., Response]
_NAMED = 20  # so many keys that were passed over are named in the log


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one address, below /api/admin."""

    rule: str
    method: str
    name: str
    view: View


def routes(served: Served) -> Iterator[Route]:
    """Yield the routes of a resource."""
    resource = served.resource
    all_of_them = resource.address.removeprefix(ROOT)
    one = f"{all_of_them}<reference>/"

    def route(rule: str, method: str, verb: str, permission: Permission, view: View) -> Route:
        declared = page_kind("api")(admits(Auth.API, permission)(view))
        return Route(rule, method, f"{resource.name}_{verb}", declared)

    yield route(all_of_them, "GET", "list", resource.see, _list(served))
    yield route(one, "GET", "get", resource.see, _get(served))
    if resource.change is not None and resource.create is not None:
        yield route(all_of_them, "POST", "create", resource.create, _create(served))
        yield route(all_of_them, "PATCH", "change_several", resource.change, _change_several(served))
        yield route(one, "PUT", "put", resource.change, _change(served))
        yield route(one, "PATCH", "change", resource.change, _change(served))
        yield route(one, "DELETE", "delete", resource.create, _delete(served))


def _list(served: Served) -> View:
    def view() -> Response:
        pairs = list(request.args.items(multi=True))
        query = queries.parse(served.resource, pairs)
        with services().database.read() as session:
            objects, total = rest_served.listed(session, served, query, _asking())
        _note_pins(served, objects)
        return answer(queries.envelope(served.resource, query, pairs, objects, total))

    return view


def _get(served: Served) -> View:
    def view(reference: str) -> Response:
        with services().database.read() as session:
            found = rest_served.one(session, served, _number(reference), _asking())
        _note_pins(served, [found])
        return answer(found)

    return view


def _create(served: Served) -> View:
    def view() -> Response:
        given = _body()
        incoming = accept(served.resource, given, creating=True)
        _log_unknown(served, [Change(None, incoming)])
        key = request.headers.get("Idempotency-Key")
        repeatable = idempotency.repeatable(caller().id, key, path=request.path, body=request.get_data())
        written = rest_writing.create(services().database, served, incoming, _asking(), request=repeatable)
        if not written.repeated:
            _follow(served, written.objects)
        response = answer(written.objects[0], 201)
        response.headers["Location"] = written.objects[0]["resource_uri"]
        if written.repeated:
            response.headers["Idempotent-Replayed"] = "true"
        return response

    return view


def _change(served: Served) -> View:
    def view(reference: str) -> Response:
        incoming = accept(served.resource, _body(), creating=False)
        number = _number(reference)
        _log_unknown(served, [Change(number, incoming)])
        found = rest_writing.change(services().database, served, number, incoming, _asking())
        _follow(served, [found])
        return answer(found)

    return view


def _change_several(served: Served) -> View:
    def view() -> Response:
        bulk = rest_writing.bulk_of(served.resource, _body(), _asking())
        _log_unknown(served, bulk.changes)
        found = rest_writing.apply(services().database, served, bulk, _asking())
        _follow(served, found)
        return answer({"objects": list(found)})

    return view


def _delete(served: Served) -> View:
    def view(reference: str) -> Response:
        rest_writing.delete(services().database, served, _number(reference), _asking())
        return Response(status=204)

    return view


def _asking() -> Asking:
    host = services()
    return Asking(caller(), host.box, host.trial, host.now())


def _number(reference: str) -> int:
    if reference.isascii() and reference.isdigit() and len(reference) <= 18:
        return int(reference)
    raise Refused(Reason.UNKNOWN, rest_queries.UNKNOWN)


def _body() -> dict[str, Any]:
    if request.mimetype != "application/json" or request.mimetype_params.get("charset", "utf-8").lower() != "utf-8":
        abort(415)
    return read_object(request.get_data())


def _log_unknown(served: Served, changes: Sequence[Change]) -> None:
    if names := rest_writing.unknown_names(changes, served.resource):
        shown = ", ".join(name[:60] for name in names[:_NAMED])
        _log.info("%s %s: passed over %d unknown keys: %s", request.method, served.resource.name, len(names), shown)


def _note_pins(served: Served, objects: Sequence[Mapping[str, Any]]) -> None:
    if served.resource is CONFERENCE:
        pin_sightings.note(services().database, objects, caller=caller(), now=services().now())


def _follow(served: Served, objects: Sequence[Mapping[str, Any]]) -> None:
    """Do what follows a write: note shown PINs, and start the checks of each integration that has changed."""
    _note_pins(served, objects)
    for one in objects:
        if served.resource is CONNECTOR:
            after_save.saved(one["id"])
        elif served.resource is EXCHANGE_DOMAIN and one["exchange_connector"]:
            after_save.saved(number_of(CONNECTOR.name, one["exchange_connector"]) or 0)
