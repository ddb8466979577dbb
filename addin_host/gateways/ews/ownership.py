"""The mark of the installation that reads a mailbox: a user configuration, which EWS keeps as a hidden item."""

from __future__ import annotations

from datetime import UTC, datetime

from addin_host.domain.mailbox import Fault, MailboxTrouble, OwnershipMark
from addin_host.gateways.ews import payloads
from addin_host.gateways.ews.protocol import Connection
from addin_host.gateways.ews.wire import Element, each, make, text

NAME = "AddinHostOwner"


def owner(connection: Connection, mailbox: str) -> OwnershipMark | None:
    """Return the mark, None when there is none."""
    try:
        message = connection.one(
            make(
                "m:GetUserConfiguration",
                _name("m", mailbox),
                make("m:UserConfigurationProperties", "Dictionary"),
            )
        )
    except MailboxTrouble as trouble:
        if trouble.fault is Fault.ITEM_GONE:
            return None
        raise
    held = {
        text(entry, "t:DictionaryKey/t:Value"): text(entry, "t:DictionaryValue/t:Value")
        for entry in each(message, "m:UserConfiguration/t:Dictionary/t:DictionaryEntry")
    }
    try:
        seen_at = datetime.fromisoformat(held["seen_at"]).astimezone(UTC)
        return OwnershipMark(held["installation"], held["integration"], seen_at)
    except (KeyError, ValueError):
        return None


def own(connection: Connection, mailbox: str, mark: OwnershipMark) -> None:
    """Leave the mark."""
    try:
        connection.one(make("m:UpdateUserConfiguration", _configuration(mailbox, mark)))
    except MailboxTrouble as trouble:
        if trouble.fault is not Fault.ITEM_GONE:
            raise
        connection.one(make("m:CreateUserConfiguration", _configuration(mailbox, mark)))


def _name(prefix: str, mailbox: str) -> Element:
    return make(f"{prefix}:UserConfigurationName", payloads.folder("inbox", mailbox), Name=NAME)


def _configuration(mailbox: str, mark: OwnershipMark) -> Element:
    held = {"installation": mark.installation, "integration": mark.integration, "seen_at": mark.seen_at.isoformat()}
    entries = (make("t:DictionaryEntry", _object("Key", key), _object("Value", value)) for key, value in held.items())
    return make("m:UserConfiguration", _name("t", mailbox), make("t:Dictionary", *entries))


def _object(part: str, value: str) -> Element:
    return make(f"t:Dictionary{part}", make("t:Type", "String"), make("t:Value", value))
