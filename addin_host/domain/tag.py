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
    if (tag.issued is None) is (tag.kind is Kind.PLACEHOLDER):
        raise ValueError("a placeholder says when it was issued, and nothing else does")
    body = _HEAD.pack(_VERSION, tag.key_id, tag.integration_id, tag.uuid.bytes)
    if tag.issued is not None:
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


LONGEST_BODY = 10_000_000
# Looked ahead for, so that what is no tag hides none that begins within it.
_FOUND = re.compile(
    r"(?=(?:(PXPS):-*([A-Z2-7]{58})|(TOK):-*([A-Z2-7]{64})))",
    re.IGNORECASE | re.ASCII,
)


def find_tags(text: str, keys: Keys, *, is_html: bool) -> tuple[Tag, ...]:
    """Return every tag of ours in a body, whatever mail programs did to it; each uuid once, in order.

    What stands behind the first ten million characters is not looked at; the time is in proportion to the length.
    """
    found: dict[uuids.UUID, Tag] = {}
    for match in _FOUND.finditer(_plain(text[:LONGEST_BODY], is_html=is_html)):
        name, letters = (part for part in match.groups() if part)
        tag = _read(Kind(name.upper()), letters, keys)
        if tag is not None:
            found.setdefault(tag.uuid, tag)
    return tuple(found.values())


def is_printed(tag: str, html: str) -> bool:
    """Whether a tag stands in HTML where people read it, as it was printed: not in an attribute, not changed."""
    return tag in html and tag in _without_markup(html)


_SOFT_BREAK = re.compile(r"=[ \t]*\r?\n")  # quoted-printable that nobody decoded
_LONG_REFERENCE = re.compile(r"&#[xX]?[0-9A-Fa-f]{20,}")  # of no character, and int() refuses the longest
_QUOTED = re.compile(r"(?m)(?:^|\r)[^\S\r\n]*(?:>[^\S\r\n]*)+")


def _plain(text: str, *, is_html: bool) -> str:
    text = _SOFT_BREAK.sub("", text)
    if is_html:
        text = html.unescape(_LONG_REFERENCE.sub(" ", _without_markup(text)))
    text = _QUOTED.sub("", text)
    return text.translate({ord(letter): _folded(letter) for letter in set(text)})


_DASHES = dict.fromkeys([*range(0x2010, 0x2016), 0x2212, 0xFE58, 0xFE63, 0xFF0D], "-")
_NOTHING = dict.fromkeys(
    [
        *(0xAD, 0xA0, 0x180E, 0xFEFF),
        *range(0x200B, 0x2010),
        *range(0x202A, 0x202F),
        *range(0x2060, 0x2065),
        *range(0x2066, 0x206A),
    ]
)


def _folded(letter: str) -> str:
    """Return what a letter comes to: compatibility forms in their usual one, dashes as one, white space as nothing.

    A letter at a time: what a body of combining marks takes to be normalised as a whole grows with its square.
    """
    usual = unicodedata.normalize("NFKC", letter.translate(_NOTHING)).translate(_DASHES).translate(_NOTHING)
    return "".join(usual.split())


_SPECIAL = re.compile(r"<!--|<(style|script)\b", re.IGNORECASE)
_ENDS: Mapping[str | None, re.Pattern[str]] = {
    None: re.compile("-->"),
    "style": re.compile(r"</style\s*>", re.IGNORECASE),
    "script": re.compile(r"</script\s*>", re.IGNORECASE),
}
_MARKUP = re.compile(r"<[A-Za-z/!?][^>]*>")


def _without_markup(text: str) -> str:
    """Return HTML without comments, style, scripts and tags. Nothing is searched for twice that is not there."""
    kept: list[str] = []
    never_ends: set[str | None] = set()
    at = looked = 0
    while special := _SPECIAL.search(text, looked):
        kind = special[1].lower() if special[1] else None
        end = None if kind in never_ends else _ENDS[kind].search(text, special.end())
        if end is None:
            never_ends.add(kind)
            looked = special.end()
        else:
            kept.append(text[at : special.start()])
            at = looked = end.end()
    kept.append(text[at:])
    text = "".join(kept)
    last = text.rfind(">") + 1  # every tag that begins before it has an end
    return _MARKUP.sub("", text[:last]) + text[last:]
