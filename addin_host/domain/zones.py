"""Time zones as mailboxes name them, and times in them (design/scheduling.md section 9).

windows_zones.json holds, for each name that Windows gives a zone, the IANA zones that it stands for, the main one
first. It is made from the table windowsZones of the Unicode CLDR, with names that older versions and Exchange used.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, tzinfo
from functools import cache, lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from addin_host.domain.calendar import Zone
from addin_host.domain.ruled_zone import ruled_zone

_LONGEST_NAME = 100


@lru_cache(maxsize=2048)
def zone_of(zone: Zone) -> tzinfo | None:
    """Return the zone by its rules, else by its name (Windows, then IANA), None where neither says anything."""
    by_rules = ruled_zone(zone.rules) if zone.rules else None
    return by_rules or _named(zone.name.strip())


def windows_name(iana: str) -> str:
    """Return what Windows calls an IANA zone, blank when it has no name there."""
    return _windows_names().get(iana, "")


def local_text(instant: datetime, zone: Zone, fallback: str) -> str:
    """Return an instant as `hh:mm on DD/MM/YYYY` in a meeting's zone; in the zone `fallback` when that is unknown."""
    where = zone_of(zone) or zone_of(Zone(fallback)) or UTC
    return f"{instant.astimezone(where):%H:%M on %d/%m/%Y}"


def _named(name: str) -> tzinfo | None:
    iana = _iana_names().get(name.lower(), name)
    if not 0 < len(iana) <= _LONGEST_NAME:
        return None
    try:
        return ZoneInfo(iana)
    except (ValueError, LookupError, OSError):  # not a name, not there, a folder of names
        return None


@cache
def _table() -> dict[str, list[str]]:
    read = json.loads((files(__package__) / "windows_zones.json").read_text(encoding="utf-8"))
    return {windows: names.split() for windows, names in read.items()}


@cache
def _iana_names() -> dict[str, str]:
    return {windows.lower(): names[0] for windows, names in _table().items()}


@cache
def _windows_names() -> dict[str, str]:
    found: dict[str, str] = {}
    for windows, names in _table().items():
        for name in names:
            found.setdefault(name, windows)
    return found
