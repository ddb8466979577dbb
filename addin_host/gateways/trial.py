"""Tries templates in a limited child, before an administrator's template is accepted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from addin_host.domain.ports import TemplateCandidate
from addin_host.domain.text import (
    RenderProblem,
    TemplateProblem,
    Unmet,
    column_near,
    compile_template,
    html_to_text,
    sample_values,
)
from addin_host.gateways.limited import TOO_MUCH, WALL_SECONDS, LimitedChild, serve

_TRADE = "trial"
_SIZES = {"typical": "usual values", "empty": "empty values", "largest": "values as long as they can be"}


def try_templates(candidates: Sequence[TemplateCandidate]) -> list[TemplateProblem | None]:
    """Return for each template its problem or None.

    All of them share a child, and each has a second in it; a child that is late or dies is replaced.
    """
    problems: list[TemplateProblem | None] = []
    child: LimitedChild | None = None
    try:
        for candidate in candidates:
            child = child if child is not None and child.is_alive else LimitedChild(_TRADE)
            problems.append(problem_of(candidate, child))
    finally:
        if child is not None:
            child.close()
    return problems


def problem_of(
    candidate: TemplateCandidate, child: LimitedChild, wall_seconds: float = WALL_SECONDS
) -> TemplateProblem | None:
    """Return what the child says about the template, within the wall limit."""
    question = [candidate.source, candidate.kind, candidate.variables, candidate.must_print]
    try:
        said = child.ask(question, wall_seconds)
    except TemplateProblem as problem:
        return problem
    return TemplateProblem(*said) if said else None


def answer() -> None:
    """Be the child: try every template that comes in."""
    serve(lambda question: _trial(TemplateCandidate(question[0], question[1], tuple(question[2]), question[3])))


def _trial(candidate: TemplateCandidate) -> list[Any] | None:
    """Return message, line and column of the problem, or None."""
    try:
        _render_samples(candidate)
    except TemplateProblem as problem:
        return [problem.message[:500], problem.line, problem.column]
    except MemoryError:
        return [TOO_MUCH, 1, None]
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
            line = problem.line or 1
            column = column_near(candidate.source, line, problem.message)
            raise TemplateProblem(f"with {words}: {problem.message}", line, column) from problem
        if size == "typical" and candidate.must_print:
            _check_printed(text, candidate, str(values[candidate.must_print]))


def _check_printed(text: str, candidate: TemplateCandidate, value: str) -> None:
    seen = html_to_text(text) if candidate.kind == "html_template" else text
    if value not in seen:
        raise TemplateProblem(f"the text must show {{{{{candidate.must_print}}}}}; put it where everybody sees it")
