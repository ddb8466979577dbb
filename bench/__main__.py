"""The command: `python -m bench [--quick] [NAME…]`."""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from bench import edge, growth, importing, memory, minting, policies, ratios, rendering, searching, workshop, writers
from bench.figure import FULL, QUICK, TINY, Figure, Group, Scale

GROUPS: tuple[Group, ...] = (
    ratios.GROUP,
    rendering.GROUP,
    edge.GROUP,
    memory.GROUP,
    importing.GROUP,
    growth.GROUP,
    searching.GROUP,
    minting.GROUP,
    writers.GROUP,
    policies.GROUP,
)
NAMES = tuple(name for group in GROUPS for name in group.names)
_RESULTS = Path(__file__).parent / "results.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one line per figure. The values decide nothing: people judge them. A wrong answer ends the run."""
    options = _parser().parse_args(arguments)
    if unknown := sorted(set(options.names) - set(NAMES)):
        _parser().error(f"unknown: {', '.join(unknown)}. Known are: {', '.join(NAMES)}")
    scale = TINY if options.tiny else QUICK if options.quick else FULL
    signal.signal(signal.SIGTERM, lambda _sign, _frame: sys.exit(143))  # so that servers and databases are ended
    begun = time.monotonic()
    found = []
    for figure in measured(scale, frozenset(options.names or NAMES)):
        print(figure.line(), flush=True)
        found.append(figure)
    seconds = time.monotonic() - begun
    options.results.write_text(json.dumps(_report(scale, found, seconds), indent=1) + "\n")
    missed = [figure.name for figure in found if figure.is_met is False]
    print(f"{seconds:.0f} s; missed: {', '.join(missed) or 'none'}; load {os.getloadavg()[0]:.1f}", file=sys.stderr)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the product: name value unit target.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="figures to find (all of them)")
    parser.add_argument("--quick", action="store_true", help="smaller counts; under 4 minutes")
    parser.add_argument("--tiny", action="store_true", help="only to see that everything runs; the values mean nothing")
    parser.add_argument("--results", type=Path, default=_RESULTS, help="where the details go (bench/results.json)")
    return parser


def measured(scale: Scale, wanted: frozenset[str]) -> Iterator[Figure]:
    """Yield the wanted figures as they are found."""
    with workshop.opened() as place:
        for group in GROUPS:
            if chosen := wanted & frozenset(group.names):
                yield from group.measure(place, scale, chosen)


def _report(scale: Scale, found: Sequence[Figure], seconds: float) -> dict[str, object]:
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cpus": os.cpu_count(), "load": os.getloadavg(), "python": platform.python_version()},
        "scale": asdict(scale),
        "seconds": round(seconds, 1),
        "figures": [asdict(figure) | {"met": figure.is_met} for figure in found],
    }


if __name__ == "__main__":
    sys.exit(main())
