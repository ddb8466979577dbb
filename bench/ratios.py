"""CPU time per request of the product's paths, as multiples of what a bare WSGI callable costs in the same run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median

from addin_host.store.db import Database
from addin_host.store.secrets import SecretBox
from bench import stock
from bench.figure import Figure, Group, Scale
from bench.load import Request, Target, fetch, in_turn
from bench.processes import Server, serving
from bench.stock import HOST, PATH
from bench.workshop import KINDS, Workshop


@dataclass(frozen=True, slots=True)
class Ratio:
    """A figure: what one target costs relative to another."""

    name: str
    of: str
    to: str = "bare"
    target: str = ""


RATIOS = (
    Ratio("flask_hello", "flask_hello"),
    Ratio("pane_page", "pane", target="<=2.2"),
    Ratio("pane_page_304", "pane_304", target="<=1.9"),
    Ratio("icon", "icon", target="<=1.9"),
    Ratio("manifest", "manifest", target="<=2.2"),
    Ratio("personal_list_10", "list", target="<=7.5"),
    Ratio("personal_list_10_postgresql", "list_postgresql", target="<=7.5"),
    Ratio("personal_list_10_never_kept", "list_never_kept"),
    Ratio("personal_list_10_django", "django"),
    Ratio("personal_list_vs_django", "list", "django", "<=0.6"),
    Ratio("personal_list_never_kept_vs_django", "list_never_kept", "django"),
)
_CPU = "bare_cpu"
_SERVER = {"bare": "bare", "flask_hello": "flask_hello", "django": "django", "list_postgresql": "postgresql"}


def _measure(workshop: Workshop, scale: Scale, wanted: frozenset[str]) -> Iterator[Figure]:
    ratios = [ratio for ratio in RATIOS if ratio.name in wanted]
    needed = {"bare"} | {name for ratio in ratios for name in (ratio.of, ratio.to)}
    with ExitStack() as stack:
        servers = _Servers(workshop, stack)
        targets = {name: servers.target(name) for name in sorted(needed)}
        found = in_turn(targets, seconds=scale.seconds, rounds=scale.rounds)
    if _CPU in wanted:
        yield Figure(_CPU, median(found["bare"]), "us", detail={"rounds": found["bare"]})
    for ratio in ratios:
        rounds = [of / to for of, to in zip(found[ratio.of], found[ratio.to], strict=True)]
        unit = f"x-{ratio.to}"
        detail = {"rounds": rounds, "cpu_us": median(found[ratio.of])}
        yield Figure(ratio.name, median(rounds), unit, ratio.target, detail)


GROUP = Group((_CPU, *(ratio.name for ratio in RATIOS)), _measure)


class _Servers:
    """Starts each server when the first of its targets is asked for."""

    def __init__(self, workshop: Workshop, stack: ExitStack) -> None:
        self._workshop = workshop
        self._stack = stack
        self._running: dict[str, Server] = {}
        self._databases: dict[str, Database] = {}

    def target(self, name: str) -> Target:
        """Return a target by the name that RATIOS knows it by."""
        server = self._server(_SERVER.get(name, "sqlite"))
        return Target(server, self._request(name, server))

    def _database(self, kind: str) -> Database:
        if kind not in self._databases:
            database = self._databases[kind] = self._workshop.new_database(kind)
            stock.fill(database, self._workshop.box(database))
        return self._databases[kind]

    def _server(self, name: str) -> Server:
        if name not in self._running:
            database = self._database(name if name in KINDS else "sqlite")
            application = "addin_host" if name in KINDS else name
            self._running[name] = self._stack.enter_context(serving(application, self._workshop, database))
        return self._running[name]

    def _request(self, name: str, server: Server) -> Callable[[], Request]:
        box = self._workshop.box(self._database("sqlite"))
        page = Request(f"{PATH}/1/pane", {"Host": HOST})
        if name == "pane_304":
            etag = fetch(server.origin, page)[1]["ETag"]
            page = Request(page.path, {"Host": HOST, "If-None-Match": etag}, status=304)
        fixed = {
            "bare": Request("/"),
            "flask_hello": Request("/"),
            "pane": page,
            "pane_304": page,
            "icon": Request(f"{PATH}/1/icon/64.png", {"Host": HOST}),
            "manifest": Request(f"{PATH}/1/manifest.xml", {"Host": HOST}),
        }
        if name in fixed:
            return lambda: fixed[name]
        return lambda: personal_list(box, integration_id=2 if name == "list_never_kept" else 1)


def personal_list(box: SecretBox, *, user_id: int = stock.ALICE, integration_id: int = 1) -> Request:
    """Return the request for a person's list, with a fresh bearer."""
    token = stock.a_bearer(box, user_id, integration_id)
    return Request(f"{PATH}/{integration_id}/personal_vmrs", {"Host": HOST, "Authorization": f"Bearer {token}"})
