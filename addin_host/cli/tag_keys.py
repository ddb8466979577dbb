"""`addin-host tag-keys`: the keys that the tags of meetings are signed with."""

from __future__ import annotations

import json

import click

from addin_host.cli.wiring import Wiring
from addin_host.domain.access import ON_THIS_MACHINE
from addin_host.flows import tag_keys as flow


@click.group("tag-keys")
def tag_keys() -> None:
    """Keys of the tags that tie meetings to their VMRs (docs/operations.md)."""


@tag_keys.command("list", epilog="Example: addin-host tag-keys list --json")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_(wiring: Wiring, as_json: bool) -> None:
    """List the keys, not what they are: all of them verify, the last one signs."""
    with wiring.database().read() as session:
        found = flow.listed(session)
    lines = [{"id": key.id, "created": key.created_at.isoformat(), "signs": key.signs} for key in found]
    if as_json:
        click.echo(json.dumps(lines))
        return
    for key in found:
        click.echo(f"{key.id:>4}  since {key.created_at.isoformat()}  {'signs' if key.signs else 'verifies'}")
    if not found:
        click.echo("There is none yet. The first is made with the first single-use VMR.", err=True)


@tag_keys.command(epilog="Example: addin-host tag-keys add")
@click.pass_obj
def add(wiring: Wiring) -> None:
    """Add a key that signs from now on. Tags of meetings that were sent already stay good.

    Running processes sign with it within a minute.
    """
    database, box = wiring.database(), wiring.secret_box()
    with database.write() as session:
        added = flow.add(session, box=box, caller=ON_THIS_MACHINE, now=wiring.now())
    click.echo(f"Tag key {added.id} signs from now on.")
