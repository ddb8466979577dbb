"""How fast a mailbox may send (design/scheduling.md 10.5)."""

from __future__ import annotations

from urllib.parse import urlsplit

from addin_host.domain.integration import Integration

_ONLINE = 28  # Exchange Online takes 30
_HOSTS = frozenset(
    {
        "outlook.office365.com",
        "outlook.office.com",
        "outlook.office365.us",
        "outlook-dod.office365.us",
        "partner.outlook.cn",
    }
)


def mails_per_minute(integration: Integration) -> int | None:
    """Return how many mails the equipment mailbox may send in a minute; None: as many as there are."""
    if integration["mailbox_protocol"] == "GRAPH":
        return _ONLINE
    host = urlsplit(str(integration["url"] or "")).hostname or ""
    return _ONLINE if host.lower() in _HOSTS else None
