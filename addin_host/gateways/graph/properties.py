"""The named properties of Outlook items that Graph carries as extended properties, and what they say.

Which ones and why: scheduling.md section 8. Graph writes their ids back in its own spelling, so they are compared
without case and braces' content as it comes.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

CLEAN_GOID = "Binary {6ED8DA90-450B-101B-98DA-00AA003F1305} Id 0x23"
CRITICAL_CHANGE = "SystemTime {6ED8DA90-450B-101B-98DA-00AA003F1305} Id 0x1A"
SEQUENCE = "Integer {00062002-0000-0000-C000-000000000046} Id 0x8201"
REPLACED = "SystemTime {00062002-0000-0000-C000-000000000046} Id 0x8228"  # original start of an exception
_OWN = "String {00020329-0000-0000-C000-000000000046} Name "  # the public strings' property set
CORRELATION = _OWN + "AddinHostCorrelationId"
OWNER = _OWN + "AddinHostOwner"
CALENDAR = (CLEAN_GOID, SEQUENCE, CRITICAL_CHANGE)

LONGEST_UID = 200
HASHED = "H"
_FOREIGN = b"vCal-Uid\x01\x00\x00\x00"  # how a UID of another maker is packed into a GlobalObjectId
_HEAD, _DATE = 40, slice(16, 20)  # bytes before the data; where an occurrence's date stands


def expansion(*ids: str) -> str:
    """Return the $expand that brings these properties."""
    wanted = " or ".join(f"id eq '{name}'" for name in ids)
    return f"singleValueExtendedProperties($filter={wanted})"


def having(name: str, value: str) -> str:
    """Return the $filter for items whose property has this value."""
    quoted = value.replace("'", "''")
    return f"singleValueExtendedProperties/any(ep: ep/id eq '{name}' and ep/value eq '{quoted}')"


def values(item: Mapping[str, Any]) -> dict[str, str]:
    """Return the properties that came with an item, by their ids in lower case."""
    listed = item.get("singleValueExtendedProperties") or []
    return {str(entry["id"]).lower(): str(entry["value"]) for entry in listed}


def uid_of(item: Mapping[str, Any]) -> str:
    """Return the uid of an item's meeting, "" where nothing tells it. Raises ValueError."""
    written = values(item).get(CLEAN_GOID.lower(), "")
    if written:
        return named(base64.b64decode(written, validate=True))
    calendar_uid = str(item.get("iCalUId") or "")
    try:
        goid = bytearray.fromhex(calendar_uid)
    except ValueError:
        return ""
    if len(goid) < _HEAD:
        return ""
    goid[_DATE] = bytes(4)
    return named(bytes(goid))


def named(goid: bytes) -> str:
    """Return what the house calls a clean GlobalObjectId."""
    uid = goid.hex().upper()
    return uid if len(uid) <= LONGEST_UID else HASHED + sha256(uid.encode()).hexdigest()


def calendar_uid(uid: str) -> str:
    """Return the iCalUId of the meeting or series with this uid. Raises ValueError for one that was hashed."""
    goid = bytes.fromhex(uid)
    data = goid[_HEAD:]
    return data.removeprefix(_FOREIGN).rstrip(b"\0").decode() if data.startswith(_FOREIGN) else uid


def goid_value(uid: str) -> str:
    """Return a uid as the property writes it. Raises ValueError for one that was hashed."""
    try:
        return base64.b64encode(binascii.unhexlify(uid)).decode()
    except binascii.Error as error:
        raise ValueError(uid) from error


def sequence_of(item: Mapping[str, Any]) -> int:
    """Return the version's number, 0 where it is not told. Raises ValueError."""
    return int(values(item).get(SEQUENCE.lower(), "0"))


def instant_of(item: Mapping[str, Any], name: str) -> datetime | None:
    """Return a property that is a time, in UTC. Raises ValueError."""
    return instant(values(item).get(name.lower()))


def instant(written: Any) -> datetime | None:
    """Return a DateTimeOffset in UTC; seven digits of a second are cut to six. Raises ValueError."""
    if not written:
        return None
    at = datetime.fromisoformat(str(written))
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
