"""`addin-host platform`: settings of the deployment that are not per integration."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from addin_host.cli.wiring import Wiring
from addin_host.flows import platform as flow


@click.group()
def platform() -> None:
    """Settings that are not per integration: web proxy, length of the sign-in session."""


@platform.command(epilog="Example: addin-host platform show --json")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def show(wiring: Wiring, as_json: bool) -> None:
    """Print the settings."""
    with wiring.database().read() as session:
        values = asdict(flow.read(session))
    click.echo(json.dumps(values) if as_json else "\n".join(f"{name} = {value}" for name, value in values.items()))


@platform.command("set", epilog="Example: addin-host platform set web_proxy http://proxy.example.com:3128")
@click.argument("name")
@click.argument("value")
@click.pass_obj
def set_(wiring: Wiring, name: str, value: str) -> None:
    """Change one setting. An empty VALUE ("") switches the web proxy off."""
    with wiring.database().write() as session:
        flow.change(session, {name: value})
    click.echo(f"{name} is set.")
