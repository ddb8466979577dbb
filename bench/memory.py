"""How much memory a web worker holds after work."""

from __future__ import annotations

from collections.abc import Iterator

from bench import stock
from bench.figure import Figure, Group, Scale
from bench.load import Request, fetch, run_wrk
from bench.processes import Server, memory_mb, serving
from bench.ratios import personal_list
from bench.stock import HOST, PATH
from bench.workshop import Workshop

_LOADED = "memory"
_FULL = "memory_many_listed"
_TARGET = "<=90"


def _measure(workshop: Workshop, scale: Scale, wanted: frozenset[str]) -> Iterator[Figure]:
    database = workshop.new_database("sqlite")
    box = workshop.box(database)
    stock.fill(database, box)
    people = stock.add_people(database, scale.listed_people * stock.PER_PERSON)
    pages = [Request(f"{PATH}/1/{page}", {"Host": HOST}) for page in ("pane", "icon/64.png", "manifest.xml")]
    if _LOADED in wanted:
        with serving("addin_host", workshop, database, workers=2) as server:
            _wake(server, pages[0])
            for request in (*pages, personal_list(box)):
                run_wrk(server.origin, request, scale.seconds)
            yield _figure(_LOADED, server)
    if _FULL in wanted:
        with serving("addin_host", workshop, database) as server:
            for person in people:
                fetch(server.origin, personal_list(box, user_id=person))
            yield _figure(_FULL, server, people=len(people))


def _wake(server: Server, page: Request) -> None:
    """Let each worker answer before the load: one connection after the other finds both."""
    for _request in range(20):
        fetch(server.origin, page)


def _figure(name: str, server: Server, **detail: object) -> Figure:
    workers = server.workers()
    shared = max(memory_mb(worker, "Pss") for worker in workers)
    largest = max(memory_mb(worker) for worker in workers)
    return Figure(name, largest, "MB", _TARGET, {"pss_mb": shared, **detail})


GROUP = Group((_LOADED, _FULL), _measure)
