"""From what arrived in an equipment mailbox to rooms and replies: read, decide, apply (design/scheduling.md 5, 11)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from addin_host.domain.integration import Integration
from addin_host.domain.mailbox import Mailbox
from addin_host.flows.scheduling.context import Scheduling

if TYPE_CHECKING:
    from addin_host.flows.scheduling.claiming import Claimed


def process(own: Scheduling, integration: Integration, mailbox: Mailbox, claimed: Sequence[Claimed]) -> None:
    """Deal with claimed items of one integration. Raises MailboxTrouble (of the mailbox) and LostLease."""
    raise NotImplementedError
