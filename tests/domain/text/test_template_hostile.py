"""Hostile templates, without any limit of the process: no escape, and the bars of security.md section 17.

Time is processor time, so that a busy machine does not fail the build; rendering waits for nothing else.
"""

from __future__ import annotations

import functools
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.domain.text.template_payloads import CLASSES

PROGRAM = Path(__file__).with_name("template_payloads.py")
ROOT = Path(__file__).parents[3]
ESCAPED = re.compile(r"<class|built-in|bound method|function|object at 0x|__\w+__|subclasses|root:x:|<module")
UNFORMATTED = "{0.__class__}"  # `format` is printf-style: this is a text like any other
SECONDS, MEGABYTES, OUTPUT = 1.2, 128, 256 * 1024


@functools.cache
def outcome_of(name: str, kind: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, str(PROGRAM), name, kind],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env={"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8:surrogatepass"},
    )
    return json.loads(done.stdout)  # type: ignore[no-any-return]


both_kinds = pytest.mark.parametrize("kind", ["html_template", "text_template"])
each_class = pytest.mark.parametrize("name", list(CLASSES))


def test_there_are_at_least_a_hundred_payloads() -> None:
    assert sum(len(set(payloads)) for payloads in CLASSES.values()) >= 100


@both_kinds
@each_class
def test_no_payload_escapes(name: str, kind: str) -> None:
    escaped = [
        (source[:80], result["text"][:200])
        for source, result in zip(CLASSES[name], outcome_of(name, kind)["results"], strict=True)
        if ESCAPED.search(result["text"].replace(UNFORMATTED, ""))
    ]
    assert escaped == []


@both_kinds
@each_class
def test_every_payload_is_quick(name: str, kind: str) -> None:
    results = outcome_of(name, kind)["results"]
    slow = [
        (source[:80], r["seconds"]) for source, r in zip(CLASSES[name], results, strict=True) if r["seconds"] > SECONDS
    ]
    assert slow == []


@both_kinds
@each_class
def test_every_payload_stays_small(name: str, kind: str) -> None:
    outcome = outcome_of(name, kind)
    assert outcome["peak_mb"] <= MEGABYTES
    assert max(result["bytes"] for result in outcome["results"]) <= OUTPUT


@pytest.mark.parametrize("name", ["attributes", "calls", "statements"])
def test_what_reaches_for_the_inside_is_refused_or_prints_nothing_of_it(name: str) -> None:
    """Everything here is refused at save; a handful of harmless spellings find nothing at run time instead."""
    results = outcome_of(name, "html_template")["results"]
    rendered = {s: r["text"] for s, r in zip(CLASSES[name], results, strict=True) if r["outcome"] == "rendered"}
    assert {source: text for source, text in rendered.items() if text not in ("", UNFORMATTED)} == {}
