"""`addin-host db`: the schema of the database."""

from __future__ import annotations

import json

import click

from addin_host.cli.wiring import Wiring
from addin_host.store import migrate


@click.group()
def db() -> None:
    """Prepare the database (DATABASE_URL; SQLite in ./var otherwise)."""


@db.command(epilog="Example: DATABASE_URL=postgresql://addin@db/addin addin-host db upgrade")
@click.option("--revision", default="head", show_default=True, help="Stop at this revision.")
@click.pass_obj
def upgrade(wiring: Wiring, revision: str) -> None:
    """Bring the schema to what this version needs. Safe to repeat, and from several machines at once."""
    database = wiring.any_database()
    migrate.upgrade(database, revision)
    click.echo(f"The database is at revision {migrate.current(database)}.")


@db.command(epilog="Example: addin-host db downgrade 0001 --yes")
@click.argument("revision")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def downgrade(wiring: Wiring, revision: str, yes: bool) -> None:
    """Undo migrations down to REVISION. Their data is lost; `base` empties the database."""
    if not yes:
        click.confirm(f"Undo everything after revision {revision}, with its data?", abort=True)
    database = wiring.any_database()
    migrate.downgrade(database, revision)
    click.echo(f"The database is at revision {migrate.current(database) or 'none'}.")


@db.command(epilog="Example: addin-host db status --json")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def status(wiring: Wiring, as_json: bool) -> None:
    """Print the revision of the database and the one this version needs; exit with 1 when they differ."""
    found, needed = migrate.current(wiring.any_database()), migrate.head()
    line = {"revision": found, "needed": needed, "current": found == needed}
    click.echo(json.dumps(line) if as_json else f"revision {found or 'none'}, needed {needed}")
    raise SystemExit(0 if found == needed else 1)
