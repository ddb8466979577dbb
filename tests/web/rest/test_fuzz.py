"""schemathesis against `addin-host serve`: no 5xx, no answer that breaks the OpenAPI document.

This is a sample; `make api-fuzz CASES=5000` runs more.
"""

import pytest

from tests import api_fuzz


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("phases", "include", "examples", "least"),
    [
        ("examples,fuzzing", "", 16, 700),
        ("coverage", "exchange_domain|ivr_theme|alarm|exchange_scheduler", 1, 700),
    ],
)
def test_no_server_error_and_no_schema_violation(tmp_path, phases, include, examples, least):
    found = api_fuzz.run(tmp_path, max_examples=examples, phases=phases, include=include)
    assert not found.failed, found.report[-8000:]
    assert found.server_errors == ()
    assert found.cases >= least
