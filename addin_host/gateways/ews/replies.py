"""Answers to invitations.

The schema allows a response object a body and nothing else, so a response is made as a draft first; sending it adds its
subject, the id by which it is found again, and the header that keeps machines from answering it.
"""

from __future__ import annotations

from addin_host.domain.mailbox import Fault, MailboxTrouble, Reply
from addin_host.gateways.ews import payloads
from addin_host.gateways.ews.protocol import Connection
from addin_host.gateways.ews.reading import item_id
from addin_host.gateways.ews.wire import Element, find, local, make

_RESPONSES = ("MeetingResponse", "Message")


def respond(connection: Connection, reply: Reply) -> None:
    """Accept or decline the message. Raises ITEM_GONE when it, or its meeting, is there no more."""
    if not reply.item_id:
        raise MailboxTrouble(Fault.ITEM_GONE, "There is no message to answer.")
    draft = _draft(connection, reply)
    found = find(draft, "t:ItemId")
    key = "" if found is None else found.get("ChangeKey", "")
    connection.one(_send(connection, reply, draft, key))


def _draft(connection: Connection, reply: Reply) -> Element:
    response = make(
        "t:AcceptItem" if reply.accept else "t:DeclineItem",
        make("t:Body", reply.html, BodyType="HTML"),
        make("t:ReferenceItemId", Id=reply.item_id),
    )
    made = make(
        "m:CreateItem",
        make("m:SavedItemFolderId", payloads.folder("drafts", connection.mailbox)),
        make("m:Items", response),
        MessageDisposition="SaveOnly",
    )
    draft = next((item for item in connection.items(made) if local(item) in _RESPONSES and item_id(item)), None)
    if draft is None:
        raise MailboxTrouble(Fault.UNUSABLE, "The Exchange server made no response to the invitation.")
    return draft


def _send(connection: Connection, reply: Reply, draft: Element, change_key: str) -> Element:
    kind = local(draft)
    changes = [_set(kind, payloads.field("item:Subject"), make("t:Subject", reply.subject))]
    changes += [_set(kind, path, _held(path, value)) for path, value in _properties(reply)]
    which = make("t:ItemId", Id=item_id(draft), **({"ChangeKey": change_key} if change_key else {}))
    return make(
        "m:UpdateItem",
        make("m:SavedItemFolderId", payloads.folder("sentitems", connection.mailbox)),
        make("m:ItemChanges", make("t:ItemChange", which, make("t:Updates", *changes))),
        ConflictResolution="AlwaysOverwrite",
        MessageDisposition="SendAndSaveCopy",
    )


def _set(kind: str, path: Element, value: Element) -> Element:
    return make("t:SetItemField", path, make(f"t:{kind}", value))


def _properties(reply: Reply) -> list[tuple[Element, str]]:
    return [(payloads.correlation(), reply.correlation_id), (payloads.auto_submitted(), "auto-replied")]


def _held(path: Element, value: str) -> Element:
    return make("t:ExtendedProperty", make("t:ExtendedFieldURI", **_attributes(path)), make("t:Value", value))


def _attributes(path: Element) -> dict[str, str]:
    return {str(name): str(value) for name, value in path.attrib.items()}


def write(connection: Connection, reply: Reply) -> None:
    """Send the text as a mail of its own."""
    recipient = make("t:Mailbox", make("t:Name", reply.organizer_name), make("t:EmailAddress", reply.organizer_address))
    mail = make(
        "t:Message",
        make("t:Subject", reply.subject),
        make("t:Body", reply.html, BodyType="HTML"),
        *(_held(path, value) for path, value in _properties(reply)),
        make("t:ToRecipients", recipient),
        make("t:From", make("t:Mailbox", make("t:EmailAddress", connection.mailbox))),
    )
    connection.one(
        make(
            "m:CreateItem",
            make("m:SavedItemFolderId", payloads.folder("sentitems", connection.mailbox)),
            make("m:Items", mail),
            MessageDisposition="SendAndSaveCopy",
        )
    )
