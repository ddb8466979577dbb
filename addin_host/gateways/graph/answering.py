"""What leaves an equipment mailbox over Graph: responses, mails, and the organizer's rewritten appointment."""

from __future__ import annotations

from datetime import datetime

from addin_host.domain.mailbox import Fault, MailboxTrouble, Reply, Rewrite
from addin_host.gateways import placeholder
from addin_host.gateways.graph import properties
from addin_host.gateways.graph.client import GraphClient, Json, path, understood
from addin_host.gateways.graph.faults import Refusal, trouble


def respond(client: GraphClient, address: str, reply: Reply) -> None:
    """Mark the event as accepted or declined, without a mail. An event that takes no response is none of our worry.

    Graph's own response carries plain text only, so the mail is one of ours.
    """
    if reply.meeting_item_id in ("", reply.item_id):  # there is no calendar item
        return
    action = "accept" if reply.accept else "decline"
    try:
        client.post(
            path("users", address, "events", reply.meeting_item_id, action), {"sendResponse": False}, is_item=True
        )
    except Refusal as refusal:
        if refusal.fault is not Fault.ITEM_GONE and refusal.status not in (400, 409):
            raise


def send(client: GraphClient, address: str, reply: Reply) -> None:
    """Send the reply's text to the organizer. The correlation id is kept in the sent message."""
    message = {
        "subject": reply.subject,
        "body": {"contentType": "html", "content": reply.html},
        "toRecipients": [{"emailAddress": {"address": reply.organizer_address, "name": reply.organizer_name}}],
        "singleValueExtendedProperties": [{"id": properties.CORRELATION, "value": reply.correlation_id}],
        "internetMessageHeaders": [
            {"name": "x-addin-host-correlation-id", "value": reply.correlation_id},
            {"name": "x-auto-response-suppress", "value": "All"},
        ],
    }
    client.post(path("users", address, "sendMail"), {"message": message, "saveToSentItems": True})


def was_sent(client: GraphClient, address: str, correlation_id: str, since: datetime) -> bool:
    """Whether a reply with this id is among the sent messages."""
    answer = client.get(
        path(
            *("users", address, "mailFolders", "sentitems", "messages"),
            filter=properties.having(properties.CORRELATION, correlation_id),
            select="id,sentDateTime",
            top=10,
        )
    )
    with understood():
        sent = [properties.instant(message["sentDateTime"]) for message in answer["value"]]
        return any(at is not None and at >= since for at in sent)


def rewrite(client: GraphClient, wanted: Rewrite) -> bool:
    """Put the instructions into the organizer's appointment; Exchange sends the update.

    Raises DENIED as well where the organizer's mailbox is none that the application can know.
    """
    if wanted.uid.startswith(properties.HASHED):
        return False
    try:
        event = _appointment(client, wanted)
        if event is None:
            return False
        with understood():
            is_html = event["body"]["contentType"].lower() == "html"
            body, event_id = placeholder.rewritten(event["body"]["content"], wanted, is_html=is_html), str(event["id"])
        if body is None:
            return False
        client.patch(
            path("users", wanted.organizer_address, "events", event_id),
            {"body": {"contentType": "html", "content": body}},
            is_item=True,
        )
    except MailboxTrouble as error:
        if error.fault is Fault.ITEM_GONE:
            return False
        if error.fault is Fault.MAILBOX_UNKNOWN:
            raise trouble(Fault.DENIED, detail="the organizer's mailbox is elsewhere") from error
        raise
    return True


def _appointment(client: GraphClient, wanted: Rewrite) -> Json | None:
    uid = properties.calendar_uid(wanted.uid)
    answer = client.get(
        path("users", wanted.organizer_address, "events", filter=f"iCalUId eq '{uid}'", select="id,body", top=1)
    )
    with understood():
        return next(iter(answer["value"]), None)
