"""The commands of `addin-host`."""

from __future__ import annotations

from typing import Any

import click

from addin_host.cli.accounts import api_user, create_admin
from addin_host.cli.audit import audit
from addin_host.cli.backup import backup, restore
from addin_host.cli.check import alarm, check
from addin_host.cli.conference import conference
from addin_host.cli.db import db
from addin_host.cli.directory import directory
from addin_host.cli.integration import integration
from addin_host.cli.keys import rotate_keys
from addin_host.cli.mailbox import mailbox
from addin_host.cli.manifest import check_manifest
from addin_host.cli.platform import platform
from addin_host.cli.server import demo, serve
from addin_host.cli.session import session
from addin_host.cli.tag_keys import tag_keys
from addin_host.cli.worker import worker
from addin_host.domain.errors import HostError


class Commands(click.Group):
    """Prints errors of the three families as sentences instead of tracebacks."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; exit with 1 when it is refused or fails."""
        try:
            return super().invoke(ctx)
        except HostError as error:
            click.echo(error.message, err=True)
            raise SystemExit(1) from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="addin-host")
def cli() -> None:
    """Put a virtual meeting room on an Outlook appointment.

    \b
    First steps on a new machine:
      addin-host db upgrade
      addin-host integration import my-integration.json
      addin-host directory import vmrs.csv
      addin-host create-admin
      addin-host serve
      addin-host worker

    To look around without Outlook: addin-host demo

    Exit codes: 0 done, 1 refused or failed (the reason is on standard error), 2 wrong usage.
    """


for command in (
    serve,
    worker,
    demo,
    create_admin,
    api_user,
    db,
    integration,
    directory,
    session,
    platform,
    audit,
    rotate_keys,
    tag_keys,
    backup,
    restore,
    check_manifest,
    check,
    alarm,
    mailbox,
    conference,
):
    cli.add_command(command)
