"""Addresses that mail filters have wrapped, unwrapped again."""

from __future__ import annotations

import base64
import binascii
import itertools
import re
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

_ADDRESS = re.compile(r"https?://[^\s<>\"']{1,2000}", re.IGNORECASE)
_SAFELINKS = ".safelinks.protection.outlook.com"
_DEFENCE_HOSTS = ("urldefense.proofpoint.com", "urldefense.com", "urldefense.us")
# Version 3 writes `*` where characters were taken out and kept in base64; `**` and a letter for a run of them.
_RUN = re.compile(r"\*(\*.)?")
_RUN_LENGTHS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_MARKS_V2 = str.maketrans("-_", "%/")


def safelinks_decoded(text: str) -> str:
    """Return the text with every Microsoft Safe Link replaced by the address inside it."""
    return _ADDRESS.sub(lambda found: _safelink(found[0]), text)


def _safelink(address: str) -> str:
    parts = _split(address)
    if parts is None or not (parts.hostname or "").endswith(_SAFELINKS):
        return address
    return parse_qs(parts.query).get("url", [address])[0]


def urldefense_decoded(text: str) -> str:
    """Return the text with every Proofpoint URL Defense link (versions 1 to 3) replaced by the address inside it."""
    return _ADDRESS.sub(lambda found: _urldefense(found[0]), text)


def _urldefense(address: str) -> str:
    parts = _split(address)
    if parts is None or (parts.hostname or "") not in _DEFENCE_HOSTS:
        return address
    if parts.path.startswith("/v3/"):
        return _version_3(address)
    wrapped = parse_qs(parts.query).get("u", [""])[0]
    if not wrapped:
        return address
    return unquote(wrapped.translate(_MARKS_V2)) if parts.path.startswith("/v2/") else wrapped


def _split(address: str) -> SplitResult | None:
    try:
        return urlsplit(address)
    except ValueError:
        return None


def _version_3(address: str) -> str:
    wrapped, _, rest = address.partition("/v3/__")[2].partition("__;")
    letters, ended, _ = rest.partition("!")
    if not ended:
        return address
    try:
        taken = iter(base64.urlsafe_b64decode(letters + "=" * (-len(letters) % 4)).decode("utf-8"))
    except (binascii.Error, UnicodeDecodeError):
        return address

    def put_back(run: re.Match[str]) -> str:
        count = _RUN_LENGTHS.find(run[1][1]) + 2 if run[1] else 1
        return "".join(itertools.islice(taken, count))

    return unquote(_RUN.sub(put_back, wrapped))
