"""Tags: the visible text that ties a meeting to its alias (design/scheduling.md section 6).

A tag is `PXPS:-<id>#`, or `TOK:-<id>#` when it was signed before an alias could be had. The id carries its own
signature, so that nothing needs to be looked up to know whether it is ours. It survives what mail programs do to text.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import html
import re
import struct
import unicodedata
import uuid as uuids
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256

KEY_BYTES = 32
HIGHEST_KEY = 255
_VERSION = 1
_MAC_BYTES = 16
_HEAD = struct.Struct(">BBH16s")
_ISSUED = struct.Struct(">I")


class Kind(StrEnum):
    """What a tag stands for: an alias that exists, or the promise of one."""

    ALIAS = "PXPS"
    PLACEHOLDER = "TOK"


_LENGTH: Mapping[Kind, int] = {Kind.ALIAS: 58, Kind.PLACEHOLDER: 64}


@dataclass(frozen=True, slots=True)
class Tag:
    """What a tag says. `issued` is set on placeholders only, to the second, in UTC."""

    kind: Kind
    key_id: int
    integration_id: int
    uuid: uuids.UUID
    issued: datetime | None = None


Keys = Mapping[int, bytes]


def print_tag(tag: Tag, keys: Keys) -> str:
    """Return the text of a tag, signed with the key that it names: 65 characters, a placeholder's 70."""
    body = _HEAD.pack(_VERSION, tag.key_id, tag.integration_id, tag.uuid.bytes)
    if tag.kind is Kind.PLACEHOLDER and tag.issued is not None:
        body += _ISSUED.pack(int(tag.issued.timestamp()))
    encoded = base64.b32encode(body + _mac(keys[tag.key_id], tag.kind, body)).decode("ascii").rstrip("=")
    return f"{tag.kind}:-{encoded}#"


def _mac(key: bytes, kind: Kind, body: bytes) -> bytes:
    return hmac.new(key, kind.value.encode() + b"\0" + body, sha256).digest()[:_MAC_BYTES]


def _read(kind: Kind, encoded: str, keys: Keys) -> Tag | None:
    try:
        raw = base64.b32decode(encoded.upper() + "=" * (-len(encoded) % 8))
    except binascii.Error:
        return None
    body, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
    if base64.b32encode(raw).decode("ascii").rstrip("=") != encoded.upper():
        return None  # the last character has bits that belong to nothing; only one spelling is ours
    version, key_id, integration_id, uuid = _HEAD.unpack_from(body)
    key = keys.get(key_id)
    if version != _VERSION or key is None or not hmac.compare_digest(mac, _mac(key, kind, body)):
        return None
    issued = None
    if kind is Kind.PLACEHOLDER:
        issued = datetime.fromtimestamp(_ISSUED.unpack_from(body, _HEAD.size)[0], UTC)
    return Tag(kind, key_id, integration_id, uuids.UUID(bytes=uuid), issued)


_HIDDEN = re.compile(r"<!--.*?-->|<(style|script)\b.*?</\1\s*>|<[^>]*>", re.IGNORECASE | re.DOTALL)
_QUOTED = re.compile(r"(?m)^[ \t]*(?:>[ \t]*)+")
_DASHES = dict.fromkeys([*range(0x2010, 0x2016), 0x2212, 0xFE58, 0xFE63, 0xFF0D], "-")
_NOTHING = dict.fromkeys(
    [
        0xAD,
        0xA0,
        0x180E,
        0xFEFF,
        *range(0x200B, 0x2010),
        *range(0x202A, 0x202F),
        *range(0x2060, 0x2065),
        *range(0x2066, 0x206A),
    ]
)
_SPACE = re.compile(r"\s+")
_FOUND = re.compile(r"(PXPS|TOK):-*([A-Z2-7]+)", re.IGNORECASE)


def find_tags(text: str, keys: Keys, *, is_html: bool) -> tuple[Tag, ...]:
    """Return every tag of ours in a body, whatever mail programs did to it; each uuid once, in order."""
    found: dict[uuids.UUID, Tag] = {}
    for name, letters in _FOUND.findall(_plain(text, is_html=is_html)):
        kind = Kind(name.upper())
        tag = _read(kind, letters[: _LENGTH[kind]], keys) if len(letters) >= _LENGTH[kind] else None
        if tag is not None:
            found.setdefault(tag.uuid, tag)
    return tuple(found.values())


def is_printed(tag: str, html: str) -> bool:
    """Whether a tag stands in HTML where people read it, as it was printed: not in an attribute, not changed."""
    return tag in html and tag in _HIDDEN.sub("", html)


def _plain(text: str, *, is_html: bool) -> str:
    if is_html:
        text = html.unescape(_HIDDEN.sub("", text))
    text = _QUOTED.sub("", text).replace("\u00ad", "")
    text = unicodedata.normalize("NFKC", text).translate(_DASHES)
    return _SPACE.sub("", text.translate(_NOTHING))
