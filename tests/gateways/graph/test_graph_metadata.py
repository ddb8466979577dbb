"""The layer that validates requests: what the adapter sends is allowed, and mistakes are noticed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gateways.graph import csdl
from tests.gateways.graph.server import ROOM

PROPERTY = "String {00020329-0000-0000-C000-000000000046} Name X"
MISTAKES: list[tuple[str, str, Any]] = [
    ("GET", "/people/x", None),
    ("GET", f"/users/{ROOM}/event/x", None),
    ("GET", f"/users/{ROOM}/events/x?$select=uid", None),
    ("GET", f"/users/{ROOM}/events/x?select=id", None),
    ("GET", f"/users/{ROOM}/events/x?$expand=event", None),
    ("GET", f"/users/{ROOM}/events/x?$expand=singleValueExtendedProperties", None),
    ("GET", f"/users/{ROOM}/events/x?$expand=singleValueExtendedProperties($filter=id eq 'String {{x}} Name y')", None),
    ("GET", f"/users/{ROOM}/events/x?$filter=type eq 'seriesMaster'", None),
    ("GET", f"/users/{ROOM}/events?$filter=starts/dateTime lt '2026'", None),
    ("GET", f"/users/{ROOM}/events?$filter=start/time lt '2026'", None),
    ("GET", f"/users/{ROOM}/events?$filter=iCalUId like 'x'", None),
    ("GET", f"/users/{ROOM}/events?$top=0", None),
    ("GET", f"/users/{ROOM}/events/x/instances", None),
    ("GET", f"/users/{ROOM}/events/x/instances?startDateTime=yesterday&endDateTime=2026-01-01T00:00:00Z", None),
    ("GET", f"/users/{ROOM}/messages/x?$select=meetingMessageType", None),
    ("GET", f"/users/{ROOM}/messages/x?$expand=microsoft.graph.event/calendar", None),
    ("GET", f"/users/{ROOM}/events/x/accept", None),
    ("POST", f"/users/{ROOM}/events/x", {}),
    ("POST", f"/users/{ROOM}/events/x/accept", {"sendResponse": "false"}),
    ("POST", f"/users/{ROOM}/events/x/accept", {"send": False}),
    ("POST", f"/users/{ROOM}/messages/x/move", {}),
    ("POST", f"/users/{ROOM}/sendMail", {"message": {"body": {"contentType": "rtf", "content": ""}}}),
    ("POST", f"/users/{ROOM}/sendMail", {"message": {"toRecipients": {"emailAddress": {}}}}),
    ("POST", f"/users/{ROOM}/sendMail", {"message": {"internetMessageHeaders": [{"name": "Auto-Submitted"}]}}),
    ("POST", f"/users/{ROOM}/sendMail", {"message": {"singleValueExtendedProperties": [{"id": "X", "value": "y"}]}}),
    ("PATCH", f"/users/{ROOM}/events/x", {"body": "text"}),
    ("PATCH", f"/users/{ROOM}/events/x", {"start": {"dateTime": 7}}),
]
RIGHT: list[tuple[str, str, Any]] = [
    ("GET", f"/users/{ROOM}/messages/x?$select=id,microsoft.graph.eventMessage/meetingMessageType", None),
    ("GET", f"/users/{ROOM}/mailFolders/inbox?$expand=singleValueExtendedProperties($filter=id eq '{PROPERTY}')", None),
    ("POST", f"/users/{ROOM}/events/x/decline", {"Comment": "x", "SendResponse": True}),
    ("PATCH", f"/users/{ROOM}/events/x", {"isAllDay": True, "recurrence": None, "categories": ["a"]}),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: f"{mistake[0]} {mistake[1][:70]} {mistake[2]}")
def test_a_mistake_is_noticed(mistake: tuple[str, str, Any]) -> None:
    schema = csdl.schema()
    if schema is None:
        assert not csdl.FILE.exists()
        return
    with pytest.raises(csdl.Violation):
        schema.check(*mistake)


@pytest.mark.parametrize("request_", RIGHT, ids=lambda one: one[1][:60])
def test_what_is_right_passes(request_: tuple[str, str, Any]) -> None:
    schema = csdl.schema()
    assert schema is None or schema.check(*request_) is None
