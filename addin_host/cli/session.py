"""`addin-host session`: who is signed in, and ending it."""

from __future__ import annotations

import json

import click

from addin_host.cli.wiring import Wiring
from addin_host.flows import signin


@click.group()
def session() -> None:
    """List and end the sign-in sessions of people (docs/sign-in.md)."""


@session.command("list", epilog="Example: addin-host session list --json")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_(wiring: Wiring, as_json: bool) -> None:
    """List the sessions that are open, the newest first."""
    with wiring.database().read() as db:
        found = signin.open_sessions(db, now=wiring.now())
    lines = [
        {
            "id": one.id,
            "integration": one.integration_id,
            "email": one.email,
            "created": one.created_at.isoformat(),
            "expires": one.expires_at.isoformat(),
        }
        for one in found
    ]
    if as_json:
        click.echo(json.dumps(lines))
        return
    for line in lines:
        click.echo("{id:>6}  {email}  integration {integration}  since {created}  until {expires}".format(**line))
    if not lines:
        click.echo("Nobody is signed in.", err=True)


@session.command(epilog="Example: addin-host session end 17")
@click.argument("number", type=int, metavar="ID")
@click.pass_obj
def end(wiring: Wiring, number: int) -> None:
    """End the session ID. A pane that is open now works for ten more minutes at most."""
    with wiring.database().write() as db:
        signin.end_session(db, number)
    click.echo(f"Session {number} is ended.")
