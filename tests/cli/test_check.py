"""`addin-host check` and `addin-host alarm`, from the command to the exit code."""

import json

import pytest

from tests.cli.test_commands import Shell
from tests.conftest import a_record

# Names below .invalid exist nowhere (RFC 6761), so that nobody is called.
TENANT = "https://login.invalid/7c1c8f3e-1111-4222-8333-123456789abc/oauth2/v2.0"
RECORD = a_record(
    addin_server_domain="vmr.invalid",
    personal_vmr_oauth_auth_endpoint=f"{TENANT}/authorize",
    personal_vmr_oauth_token_endpoint=f"{TENANT}/token",
)


@pytest.fixture
def shell(tmp_path):
    made = Shell(tmp_path)
    made("db", "upgrade")
    return made


def test_a_failing_check_exits_with_1_and_raises_an_alarm(shell):
    shell("integration", "import", shell.write(RECORD))
    answer = shell("check", "1", expect=1)
    assert answer.stdout.startswith("Sales\n")
    assert "FAILED   DNS of the add-in server: The name vmr.invalid is not found." in answer.stdout
    assert "ok       Templates: All templates in use can be rendered" in answer.stdout
    assert "skipped  Exchange metadata: No metadata domain is entered." in answer.stdout
    found = json.loads(shell("check", "--all", "--json", expect=1).stdout)
    assert [(one["id"], one["name"]) for one in found] == [(1, "Sales")]
    assert {"dns", "token", "templates"} <= {result["name"] for result in found[0]["results"]}
    listed = json.loads(shell("alarm", "list", "--json").stdout)
    assert {one["state"] for one in listed} == {"open"}
    dns = next(one["id"] for one in listed if one["identifier"] == "check.dns")
    assert "Acknowledged: The add-in server's name" in shell("alarm", "acknowledge", str(dns)).stdout
    assert "acknowledged  The add-in server's name does not lead anywhere (Sales)" in shell("alarm", "list").stdout
    assert "no such alarm" in shell("alarm", "acknowledge", "999", expect=1).stderr


def test_what_is_switched_off_is_left_out(shell):
    shell("integration", "import", shell.write(RECORD | {"enabled": False}))
    assert shell("check", "--all").stdout == ""
    assert "There are no alarms." in shell("alarm", "list", "--all").stderr


def test_wrong_usage(shell):
    assert "or --all" in shell("check", expect=2).stderr
    assert "or --all" in shell("check", "1", "--all", expect=2).stderr
    assert "There is no integration" in shell("check", "7", expect=1).stderr
