"""Secrets are for one receiver: whoever enters another host enters them again (design/security.md U2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit


def moved_secrets(sent_to: Mapping[str, str], before: Mapping[str, Any], after: Mapping[str, Any]) -> frozenset[str]:
    """Return the secrets whose receiver differs. `sent_to` names the field that says where each of them goes.

    The records need not have been judged yet.
    """
    return frozenset(name for name, target in sent_to.items() if _host(before.get(target)) != _host(after.get(target)))


def _host(address: Any) -> str:
    """Return host and port of an address, or the text when it is a host already, or no address at all."""
    text = str(address or "").strip().lower()
    try:
        return urlsplit(text).netloc or text
    except ValueError:
        return text
