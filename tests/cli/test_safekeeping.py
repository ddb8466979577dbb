"""Audit, key rotation, backup and restore as an administrator types them."""

import json
import stat
from pathlib import Path

import pytest

from tests.cli.test_commands import Shell
from tests.conftest import a_record


@pytest.fixture
def shell(tmp_path):
    made = Shell(tmp_path / "one")
    made.folder.mkdir()
    made("db", "upgrade")
    made("integration", "import", made.write(a_record()))
    made("platform", "set", "alarm_days", "7")
    return made


def test_the_log_is_proved_exported_and_its_head_kept(shell):
    head = shell("audit", "head").stdout.strip()
    assert head in shell("audit", "verify").stdout
    shell("platform", "set", "alarm_days", "8")
    proved = json.loads(shell("audit", "verify", "--head", head, "--json").stdout)
    assert proved["holds"]
    assert proved["head"] != head
    lines = shell("audit", "export").stdout.splitlines()
    assert json.loads(lines[-1]) == {"head": proved["head"]}
    assert len(lines) == proved["entries"] + 1
    assert len(shell("audit", "export", "--format", "csv", "--since", "2099-01-01").stdout.splitlines()) == 2
    refused = shell("audit", "verify", "--head", "0" * 63 + "1", expect=1)
    assert "not among its entries" in refused.stderr


def test_an_edited_log_is_refused(shell):
    import sqlite3

    with sqlite3.connect(shell.folder / "addin-host.db") as database:
        database.execute("UPDATE audit SET actor = 'nobody'")
    database.close()
    assert "was changed after it was written" in shell("audit", "verify", expect=1).stderr


def test_rotating_the_key(shell):
    before = (shell.folder / "addin-host.key").read_text()
    assert "1 values are sealed" in shell("rotate-keys").stdout
    assert (shell.folder / "addin-host.key").read_text() != before
    assert "still in the file" in shell("rotate-keys", "--keep-old").stderr
    assert "Finished the rotation" in shell("rotate-keys").stdout
    shell("integration", "export", "1")


def test_from_one_machine_to_another(shell, tmp_path):
    file = str(tmp_path / "all.backup")
    made = shell("backup", file)
    key = shell.folder / "addin-host-backup.key"
    assert str(key) in made.stderr
    assert stat.S_IMODE(key.stat().st_mode) == stat.S_IMODE((tmp_path / "all.backup").stat().st_mode) == 0o600
    assert "exists" in shell("backup", file, expect=1).stderr
    head = shell("audit", "head").stdout.strip()
    assert head in made.stdout
    other = Shell(tmp_path / "two")
    other.folder.mkdir()
    assert "addin-host db upgrade" in other("restore", file, expect=1).stderr
    other("db", "upgrade")
    assert "cannot be read" in other("restore", file, expect=1).stderr
    assert "are restored" in other("restore", file, "--key-file", str(key)).stdout
    assert json.loads(other("platform", "show", "--json").stdout)["alarm_days"] == 7
    other("audit", "verify", "--head", head)
    assert "not empty" in other("restore", file, "--key-file", str(key), expect=1).stderr


def test_the_reference_of_settings_is_the_one_in_the_documents(shell):
    made = shell("platform", "fields").stdout
    assert made == (Path(__file__).parents[2] / "docs" / "platform.md").read_text()
    assert "canary" not in shell("platform", "show").stdout


def test_keys_of_tags(shell):
    assert "none yet" in shell("tag-keys", "list").stderr
    assert "Tag key 1 signs" in shell("tag-keys", "add").stdout
    assert "Tag key 2 signs" in shell("tag-keys", "add").stdout
    listed = shell("tag-keys", "list").stdout.splitlines()
    assert ["verifies" in line for line in listed] == [True, False]
    assert [key["signs"] for key in json.loads(shell("tag-keys", "list", "--json").stdout)] == [False, True]
    assert "3 values are sealed" in shell("rotate-keys").stdout
    assert '"Tag key 2"' in shell("audit", "export").stdout
