"""Load from wrk, over connections that stay open, and what a request costs the workers."""

from __future__ import annotations

import http.client
import re
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from bench.processes import ON_CLIENT_CPU, Server

CONNECTIONS = 8
_IN_TURN = """
local turns = {%s}
local at = 0
request = function()
  at = at %% #turns + 1
  wrk.headers["Authorization"] = "Bearer " .. turns[at][2]
  return wrk.format("GET", turns[at][1])
end
"""


class WrongAnswer(Exception):
    """A server did not answer as it should: what was measured means nothing."""


@dataclass(frozen=True, slots=True)
class Request:
    """One GET, and the status that is the right answer to it.

    `turns` are path and bearer of the requests that a load sends one after the other, where they must differ.
    """

    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    turns: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """What is loaded: a server, and the request to send; made anew for each load since bearers expire."""

    server: Server
    request: Callable[[], Request]


def fetch(origin: str, request: Request) -> tuple[bytes, Mapping[str, str]]:
    """Return body and headers of one answer. Raises WrongAnswer on another status than the request's."""
    parts = urlsplit(origin)
    if parts.scheme == "https":
        unverified = ssl._create_unverified_context()
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            parts.netloc, timeout=30, context=unverified
        )
    else:
        connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    try:
        connection.request("GET", request.path, headers=dict(request.headers))
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    if answer.status != request.status:
        raise WrongAnswer(f"{request.path}: {answer.status} instead of {request.status}: {body[:300]!r}")
    return body, dict(answer.getheaders())


def run_wrk(origin: str, request: Request, seconds: int) -> int:
    """Send the request over and over; return how many were answered. Raises WrongAnswer on any error."""
    headers = [part for name, value in request.headers.items() for part in ("-H", f"{name}: {value}")]
    wrk = [*ON_CLIENT_CPU, "wrk"]
    command = [*wrk, "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", *headers, origin + request.path]
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        if request.turns:
            script.write(_IN_TURN % ",\n".join(f'{{"{path}", "{token}"}}' for path, token in request.turns))
            script.flush()
            command += ["-s", script.name]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds + 60)
    answered = re.search(r"(\d+) requests in ", done.stdout)
    bad = re.search(r"Non-2xx or 3xx responses.*|Socket errors.*", done.stdout)
    if bad or not answered or not int(answered[1]):
        raise WrongAnswer(f"{request.path}: {bad[0] if bad else done.stdout + done.stderr}")
    return int(answered[1])


def cpu_microseconds(target: Target, seconds: int) -> float:
    """Return the workers' CPU time per request under load, in microseconds."""
    request = target.request()
    before = target.server.cpu_seconds()
    answered = run_wrk(target.server.origin, request, seconds)
    used = target.server.cpu_seconds() - before
    return used / answered * 1e6


def in_turn(targets: Mapping[str, Target], *, seconds: int, rounds: int) -> dict[str, list[float]]:
    """Load the targets one after the other, round after round; return CPU microseconds per request by target.

    What disturbs the machine for longer than one load disturbs all targets of a round alike, so that ratios within a
    round hold. Each target is warmed up first and asked once before every load for the right status.
    """
    found: dict[str, list[float]] = {name: [] for name in targets}
    for target in targets.values():
        fetch(target.server.origin, target.request())
        run_wrk(target.server.origin, target.request(), 1)
    for _round in range(rounds):
        for name, target in targets.items():
            fetch(target.server.origin, target.request())
            found[name].append(cpu_microseconds(target, seconds))
            time.sleep(0.05)
    return found
