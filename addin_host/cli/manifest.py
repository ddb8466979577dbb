"""`addin-host check-manifest`: does Outlook take this file?"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from addin_host.domain.manifest import Expected
from addin_host.domain.manifest import check_manifest as check


@click.command("check-manifest", epilog="Example: addin-host check-manifest manifest.xml --last-version 1.0.0.6")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--host", metavar="FQDN", help="The add-in server that every address must be on.")
@click.option("--last-version", metavar="VERSION", help="The version issued last; the file's must be higher.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check_manifest(file: Path, host: str | None, last_version: str | None, as_json: bool) -> None:
    """Check an add-in manifest: order of elements, references, lengths, addresses, icons.

    Prints a line for each finding, with line number and rule. Exits with 1 when there is an error; warnings alone
    exit with 0.
    """
    expected = Expected(addin_host=host, last_version=last_version)
    findings = check(file.read_bytes(), expected=expected)
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings]))
    for finding in [] if as_json else findings:
        click.echo(f"{file}:{finding.line}: {finding.severity} [{finding.rule}] {finding.message}")
    if not findings and not as_json:
        click.echo(f"{file}: nothing to complain about")
    raise SystemExit(1 if any(finding.severity == "error" for finding in findings) else 0)
