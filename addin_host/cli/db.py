"""`addin-host db`: the schema of the database."""

from __future__ import annotations

import json

import click

from addin_host.cli.wiring import Wiring
from addin_host.store import revision


@click.group()
def db() -> None:
    """Prepare the database (DATABASE_URL; SQLite in ./var otherwise)."""


@db.command(epilog="Example: DATABASE_URL=postgresql://addin@db/addin addin-host db upgrade")
@click.option("--revision", "target", default="head", show_default=True, help="Stop at this revision.")
@click.pass_obj
def upgrade(wiring: Wiring, target: str) -> None:
    """Bring the schema to what this version needs. Safe to repeat, and from several machines at once."""
    from addin_host.store import migrate  # noqa: PLC0415 - loads Alembic

    database = wiring.any_database()
    migrate.upgrade(database, target)
    click.echo(f"The database is at revision {revision.current(database)}.")


@db.command(epilog="Example: addin-host db downgrade 0001 --yes")
@click.argument("target", metavar="REVISION")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def downgrade(wiring: Wiring, target: str, yes: bool) -> None:
    """Undo migrations down to REVISION. Their data is lost; `base` empties the database."""
    from addin_host.store import migrate  # noqa: PLC0415 - loads Alembic

    if not yes:
        click.confirm(f"Undo everything after revision {target}, with its data?", abort=True)
    database = wiring.any_database()
    migrate.downgrade(database, target)
    click.echo(f"The database is at revision {revision.current(database) or 'none'}.")


@db.command(epilog="Example: addin-host db status --json")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def status(wiring: Wiring, as_json: bool) -> None:
    """Print the revision of the database and the one this version needs; exit with 1 when they differ."""
    found, needed = revision.current(wiring.any_database()), revision.NEEDED
    line = {"revision": found, "needed": needed, "current": found == needed}
    click.echo(json.dumps(line) if as_json else f"revision {found or 'none'}, needed {needed}")
    raise SystemExit(0 if found == needed else 1)
