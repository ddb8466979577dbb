"""`addin-host mailbox`: is an equipment mailbox to be used as it is set up?"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import click

from addin_host.cli.wiring import Wiring
from addin_host.domain.errors import HostError, Misconfigured
from addin_host.domain.mailbox import Mailbox, MailboxTrouble
from addin_host.flows import integrations
from addin_host.flows.scheduling import health, ownership
from addin_host.flows.scheduling.context import AHEAD, Scheduling
from addin_host.web.services import KEY, Services

_PAGES = 5  # so many of a calendar are counted


@click.group()
def mailbox() -> None:
    """Equipment mailboxes: try one as the worker uses it."""


@mailbox.command("check", epilog="Example: addin-host mailbox check 1")
@click.argument("reference", metavar="ID")
@click.pass_obj
def check(wiring: Wiring, reference: str) -> None:
    """Try the mailbox of integration ID: sign in, list what is in it, and look who reads it. Nothing is changed.

    Says what to do about the first thing that is wrong, and exits with 1.
    """
    wiring.database().close()
    host: Services = wiring.make_app(wiring.load_settings()).extensions[KEY]
    own = host.scheduling
    with own.database.read() as session:
        integration = own.catalogue.get(str(integrations.find(session, reference).id))
    click.echo(f"{integration['room_mailbox_email_address']} over {integration['mailbox_protocol']}")
    opened = own.open_mailbox(integration)
    for title, step in _steps(own, opened):
        _carry_out(title, step)


def _steps(own: Scheduling, opened: Mailbox) -> list[tuple[str, Callable[[], str]]]:
    return [
        ("connection and sign-in", lambda: _probe(opened)),
        ("inbox", lambda: _inbox(opened)),
        ("calendar", lambda: _calendar(own, opened)),
        ("mark of ownership", lambda: _owner(own, opened)),
    ]


def _carry_out(title: str, step: Callable[[], str]) -> None:
    try:
        found = step()
    except HostError as error:
        click.echo(f"  FAILED   {title}: {error.message}")
        if isinstance(error, MailboxTrouble) and (advice := health.advice(error.fault)):
            click.echo(f"           {advice}")
        raise SystemExit(1) from error
    click.echo(f"  ok       {title}{found and ': '}{found}")


def _probe(opened: Mailbox) -> str:
    opened.probe()
    return ""


def _inbox(opened: Mailbox) -> str:
    page = opened.arrivals("")
    kinds = [arrival.kind.value for arrival in page.items]
    more = "at least " if page.has_more else ""
    about = (
        (len(kinds), "message"),
        (kinds.count("request"), "invitation"),
        (kinds.count("cancellation"), "cancellation"),
    )
    return more + ", ".join(_counted(number, thing) for number, thing in about)


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _calendar(own: Scheduling, opened: Mailbox) -> str:
    now, number, cursor = own.now(), 0, ""
    for _page in range(_PAGES):
        page = opened.calendar(now, now + AHEAD, cursor)
        number, cursor = number + len(page.entries), page.cursor
        if not cursor:
            break
    more = "at least " if cursor else ""
    return f"{more}{_counted(number, 'meeting')} in the next {AHEAD // timedelta(days=1)} days"


def _owner(own: Scheduling, opened: Mailbox) -> str:
    mark = opened.owner()
    if mark is None:
        return "nobody reads this mailbox yet"
    with own.database.write() as session:
        installation = ownership.installation_id(session)
    seen = f"last seen {mark.seen_at:%Y-%m-%d %H:%M} UTC"
    if mark.installation == installation:
        return f"this installation reads it, {seen}"
    if own.now() - mark.seen_at < ownership.STALE_AFTER:
        words = f"Another installation ({mark.installation}) reads this mailbox, {seen}. This one does nothing with it."
        raise Misconfigured(words)
    return f"another installation has read it, {seen}; this one takes over"
