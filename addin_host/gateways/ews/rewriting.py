"""The organizer's own appointment, changed in the organizer's name."""

from __future__ import annotations

from addin_host.domain.mailbox import Fault, MailboxTrouble, Rewrite
from addin_host.gateways.ews import payloads
from addin_host.gateways.ews.batches import goid_of
from addin_host.gateways.ews.protocol import Connection
from addin_host.gateways.ews.reading import item_id
from addin_host.gateways.ews.wire import find, make, text
from addin_host.gateways.placeholder import rewritten

_REFUSED = (Fault.DENIED, Fault.MAILBOX_UNKNOWN)


def item_of(connection: Connection, mailbox: str, uid: str, acting_as: str = "") -> str:
    """Return the calendar item of a meeting, of a series' master before any other; blank when there is none."""
    found = list(connection.items(payloads.with_goid(mailbox, goid_of(uid)), acting_as))
    found.sort(key=lambda item: text(item, "t:CalendarItemType") not in ("Single", "RecurringMaster"))
    return item_id(found[0]) if found else ""


def rewrite(connection: Connection, rewrite: Rewrite) -> bool:
    """Replace the placeholder and send the update to everybody. Raises DENIED without the permission."""
    organizer = rewrite.organizer_address
    if rewrite.uid.startswith("H"):
        return False
    try:
        item = item_of(connection, organizer, rewrite.uid, organizer)
        return bool(item) and _rewrite(connection, item, rewrite)
    except MailboxTrouble as trouble:
        if trouble.fault not in _REFUSED:
            raise
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
