"""Who is never written to: an answer to a machine may come back, and be answered again (design/security.md M2)."""

from __future__ import annotations

import re

_ADDRESS = re.compile(r"[^\s@<>()\[\],;:\\\"]{1,64}@[^\s@<>()\[\],;:\\\"]{1,255}")
_MACHINES = re.compile(
    r"(mailer-daemon|postmaster|(no|donot|do-not|do_not|not)[-_.]?reply|bounces?|microsoftexchange[0-9a-f]{8,})"
    r"([-_.+].*)?",
)


def unwritable(address: str, own: str) -> str:
    """Return why nothing is sent to an address from the mailbox `own`, or "" when it may be written to."""
    if not address.strip():
        return "The organizer has no address."
    if not (address.isprintable() and _ADDRESS.fullmatch(address)):
        return "The organizer's address is none that a mail can be sent to."
    if address.casefold() == own.strip().casefold():
        return "The organizer is the equipment mailbox itself."
    if _MACHINES.fullmatch(address.partition("@")[0].casefold()):
        return "The organizer is a machine that reads no answers."
    return ""
