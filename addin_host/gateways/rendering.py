"""Renders unsaved templates in a limited child, for those who look at them while they type."""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from hashlib import sha256
from threading import BoundedSemaphore, Lock
from typing import Any

from addin_host.domain.ports import RenderedText, UnsavedText
from addin_host.domain.text import (
    MAX_SOURCE,
    Remark,
    RenderProblem,
    TemplateProblem,
    column_near,
    compile_template,
    html_remarks,
    html_to_text,
)
from addin_host.domain.text.markup import cleaned
from addin_host.gateways.limited import TOO_MUCH, WALL_SECONDS, LimitedChild, serve

BATCH_SECONDS = 3.0
_TRADE = "rendering"
_AT_ONCE = BoundedSemaphore(2)  # more children than that only slow each other down


class LimitedRendering:
    """Renders in a child and remembers by content what came out, the oldest first forgotten."""

    def __init__(self, *, capacity: int = 500) -> None:
        self._capacity = capacity
        self._kept: OrderedDict[str, RenderedText] = OrderedDict()
        self._lock = Lock()

    def __call__(self, texts: Sequence[UnsavedText]) -> list[RenderedText]:
        """Return for each text what it becomes. A text has one second, all of them have three (and a start)."""
        keys = [_key(text) for text in texts]
        with self._lock:
            found = {key: self._kept[key] for key in keys if key in self._kept}
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        if new:
            with _AT_ONCE:
                made = dict(zip(new, _rendered(list(new.values()), time.monotonic() + BATCH_SECONDS), strict=True))
            self._keep(made)
            found |= made
        return [found[key] for key in keys]

    def _keep(self, made: Mapping[str, RenderedText]) -> None:
        with self._lock:
            self._kept.update({key: text for key, text in made.items() if text != _NOT_REACHED})
            while len(self._kept) > self._capacity:
                self._kept.popitem(last=False)


def _key(text: UnsavedText) -> str:
    held = [text.source, text.kind, text.variables, dict(text.values)]
    return sha256(json.dumps(held, sort_keys=True).encode()).hexdigest()


def _rendered(texts: Sequence[UnsavedText], deadline: float) -> list[RenderedText]:
    child: LimitedChild | None = None
    found: list[RenderedText] = []
    try:
        for text in texts:
            left = deadline - time.monotonic()
            if left <= 0:
                found.append(_NOT_REACHED)
                continue
            child = child if child is not None and child.is_alive else LimitedChild(_TRADE)
            found.append(_ask(child, text, min(left, WALL_SECONDS)))
    finally:
        if child is not None:
            child.close()
    return found


def _ask(child: LimitedChild, text: UnsavedText, seconds: float) -> RenderedText:
    if len(text.source) > MAX_SOURCE:
        return _failed(f"the text has more than {MAX_SOURCE} characters; shorten it")
    try:
        said = child.ask([text.source, text.kind, text.variables, dict(text.values)], seconds)
    except TemplateProblem as problem:
        return _failed(problem.message)
    problem_said = said["problem"]
    return RenderedText(
        html=said["html"],
        plain=said["plain"],
        problem=Remark(*problem_said) if problem_said else None,
        remarks=tuple(Remark(*remark) for remark in said["remarks"]),
    )


def _failed(message: str) -> RenderedText:
    return RenderedText(problem=Remark(message, 1))


_NOT_REACHED = _failed("this was not rendered, because other texts take too much time; correct those first")


def answer() -> None:
    """Be the child: render every text that comes in."""
    serve(lambda question: _render(question[0], question[1], tuple(question[2]), question[3]))


def _render(source: str, kind: str, variables: tuple[str, ...], values: Mapping[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {"html": "", "plain": "", "problem": None, "remarks": []}
    try:
        if kind != "text_template":
            said["remarks"] = [[one.message, one.line, one.column] for one in html_remarks(source)]
        text = cleaned(source) if kind == "static_html" else _output(source, kind, variables, values)
    except TemplateProblem as problem:
        column = problem.column or column_near(source, problem.line, problem.message)
        said["problem"] = [problem.message[:500], problem.line, column]
    except RenderProblem as problem:
        line = problem.line or 1
        said["problem"] = [problem.message[:500], line, column_near(source, line, problem.message)]
    except MemoryError:
        said["problem"] = [TOO_MUCH, 1, None]
    else:
        said |= {"html": "", "plain": text} if kind == "text_template" else {"html": text, "plain": html_to_text(text)}
    return said


def _output(source: str, kind: str, variables: tuple[str, ...], values: Mapping[str, Any]) -> str:
    return compile_template(source, kind=kind, variables=variables).render(values)
