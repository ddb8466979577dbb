"""`addin-host create-admin` and `addin-host api-user`: the ways in that need nothing but this machine."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta
from typing import Any

import click

from addin_host.cli.wiring import Wiring
from addin_host.domain.access import ON_THIS_MACHINE, Role
from addin_host.domain.accounts import AccountDraft
from addin_host.domain.errors import Misconfigured, Reason, Refused
from addin_host.flows import accounts, api_users, setup_links, throttle
from addin_host.flows.api_users import ApiUser, ApiUserDraft
from addin_host.settings import Settings
from addin_host.store.db import Database


@click.command("create-admin", epilog="Example: addin-host create-admin kim --email kim@example.com")
@click.argument("name", default="admin")
@click.option("--email", default="", help="E-mail address of a new account.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input instead of making a link.")
@click.option("--without-codes", is_flag=True, help="Also switch off the one-time codes of an account that exists.")
@click.pass_obj
def create_admin(wiring: Wiring, name: str, email: str, password_stdin: bool, without_codes: bool) -> None:
    """Let the platform administrator NAME (admin) in with a one-time link.

    For an account that exists this is the way back in: a new link, and delays after wrong passwords end. Its role stays
    as it is. The link is valid for 24 hours and once.
    """
    database = wiring.database()
    account_id = _account(wiring, database, name, email, without_codes)
    throttle.forgive(database, throttle.account_key(name))
    if password_stdin:
        setup_links.set_password(
            database, account_id, sys.stdin.read().rstrip("\r\n"), caller=ON_THIS_MACHINE, now=wiring.now()
        )
        click.echo(f"The password of {name} is set.")
        return
    with database.write() as session:
        token = setup_links.issue(session, account_id, caller=ON_THIS_MACHINE, now=wiring.now())
        link = setup_links.address(session, token, here=own_address(wiring.load_settings()))
    click.echo(f"Choose a password for {name} within 24 hours:\n  {link}")


def _account(wiring: Wiring, database: Database, name: str, email: str, without_codes: bool) -> int:
    with database.write() as session:
        row = accounts.find(session, name)
        if row is None:
            draft = AccountDraft(name.strip(), email=email, role=Role.PLATFORM_ADMIN)
            return accounts.create(session, draft, caller=ON_THIS_MACHINE, now=wiring.now())
        if not row.enabled:
            raise Misconfigured(f"The account {row.name} is disabled. Choose another name, or enable it first.")
        if without_codes:
            accounts.switch_codes_off(session, row.id, caller=ON_THIS_MACHINE, now=wiring.now())
        return row.id


def own_address(settings: Settings) -> str:
    """Return the address at which this machine itself reaches the process."""
    port = "" if settings.bind.startswith("unix:") else settings.bind.rpartition(":")[2]
    return f"http://localhost:{port}" if port else "http://localhost"


@click.group("api-user")
def api_user() -> None:
    """Credentials of programs that use the REST API."""


@api_user.command(epilog="Example: addin-host api-user create terraform --role platform-admin --days 365")
@click.argument("name")
@click.option("--role", required=True, type=click.Choice([role.value for role in Role]), help="What it may do.")
@click.option("--integration", "integrations", multiple=True, type=int, metavar="ID", help="For integration-admin.")
@click.option("--days", type=click.IntRange(1, 3650), help="Valid for so many days; without it, until it is revoked.")
@click.pass_obj
def create(wiring: Wiring, name: str, role: str, integrations: tuple[int, ...], days: int | None) -> None:
    """Make the API user NAME and print its token, once.

    The token goes with the name in HTTP Basic, or alone after `Authorization: Bearer`.
    """
    now = wiring.now()
    expires_at = now + timedelta(days=days) if days else None
    draft = ApiUserDraft(name.strip(), Role(role), tuple(sorted(set(integrations))), expires_at=expires_at)
    with wiring.database().write() as session:
        _number, token = api_users.create(session, draft, caller=ON_THIS_MACHINE, now=now)
    click.echo(token)
    click.echo("Keep the token: it is not shown again.", err=True)


@api_user.command("list", epilog="Example: addin-host api-user list --json")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_(wiring: Wiring, as_json: bool) -> None:
    """List the API users."""
    with wiring.database().read() as session:
        lines = [_line(one, wiring.now()) for one in api_users.overview(session)]
    if as_json:
        click.echo(json.dumps(lines))
        return
    for line in lines:
        click.echo("{name}  {role}  {state}  valid until {expires}  used {used}".format(**line))
    if not lines:
        click.echo("There are no API users. Make one with: addin-host api-user create NAME --role ROLE", err=True)


def _line(one: ApiUser, now: datetime) -> dict[str, Any]:
    draft = one.draft
    return {
        "name": draft.name,
        "role": draft.role.value,
        "integrations": list(draft.integrations),
        "state": one.state(now)[1].lower(),
        "expires": draft.expires_at.isoformat() if draft.expires_at else "revoked",
        "used": one.used_at.isoformat() if one.used_at else "never",
    }


@api_user.command(epilog="Example: addin-host api-user revoke terraform")
@click.argument("name")
@click.pass_obj
def revoke(wiring: Wiring, name: str) -> None:
    """Delete the API user NAME: its token lets nobody in any more."""
    with wiring.database().write() as session:
        row = api_users.find(session, name.strip())
        if row is None:
            raise Refused(Reason.UNKNOWN, f"There is no API user {name}.")
        api_users.delete(session, row.id, caller=ON_THIS_MACHINE, now=wiring.now())
    click.echo(f"{name} is revoked.")
