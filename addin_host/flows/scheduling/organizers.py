"""Who is of the organization: decides whether a meeting of somebody's is looked at (scheduling.md section 5, row 6).

Nothing says which mail domains an organization has, so an organizer counts as one of it by any of these: Exchange knows
further addresses of the mailbox or names it by its path in the directory; the domain is the equipment mailbox's, one
above or below it, or one of somebody's in the directory of this service.
"""

from __future__ import annotations

import time

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from addin_host.domain.calendar import Organizer
from addin_host.domain.integration import Integration
from addin_host.store.models import EndUserRow

_KEPT_SECONDS = 300.0
_MOST = 10_000
_known: dict[str, tuple[float, bool]] = {}


def is_outsider(session: Session, integration: Integration, organizer: Organizer) -> bool:
    """Whether the organizer is somebody from outside, and the integration does not accept those."""
    is_path = organizer.address.startswith("/") and "@" not in organizer.address
    if integration["accept_external_organizers"] or is_path:
        return False
    own = _domain(str(integration["room_mailbox_email_address"] or ""))
    domains = {_domain(address) for address in organizer.addresses()}
    if any(_is_near(domain, own) for domain in domains):
        return False
    return not any(_is_in_directory(session, domain) for domain in domains)


def _domain(address: str) -> str:
    return address.rpartition("@")[2].strip().lower()


def _is_near(domain: str, own: str) -> bool:
    return bool(domain and own) and (domain == own or domain.endswith(f".{own}") or own.endswith(f".{domain}"))


def _is_in_directory(session: Session, domain: str) -> bool:
    """Whether somebody in the directory has an address there. Kept for minutes: it is a search through all of it."""
    if not domain:
        return False
    until, found = _known.get(domain, (0.0, False))
    if until < time.monotonic():
        address = func.lower(EndUserRow.primary_email_address)
        found = (
            session.scalar(select(EndUserRow.id).where(address.endswith(f"@{domain}", autoescape=True)).limit(1))
            is not None
        )
        if len(_known) >= _MOST:
            _known.clear()
        _known[domain] = (time.monotonic() + _KEPT_SECONDS, found)
    return found
