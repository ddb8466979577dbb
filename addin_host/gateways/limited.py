"""A child process that can do no harm, in which templates are tried and rendered before they are accepted.

The child is fresh (never forked from a threaded worker), has an empty environment, and loses the right to much memory,
processor time, files and growth before it sees the first template (design/security.md section 8, layer 4).
"""

from __future__ import annotations

import json
import resource
import selectors
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from addin_host.domain.text import TemplateProblem

WALL_SECONDS = 1.0
CPU_SECONDS = 2
MEMORY = 96 * 1024 * 1024
TOO_MUCH = "the template takes too much time or memory; use fewer loops and shorter texts"
_OPEN_FILES = 8  # the three streams, and a time zone's file now and then
_START_SECONDS = 20.0  # a busy machine may be slow to start Python; this is not the template's fault
_ROOT = str(Path(__file__).resolve().parents[2])
_CHILD = (
    "import sys, importlib; sys.path.insert(0, sys.argv[1]); "
    "importlib.import_module('addin_host.gateways.' + sys.argv[2]).answer()"
)


class LimitedChild:
    """The parent's end: one line of JSON out per question, one line back. `trade` is the module that answers."""

    def __init__(self, trade: str) -> None:
        """Start it. Raises TemplateProblem when it does not start."""
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and code
            [sys.executable, "-I", "-c", _CHILD, _ROOT, trade],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            cwd="/",
        )
        self.is_alive = True
        if self._line(_START_SECONDS) is None:
            self.close()
            raise TemplateProblem("templates cannot be tried at the moment; try again in a minute")

    @property
    def process_id(self) -> int:
        """The child's number, for those who watch it."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How it ended: None while it runs, minus the signal when one ended it."""
        return self._process.returncode

    def ask(self, question: Any, wall_seconds: float = WALL_SECONDS) -> Any:
        """Return what the child says, a list or an object. Raises TemplateProblem when it is late or dies."""
        answer = self._line(wall_seconds) if self._send(json.dumps(question)) else None
        if answer is None:
            self.close()
            raise TemplateProblem(TOO_MUCH)
        return json.loads(answer)

    def _send(self, question: str) -> bool:
        assert self._process.stdin is not None  # noqa: S101 - opened as a pipe above
        try:
            self._process.stdin.write(question.encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return False
        return True

    def _line(self, seconds: float) -> bytes | None:
        """Return the next line, or None when the child is late or has died. It writes each line at once."""
        assert self._process.stdout is not None  # noqa: S101 - opened as a pipe above
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(seconds):
                return None
        line = self._process.stdout.readline()
        return line if line.endswith(b"\n") else None

    def close(self) -> None:
        """End the child, whatever it is doing."""
        self.is_alive = False
        self._process.kill()
        self._process.communicate()


def serve(answer: Callable[[Any], Any]) -> None:
    """Be the child: take the limits, say that it is ready, answer every question that comes in."""
    give_up_memory()
    _say(None)
    for line in sys.stdin.buffer:
        limit_processor()
        _say(answer(json.loads(line)))


def _say(said: Any) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


def give_up_memory() -> None:
    """Take the limits that hold for the child's whole life. Where there is no /proc the memory limit is left out."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN_FILES, _OPEN_FILES))
    statistics = Path("/proc/self/statm")
    if statistics.exists():
        used = int(statistics.read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))


def limit_processor() -> None:
    """Allow some more seconds from now on."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(usage.ru_utime + usage.ru_stime) + 1 + CPU_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.RLIM_INFINITY))
