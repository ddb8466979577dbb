"""What a browser says of itself, in a few words."""

from __future__ import annotations

from collections.abc import Sequence

# The first that stands in the text wins: every browser names those it descends from as well.
_BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def browser_name(agent: str) -> str:
    """Return such as `Firefox on Linux` for a User-Agent, or what can be told of it."""
    browser, system = _first(_BROWSERS, agent), _first(_SYSTEMS, agent)
    if browser and system:
        return f"{browser} on {system}"
    return browser or system or agent[:60] or "Unknown browser"


def _first(words: Sequence[tuple[str, str]], text: str) -> str:
    return next((name for mark, name in words if mark in text), "")
