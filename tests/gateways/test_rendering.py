"""Unsaved texts are rendered in a child with limits, and only once."""

from __future__ import annotations

import os
import resource
import signal

import pytest

from addin_host.domain.fields import FIELDS
from addin_host.domain.ports import TemplateRendering, UnsavedText
from addin_host.domain.text import sample_values
from addin_host.gateways import rendering
from addin_host.gateways.limited import LimitedChild
from addin_host.gateways.rendering import LimitedRendering

KINDS = ("html_template", "text_template", "static_html")
ALL = [
    UnsavedText(f.default, f.kind, f.variables, sample_values(f.variables, "typical"))
    for f in FIELDS
    if f.kind in KINDS
]
SLOW = "{% for i in 1000|range %}{% for j in 1000|range %}{{ j }}{% endfor %}{% endfor %}"


def unsaved(source: str, kind: str = "html_template", **values: object) -> UnsavedText:
    return UnsavedText(source, kind, ("alias", "name"), {"alias": "meet.1@example.com", **values})


def test_every_default_becomes_html_and_plain_text() -> None:
    made = LimitedRendering()(ALL)
    assert [text.problem for text in made] == [None] * len(ALL)
    for asked, text in zip(ALL, made, strict=True):
        assert bool(text.html) is (asked.kind != "text_template" and bool(asked.source))
        assert "<" not in text.plain


def test_one_text_is_html_made_safe_and_its_plain_form() -> None:
    (made,) = LimitedRendering()([unsaved("<p>{{ alias }}<script>1</script> <b>{{ name }}", name="<i>")])
    assert made.html == "<p>meet.1@example.com <b>&lt;i&gt;</b></p>"
    assert made.plain == "meet.1@example.com <i>"
    assert [remark.line for remark in made.remarks] == [1, 1, 1]


@pytest.mark.parametrize(
    ("source", "line", "column", "words"),
    [
        ("a\n {{ alais }}", 2, 5, "did you mean alias?"),
        ("a\n\n{{ alias|nope }}", 3, 10, "there is no filter nope"),
        ("{{ alias", 1, 1, "this cannot be read"),
        ("x {{ alias | upper( }}", 1, 22, "expected ')'"),
        ("ab {{ 1 / 0 }}", 1, 4, "division by zero"),
        ("{% include 'x' %}", 1, 1, "include is not possible"),
        (SLOW, 1, 1, "too much work"),
        ("x" * 12_289, 1, None, "shorten it"),
    ],
)
def test_what_is_wrong_has_line_column_and_cause(source: str, line: int, column: int | None, words: str) -> None:
    (made,) = LimitedRendering()([unsaved(source)])
    assert made.problem is not None
    assert (made.problem.line, made.problem.column) == (line, column)
    assert words in made.problem.message
    assert made.html == ""


def test_hostile_texts_end_in_words_in_time_and_spare_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def stubborn(child: LimitedChild, question: list[str], wall_seconds: float) -> object:
        if question[0].startswith("late"):
            os.kill(child.process_id, signal.SIGSTOP)
        return ask(child, question, wall_seconds)

    ask = LimitedChild.ask
    monkeypatch.setattr(LimitedChild, "ask", stubborn)
    made = LimitedRendering()([unsaved("good"), unsaved("late {{ alias }}"), unsaved("good again")])
    assert [text.html for text in made] == ["good", "", "good again"]
    assert "too much time or memory" in str(made[1].problem)


def test_all_texts_together_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "BATCH_SECONDS", -1.0)
    rendered = LimitedRendering()
    (late,) = rendered([unsaved("a")])
    assert "not rendered" in str(late.problem)
    monkeypatch.undo()
    (made,) = rendered([unsaved("a")])  # what was not reached is not remembered
    assert made.html == "a"


def test_what_was_rendered_is_remembered_by_content_until_newer_things_come() -> None:
    rendered = LimitedRendering(capacity=2)
    first = rendered([unsaved("a {{ pex_uuid4() }}")])
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert rendered([unsaved("a {{ pex_uuid4() }}")]) == first
    assert resource.getrusage(resource.RUSAGE_CHILDREN) == children, "a child was started"
    rendered([unsaved("b"), unsaved("c")])
    assert rendered([unsaved("a {{ pex_uuid4() }}")]) != first


def test_it_is_the_port() -> None:
    port: TemplateRendering = LimitedRendering()
    assert port([]) == []
