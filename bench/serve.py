"""`python -m bench.serve NAME`: one application under the gunicorn options of production.

Two of them are off: a worker that is replaced in the middle of a measurement would take its clock with it, and upkeep
would call outside.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from addin_host import settings
from addin_host.cli import server
from bench import peers


def _product() -> Any:
    from addin_host.app import create_app

    return create_app(settings.load())


def _django() -> Any:
    from bench import django_peer

    return django_peer.application


APPLICATIONS: dict[str, Callable[[], Any]] = {
    "bare": lambda: peers.bare,
    "flask_hello": peers.flask_hello,
    "django": _django,
    "addin_host": _product,
}


def main(name: str) -> None:
    """Serve until told to stop."""
    off = {"max_requests": 0, "max_requests_jitter": 0, "post_worker_init": lambda _worker: None}
    options = server._options(settings.load()) | off
    server._Gunicorn(APPLICATIONS[name], options).run()


if __name__ == "__main__":
    main(sys.argv[1])
