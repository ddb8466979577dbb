"""The benchmark runs, with counts so small that its values mean nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bench.__main__ import GROUPS, NAMES, main
from bench.figure import Figure

# One of each kind of measuring: servers under load, this process, a command, two databases.
CHOSEN = ["pane_page_304", "template_render", "import_100k_sqlite", "lookup_growth_sqlite", "meeting_details_sqlite"]
LINE = re.compile(r"[a-z0-9_]+ [0-9.e+]+ (us|ms|s|MB|wrong|x|x-[a-z-]+) (-|(<=|>=)[0-9.]+)")


def test_every_figure_is_a_line_of_name_value_unit_target(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    assert main(["--tiny", "--results", str(results), *CHOSEN]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(LINE.fullmatch(line) for line in lines), lines
    assert sorted(line.split()[0] for line in lines) == sorted(CHOSEN)
    written = json.loads(results.read_text())
    assert [figure["name"] for figure in written["figures"]] == [line.split()[0] for line in lines]


def test_no_two_figures_share_a_name() -> None:
    assert len(NAMES) == len(set(NAMES)) == sum(len(group.names) for group in GROUPS)


def test_an_unknown_name_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["pane_pag"])
    assert exit_.value.code == 2
    assert "pane_page," in capsys.readouterr().err


@pytest.mark.parametrize(
    ("value", "target", "met"), [(1.4, "<=1.5", True), (1.6, "<=1.5", False), (0.6, ">=0.6", True), (9, "", None)]
)
def test_a_value_is_held_against_its_target(value: float, target: str, met: bool | None) -> None:
    assert Figure("growth", value, "x", target).is_met is met
