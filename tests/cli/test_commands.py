"""The commands as an administrator types them: their output and their exit codes."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from addin_host.app import wiring
from addin_host.cli import cli
from addin_host.store import revision
from tests.conftest import a_record

COMMAND = [sys.executable, "-m", "addin_host.app"]


class Shell:
    """A fresh machine: an own data folder and nothing else in the environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")} | {
            "ADDIN_HOST_DATA": str(folder)
        }

    def __call__(self, *arguments: str, expect: int = 0, typed: str = "", **more: str) -> Result:
        """Run a command in this process; those that serve run in one of their own, below."""
        done = CliRunner(env=self.environment | more).invoke(cli, arguments, obj=wiring(), input=typed)
        assert done.exit_code == expect, (arguments, done.output, done.exception)
        return done

    def write(self, content: object, name: str = "integration.json") -> str:
        path = self.folder / name
        path.write_text(json.dumps(content))
        return str(path)


@pytest.fixture
def shell(tmp_path):
    return Shell(tmp_path)


def test_nothing_works_before_the_schema_and_says_so(shell):
    assert "addin-host db upgrade" in shell("integration", "list", expect=1).stderr
    assert "addin-host db upgrade" in shell("serve", expect=1).stderr
    assert json.loads(shell("db", "status", "--json", expect=1).stdout)["revision"] is None


def test_an_integration_from_file_to_file(shell):
    assert revision.NEEDED in shell("db", "upgrade").stdout
    made = json.loads(shell("integration", "import", shell.write(a_record()), "--json").stdout)
    assert made["id"] == 1
    key = shell.folder / "addin-host.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    exported = json.loads(shell("integration", "export", "1").stdout)
    assert exported["uuid"] == made["uuid"]
    assert len(exported) == 120
    assert "canary" not in json.dumps(exported)
    again = shell("integration", "import", shell.write(exported))
    assert again.stdout == "Integration 1 (Sales) is at version 2.\n"
    listed = json.loads(shell("integration", "list", "--json").stdout)
    assert [(one["id"], one["name"], one["version"]) for one in listed] == [(1, "Sales", 2)]
    assert "Sales" in shell("integration", "list").stdout
    assert "deleted" in shell("integration", "delete", made["uuid"], "--yes").stdout
    assert "no integrations yet" in shell("integration", "list").stderr


def test_every_fault_is_named_and_nothing_is_imported(shell):
    shell("db", "upgrade")
    good, bad = a_record(), a_record(name="Second", time_zone="Nowhere", personal_vmr_name_template="{{nmae}}")
    answer = shell("integration", "import", shell.write([good, bad]), expect=1)
    assert "Time zone: is not a time zone name" in answer.stderr
    assert json.loads(shell("integration", "list", "--json").stdout) == []
    answer = shell("integration", "import", shell.write(bad | {"time_zone": "UTC"}), expect=1)
    assert "line 1, column 3: nmae is not a variable of this template; did you mean name?\n" in answer.stderr
    assert "nmae" in answer.stderr
    assert "is not JSON" in shell("integration", "import", str(Path(__file__)), expect=1).stderr
    assert "must hold an object" in shell("integration", "import", shell.write([]), expect=1).stderr
    assert "There is no integration" in shell("integration", "export", "7", expect=1).stderr


def test_a_name_must_be_typed_to_delete(shell):
    shell("db", "upgrade")
    shell("integration", "import", shell.write(a_record()))
    assert "Nothing was deleted" in shell("integration", "delete", "1", expect=1, typed="Other\n").stderr


def test_labels_that_the_manifest_cuts_are_pointed_out(shell):
    shell("db", "upgrade")
    answer = shell("integration", "import", shell.write(a_record(addin_button_label="word " * 40)))
    assert "Add-in button label" in answer.stderr


def test_settings_of_the_platform(shell):
    shell("db", "upgrade")
    shell("platform", "set", "web_proxy", "http://proxy.example.com:3128")
    shell("platform", "set", "signin_session_hours", "4")
    shown = json.loads(shell("platform", "show", "--json").stdout)
    assert (shown["web_proxy"], shown["signin_session_hours"]) == ("http://proxy.example.com:3128", 4)
    assert "from 1 to 720" in shell("platform", "set", "signin_session_hours", "0", expect=1).stderr
    assert "not a platform setting" in shell("platform", "set", "colour", "red", expect=1).stderr
    assert "http://host:port" in shell("platform", "set", "web_proxy", "proxy", expect=1).stderr
    shell("platform", "set", "web_proxy", "")
    assert json.loads(shell("platform", "show", "--json").stdout)["web_proxy"] == ""


