"""What is decided once for a deployment, not per integration."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deployment:
    """How addresses are built. Production has one form of it; the demo and the tests pass another.

    `origin` may hold `{fqdn}`; `stand_in` is a static file of ours that replaces Office.js; `framed_by_self` lets the
    pane stand in a page of ours. Both are the demo's.
    """

    origin: str = "https://{fqdn}"
    stand_in: str = ""
    framed_by_self: bool = False
