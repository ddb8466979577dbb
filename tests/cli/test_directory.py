"""`addin-host directory` as it is typed."""

from __future__ import annotations

import csv
import json
import stat
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from addin_host.cli.directory import directory
from addin_host.store.db import Database
from addin_host.store.secrets import SecretBox

CANARY = "864209"


@dataclass(frozen=True)
class Wired:
    """What the commands ask of the wiring."""

    database: Callable[[], Database]
    secret_box: Callable[[], SecretBox]
    now: Callable[[], datetime]


@pytest.fixture
def run(database: Database, box: SecretBox) -> Callable[..., Result]:
    wired = Wired(lambda: database, lambda: box, lambda: datetime(2026, 11, 23, tzinfo=UTC))

    def invoke(*arguments: object) -> Result:
        result = CliRunner().invoke(directory, [str(argument) for argument in arguments], obj=wired)
        assert CANARY not in result.output + str(result.exception)
        return result

    return invoke


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    def write(text: str | bytes, name: str = "vmrs.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


VMRS = f"name;pin;owner;aliases\nAlice;{CANARY};alice@example.com;alice@x.com,1001\nBøb;;;\n"


def test_import_list_and_list_again(run, file):
    done = run("import", file(b"\xef\xbb\xbf" + VMRS.encode()))
    assert (done.exit_code, done.stdout, done.stderr) == (0, "VMRs: 2 created, 0 updated, 0 unchanged.\n", "")
    assert run("import", file(VMRS)).stdout == "VMRs: 0 created, 0 updated, 2 unchanged.\n"
    assert run("list").stdout == "Alice  alice@example.com  alice@x.com 1001  PIN\nBøb\n"
    (line,) = json.loads(run("list", "--owner", "ALICE@example.com", "--json").stdout)
    assert (line["name"], line["aliases"], line["pin_set"]) == ("Alice", ["alice@x.com", "1001"], True)


def test_import_as_json(run, file):
    done = json.loads(run("import", file(VMRS), "--json", "--dry-run").stdout)
    assert done == {
        "imported": False,
        "dry_run": True,
        "vmrs": {"created": 2, "updated": 0, "unchanged": 0},
        "users": {"created": 0, "updated": 0, "unchanged": 0},
    }
    assert run("list").stdout == ""


def test_bad_rows_are_listed_and_nothing_is_imported(run, file):
    bad = file(f"name,pin\nGood,1234\nAlice,{CANARY}x\n,{CANARY}\n")
    refused = run("import", bad)
    assert refused.exit_code == 1
    assert refused.stdout == ""
    assert refused.stderr.splitlines()[0].startswith("row 3, pin: must be 4 to 20 digits and nothing else.")
    assert refused.stderr.splitlines()[1:] == [
        "row 4, name: is missing. Enter a value.",
        "Nothing was imported. Correct the file and import it again.",
    ]
    listed = json.loads(run("import", bad, "--json").stdout)
    assert [(problem["row"], problem["column"]) for problem in listed["problems"]] == [(3, "pin"), (4, "name")]
    assert run("list").stdout == ""


def test_a_hundred_problems_are_shown_and_the_rest_counted(run, file):
    bad = file("name,pin\n" + "".join(f"N{i},x\n" for i in range(250)))
    lines = run("import", bad).stderr.splitlines()
    assert len(lines) == 102
    assert lines[100] == "… and 150 more problems. With --json all of them are printed."
    assert len(json.loads(run("import", bad, "--json").stdout)["problems"]) == 250


@pytest.mark.parametrize("content", ["name\nJos\u00e9\n".encode("latin-1"), "name\nA\n".encode("utf-16")])
@pytest.mark.parametrize("name", ["a.csv", "a.json"])
def test_another_encoding_is_refused(run, file, content, name):
    refused = run("import", file(content, name))
    assert refused.exit_code == 1
    assert "The file is not in UTF-8." in refused.stderr


@pytest.mark.parametrize(
    "arguments",
    [("import", "missing.csv"), ("import", __file__), ("import",), ("list", "--limit", "0"), ("export", "a.txt"),
     ("list", "--kind", "users", "--owner", "a@example.com")],
)  # fmt: skip
def test_wrong_usage_exits_with_2(run, arguments):
    assert run(*arguments).exit_code == 2


def test_export_leaves_pins_out_and_importing_it_keeps_them(run, file, tmp_path, database):
    run("import", file(VMRS))
    target = tmp_path / "out.csv"
    assert run("export", target).exit_code == 0
    assert CANARY not in target.read_text()
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert run("import", target).stdout == "VMRs: 0 created, 0 updated, 2 unchanged.\n"
    assert json.loads(run("list", "--json").stdout)[0]["pin_set"]


def test_export_with_pins_warns(run, file, tmp_path):
    run("import", file(VMRS))
    target = tmp_path / "out.csv"
    done = run("export", target, "--with-pins")
    assert "will hold PINs in clear" in done.stderr
    with target.open(encoding="utf-8-sig", newline="") as stream:
        assert [row["pin"] for row in csv.DictReader(stream)] == [CANARY, ""]


def test_an_export_does_not_write_over_a_file(run, file):
    there = file("precious")
    refused = run("export", there)
    assert refused.exit_code == 1
    assert "cannot be created: File exists" in refused.stderr
    assert there.read_text() == "precious"


def test_json_moves_everything_from_one_directory_to_another(run, file, tmp_path):
    run("import", file(VMRS))
    run(
        "import", file("primary_email_address,display_name\nalice@example.com,Alice\n", "people.csv"), "--kind", "users"
    )
    run("export", tmp_path / "all.json", "--with-pins")
    for arguments in (("Alice",), ("Bøb",), ("alice@example.com", "--kind", "users")):
        assert run("delete", *arguments).exit_code == 0
    done = run("import", tmp_path / "all.json").stdout
    assert done == "VMRs: 2 created, 0 updated, 0 unchanged.\nUsers: 1 created, 0 updated, 0 unchanged.\n"
    assert run("list", "--kind", "users").stdout == "alice@example.com  Alice\n"


def test_release_sign_in(run, file):
    run("import", file("primary_email_address\nalice@example.com\n"), "--kind", "users")
    assert json.loads(run("release-sign-in", "Alice@example.com", "--json").stdout) == {"subjects": 0, "sessions": 0}
    assert run("release-sign-in", "nobody@example.com").exit_code == 1
    assert run("delete", "nobody").exit_code == 1


def test_a_list_that_is_cut_says_so(run, file):
    run("import", file(VMRS))
    assert "The first 1 are shown." in run("list", "--limit", 1).stderr
    assert "Nothing was found." in run("list", "--search", "zzz").stderr


@pytest.mark.parametrize("command", ["import", "list", "export", "delete", "release-sign-in"])
def test_every_command_has_help_examples_and_exit_codes(run, command):
    text = run(command, "--help").stdout
    assert "Example" in text
    assert f"addin-host directory {command} " in text
    assert "Exit codes: 0 done, 1 refused" in text
