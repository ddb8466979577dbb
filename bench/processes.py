"""Servers as processes: started under gunicorn, and asked for their CPU time and memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from addin_host.store.db import Database
from bench.workshop import Workshop, url_of
from tests.e2e.processes import free_port, listening

_ROOT = Path(__file__).parent.parent
_TICKS = os.sysconf("SC_CLK_TCK")
_START_SECONDS = 60
_CPUS = sorted(os.sched_getaffinity(0))
# A worker runs on one processor, as it does when all are busy, and what loads it on another one.
ON_SERVER_CPU = ("taskset", "--cpu-list", str(_CPUS[-1]))
ON_CLIENT_CPU = ("taskset", "--cpu-list", str(_CPUS[0]))


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: the process that its workers are children of, and the address it answers at."""

    master: int
    origin: str

    def workers(self) -> list[int]:
        """Return the worker processes, the master's descendants."""
        return _descendants(self.master)

    def cpu_seconds(self) -> float:
        """Return the CPU time that the workers have used so far, user and system."""
        return sum(_ticks(worker) for worker in self.workers()) / _TICKS


def _descendants(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = path.read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
        children.setdefault(int(_fields(text)[1]), []).append(int(path.parent.name))
    found = list(children.get(pid, ()))
    for child in found:
        found.extend(children.get(child, ()))  # the list grows while it is walked: grandchildren follow
    return found


def _fields(stat: str) -> list[str]:
    """Return the fields of /proc/PID/stat behind the program's name, which may hold anything: state, parent, …"""
    return stat.rpartition(")")[2].split()


def _ticks(pid: int) -> int:
    fields = _fields(Path(f"/proc/{pid}/stat").read_text())
    return int(fields[11]) + int(fields[12])


def memory_mb(pid: int, entry: str = "Rss") -> float:
    """Return a process's resident memory in MB; "Pss" counts pages shared by n processes as 1/n."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(f"{entry}:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"/proc/{pid}/smaps_rollup has no {entry}")


def environ_for(workshop: Workshop, database: Database, **more: object) -> dict[str, str]:
    """Return the environment that a command or server of the product runs in."""
    given = {
        "DATABASE_URL": url_of(database),
        "ADDIN_HOST_KEY_PATH": workshop.key_file,
        "ADDIN_HOST_LOG_LEVEL": "ERROR",
    }
    return {**os.environ, **{name: str(value) for name, value in (given | more).items()}}


def _await(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not listening(port)():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"The server did not start:\n{log.read_text(errors='replace')[-4000:]}")
        time.sleep(0.05)


@contextmanager
def serving(
    name: str, workshop: Workshop, database: Database, *, workers: int = 1, proxies: int = 0
) -> Iterator[Server]:
    """Run an application of bench.serve. One worker by default: then no imbalance between workers can distort."""
    port = free_port()
    environ = environ_for(
        workshop,
        database,
        ADDIN_HOST_BIND=f"127.0.0.1:{port}",
        ADDIN_HOST_WORKERS=workers,
        ADDIN_HOST_PROXIES=proxies,
    )
    log = workshop.new_folder(name) / "log"
    with log.open("wb") as output:
        command = [*ON_SERVER_CPU, sys.executable, "-m", "bench.serve", name]
        process = subprocess.Popen(command, env=environ, cwd=_ROOT, stdout=output, stderr=subprocess.STDOUT)
    server = Server(process.pid, f"http://127.0.0.1:{port}")
    try:
        _await(process, port, log)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
