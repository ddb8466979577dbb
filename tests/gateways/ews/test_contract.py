"""The contract of a mailbox over EWS; every request and answer is held against the public schemas."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.gateways.ews.world import EwsWorld, exchange_server
from tests.gateways.mailbox_contract import MailboxContract, World


class TestEwsMailbox(MailboxContract):
    @pytest.fixture
    def world(self) -> Iterator[World]:
        with exchange_server() as server:
            yield EwsWorld(server)
