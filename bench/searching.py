"""Does searching the directory stay as fast when there is more? Two databases of each kind, one mix of searches."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from statistics import median, quantiles

from addin_host.flows.directory_search import VMRS, Found, Query, find
from addin_host.store.db import Database
from bench import stock
from bench.figure import Figure, Group, Scale
from bench.load import WrongAnswer
from bench.workshop import KINDS, Workshop

_TARGET = "<=3"
_EACH = 5


def _measure(workshop: Workshop, scale: Scale, wanted: frozenset[str]) -> Iterator[Figure]:
    for kind in KINDS:
        if (name := f"search_growth_{kind}") not in wanted:
            continue
        sizes = (scale.few_vmrs, scale.many_vmrs)
        sides = [(_filled(workshop, kind, size), _mix(size)) for size in sizes]
        turns = []
        for _turn in range(max(1, scale.rounds)):  # turn by turn, so that a busy moment meets both
            turns.append([_p95(database, mix) for database, mix in sides])
        few, many = (median(turn[side] for turn in turns) for side in (0, 1))
        value = median(turn[1] / turn[0] for turn in turns)
        detail = {
            "few_ms": few,
            "many_ms": many,
            "few_vmrs": sizes[0],
            "many_vmrs": sizes[1],
            "searches": len(sides[0][1]),
        }
        yield Figure(name, value, "x", _TARGET, detail)


def _filled(workshop: Workshop, kind: str, vmrs: int) -> Database:
    database = workshop.new_database(kind)
    stock.fill(database, workshop.box(database))
    stock.add_people(database, vmrs)
    return database


def _mix(vmrs: int) -> list[str]:
    """Frequent, rare, absent, short, a whole alias, an owner's address, several words."""
    chance = random.Random(3)
    numbers = [chance.randrange(vmrs // 2, vmrs) for _ in range(_EACH)]
    return [
        *("room", "a", "example", "room 1", "ro"),
        *(f"oom {number}" for number in numbers),
        *("qwertz", "nobody@example.com", "roomx", "zz top", "room.1.2"),
        *("z", "99", "pe", "al", "q"),
        *(f"room.{number}@vmr.example.com" for number in numbers),
        *(f"person{number // 10}@example.com" for number in numbers),
        *(f"room person{number // 10}" for number in numbers),
    ]


def _p95(database: Database, mix: list[str]) -> float:
    """Return the 95th percentile of the time for a first page, and a next one where there is one, in milliseconds."""
    taken = []
    for words in mix:
        first, milliseconds = _timed(database, Query(words))
        taken.append(milliseconds)
        if first.more:
            _next, milliseconds = _timed(database, Query(words, after=first.last))
            taken.append(milliseconds)
        if words == "room" and len(first.ids) != Query().size:
            raise WrongAnswer(f"{words!r} found {len(first.ids)}")
    return quantiles(taken, n=20)[-1]


def _timed(database: Database, query: Query) -> tuple[Found, float]:
    with database.read() as session:
        begun = time.perf_counter_ns()
        found = find(session, VMRS, query)
        return found, (time.perf_counter_ns() - begun) / 1e6


GROUP = Group(tuple(f"search_growth_{kind}" for kind in KINDS), _measure)
