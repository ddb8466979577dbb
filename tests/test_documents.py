"""What the documents name is there: files, tests, links, headings, commands."""

import re
import subprocess
from fnmatch import fnmatch
from pathlib import Path

import click
import pytest

from addin_host.cli import cli

ROOT = Path(__file__).parent.parent
_LISTED = subprocess.run(
    ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
)
FILES = {name for name in _LISTED.stdout.splitlines() if (ROOT / name).is_file()}
DOCUMENTS = sorted(ROOT / name for name in FILES if name.endswith(".md"))
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
MADE_BY_PROGRAMS = {"bench/results.json", "static/vendor/msal-browser.min.js", "static/vendor/msal-browser.LICENSE.txt"}
TOP = "tests|docs|bench|deploy|static|templates|addin_host|manifests"
FLOOR = "cli|web|flows|gateways|store|domain"
PATH = re.compile(rf"(?<![\w/.-])((?:{TOP}|{FLOOR})/[\w./*-]*\w/?)")
COMMAND = re.compile(r"(?<![\w/-])addin-host +([a-z][a-z-]+(?:(?: \|)? [a-z][a-z-]+)*)")
TEST = re.compile(r"`(test_\w+)`")


def text(document: Path) -> str:
    return document.read_text(encoding="utf-8")


def anchors(document: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text(document)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def relative(document: Path) -> str:
    return str(document.relative_to(ROOT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_links_lead_somewhere(document):
    for target in LINK.findall(FENCE.sub("", text(document))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(file), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_paths_exist(document):
    """Folders of the house may be named without `addin_host/`; a star stands for anything."""
    missing = []
    for path in set(PATH.findall(text(document))) - MADE_BY_PROGRAMS:
        full = f"addin_host/{path}" if re.match(rf"(?:{FLOOR})/", path) else path
        if not any(fnmatch(name, full) or name.startswith(full.rstrip("/") + "/") for name in FILES):
            missing.append(path)
    assert missing == []


def test_tests_that_are_named_exist():
    sources = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "tests").rglob("test_*.py")))
    defined = set(re.findall(r"^\s*def (test_\w+)", sources, re.MULTILINE))
    named = {name for document in DOCUMENTS for name in TEST.findall(text(document))}
    assert named
    assert named - defined == set()


def commands(words: str) -> list[list[str]]:
    """`session list | end` is two commands."""
    first, *others = (part.split() for part in words.split("|"))
    return [first, *([*first[:-1], *other] for other in others if other)]


def resolves(words: list[str]) -> bool:
    """Follow groups as far as they go; what comes behind a command are its arguments."""
    command: click.Command = cli
    for word in words:
        if not isinstance(command, click.Group):
            break
        if word not in command.commands:
            return False
        command = command.commands[word]
    return True


def snippets(document: Path) -> list[str]:
    """What the document shows as code: within a sentence (one line is made of two), fenced, and indented."""
    prose = FENCE.sub("", text(document))
    spans = [re.sub(r"\s+", " ", span) for span in re.findall(r"`([^`\n]+(?:\n[^`\n]+)?)`", prose)]
    fenced = [line for block in FENCE.findall(text(document)) for line in block.splitlines()]
    return [*spans, *fenced, *re.findall(r"^ {4,}(.+)$", prose, re.MULTILINE)]


def test_commands_that_are_named_exist():
    named = {
        (relative(document), *words)
        for document in DOCUMENTS
        for snippet in snippets(document)
        for found in COMMAND.findall(snippet)
        for words in commands(found)
    }
    assert len(named) > 30
    assert [one for one in sorted(named) if not resolves(list(one[1:]))] == []
