"""`addin-host check` and `addin-host alarm`: is everything in order, and what is not?"""

from __future__ import annotations

import json
from typing import Any

import click
from sqlalchemy import select

from addin_host.cli.wiring import Wiring
from addin_host.domain.access import ON_THIS_MACHINE
from addin_host.domain.alarms import Alarm
from addin_host.domain.checks import CheckResult, Outcome
from addin_host.flows import alarms, checks, integrations
from addin_host.flows.alarms import Wanted
from addin_host.store.models import IntegrationRow
from addin_host.web.services import KEY, Services


@click.command(epilog="Example: addin-host check 1 --json")
@click.argument("reference", required=False, metavar="ID")
@click.option("--all", "everything", is_flag=True, help="Check all integrations that are switched on.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def check(wiring: Wiring, reference: str | None, everything: bool, as_json: bool) -> None:
    """Check an integration: DNS, certificate, reverse proxy, sign-in services, templates, manifest, clock.

    The results also stand on the integration's page, and what fails raises an alarm. Exits with 1 when a check fails;
    warnings alone exit with 0.
    """
    if bool(reference) == everything:
        raise click.UsageError("Give the ID of an integration, or --all.")
    wiring.database().close()
    host: Services = wiring.make_app(wiring.load_settings()).extensions[KEY]
    found = [(number, name, _run(host, number)) for number, name in _chosen(host, reference)]
    if as_json:
        click.echo(json.dumps([_as_json(number, name, results) for number, name, results in found]))
    for _number, name, results in [] if as_json else found:
        click.echo("\n".join([name, *(_line(result) for result in results)]))
    failed = any(result.outcome is Outcome.FAILED for _number, _name, results in found for result in results)
    raise SystemExit(1 if failed else 0)


def _chosen(host: Services, reference: str | None) -> list[tuple[int, str]]:
    with host.database.read() as session:
        if reference is not None:
            row = integrations.find(session, reference)
            return [(row.id, row.name)]
        rows = session.scalars(select(IntegrationRow).order_by(IntegrationRow.id))
        return [(row.id, row.name) for row in rows if row.record.get("enabled", True)]


def _run(host: Services, integration_id: int) -> list[CheckResult]:
    with host.database.write() as session:
        run_id, is_new = checks.begin(session, integration_id, asked_by=ON_THIS_MACHINE.name, now=host.now())
    if not is_new:
        raise click.ClickException("The checks of this integration are at work already. Try again in a minute.")
    return list(checks.carry_out(host.inspection, run_id))


_MARKS = {Outcome.OK: "ok     ", Outcome.WARNING: "warning", Outcome.FAILED: "FAILED ", Outcome.SKIPPED: "skipped"}


def _line(result: CheckResult) -> str:
    words = f"  {_MARKS[result.outcome]}  {result.title}: {result.message} {result.next_step}"
    return words.rstrip().replace("\n", "\n           ")


def _as_json(number: int, name: str, results: list[CheckResult]) -> dict[str, Any]:
    return {"id": number, "name": name, "results": [result.as_data() for result in results]}


@click.group()
def alarm() -> None:
    """Alarms: list them, and say that somebody looks after one."""


@alarm.command("list", epilog="Example: addin-host alarm list --all --json")
@click.option("--all", "everything", is_flag=True, help="With those that have ended.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_(wiring: Wiring, everything: bool, as_json: bool) -> None:
    """List the alarms that stand, the newest first."""
    with wiring.database().read() as session:
        found = alarms.find(session, Wanted(size=10_000), caller=ON_THIS_MACHINE).alarms
    shown = [one for one in found if everything or one.state != "ended"]
    if as_json:
        click.echo(json.dumps([_alarm(one) for one in shown]))
        return
    for one in shown:
        where = f" ({one.integration})" if one.integration else ""
        click.echo(f"{one.id:>6}  {one.level.value:<7}  {one.state:<12}  {one.name}{where}")
        click.echo(f"        {one.details} {one.next_step}".rstrip().replace("\n", "\n        "))
    if not shown:
        click.echo("There are no alarms.", err=True)


def _alarm(one: Alarm) -> dict[str, Any]:
    return {
        "id": one.id,
        "identifier": one.identifier,
        "name": one.name,
        "level": one.level.value,
        "state": one.state,
        "integration": one.integration_id,
        "instance": one.instance,
        "details": one.details,
        "next_step": one.next_step,
        "raised": one.raised_at.isoformat(),
        "cleared": one.cleared_at.isoformat() if one.cleared_at else None,
    }


@alarm.command(epilog="Example: addin-host alarm acknowledge 17")
@click.argument("number", type=int, metavar="ID")
@click.pass_obj
def acknowledge(wiring: Wiring, number: int) -> None:
    """Say that somebody looks after the alarm ID. It ends by itself when its cause is gone."""
    with wiring.database().write() as session:
        name = alarms.acknowledge(session, number, caller=ON_THIS_MACHINE, now=wiring.now())
    click.echo(f"Acknowledged: {name}")
