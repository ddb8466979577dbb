"""Templates are tried in a child with limits; a hostile one ends there and nowhere else."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from addin_host.domain.fields import FIELDS
from addin_host.domain.ports import TemplateCandidate, TemplateTrial
from addin_host.domain.text import TemplateProblem, compiled
from addin_host.gateways.limited import LimitedChild
from addin_host.gateways.trial import problem_of, try_templates

ROOT = str(Path(__file__).parents[2])
TRY: TemplateTrial = try_templates
VARIABLES = ("alias", "alias_uuid", "pin", "aliases")
DEFAULTS = [TemplateCandidate(f.default, f.kind, f.variables, f.must_print) for f in FIELDS if f.is_template]
LOOPING = "{% for i in 1000|range %}{% for j in 1000|range %}{{ j }}{% endfor %}{% endfor %}"


def tried(source: str, *, kind: str = "html_template", must_print: str | None = None) -> TemplateProblem | None:
    return TRY([TemplateCandidate(source, kind, VARIABLES, must_print)])[0]


def test_every_default_of_an_integration_passes_in_one_quick_batch() -> None:
    began = time.perf_counter()
    assert try_templates(DEFAULTS) == [None] * len(DEFAULTS)
    assert time.perf_counter() - began < 30  # 0.2 s on an idle machine


@pytest.mark.parametrize(
    ("source", "line", "words"),
    [
        ("a\n{{ alais }}", 2, "did you mean alias?"),
        ("\n{{ 1 / 0 }}", 2, "with usual values"),
        ("{{ aliases[0] + 1 }}", 1, "with usual values"),
        ("{% if not alias %}{{ 1 / 0 }}{% endif %}", 1, "with empty values"),
        ("{% if alias|length > 200 %}{{ 1 / 0 }}{% endif %}", 1, "with values as long as they can be"),
        (LOOPING, 1, "too much work"),
        ("{{ 'a' * 99999999 }}", 1, "longer than"),
    ],
)
def test_a_template_that_fails_with_some_sample_is_refused(source: str, line: int, words: str) -> None:
    problem = tried(source)
    assert problem is not None
    assert (problem.line, words in problem.message) == (line, True), str(problem)


def test_a_problem_names_its_column_where_it_is_known() -> None:
    problem = tried("<p>a</p>\n<p>{{ alais }}</p>")
    assert str(problem).startswith("line 2, column 7: ")
    assert str(tried("x {{ 1 / 0 }}")).startswith("line 1, column 3: with usual values")


def test_nothing_unsaved_is_compiled_in_this_process() -> None:
    before = compiled._compiled.cache_info().misses
    assert tried("{{ alias }} that nobody has saved") is None
    assert tried("{{ alias that nobody can read") is not None
    assert compiled._compiled.cache_info().misses == before


def test_a_template_may_require_lengths_that_samples_do_not_have() -> None:
    assert tried("{{ pin|pex_require_min_length(6) }}") is None
    assert tried("{{ alias_uuid|pex_require_min_length(999) }}", must_print="alias_uuid") is not None


@pytest.mark.parametrize(
    ("source", "passes"),
    [
        ("{{ alias_uuid }}", True),
        ("<p>{{ alias_uuid|trim }}</p>", True),
        ("{{ alias }}", False),
        ("{% if not alias %}{{ alias_uuid }}{% endif %}", False),
        ("<!-- {{ alias_uuid }} -->", False),
        ('<p title="{{ alias_uuid }}">x</p>', False),
        ("{{ alias_uuid|lower }}", False),
    ],
)
def test_what_must_be_printed_has_to_be_seen(source: str, passes: bool) -> None:
    problem = tried(source, must_print="alias_uuid")
    assert (problem is None) is passes
    assert problem is None or "{{alias_uuid}}" in problem.message


def test_one_bad_template_does_not_spoil_the_batch() -> None:
    batch = [
        DEFAULTS[0],
        TemplateCandidate(LOOPING, "text_template", ()),
        DEFAULTS[1],
        TemplateCandidate("{{ x }}", "text_template", ()),
    ]
    problems = try_templates(batch)
    assert [problem is None for problem in problems] == [True, False, True, False]


def child(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process that has taken the child's limits."""
    preface = "import addin_host.gateways.limited as t, resource, sys; t.give_up_memory(); t.limit_processor();"
    return subprocess.run(
        [sys.executable, "-c", preface + code], capture_output=True, text=True, timeout=30, cwd=ROOT, check=False
    )


def test_the_child_cannot_take_memory_files_or_time() -> None:
    assert "MemoryError" in child("x = b'x' * (120 << 20)").stderr
    assert "ok" in child("x = b'x' * (40 << 20); print('ok')").stdout
    assert "Too many open files" in child("f = [open('/dev/null') for _ in range(20)]").stderr
    assert child("\nwhile True: pass").returncode < 0
    assert child("import signal; open('/tmp/addin-host-trial', 'w').write('x' * 99999)").returncode != 0
    assert resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY  # nothing of it holds here


def test_the_child_starts_without_the_web_and_the_database_and_without_our_environment() -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import addin_host.gateways.trial;"
        "print([m for m in ('flask', 'sqlalchemy', 'requests', 'lxml', 'PIL') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code, ROOT], capture_output=True, text=True, check=True, env={})
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("harm", [signal.SIGSTOP, signal.SIGKILL])
def test_a_child_that_is_late_or_dead_is_ended_and_its_template_refused(harm: signal.Signals) -> None:
    child = LimitedChild("trial")
    os.kill(child.process_id, harm)
    problem = problem_of(DEFAULTS[0], child, 0.2)
    assert problem is not None
    assert "too much time or memory" in problem.message
    assert not child.is_alive
    assert child.exit_code == -signal.SIGKILL
