"""schemathesis against a real server of ours: `python -m tests.api_fuzz --max-examples 40` (make api-fuzz).

The server is `addin-host serve` over SQLite with objects of every resource. What is looked for: answers of 500 and
more, answers that break the OpenAPI document, statuses and content types that it does not name, methods that are not
refused. Routes without credentials are the walk's (tests/web/test_admission_walk.py).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import requests

from addin_host.domain.access import ON_THIS_MACHINE, Role
from addin_host.flows import api_users, platform
from addin_host.store import keys, migrate
from addin_host.store.db import Database
from addin_host.store.models import AlarmRow, ApiUserRow
from tests.conftest import a_record
from tests.e2e.processes import Server, free_port, listening

ROOT = Path(__file__).parent.parent
TOKEN = "fuzz-token"
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,unsupported_method"
)


@dataclass(frozen=True)
class Outcome:
    """What a run found. `report` is schemathesis' own, to read when something failed."""

    cases: int
    failed: bool
    seconds: float
    report: str
    server_errors: tuple[str, ...]


def run(folder: Path, *, max_examples: int, phases: str, seed: int = 1, include: str = "") -> Outcome:
    """Start a server in the folder, run schemathesis, and end the server."""
    port, log = free_port(), folder / "server.log"
    environ = {
        "DATABASE_URL": f"sqlite:///{folder / 'fuzz.db'}",
        "ADDIN_HOST_DATA": str(folder),
        "ADDIN_HOST_BIND": f"127.0.0.1:{port}",
        "ADDIN_HOST_LOG_LEVEL": "INFO",
    }
    _prepare(folder)
    command = [sys.executable, "-m", "addin_host.app", "serve"]
    with Server(command, log=log, ready=listening(port), cwd=ROOT, environ=environ) as server:
        _fill(f"http://127.0.0.1:{port}/api/admin/configuration/v1")
        began = time.monotonic()
        done = _schemathesis(folder, port, max_examples, phases, seed, include)
        seconds = time.monotonic() - began
        lines = [line for line in server.text().splitlines() if '"level": "error"' in line or "Traceback" in line]
    text = done.stdout + done.stderr
    counted = re.search(r"([\d,]+) generated", text)
    cases = int(counted[1].replace(",", "")) if counted else 0
    return Outcome(cases, done.returncode != 0, seconds, text, tuple(lines))


def _prepare(folder: Path) -> None:
    database, now = Database(f"sqlite:///{folder / 'fuzz.db'}"), datetime.now(UTC)
    migrate.upgrade(database)
    box = keys.secret_box(folder / "addin-host.key", database)
    with database.write() as session:
        token = api_users.token_hash(TOKEN)
        session.add(ApiUserRow(name="fuzz", token_hash=token, role=Role.PLATFORM_ADMIN.value, created_at=now))
        session.add(
            AlarmRow(
                identifier="dns", open_key="dns:1", name="DNS", level="error", details="No address.", raised_at=now
            )
        )
        platform.change(session, {"api_requests_per_minute": 100_000}, box=box, caller=ON_THIS_MACHINE, now=now)
    database.close()


def _fill(base: str) -> None:
    """Create objects for the numbers that the document gives as examples."""
    bodies = [
        *[("ivr_theme", {"name": f"Theme {number}"}) for number in range(3)],
        *[("identity_provider_group", {"name": f"Group {number}"}) for number in range(3)],
        *[("ms_exchange_connector", a_record(name=f"Integration {number}")) for number in range(3)],
        *[("exchange_domain", {"domain": f"mail{number}.example.com"}) for number in range(3)],
        *[("conference", {"name": f"VMR {n}", "aliases": [{"alias": f"r{n}@example.com"}]}) for n in range(3)],
        *[("end_user", {"primary_email_address": f"p{number}@example.com"}) for number in range(3)],
    ]
    for resource, body in bodies:
        answer = requests.post(f"{base}/{resource}/", json=body, headers=_AUTH, timeout=30)
        assert answer.status_code == 201, answer.text


_AUTH = {"Authorization": f"Bearer {TOKEN}"}


def _schemathesis(
    folder: Path, port: int, max_examples: int, phases: str, seed: int, include: str
) -> subprocess.CompletedProcess[str]:
    # One worker: in several threads CPython 3.11 fails now and then at reading sources, which hypothesis does.
    command = [
        str(Path(sys.executable).parent / "st"), "run", f"http://127.0.0.1:{port}/api/admin/openapi.json",
        "-H", f"Authorization: Bearer {TOKEN}", "--phases", phases, "--max-examples", str(max_examples),
        "--checks", CHECKS, "--seed", str(seed), "--workers", "1", "--no-color", "--no-shrink",
        "--request-timeout", "30", "--generation-database", "none", "--continue-on-failure",
        "--suppress-health-check", "all", "--warnings", "off",
    ]  # fmt: skip
    if include:
        command += ["--include-path-regex", include]
    environ = {**os.environ, "HOME": str(folder), "SCHEMATHESIS_HOOKS": "tests.api_fuzz_hooks", "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environ)


def main() -> None:
    """Run, say what was found, and fail when something was."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=5000, help="at least so many")
    parser.add_argument("--max-examples", type=int, default=60, help="for each operation, in the fuzzing phase")
    parser.add_argument("--phases", default="examples,coverage,fuzzing")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--include", default="")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = run(
            Path(folder), max_examples=given.max_examples, phases=given.phases, seed=given.seed, include=given.include
        )
    summary = {"cases": found.cases, "failed": found.failed, "seconds": round(found.seconds), "seed": given.seed}
    sys.stdout.write("\n".join([found.report, json.dumps(summary), *found.server_errors[:20], ""]))
    sys.exit(found.failed or bool(found.server_errors) or found.cases < given.cases)


if __name__ == "__main__":
    main()
