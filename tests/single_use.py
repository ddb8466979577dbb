"""An integration with single-use VMRs, for tests and the benchmark."""

from __future__ import annotations

from tests.conftest import a_record


def a_single_use_record(**changes: object) -> dict[str, object]:
    """A valid integration with both kinds of VMR."""
    return a_record(
        name="Meetings",
        addin_server_domain="meet.example.com",
        enable_dynamic_vmrs=True,
        domains=["mail.example.com"],
        room_mailbox_name="Scheduling",
        room_mailbox_email_address="vmr@example.com",
        scheduled_alias_prefix="80",
        scheduled_alias_domain="vmr.example.com",
        url="https://exchange.example.com/EWS/Exchange.asmx",
        username="svc@example.com",
        password="canary-password",
    ) | dict(changes)
