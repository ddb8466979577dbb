"""`addin-host platform`: settings of the deployment that are not per integration."""

from __future__ import annotations

import json

import click

from addin_host.cli.wiring import Wiring
from addin_host.domain.access import ON_THIS_MACHINE
from addin_host.domain.fields_page import platform_page
from addin_host.domain.platform import PLATFORM_BY_NAME, from_text
from addin_host.flows import platform as flow


@click.group()
def platform() -> None:
    """Settings that are not per integration; the administrators' pages show them with explanations."""


@platform.command(epilog="Example: addin-host platform show --json")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def show(wiring: Wiring, as_json: bool) -> None:
    """Print the settings."""
    with wiring.database().read() as session:
        settings = flow.read(session)
    values = {**settings.values, **dict.fromkeys(sorted(settings.secrets_set), "(set)")}
    click.echo(json.dumps(values) if as_json else "\n".join(f"{name} = {value}" for name, value in values.items()))


@platform.command("set", epilog="Example: addin-host platform set web_proxy http://proxy.example.com:3128")
@click.argument("name")
@click.argument("value")
@click.pass_obj
def set_(wiring: Wiring, name: str, value: str) -> None:
    """Change one setting. An empty VALUE ("") clears it."""
    meant = from_text(PLATFORM_BY_NAME[name], value) if name in PLATFORM_BY_NAME else value
    database, box = wiring.database(), wiring.secret_box()
    with database.write() as session:
        flow.change(session, {name: meant}, box=box, caller=ON_THIS_MACHINE, now=wiring.now())
    click.echo(f"{name} is set.")


@platform.command(epilog="Example: addin-host platform fields > docs/platform.md")
def fields() -> None:
    """Print the reference of all settings, in Markdown."""
    click.echo(platform_page(), nl=False)
