"""`addin-host audit`: the log of changes, proved and copied."""

from __future__ import annotations

import json
from datetime import datetime

import click

from addin_host.cli.wiring import Wiring
from addin_host.domain.access import ON_THIS_MACHINE
from addin_host.flows import audit_chain, audit_log
from addin_host.flows.audit_log import Wanted


@click.group()
def audit() -> None:
    """The log of who changed what; each entry is chained to the one before."""


@audit.command(epilog="Example: addin-host audit verify --head 5f0c…")
@click.option("--head", "exported", default="", help="A head printed earlier, which must still be in the log.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def verify(wiring: Wiring, exported: str, as_json: bool) -> None:
    """Compute the whole chain again. Exit with 1 when an entry was changed, taken away or put in, and name it.

    Who can write to the tables can also shorten the log and its mark: print the head regularly (audit head), keep it
    on another machine, and give it here.
    """
    with wiring.database().snapshot() as session:
        verdict = audit_chain.verify(session, exported_head=exported.strip().lower())
    if as_json:
        found = {"entries": verdict.entries, "head": verdict.head, "holds": verdict.holds}
        click.echo(json.dumps(found | {"problem": verdict.problem, "entry": verdict.entry}))
    elif verdict.holds:
        click.echo(f"{verdict.entries} entries, each as it was written. Head: {verdict.head}")
    else:
        click.echo(f"{verdict.problem} The {verdict.entries} entries before are as they were written.", err=True)
    raise SystemExit(0 if verdict.holds else 1)


@audit.command(epilog="Example: addin-host audit head")
@click.pass_obj
def head(wiring: Wiring) -> None:
    """Print the hash of the newest entry."""
    with wiring.database().read() as session:
        click.echo(audit_log.head(session))


@audit.command(epilog="Example: addin-host audit export --format csv --since 2026-11-01 > audit.csv")
@click.option("--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True)
@click.option("--since", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]), help="From this instant on, in UTC.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]), help="Before this instant, in UTC.")
@click.option("--integration", type=int, help="Only entries about this integration.")
@click.pass_obj
def export(wiring: Wiring, form: str, since: datetime | None, until: datetime | None, integration: int | None) -> None:
    """Print the log, oldest first. The last line holds the hash of the newest entry."""
    utc = wiring.now().tzinfo
    wanted = Wanted(
        since=since.replace(tzinfo=utc) if since else None,
        until=until.replace(tzinfo=utc) if until else None,
        integration=integration,
    )
    for piece in audit_log.export(wiring.database(), ON_THIS_MACHINE, wanted, form=form):
        click.echo(piece, nl=False)
