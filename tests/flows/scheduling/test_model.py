"""The service against the model: 2,000 steps here, as many as wanted by `make model STEPS=20000`."""

from __future__ import annotations

import sys

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.flows.scheduling.machine import Meetings, a_fast_database

STEPS_EACH = 50


def play(steps: int) -> int:
    """Take so many steps; return how many were taken. A violation is an AssertionError, with the steps to it."""
    Meetings.database, Meetings.steps = a_fast_database(), 0
    chosen = settings(
        max_examples=max(1, steps // STEPS_EACH),
        stateful_step_count=STEPS_EACH,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    try:
        run_state_machine_as_test(Meetings, settings=chosen)
    finally:
        Meetings.database.close()
    return Meetings.steps


@pytest.mark.timeout(900)  # what is found is made as short as possible first, which takes minutes
def test_invariants_hold() -> None:
    assert play(2_000) >= 1_000


def main() -> int:
    """For `make model`. The last line says what came out."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    violations = taken = 0
    while taken < wanted and not violations:
        try:
            taken += play(wanted - taken)
        except AssertionError as problem:
            violations += 1
            taken += Meetings.steps
            sys.stderr.write(f"{problem}\n{getattr(problem, '__notes__', '')}\n")
    sys.stdout.write(f"steps {taken} violations {violations}\n")
    return int(violations > 0)


if __name__ == "__main__":
    sys.exit(main())