def test_all_bad_settings_are_reported_at_once(shell):
    bad = {"DATABASE_URL": "mysql://x", "ADDIN_HOST_WORKERS": "0", "ADDIN_HOST_LOG_LEVEL": "LOUD"}
    answer = shell("db", "status", expect=1, **bad)
    assert all(name in answer.stderr for name in bad)
    assert "cannot be read" in shell("db", "status", expect=1, DATABASE_URL_FILE="/nowhere").stderr


def test_a_secret_setting_may_stand_in_a_file(shell):
    file = shell.folder / "url"
    file.write_text(f"sqlite:///{shell.folder / 'other.db'}\n")
    shell("db", "upgrade", DATABASE_URL_FILE=str(file))
    assert (shell.folder / "other.db").exists()


def test_checking_a_manifest(shell):
    golden = "tests/golden/manifest/typical.xml"
    assert "nothing to complain about" in shell("check-manifest", golden).stdout
    broken = shell.folder / "broken.xml"
    broken.write_text(Path(golden).read_text().replace("ReadWriteItem", "Restricted"))
    found = json.loads(shell("check-manifest", str(broken), "--json", expect=1).stdout)
    assert found[0]["severity"] == "error"
    assert found[0]["line"] > 1
    assert "error [" in shell("check-manifest", str(broken), expect=1).stdout
    assert "higher" in shell("check-manifest", golden, "--last-version", "99.0.0.0", expect=1).stdout
    shell("check-manifest", "/nowhere.xml", expect=2)


def test_migrations_can_be_undone(shell):
    shell("db", "upgrade")
    assert "revision none" in shell("db", "downgrade", "base", "--yes").stdout
    shell("db", "status", expect=1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fetch(url: str) -> tuple[int, bytes]:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.status, answer.read()


@pytest.fixture
def background(shell):
    started = []

    def start(*arguments, until, **more):
        environment, pipe = shell.environment | more, subprocess.PIPE
        process = subprocess.Popen([*COMMAND, *arguments], stdout=pipe, stderr=pipe, text=True, env=environment)
        started.append(process)
        deadline = time.monotonic() + 60
        while not until(process) and time.monotonic() < deadline:
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.1)
        return process

    yield start
    for process in started:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def answers(url):
    def probe(_process):
        try:
            return fetch(url)[0] == 200
        except OSError:
            return False

    return probe


def test_the_demo_says_when_it_is_ready_and_where(shell, background):
    port = free_port()
    demo = background("demo", "--port", str(port), until=answers(f"http://127.0.0.1:{port}/readyz"))
    lines = [demo.stdout.readline() for _ in range(5)]
    assert lines[0] == f"ready http://127.0.0.1:{port}/demo\n"
    for line in lines:
        address = line.split()[-1]
        assert address.startswith(f"http://127.0.0.1:{port}/")
        assert fetch(address)[0] == 200
    assert [one["id"] for one in json.loads(shell("integration", "list", "--json").stdout)] == [1, 2, 3]
    with socket.socket() as elsewhere, pytest.raises(ConnectionRefusedError):  # it listens on 127.0.0.1 alone
        elsewhere.connect(("127.0.0.2", port))


def test_the_demo_refuses_a_database_that_holds_anything_else(shell):
    shell("db", "upgrade")
    shell("integration", "import", shell.write(a_record()))
    answer = shell("demo", "--port", str(free_port()), expect=1)
    assert "not the demo's" in answer.stderr
    assert len(json.loads(shell("integration", "list", "--json").stdout)) == 1


def test_serving_on_a_socket_and_stopping_on_sigterm(shell, background):
    shell("db", "upgrade")
    shell("integration", "import", shell.write(a_record()))
    port = free_port()
    url = f"http://127.0.0.1:{port}/readyz"
    server = background("serve", until=answers(url), ADDIN_HOST_BIND=f"127.0.0.1:{port}")
    assert fetch(url) == (200, b"ready\n")
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/client/v2/msexchange_schedulers/1/pane", headers={"Host": "vmr.example.com"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert b"Add a VMR" in answer.read()
    server.send_signal(signal.SIGTERM)
    assert server.wait(30) == 0
