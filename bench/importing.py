"""How long `addin-host directory import` takes."""

from __future__ import annotations

import csv
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.figure import Figure, Group, Scale
from bench.load import WrongAnswer
from bench.processes import environ_for
from bench.workshop import KINDS, Workshop

_GIVE_UP_SECONDS = 150


def _measure(workshop: Workshop, scale: Scale, wanted: frozenset[str]) -> Iterator[Figure]:
    file = workshop.new_folder("import") / "vmrs.csv"
    _write(file, scale.imported)
    for kind in KINDS:
        if (name := f"import_100k_{kind}") in wanted:
            seconds = _import(workshop, kind, file)
            detail = {"vmrs": scale.imported, "seconds": seconds, "given_up": seconds >= _GIVE_UP_SECONDS}
            # A smaller file is held against the same bar, in proportion.
            yield Figure(name, seconds * 100_000 / scale.imported, "s", "<=60", detail)


def _write(file: Path, count: int) -> None:
    with file.open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(("name", "description", "pin", "guest_pin", "allow_guests", "owner", "aliases"))
        for i in range(count):
            aliases = f"room.{i}@vmr.example.com;{900_000_000 + i}"
            rows.writerow((f"Room {i}", "A room", "258036", "471100", "true", f"person{i // 10}@example.com", aliases))


def _import(workshop: Workshop, kind: str, file: Path) -> float:
    database = workshop.new_database(kind)
    command = [sys.executable, "-m", "addin_host.app", "directory", "import", str(file)]
    environ = environ_for(workshop, database)
    begun = time.monotonic()
    try:
        done = subprocess.run(
            command, env=environ, capture_output=True, text=True, check=False, timeout=_GIVE_UP_SECONDS
        )
    except subprocess.TimeoutExpired:
        return time.monotonic() - begun
    if done.returncode:
        raise WrongAnswer(f"directory import: {done.stdout}{done.stderr}"[-2000:])
    return time.monotonic() - begun


GROUP = Group(tuple(f"import_100k_{kind}" for kind in KINDS), _measure)
