"""The organizer's own appointment, changed in the organizer's name."""

from __future__ import annotations

from addin_host.domain.mailbox import Fault, MailboxTrouble, Rewrite
from addin_host.gateways.ews import payloads
from addin_host.gateways.ews.batches import item_of
from addin_host.gateways.ews.protocol import Connection
from addin_host.gateways.ews.wire import find, make
from addin_host.gateways.placeholder import rewritten


def rewrite(connection: Connection, rewrite: Rewrite) -> bool:
    """Replace the placeholder and send the update to everybody. Raises DENIED without the permission."""
    organizer = rewrite.organizer_address
    if rewrite.uid.startswith("H"):
        return False
    try:
        item = item_of(connection, organizer, rewrite.uid, organizer)
        return bool(item) and _rewrite(connection, item, rewrite)
    except MailboxTrouble as trouble:
        if trouble.fault is not Fault.MAILBOX_UNKNOWN:
            raise
        connection.look()  # which mailbox is unknown: ours, or the organizer's
        raise MailboxTrouble(Fault.DENIED, "The service account may not act for the organizer.") from trouble


def _rewrite(connection: Connection, item: str, rewrite: Rewrite) -> bool:
    organizer = rewrite.organizer_address
    (held,) = connection.items(payloads.appointments([payloads.item(item)]), organizer)
    body = find(held, "t:Body")
    is_html = body is not None and body.get("BodyType") == "HTML"
    changed = rewritten((body.text or "") if body is not None else "", rewrite, is_html=is_html)
    if changed is None:
        return False
    value = make("t:CalendarItem", make("t:Body", changed, BodyType="HTML"))
    which = find(held, "t:ItemId")
    key = "" if which is None else which.get("ChangeKey", "")
    identity = make("t:ItemId", Id=item, **({"ChangeKey": key} if key else {}))
    updates = make("t:Updates", make("t:SetItemField", payloads.field("item:Body"), value))
    connection.one(
        make(
            "m:UpdateItem",
            make("m:ItemChanges", make("t:ItemChange", identity, updates)),
            ConflictResolution="AutoResolve",
            MessageDisposition="SaveOnly",
            SendMeetingInvitationsOrCancellations="SendToAllAndSaveCopy",
        ),
        organizer,
    )
    return True
