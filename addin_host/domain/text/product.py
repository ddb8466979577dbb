"""The product's own filters and functions (`pex_…`); design/templates.md lists them.

Those of `ALLOWANCE_FIRST` get the rendering's allowance as first argument and pay for their own work.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import ipaddress
import json
import logging
import re
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, unquote
from zoneinfo import ZoneInfo

from addin_host.domain.text import expressions
from addin_host.domain.text.limits import MAX_ITEMS, Allowance, check_length, is_nothing, text_of, whole
from addin_host.domain.text.links import safelinks_decoded, urldefense_decoded
from addin_host.domain.text.plain import one_line
from addin_host.domain.text.problems import RenderProblem, Unmet

_LOG = logging.getLogger("addin_host.template")
_ZONE = re.compile(r"[A-Za-z0-9_+\-]{1,32}(?:/[A-Za-z0-9_+\-]{1,32}){0,2}")
_SLOW = 20  # units for one step that takes several microseconds


@dataclass(frozen=True, slots=True)
class Moment:
    """What `pex_now` gives: a time of day in its zone, seven numbers and nothing else to reach for."""

    year: int
    month: int
    day: int
    hour: int
    minute: int
    second: int
    microsecond: int
    printed: str

    def __str__(self) -> str:
        return self.printed


MOMENT_PARTS = frozenset({"year", "month", "day", "hour", "minute", "second", "microsecond"})


def now(tz: Any = "UTC") -> Moment:
    """Return the present moment in an IANA time zone."""
    name = text_of(tz) or "UTC"
    if not _ZONE.fullmatch(name):
        raise RenderProblem(f"{name[:40]!r} is not a time zone; write one like 'Europe/London'")
    try:
        here = datetime.now(ZoneInfo(name))
    except (LookupError, ValueError, OSError) as error:
        raise RenderProblem(f"{name!r} is not a time zone; write one like 'Europe/London'") from error
    parts = (here.year, here.month, here.day, here.hour, here.minute, here.second, here.microsecond)
    return Moment(*parts, printed=here.isoformat(sep=" "))


def random_pin(n: Any) -> str:
    """Return `n` random digits."""
    return "".join(secrets.choice("0123456789") for _ in range(whole(n, least=1, most=64)))


def random_uuid() -> str:
    """Return a new random UUID."""
    return str(uuid.uuid4())


def debug_log(allowance: Allowance, *values: Any) -> str:
    """Write the values to the support log, at most ten lines per rendering. Prints nothing."""
    allowance.log_lines -= 1
    if allowance.log_lines >= 0:
        _LOG.info("pex_debug_log %s", one_line(",".join(text_of(value)[:200] for value in values[:20]))[:1000])
    return ""


def base64_text(value: Any) -> str:
    """Return the UTF-8 bytes of the text in base64."""
    return base64.b64encode(text_of(value).encode()).decode()


def md5(value: Any) -> str:
    """Return the MD5 of the text in hexadecimal digits."""
    return hashlib.md5(text_of(value).encode(), usedforsecurity=False).hexdigest()


def hashed(value: Any) -> str:
    """Return the SHA-256 of the text in hexadecimal digits: the same for the same text, on every machine."""
    return hashlib.sha256(text_of(value).encode()).hexdigest()


def clean_phone_number(value: Any) -> str:
    """Return the digits and plus signs of the text."""
    return "".join(character for character in text_of(value) if character in "+0123456789")


def find_first_match(allowance: Allowance, values: Any, pattern: Any) -> str | None:
    """Return the first item that matches the regular expression, or nothing."""
    if is_nothing(values):
        return None
    if not isinstance(values, (list, tuple)):
        raise RenderProblem("pex_find_first_match needs a list")
    for value in values:
        if expressions.search(allowance, pattern, value) is not None:
            return text_of(value)
    return None


def head(value: Any, n: Any) -> str:
    """Return at most the first `n` characters."""
    return text_of(value)[: whole(n, least=0, most=10**9)]


def tail(value: Any, n: Any) -> str:
    """Return at most the last `n` characters."""
    count = whole(n, least=0, most=10**9)
    return text_of(value)[-count:] if count else ""


def in_subnet(allowance: Allowance, address: Any, subnets: Any) -> bool:
    """Whether the address is in one of the subnets (CIDR). A missing or unreadable address is in none."""
    networks = [subnets] if isinstance(subnets, str) else subnets
    if not isinstance(networks, (list, tuple)) or len(networks) > MAX_ITEMS:
        raise RenderProblem("pex_in_subnet needs a list of subnets")
    try:
        wanted = ipaddress.ip_address(text_of(address).strip()[:64])
    except ValueError:
        return False
    allowance.spend(len(networks) * _SLOW)
    return any(wanted in _network(text) for text in networks)


def _network(text: Any) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(text_of(text).strip()[:64], strict=False)
    except ValueError as error:
        raise RenderProblem(f"{text_of(text)[:40]!r} is not a subnet; write one like 10.0.0.0/8") from error


def require_min_length(value: Any, n: Any) -> str:
    """Return the text, or fail the rendering when it has fewer than `n` characters."""
    text = text_of(value)
    if len(text) < whole(n, least=0, most=10**9):
        raise Unmet(f"a text has fewer than the {n} characters that pex_require_min_length asks for")
    return text


def reversed_text(value: Any) -> str:
    """Return the text backwards."""
    return text_of(value)[::-1]


def strlen(value: Any) -> int:
    """Return the number of characters."""
    return len(text_of(value))


def url_encode(value: Any) -> str:
    """Return the text with everything escaped that is not a letter, digit or one of `_.-~`."""
    return quote(text_of(value), safe="")


def url_decode(value: Any) -> str:
    """Return the text with percent escapes decoded."""
    return unquote(text_of(value))


def safelinks_decode(value: Any) -> str:
    """Return the text with Microsoft Safe Links unwrapped."""
    return safelinks_decoded(_searchable(value))


def urldefense_decode(value: Any) -> str:
    """Return the text with Proofpoint URL Defense links unwrapped."""
    return urldefense_decoded(_searchable(value))


def _searchable(value: Any) -> str:
    text = text_of(value)
    check_length(len(text) * 8)  # unwrapping is slow: an eighth of what other filters may take
    return text


def to_json(value: Any) -> str:
    """Return the value as JSON."""
    return json.dumps(None if is_nothing(value) else value, default=text_of)


def update(value: Any, changes: Any) -> dict[Any, Any]:
    """Return a copy of a mapping with other entries changed or added."""
    if not isinstance(changes, dict) or not (isinstance(value, dict) or is_nothing(value)):
        raise RenderProblem("pex_update needs a mapping and a mapping of changes")
    return {**(value or {}), **changes}


def to_uuid(value: Any) -> str:
    """Return 16 bytes given in base64 as a UUID, in the order they stand."""
    try:
        return str(uuid.UUID(bytes=base64.b64decode(text_of(value).strip(), validate=True)))
    except (binascii.Error, ValueError) as error:
        raise RenderProblem("pex_to_uuid needs 16 bytes in base64") from error


PRODUCT: dict[str, Callable[..., Any]] = {
    "pex_base64": base64_text,
    "pex_clean_phone_number": clean_phone_number,
    "pex_debug_log": debug_log,
    "pex_find_first_match": find_first_match,
    "pex_hash": hashed,
    "pex_head": head,
    "pex_in_subnet": in_subnet,
    "pex_md5": md5,
    "pex_now": now,
    "pex_random_pin": random_pin,
    "pex_regex_replace": expressions.replaced,
    "pex_regex_search": expressions.search,
    "pex_require_min_length": require_min_length,
    "pex_reverse": reversed_text,
    "pex_safelinks_decode": safelinks_decode,
    "pex_strlen": strlen,
    "pex_tail": tail,
    "pex_to_json": to_json,
    "pex_to_uuid": to_uuid,
    "pex_update": update,
    "pex_url_decode": url_decode,
    "pex_url_encode": url_encode,
    "pex_urldefense_decode": urldefense_decode,
    "pex_uuid4": random_uuid,
}
ALLOWANCE_FIRST = frozenset(
    {"pex_debug_log", "pex_find_first_match", "pex_in_subnet", "pex_regex_replace", "pex_regex_search"}
)
# These take no value to work on: written as a filter, what stands before the bar is dropped.
WITHOUT_INPUT = frozenset({"pex_random_pin", "pex_uuid4"})
# Two renderings of the same values may differ, or have an effect: the result must not be cached.
NOT_DETERMINISTIC = frozenset({"pex_now", "pex_random_pin", "pex_uuid4", "pex_debug_log"})
EXTRA_COST = {"pex_now": 200, "pex_random_pin": 200, "pex_uuid4": 20, "pex_debug_log": 200, "pex_to_uuid": 20}
EXTRA_COST |= {"pex_safelinks_decode": 200, "pex_urldefense_decode": 200}
