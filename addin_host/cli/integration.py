"""`addin-host integration`: integrations as files, for those who keep them so."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from addin_host.cli.wiring import Wiring
from addin_host.domain.access import ON_THIS_MACHINE
from addin_host.domain.deployment import Deployment
from addin_host.domain.errors import Invalid, Problem
from addin_host.domain.fields_page import fields_page
from addin_host.domain.notices import notices
from addin_host.flows import integrations
from addin_host.flows.integrations import Draft
from addin_host.flows.scheduling import all_rooms


@click.group()
def integration() -> None:
    """Import, export, list and delete integrations."""


@integration.command(
    "import",
    epilog='Example: a file with {"name": "Sales", "addin_server_domain": "vmr.example.com", "enable_dynamic_vmrs": '
    'false, "enable_personal_vmrs": true, …}; `export` shows every field.',
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def import_(wiring: Wiring, file: Path, as_json: bool) -> None:
    """Create an integration from FILE, or change the one with the same uuid.

    FILE holds one JSON object, or a list of them: all are imported, or none. What is left out keeps its value, or gets
    its default. Secrets are given in clear and stored sealed.
    """
    database, box = wiring.database(), wiring.secret_box()
    drafts = [_draft(wiring, record) for record in _records(file)]
    with database.write() as session:
        rows = [
            integrations.save(session, draft, expected_version=None, caller=ON_THIS_MACHINE, box=box, now=wiring.now())
            for draft in drafts
        ]
        values = [integrations.to_value(row, Deployment()) for row in rows]
    for value in values:
        line = {"id": value.id, "uuid": value.uuid, "name": value["name"], "version": value.version}
        click.echo(json.dumps(line) if as_json else "Integration {id} ({name}) is at version {version}.".format(**line))
        for notice in notices(value):
            click.echo(f"Note: {notice}", err=True)


def _records(file: Path) -> list[Mapping[str, Any]]:
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
    except (ValueError, UnicodeDecodeError) as problem:
        raise Invalid([Problem("", "", f"{file.name} is not JSON: {problem}.")]) from problem
    records = content if isinstance(content, list) else [content]
    if not records or not all(isinstance(record, dict) for record in records):
        raise Invalid([Problem("", "", f"{file.name} must hold an object, or a list of objects.")])
    return records


def _draft(wiring: Wiring, record: Mapping[str, Any]) -> Draft:
    with wiring.database().read() as session:
        before = integrations.existing(session, record)
    return integrations.prepare(record, before=before, trial=wiring.trial)


@integration.command(epilog="Example: addin-host integration export 1 > integration.json")
@click.argument("reference", metavar="ID")
@click.pass_obj
def export(wiring: Wiring, reference: str) -> None:
    """Print every field of the integration ID (number or uuid) as JSON. Secrets are left out."""
    with wiring.database().read() as session:
        click.echo(json.dumps(integrations.export(session, reference), indent=2, ensure_ascii=False))


@integration.command(epilog="Example: addin-host integration fields > docs/integration.md")
def fields() -> None:
    """Print the reference of all fields: kinds, limits, defaults, and when each is required."""
    click.echo(fields_page(), nl=False)


@integration.command("list", epilog="Example: addin-host integration list --json")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_(wiring: Wiring, as_json: bool) -> None:
    """List all integrations."""
    with wiring.database().read() as session:
        summaries = integrations.overview(session)
    if as_json:
        click.echo(json.dumps([asdict(summary) for summary in summaries]))
        return
    for one in summaries:
        kinds = " and ".join(kind for kind, on in (("single-use", one.single_use), ("personal", one.personal)) if on)
        click.echo(f"{one.id:>4}  {one.name}  {one.fqdn}  {kinds}{'' if one.enabled else '  (off)'}")
    if not summaries:
        click.echo("There are no integrations yet. Create one with: addin-host integration import FILE.json", err=True)


@integration.command(epilog="Example: addin-host integration delete 3")
@click.argument("reference", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--remove-rooms", is_flag=True, help="Remove its meetings' rooms, which else stay until they are over.")
@click.pass_obj
def delete(wiring: Wiring, reference: str, yes: bool, remove_rooms: bool) -> None:
    """Delete the integration ID (number or uuid). Manifests that were made for it stop working for good."""
    database = wiring.database()
    with database.read() as session:
        name = integrations.find(session, reference).name
    if not yes and click.prompt(f"Type the name of the integration to delete it ({name})") != name:
        raise click.ClickException("The name differs. Nothing was deleted.")
    with database.write() as session:
        if remove_rooms:
            all_rooms.remove(session, integrations.find(session, reference), caller=ON_THIS_MACHINE, now=wiring.now())
        integrations.delete(session, reference, caller=ON_THIS_MACHINE, now=wiring.now())
    click.echo(f"{name} is deleted.")
