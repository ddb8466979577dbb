"""The browser library that npm places: which one, from where, and what happens without npm."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "vendor" / "node_modules" / "@azure" / "msal-browser"
PLACED = ROOT / "static" / "vendor"


def test_the_lock_names_versions_and_hashes_but_no_registry():
    wanted = json.loads((ROOT / "vendor" / "package.json").read_text())["dependencies"]
    packages = json.loads((ROOT / "vendor" / "package-lock.json").read_text())["packages"]
    assert packages.pop("")["dependencies"] == wanted == {"@azure/msal-browser": "5.30.0"}
    for name, package in packages.items():
        assert package["integrity"].startswith("sha512-"), name
        assert package["license"] == "MIT", name
        assert "resolved" not in package, name


def test_the_library_is_placed_unchanged_with_its_licence():
    placed = PLACED / "msal-browser.min.js"
    assert placed.is_file(), "Run: make vendor"
    assert placed.read_bytes() == (PACKAGE / "lib" / placed.name).read_bytes()
    assert b"v5.30.0" in placed.read_bytes()[:100]
    assert "Permission is hereby granted" in (PLACED / "msal-browser.LICENSE.txt").read_text()


def test_the_library_is_not_committed_and_is_packed():
    ignored = subprocess.run(["git", "check-ignore", "static/vendor/msal-browser.min.js"], cwd=ROOT, check=False)
    assert ignored.returncode == 0
    assert 'artifacts = ["static/vendor/*"]' in (ROOT / "pyproject.toml").read_text()


class Machine:
    """A machine with make and little else, on which the program is installed already."""

    def __init__(self, folder: Path) -> None:
        self.tools, self.venv, self.library = folder / "tools", folder / "venv", folder / "placed.js"
        self.tools.mkdir()
        for name in ("make", "sh", "bash", "touch", "mkdir", "install", "echo", "test", "grep"):
            (self.tools / name).symlink_to(str(shutil.which(name)))
        (self.venv / "bin").mkdir(parents=True)
        self.program(self.venv / "bin" / "addin-host", 'echo "served $*"')
        self.program(self.venv / "bin" / "python", "exit 1")
        for mark in (".run", ".dev"):
            (self.venv / mark).touch()

    def program(self, path: Path, line: str) -> None:
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)

    def make(self, target: str) -> subprocess.CompletedProcess[str]:
        command = ["make", target, f"VENV={self.venv}", f"LIBRARY={self.library}", "PORT=9"]
        environ = {"PATH": str(self.tools), "HOME": os.environ.get("HOME", "/")}
        return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_make_run_needs_no_npm(machine):
    done = machine.make("run")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "Without npm the pane has no NAA (docs/sign-in.md); everything else works.",
        "served demo --port 9",
    ]


def test_make_run_needs_no_registry(machine):
    machine.program(machine.tools / "npm", "exit 1")
    done = machine.make("run")
    assert done.returncode == 0
    assert "served demo --port 9" in done.stdout


def test_make_run_leaves_a_library_that_is_there(machine):
    machine.library.touch()
    assert machine.make("run").stdout.splitlines() == ["served demo --port 9"]


def test_without_npm_the_library_fails_and_so_do_the_tests(machine):
    assert machine.make("vendor").returncode != 0
    rules = (ROOT / "Makefile").read_text()
    assert "\ntest: $(VENV)/.dev system vendor check-static" in rules
