"""The contract of a mailbox, over Microsoft Graph."""

from __future__ import annotations

from tests.gateways.mailbox_contract import MailboxContract


class TestGraphMailbox(MailboxContract):
    """The fixture `world` stands in conftest.py."""
