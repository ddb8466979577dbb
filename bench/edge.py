"""The pane behind the shipped nginx configuration, against a static file of the same length from the same nginx."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from bench import stock
from bench.figure import Figure, Group, Scale
from bench.load import Request, Target, fetch, in_turn
from bench.processes import Server, serving
from bench.stock import HOST, PATH
from bench.workshop import Workshop
from tests.e2e import edge
from tests.e2e.certificate import issue
from tests.e2e.processes import free_port

_NAME = "pane_micro_cache"
_STATIC = Request("/static/0123456789ab/page.txt", {"Host": HOST})
_PANE = Request(f"{PATH}/1/pane", {"Host": HOST})


@dataclass(frozen=True, slots=True)
class _Chain(Server):
    """nginx together with the application behind it: what a request costs is what both spend on it."""

    behind: Server

    def workers(self) -> list[int]:
        return [*super(_Chain, self).workers(), *self.behind.workers()]


def _measure(workshop: Workshop, scale: Scale, _wanted: frozenset[str]) -> Iterator[Figure]:
    database = workshop.new_database("sqlite")
    stock.fill(database, workshop.box(database))
    with serving("addin_host", workshop, database, workers=2, proxies=1) as application:
        plan = _plan(workshop, application)
        with edge.start(plan):
            master = int((plan.folder / "nginx.pid").read_text())
            chain = _Chain(master, f"https://127.0.0.1:{plan.port}", application)
            yield _ratio(chain, scale)


def _plan(workshop: Workshop, application: Server) -> edge.Plan:
    folder = workshop.new_folder("nginx")
    static = folder / "static"
    static.mkdir()
    (static / "page.txt").write_bytes(fetch(application.origin, _PANE)[0])
    upstream = application.origin.removeprefix("http://")
    return edge.Plan(folder, issue(folder, edge.NAMES), free_port(), free_port(), upstream, static)


def _ratio(chain: _Chain, scale: Scale) -> Figure:
    targets = {"static": Target(chain, lambda: _STATIC), "pane": Target(chain, lambda: _PANE)}
    found = in_turn(targets, seconds=scale.seconds, rounds=scale.rounds)
    rounds = [static / pane for static, pane in zip(found["static"], found["pane"], strict=True)]
    detail = {"rounds": rounds, "static_us": median(found["static"]), "pane_us": median(found["pane"])}
    return Figure(_NAME, median(rounds), "x-nginx-static", ">=0.6", detail)


GROUP = Group((_NAME,), _measure)
