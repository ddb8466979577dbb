"""Tries templates in a child process that can do no harm, before an administrator's template is accepted.

The child is fresh (never forked from a threaded worker), has an empty environment, and loses the right to much memory,
processor time, files and growth before it sees the first template (design/security.md section 8, layer 4).
"""

from __future__ import annotations

import json
import resource
import selectors
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from addin_host.domain.ports import TemplateCandidate
from addin_host.domain.text import (
    RenderProblem,
    TemplateProblem,
    Unmet,
    compile_template,
    html_to_text,
    sample_values,
)

WALL_SECONDS = 1.0
CPU_SECONDS = 2
MEMORY = 96 * 1024 * 1024
_OPEN_FILES = 8  # the three streams, and a time zone's file now and then
_START_SECONDS = 20.0  # a busy machine may be slow to start Python; this is not the template's fault
_ROOT = str(Path(__file__).resolve().parents[2])
_CHILD = "import sys; sys.path.insert(0, sys.argv[1]); from addin_host.gateways.trial import answer; answer()"
_TOO_MUCH = "the template takes too much time or memory; use fewer loops and shorter texts"
_SIZES = {"typical": "usual values", "empty": "empty values", "largest": "values as long as they can be"}


def try_templates(candidates: Sequence[TemplateCandidate]) -> list[TemplateProblem | None]:
    """Return for each template its problem or None.

    All of them share a child, and each has a second in it; a child that is late or dies is replaced.
    """
    problems = [_structure_problem(candidate) for candidate in candidates]
    child: _Child | None = None
    try:
        for at, candidate in enumerate(candidates):
            if problems[at] is None:
                child = child if child is not None and child.is_alive else _Child()
                problems[at] = child.problem_of(candidate, WALL_SECONDS)
    finally:
        if child is not None:
            child.close()
    return problems


def _structure_problem(candidate: TemplateCandidate) -> TemplateProblem | None:
    try:
        compile_template(candidate.source, kind=candidate.kind, variables=candidate.variables)
    except TemplateProblem as problem:
        return problem
    return None


class _Child:
    """The parent's end: one line of JSON out per template, one line back."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and code
            [sys.executable, "-I", "-c", _CHILD, _ROOT],
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

    def problem_of(self, candidate: TemplateCandidate, wall_seconds: float) -> TemplateProblem | None:
        """Return what the child says about the template, within the wall limit."""
        asked = json.dumps([candidate.source, candidate.kind, candidate.variables, candidate.must_print])
        answer = self._line(wall_seconds) if self._send(asked) else None
        if answer is None:
            self.close()
            return TemplateProblem(_TOO_MUCH)
        said = json.loads(answer)
        return TemplateProblem(said["message"], said["line"]) if said else None

    def _send(self, question: str) -> bool:
        assert self._process.stdin is not None  # noqa: S101 - opened as a pipe above
        try:
            self._process.stdin.write(question.encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return False
        return True

    def _line(self, seconds: float) -> bytes | None:
        """Return the next line, or None when the child is late or has died. Its lines are short: one write each."""
        assert self._process.stdout is not None  # noqa: S101 - opened as a pipe above
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(seconds):
                return None
        return self._process.stdout.readline() or None

    def close(self) -> None:
        """End the child, whatever it is doing."""
        self.is_alive = False
        self._process.kill()
        self._process.communicate()


def answer() -> None:
    """Be the child: take the limits, say that it is ready, try every template that comes in."""
    _give_up_memory()
    _say(None)
    for line in sys.stdin.buffer:
        _limit_processor()
        source, kind, variables, must_print = json.loads(line)
        _say(_trial(TemplateCandidate(source, kind, tuple(variables), must_print)))


def _say(said: dict[str, Any] | None) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


def _give_up_memory() -> None:
    """Take the limits that hold for the child's whole life. Where there is no /proc the memory limit is left out."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN_FILES, _OPEN_FILES))
    statistics = Path("/proc/self/statm")
    if statistics.exists():
        used = int(statistics.read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))


def _limit_processor() -> None:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(usage.ru_utime + usage.ru_stime) + 1 + CPU_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.RLIM_INFINITY))


def _trial(candidate: TemplateCandidate) -> dict[str, Any] | None:
    try:
        _render_samples(candidate)
    except TemplateProblem as problem:
        return {"message": problem.message[:500], "line": problem.line}
    except MemoryError:
        return {"message": _TOO_MUCH, "line": 1}
    return None


def _render_samples(candidate: TemplateCandidate) -> None:
    """Render with every size of sample. Raises TemplateProblem.

    A template that asks to fail on short values (`pex_require_min_length`) may do so, but not where something must
    be printed.
    """
    template = compile_template(candidate.source, kind=candidate.kind, variables=candidate.variables)
    for size, words in _SIZES.items():
        values = sample_values(candidate.variables, size)
        try:
            text = template.render(values)
        except Unmet:
            text = ""
        except RenderProblem as problem:
            raise TemplateProblem(f"with {words}: {problem.message}", problem.line or 1) from problem
        if size == "typical" and candidate.must_print:
            _check_printed(text, candidate, str(values[candidate.must_print]))


def _check_printed(text: str, candidate: TemplateCandidate, value: str) -> None:
    seen = html_to_text(text) if candidate.kind == "html_template" else text
    if value not in seen:
        raise TemplateProblem(f"the text must show {{{{{candidate.must_print}}}}}; put it where everybody sees it")
