"""`addin-host worker` and `addin-host mailbox`, from the command to the exit code."""

import signal

import pytest

from tests.cli.test_commands import Shell, background  # noqa: F401 - a fixture
from tests.single_use import a_single_use_record


@pytest.fixture
def shell(tmp_path):
    made = Shell(tmp_path)
    made("db", "upgrade")
    # Names below .invalid exist nowhere (RFC 6761), so that nobody is called.
    made("integration", "import", made.write(a_single_use_record(url="https://exchange.invalid/EWS/Exchange.asmx")))
    return made


def test_a_worker_says_what_it_does_and_ends_when_told(shell, background):  # noqa: F811
    lines = []
    worker = background("worker", until=lambda process: lines.append(process.stderr.readline()) or "reads" in lines[-1])
    assert "reads the mailbox of 1 integration, with 4 threads each. Database: sqlite." in lines[-1]
    worker.send_signal(signal.SIGTERM)
    _out, said = worker.communicate(timeout=15)
    assert worker.returncode == 0
    assert said.endswith("Stopped; what was under way is done or given back.\n")


def test_a_worker_needs_the_schema(tmp_path):
    assert "db upgrade" in Shell(tmp_path)("worker", expect=1).stderr


def test_a_mailbox_that_cannot_be_reached(shell):
    answer = shell("mailbox", "check", "1", expect=1)
    assert answer.stdout.startswith("vmr@example.com over EWS\n  FAILED   connection and sign-in: ")
    assert "There is no integration" in shell("mailbox", "check", "7", expect=1).stderr
