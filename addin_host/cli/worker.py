"""`addin-host worker`: the scheduling service as a process of its own."""

from __future__ import annotations

import os
import signal
from threading import Event

import click

from addin_host.cli.wiring import Wiring
from addin_host.flows import demo as demo_data
from addin_host.flows.scheduling import fetching
from addin_host.flows.scheduling.service import SchedulingService
from addin_host.store.db import Database
from addin_host.web.services import KEY, Services


@click.command(epilog="Example: addin-host worker --threads 4")
@click.option(
    "--threads", default=4, show_default=True, type=click.IntRange(1, 16), help="How many work at one mailbox at once."
)
@click.pass_obj
def worker(wiring: Wiring, threads: int) -> None:
    """Read the equipment mailboxes, make rooms of meetings, and answer the organizers.

    Run it beside `addin-host serve`, with the same environment. Several on one database share the work; one is enough
    for about 500 meetings a second, and on SQLite one is recommended. SIGTERM ends it within ten seconds; what a
    killed one was at is taken over by the others, or by the next one, within seconds.
    """
    database = wiring.database()
    number = _look_around(database)
    database.close()
    host: Services = wiring.make_app(wiring.load_settings()).extensions[KEY]
    stopped = Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_number, lambda *_received: stopped.set())
    click.echo(f"Worker {os.getpid()} {_work(number, threads)}. Database: {database.url.get_backend_name()}.", err=True)
    SchedulingService(host.scheduling, threads=threads).run_until(stopped)
    click.echo("Stopped; what was under way is done or given back.", err=True)


def _work(number: int, threads: int) -> str:
    if not number:
        return "waits for the first integration with single-use VMRs"
    which = "mailbox of 1 integration" if number == 1 else f"mailboxes of {number} integrations"
    return f"reads the {which}, with {threads} thread{'' if threads == 1 else 's'} each"


def _look_around(database: Database) -> int:
    """Return how many mailboxes there are to read. Raises Misconfigured for a demo."""
    with database.write() as session:
        demo_data.refuse_demo(session)
        return len(fetching.served(session))
