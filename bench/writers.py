"""Eight processes that hand out aliases at once, and how long one person waits at fifty requests a second."""

from __future__ import annotations

import http.client
import multiprocessing
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from urllib.parse import urlsplit

from addin_host.app import create_app
from addin_host.settings import Settings
from bench import meetings
from bench.figure import Figure, Group, Scale
from bench.growth import status_of
from bench.load import Request
from bench.processes import Server, serving
from bench.workshop import KINDS, Workshop, url_of

_WRONG, _WAIT = "writers_wrong", "meeting_details_p99"
_WRITERS, _PER_SECOND = 8, 50
_COUNTS = (
    "SELECT count(*), count(DISTINCT lower(numeric_alias)), count(DISTINCT lower(alias)), count(DISTINCT uuid)"
    " FROM scheduled_alias"
)


def _measure(workshop: Workshop, scale: Scale, wanted: frozenset[str]) -> Iterator[Figure]:
    for kind in KINDS:
        if f"{_WRONG}_{kind}" in wanted:
            yield _writing(workshop, scale, kind)
        if f"{_WAIT}_{kind}" in wanted:
            yield _waiting(workshop, scale, kind)


def _writing(workshop: Workshop, scale: Scale, kind: str) -> Figure:
    """Count answers that are neither an alias nor a limit that was reached, and aliases that two were given."""
    database = workshop.new_database(kind)
    meetings.fill(database, workshop.box(database), 0)
    write = partial(_write, Settings(url_of(database), workshop.key_file, log_level="ERROR"), scale.writing_seconds)
    with ProcessPoolExecutor(_WRITERS, multiprocessing.get_context("spawn")) as pool:
        statuses = sum(pool.map(write, range(_WRITERS)), Counter[str]())
    stored, *different = database.row(_COUNTS)
    # A fast machine reaches the limits of all integrations within the minute; that is an answer, too.
    wrong = statuses.total() - statuses["200"] - statuses["429"] + sum(stored - number for number in different)
    detail = {"answers": dict(statuses), "stored": stored, "writers": _WRITERS, "seconds": scale.writing_seconds}
    return Figure(f"{_WRONG}_{kind}", wrong + abs(stored - statuses["200"]), "wrong", "<=0", detail)


def _write(settings: Settings, seconds: float, _writer: int) -> Counter[str]:
    """Ask an application of this process's own, over and over; return how often it answered what."""
    app, found = create_app(settings), Counter[str]()
    people = meetings.people(app.extensions["addin_host"].box)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        path, token = next(people)
        found[status_of(app, Request(path, {"Host": meetings.HOST, "Authorization": f"Bearer {token}"}))] += 1
    return found


def _waiting(workshop: Workshop, scale: Scale, kind: str) -> Figure:
    """Ask at fixed times, whether the answers before have come or not; the time counts from when it was meant."""
    database = workshop.new_database(kind)
    box = workshop.box(database)
    meetings.fill(database, box, 0)
    people, number = meetings.people(box), scale.writing_seconds * _PER_SECOND
    asked = [next(people) for _request in range(number)]
    with serving("addin_host", workshop, database, workers=2) as server, ThreadPoolExecutor(64) as pool:
        for path, token in (next(people) for _warm_up in range(100)):
            _milliseconds(server, path, token, time.monotonic())
        begun = time.monotonic()
        pending = []
        for turn, (path, token) in enumerate(asked):
            at = begun + turn / _PER_SECOND
            time.sleep(max(0.0, at - time.monotonic()))
            pending.append(pool.submit(_milliseconds, server, path, token, at))
        times = sorted(one.result() for one in pending)
    detail = {"requests": number, "median_ms": times[number // 2], "longest_ms": times[-1]}
    return Figure(f"{_WAIT}_{kind}", times[int(number * 0.99)], "ms", "<=400", detail)


def _milliseconds(server: Server, path: str, token: str, at: float) -> float:
    connection = http.client.HTTPConnection(urlsplit(server.origin).netloc, timeout=30)
    try:
        connection.request("GET", path, headers={"Host": meetings.HOST, "Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        answer.read()
    finally:
        connection.close()
    if answer.status != 200:
        raise RuntimeError(f"{path}: {answer.status}")
    return (time.monotonic() - at) * 1000


GROUP = Group(tuple(f"{name}_{kind}" for kind in KINDS for name in (_WRONG, _WAIT)), _measure)
