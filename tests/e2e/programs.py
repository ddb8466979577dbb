"""The programs that the end-to-end tests need, found or named in a sentence that says what to install."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
NODE_MODULES = HERE / "node_modules"
OFFICE_JS = NODE_MODULES / "@microsoft" / "office-js" / "dist"
MSAL = HERE.parents[1] / "static" / "vendor" / "msal-browser.min.js"
AXE = NODE_MODULES / "axe-core" / "axe.min.js"

_LEAST_NODE = (20, 12)
_SENTENCES = {
    "chromium": "The end-to-end tests drive Chromium. Install it: apt-get install chromium",
    "nginx": "The end-to-end tests run nginx. Install it: apt-get install nginx-light",
    "node": "The end-to-end tests need Node.js 20.12 or newer. Install it: apt-get install nodejs npm",
    "npm": "The end-to-end tests install Node packages. Install npm: apt-get install npm",
}
_ELSEWHERE = {"chromium": ("chromium-browser",), "nginx": ("/usr/sbin/nginx",)}


def program(name: str) -> str:
    """Return the path of a program. A missing one fails the test run; nothing is skipped."""
    for candidate in (name, *_ELSEWHERE.get(name, ())):
        path = shutil.which(candidate)
        if path:
            return path
    pytest.exit(_SENTENCES[name], returncode=1)


def chromium() -> Path:
    """Return what starts Chromium for the tests."""
    program("chromium")
    return HERE / "chromium.sh"


def node() -> str:
    """Return the path of a Node.js that is new enough."""
    path = program("node")
    answer = subprocess.run([path, "--version"], capture_output=True, text=True, check=True, timeout=30).stdout
    major, minor = map(int, re.findall(r"\d+", answer)[:2])
    if (major, minor) < _LEAST_NODE:
        pytest.exit(f"{_SENTENCES['node']} (found {answer.strip()})", returncode=1)
    return path


def node_packages() -> Path:
    """Return the folder of the locked Node packages, installed when it is missing or older than the lock."""
    lock, mark = HERE / "package-lock.json", NODE_MODULES / ".package-lock.json"
    if not mark.exists() or mark.stat().st_mtime < lock.stat().st_mtime:
        command = [program("npm"), "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False, timeout=280)
        if done.returncode:
            pytest.exit(f"npm ci failed in {HERE}:\n{done.stdout}{done.stderr}", returncode=1)
        mark.touch()
    return NODE_MODULES


def vendored() -> None:
    """See to it that the product's library for nested app authentication is where `make vendor` places it."""
    command = ["make", "--silent", "vendor"]
    done = subprocess.run(command, cwd=HERE.parents[1], capture_output=True, text=True, check=False, timeout=280)
    if done.returncode:
        pytest.exit(f"make vendor failed:\n{done.stdout}{done.stderr}", returncode=1)
