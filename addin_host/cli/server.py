"""`addin-host serve` and `addin-host demo`: the web process under gunicorn."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import click
from flask import Flask
from gunicorn.app.base import BaseApplication

from addin_host.cli.accounts import own_address
from addin_host.cli.wiring import Wiring
from addin_host.flows import demo as demo_data
from addin_host.flows import setup_links
from addin_host.settings import Settings
from addin_host.store import keys, revision
from addin_host.store.db import Database
from addin_host.web import scheduling, upkeep


class _Gunicorn(BaseApplication):  # type: ignore[misc]
    """Gunicorn with options from us instead of a file."""

    def __init__(self, make_app: Callable[[], Flask], options: Mapping[str, Any]) -> None:
        self._make_app = make_app
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return self._make_app()


def _options(settings: Settings) -> dict[str, Any]:
    return {
        "bind": settings.bind,
        "workers": settings.workers,
        "threads": settings.threads,
        "worker_class": "gthread",
        "preload_app": True,
        "keepalive": 75,
        "timeout": 60,
        "graceful_timeout": 20,
        "max_requests": 200_000,
        "max_requests_jitter": 20_000,
        "forwarded_allow_ips": "",
        "accesslog": None,
        "loglevel": "warning",
        "post_worker_init": lambda worker: upkeep.start(worker.app.wsgi()),  # a thread, so never before the fork
        "limit_request_line": 8190,
    }


@click.command(epilog="Example: ADDIN_HOST_BIND=unix:/run/addin-host/web.sock ADDIN_HOST_PROXIES=1 addin-host serve")
@click.pass_obj
def serve(wiring: Wiring) -> None:
    """Serve the add-in behind a reverse proxy.

    Without an administrator, a one-time link is printed with which the first one chooses name and password.

    \b
    Environment (each also as NAME_FILE):
      DATABASE_URL          sqlite:///… or postgresql://…   (SQLite in ./var)
      ADDIN_HOST_DATA       folder for database and key      (./var)
      ADDIN_HOST_KEY_PATH   the key that secrets are sealed with
      ADDIN_HOST_BIND       host:port or unix:PATH           (127.0.0.1:8000)
      ADDIN_HOST_WORKERS, ADDIN_HOST_THREADS                 (2, 32)
      ADDIN_HOST_PROXIES    reverse proxies in front         (0)
      ADDIN_HOST_LOG_LEVEL                                   (INFO)
    """
    settings = wiring.load_settings()
    database = wiring.database()
    with database.write() as session:
        demo_data.refuse_demo(session)
        first = setup_links.issue_first(session, now=wiring.now())
        link = setup_links.address(session, first, here=own_address(settings)) if first else ""
    database.close()
    if link:
        click.echo(f"No administrator yet. Set up the first one within 24 hours:\n  {link}", err=True)
    click.echo(f"Serving on {settings.bind}; trusting {settings.proxies} reverse proxies.", err=True)
    _Gunicorn(lambda: wiring.make_app(settings), _options(settings)).run()


@click.command(epilog="Example: addin-host demo --port 9000")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(1, 65535), help="Port on 127.0.0.1.")
@click.pass_obj
def demo(wiring: Wiring, port: int) -> None:
    """Serve a demo with a simulated Outlook, demo VMRs and a demo sign-in, on this machine only.

    The demo keeps its own database (./var/demo unless DATABASE_URL or ADDIN_HOST_DATA say otherwise) and refuses one
    that is not the demo's. What you make in it is there again when you start it again.
    """
    _require_free(port)
    settings = replace(
        wiring.load_settings(folder="var/demo"), bind=f"127.0.0.1:{port}", workers=1, log_level="WARNING"
    )
    origin = f"http://127.0.0.1:{port}"
    _seed(settings, wiring)
    addresses = (f"ready {origin}/demo", *(f"{words} {origin}{path}" for words, path in demo_data.ADDRESSES))
    who = f"name: {demo_data.ADMINISTRATOR}, password: {demo_data.PASSWORD}"
    addresses = (*addresses, f"administration     {origin}/admin/   {who}")
    options = _options(settings) | {
        "when_ready": lambda _server: click.echo("\n".join(addresses)),
        "post_worker_init": lambda worker: _start_all(worker.app.wsgi()),
    }
    _Gunicorn(lambda: wiring.make_demo(settings, origin), options).run()


def _start_all(app: Flask) -> None:
    """Begin upkeep and scheduling: the mailboxes of the demo are in the memory of its one process."""
    upkeep.start(app)
    scheduling.start(app)


def _require_free(port: int) -> None:
    """Say in words what gunicorn would say in the log, five times."""
    with socket.socket() as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind(("127.0.0.1", port))
        except OSError as problem:
            hint = "Take another one, such as PORT=9000 make run, or addin-host demo --port 9000."
            raise click.ClickException(f"Port {port} cannot be used ({problem.strerror}). {hint}") from problem


def _seed(settings: Settings, wiring: Wiring) -> None:
    from addin_host.store import migrate  # noqa: PLC0415 - loads Alembic

    database = Database(settings.database_url)
    if revision.current(database) is not None:
        with database.read() as session:
            demo_data.require_demo(session)
    migrate.upgrade(database)
    with database.write() as session:
        demo_data.seed(session, box=keys.secret_box(settings.key_file, database), now=wiring.now())
    database.close()
