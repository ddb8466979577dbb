"""The thread of each web process that does upkeep; the lease lets one of them do it at a time."""

from __future__ import annotations

import atexit
import os
from contextlib import suppress

from flask import Flask

from addin_host.domain.errors import HostError
from addin_host.flows import upkeep
from addin_host.flows.background import Regularly
from addin_host.flows.upkeep import Upkeep
from addin_host.web.services import KEY, Services

EVERY_SECONDS = 60.0


def start(app: Flask) -> Regularly:
    """Begin upkeep in this process. Call it in a worker, after it was forked."""
    host: Services = app.extensions[KEY]
    mine = Upkeep(host.inspection, host.outside)
    atexit.register(_hand_over, mine)
    # Processes that start together do not all ask for the lease in the same second.
    thread = Regularly("upkeep", lambda: upkeep.tick(mine), seconds=EVERY_SECONDS, first_after=5 + os.getpid() % 10)
    thread.start()
    return thread


def _hand_over(mine: Upkeep) -> None:
    with suppress(HostError):
        upkeep.stop(mine)
