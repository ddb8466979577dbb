"""What follows a save of an integration: its checks, in the background."""

from __future__ import annotations

from contextlib import suppress

from addin_host.flows import checks
from addin_host.web.services import services


def saved(integration_id: int) -> None:
    """Start the checks of an integration that was just stored. Call it after the commit; it never fails the save."""
    host = services()
    with suppress(RuntimeError):  # the process is about to end; upkeep checks it another time
        host.checking.submit("checks after saving", lambda: checks.by_itself(host.inspection, integration_id, "Saved"))
