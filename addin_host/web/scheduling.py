"""The scheduling service inside a web process: the demo's, whose mailboxes are in the memory of that process.

In production it is a process of its own (`addin-host worker`).
"""

from __future__ import annotations

import atexit

from flask import Flask

from addin_host.flows import demo_outlook
from addin_host.flows.scheduling.service import SchedulingService
from addin_host.gateways.memory_mailbox import MemoryExchange
from addin_host.web.services import KEY, Services

_SERVICE = "addin_host_scheduling"


def start(app: Flask) -> SchedulingService:
    """Fill the mailboxes with what was sent in earlier runs, and begin. Call it in a worker, after it was forked."""
    host: Services = app.extensions[KEY]
    if isinstance(host.outside.mailboxes, MemoryExchange):
        with host.database.read() as session:
            demo_outlook.replay(session, host.outside.mailboxes)

    service = SchedulingService(host.scheduling, threads=1)
    app.extensions[_SERVICE] = service
    service.start()
    atexit.register(service.stop)
    return service


def wake(app: Flask, integration_id: int) -> None:
    """Let the service look into a mailbox at once, where it runs in this process."""
    service: SchedulingService | None = app.extensions.get(_SERVICE)
    if service is not None:
        service.wake(integration_id)
