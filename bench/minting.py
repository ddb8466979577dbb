"""What handing out an alias costs: CPU time per request, and the same with a million aliases there already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from statistics import median

from bench import meetings
from bench.figure import Figure, Group, Scale
from bench.load import Request, Target, in_turn
from bench.processes import serving
from bench.workshop import KINDS, Workshop

_COST, _GROWTH = "meeting_details", "meeting_details_growth"
_PER_SECOND = 2500  # more than one worker answers


def _measure(workshop: Workshop, scale: Scale, wanted: frozenset[str]) -> Iterator[Figure]:
    for kind in KINDS:
        if wanted & {f"{_COST}_{kind}", f"{_GROWTH}_{kind}"}:
            found = _loaded(workshop, scale, kind)
            yield from (figure for figure in _figures(kind, found, scale) if figure.name in wanted)


def _loaded(workshop: Workshop, scale: Scale, kind: str) -> dict[str, list[float]]:
    with ExitStack() as stack:
        targets = {
            "bare": Target(stack.enter_context(serving("bare", workshop, workshop.new_database("sqlite"))), _bare)
        }
        for name, aliases in (("few", 0), ("many", scale.many_vmrs)):
            database = workshop.new_database(kind)
            box = workshop.box(database)
            meetings.fill(database, box, aliases)
            server = stack.enter_context(serving("addin_host", workshop, database))
            targets[name] = Target(server, partial(meetings.asking, box, scale.seconds * _PER_SECOND))
        return in_turn(targets, seconds=scale.seconds, rounds=scale.rounds)


def _bare() -> Request:
    return Request("/")


def _figures(kind: str, found: Mapping[str, list[float]], scale: Scale) -> Iterator[Figure]:
    detail = {f"{name}_us": median(times) for name, times in found.items()} | {"aliases": scale.many_vmrs}
    cost = [few / bare for few, bare in zip(found["few"], found["bare"], strict=True)]
    yield Figure(f"{_COST}_{kind}", median(cost), "x-bare", "<=8", detail | {"rounds": cost})
    growth = [many / few for many, few in zip(found["many"], found["few"], strict=True)]
    yield Figure(f"{_GROWTH}_{kind}", median(growth), "x", "<=1.5", detail | {"rounds": growth})


GROUP = Group(tuple(f"{name}_{kind}" for kind in KINDS for name in (_COST, _GROWTH)), _measure)
