"""Guards of the structure: what review would otherwise have to look for every time."""

import ast
import re
import statistics
import subprocess
from pathlib import Path

import pytest

from addin_host.app import Composition
from addin_host.domain.deployment import Deployment

ROOT = Path(__file__).parent.parent
HOUSE = sorted((ROOT / "addin_host").rglob("*.py"))


def committed() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def functions() -> list[tuple[str, int]]:
    found = []
    for path in HOUSE:
        if "migrations" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found.append((f"{path.name}:{node.lineno} {node.name}", node.end_lineno - node.lineno + 1))
    return found


def test_functions_are_short():
    lengths = functions()
    assert statistics.median(length for _name, length in lengths) <= 12
    assert [name for name, length in lengths if length > 60] == []


def test_files_answer_one_question():
    house = [path for path in HOUSE if "migrations" not in path.parts]  # a released migration is never touched again
    long = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in house}
    assert {name: lines for name, lines in long.items() if lines > 300} == {}
    assert long["app.py"] <= 120


def test_no_registry_is_named():
    hosts = re.compile(rb"(pypi\.org|pythonhosted\.org|registry\.npmjs\.org|yarnpkg\.com|deb\.debian\.org)")
    named = [str(path) for path in committed() if path != Path(__file__) and hosts.search(path.read_bytes())]
    assert named == []


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_every_line_of_a_lock_is_pinned_and_hashed(name):
    blocks = re.split(r"\n(?=[a-z0-9])", (ROOT / name).read_text(encoding="utf-8"), flags=re.IGNORECASE)
    pinned = [block for block in blocks if not block.startswith("#")]
    assert len(pinned) > 20
    for block in pinned:
        assert re.match(r"[A-Za-z0-9._-]+(\[[a-z]+\])?==\S+", block), block.splitlines()[0]
        assert "--hash=sha256:" in block, block.splitlines()[0]


def test_the_environment_has_one_reader():
    readers = [path.name for path in HOUSE if re.search(r"\bos\.(environ|getenv)\b", path.read_text(encoding="utf-8"))]
    assert readers == ["settings.py"]


def test_nothing_is_left_to_do():
    marks = re.compile(r"\b(TODO|FIXME|XXX)\b|raise NotImplementedError")
    sources = [
        path
        for path in committed()
        if path.suffix in (".py", ".js", ".html", ".css", ".conf") and path != Path(__file__)
    ]
    assert [str(path) for path in sources if marks.search(path.read_text(encoding="utf-8"))] == []


def test_the_pages_bring_no_inline_code():
    for path in (ROOT / "templates").rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"<script(?![^>]*\bsrc=)", text), path
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|\|\s*safe\b|javascript:", text), path


FORBIDDEN = (
    r"\.innerHTML|\.outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function\(|\bsetTimeout\(\s*[\"'`]|"
    r"localStorage|sessionStorage|document\.cookie|indexedDB|roamingSettings|window\.name\s*="
)


def test_the_pane_keeps_to_what_is_allowed():
    scripts = sorted((ROOT / "static" / "addin").rglob("*.js"))
    assert len(scripts) > 5
    for path in scripts:
        code = re.sub(r"/\*.*?\*/|//[^\n]*", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert not re.search(FORBIDDEN, code), (path, re.search(FORBIDDEN, code))
        assert not re.search(r"(?<![\w.])(alert|confirm|prompt)\(", code), path
        for call in re.finditer(r"messageParent\b[^;]*", code):
            if "(" in call.group():
                assert "targetOrigin" in call.group() or "typeof" in call.group(), (path, call.group())


def test_production_makes_no_exceptions():
    production = Composition()
    assert production.policy.exceptions == frozenset()
    assert production.policy.allow_private is False
    assert production.identity is None
    assert production.deployment == Deployment(origin="https://{fqdn}", stand_in="", framed_by_self=False)


def test_every_command_explains_itself():
    import click

    from addin_host.cli import cli

    def walk(command, path):
        yield path, command
        for name, sub in getattr(command, "commands", {}).items():
            yield from walk(sub, [*path, name])

    found = list(walk(cli, ["addin-host"]))
    assert len(found) > 15
    for path, command in found:
        assert command.help, path
        assert isinstance(command, click.Group) or "Example" in (command.epilog or "") + command.help, path
        with click.Context(command, info_name=" ".join(path)) as context:
            assert len(command.get_help(context).splitlines()) >= 3, path
