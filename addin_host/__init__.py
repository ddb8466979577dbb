"""addin-host: the service behind the Outlook button that puts a virtual meeting room on an appointment."""

from __future__ import annotations

from typing import Any

__all__ = ["create_app"]


def __getattr__(name: str) -> Any:
    # Imported on first use: the children that try templates must start without Flask and the database.
    if name == "create_app":
        from addin_host.app import create_app  # noqa: PLC0415

        return create_app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
