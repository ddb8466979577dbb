"""Does it stay as fast when there is more? Times in this process, over databases of two sizes side by side."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from flask import Flask
from werkzeug.test import run_wsgi_app

from addin_host.app import create_app
from addin_host.domain.deployment import Deployment
from addin_host.flows.catalogue import Catalogue
from addin_host.flows.personal_vmrs import RenderedVmrs
from addin_host.settings import Settings
from addin_host.store.db import Database
from bench import stock
from bench.figure import Figure, Group, Scale
from bench.load import Request, WrongAnswer
from bench.ratios import personal_list
from bench.stock import HOST, PATH
from bench.timing import microseconds, side_by_side
from bench.workshop import KINDS, Workshop, url_of

_ASKED = 200
_TARGET = "<=1.5"
_MEASURES = ("lookup_growth", "list_unkept_growth", "list_request_growth")
_PANE = "pane_growth_integrations"
_HOSTS = "known_hosts_reading"


@dataclass(frozen=True, slots=True)
class _Side:
    """A database of one size with an application over it, and people out of it to ask for."""

    database: Database
    app: Flask
    people: list[int]


def _measure(workshop: Workshop, scale: Scale, wanted: frozenset[str]) -> Iterator[Figure]:
    for kind in KINDS:
        chosen = [name for name in _MEASURES if f"{name}_{kind}" in wanted]
        if chosen:
            sides = _side(workshop, kind, scale.few_vmrs), _side(workshop, kind, scale.many_vmrs)
            yield from (_growth(name, kind, workshop, sides, scale) for name in chosen)
    if wanted & {_PANE, _HOSTS}:
        yield from (figure for figure in _of_integrations(workshop, scale) if figure.name in wanted)


def _side(workshop: Workshop, kind: str, vmrs: int, copies: int = 0) -> _Side:
    database = workshop.new_database(kind)
    stock.fill(database, workshop.box(database))
    people = stock.add_people(database, vmrs) if vmrs else [stock.ALICE]
    stock.copy_integrations(database, copies)
    app = create_app(Settings(url_of(database), workshop.key_file, log_level="ERROR"))
    chosen = random.Random(2).sample(people, min(_ASKED, len(people)))
    return _Side(database, app, chosen)


def _growth(name: str, kind: str, workshop: Workshop, sides: tuple[_Side, _Side], scale: Scale) -> Figure:
    first, second = (_act(name, workshop, side) for side in sides)
    few, many = side_by_side(first, second, subjects=(sides[0].people, sides[1].people), repeats=scale.repeats)
    return _figure(f"{name}_{kind}", few, many, {"few_vmrs": scale.few_vmrs, "many_vmrs": scale.many_vmrs})


def _figure(name: str, few: list[float], many: list[float], sizes: dict[str, int]) -> Figure:
    value = median(more / less for less, more in zip(few, many, strict=True))
    return Figure(name, value, "x", _TARGET, {"few_us": median(few), "many_us": median(many), **sizes})


def _act(name: str, workshop: Workshop, side: _Side) -> Callable[[int], object]:
    box = workshop.box(side.database)
    if name == "list_request_growth":
        requests = {person: personal_list(box, user_id=person) for person in side.people}
        return lambda person: answer(side.app, requests[person])
    # With room for none, every list is read and rendered whole; with room for all, what remains is the lookup.
    vmrs = RenderedVmrs(side.database, box, capacity=0 if name == "list_unkept_growth" else 100_000)
    integration = Catalogue(side.database, Deployment()).get("1")
    return lambda person: _ten(vmrs.list(integration, person))


def _ten(vmrs: Sequence[object]) -> None:
    if len(vmrs) != stock.PER_PERSON:
        raise WrongAnswer(f"{len(vmrs)} VMRs instead of {stock.PER_PERSON}")


def answer(app: Flask, request: Request) -> bytes:
    """Ask the application within this process. Raises WrongAnswer unless the status is the request's."""
    body, status = _asked(app, request)
    if not status.startswith(str(request.status)):
        raise WrongAnswer(f"{request.path}: {status} instead of {request.status}")
    return body


def status_of(app: Flask, request: Request) -> str:
    """Ask the application within this process; return the status, such as 200."""
    return _asked(app, request)[1][:3]


def _asked(app: Flask, request: Request) -> tuple[bytes, str]:
    with app.test_request_context(request.path, headers=dict(request.headers)) as context:
        environ = dict(context.request.environ)
    body, status, _headers = run_wsgi_app(app.wsgi_app, environ, buffered=True)
    return b"".join(body), status


def _of_integrations(workshop: Workshop, scale: Scale) -> Iterator[Figure]:
    one, many = _side(workshop, "sqlite", 0), _side(workshop, "sqlite", 0, copies=scale.integrations)
    page = Request(f"{PATH}/1/pane", {"Host": HOST})
    pages = [page] * _ASKED
    times = side_by_side(
        lambda page: answer(one.app, page),
        lambda page: answer(many.app, page),
        subjects=(pages, pages),
        repeats=scale.repeats,
    )
    sizes = {"few_integrations": 2, "many_integrations": 2 + scale.integrations}
    yield _figure(_PANE, *times, sizes)
    # Every request of a host that nobody knows costs this.
    taken = microseconds(lambda _turn: _asks_for_unknown_host(many.database), range(max(3, scale.repeats // 3)))
    yield Figure(_HOSTS, median(taken) / 1000, "ms", detail={"integrations": sizes["many_integrations"]})


def _asks_for_unknown_host(database: Database) -> None:
    if Catalogue(database, Deployment()).serves_host("unknown.example.com"):
        raise WrongAnswer("an unknown host is served")


GROUP = Group((*(f"{name}_{kind}" for kind in KINDS for name in _MEASURES), _PANE, _HOSTS), _measure)
