"""What follows a save of an integration: its checks, in the background."""

from __future__ import annotations


def saved(integration_id: int) -> None:
    """Start the checks of an integration that was just stored. Call it after the commit; it never fails the save."""
    del integration_id
