"""What may stand in a log line: nothing that opens a door.

The correlation id ties the lines of one request, or one scheduling operation, together.
"""

from __future__ import annotations

import re
import uuid
from contextvars import ContextVar

correlation_id: ContextVar[str] = ContextVar("correlation_id", default="-")

_HIDDEN = "[hidden]"
_PATTERNS = (
    (re.compile(r"\beyJ[\w-]{5,}\.[\w-]*\.?[\w-]*"), _HIDDEN),
    (re.compile(r"(?i)\b(authorization\W{1,4}(?:basic|bearer|token)\s+)[^\s\"',;]+"), rf"\1{_HIDDEN}"),
    (re.compile(r"(?i)\b(bearer\s+)[\w.~+/=-]{8,}"), rf"\1{_HIDDEN}"),
    (
        re.compile(
            r"(?i)([\"']?\b\w*(?:password|passwd|secret|token|verifier|assertion|cookie|pin|code|state|nonce)\b[\"']?"
            r"\s*[=:]\s*)(\"[^\"]*\"|'[^']*'|[^\s&,;}\"']+)"
        ),
        rf"\1{_HIDDEN}",
    ),
    (re.compile(r"(\w+://)[^/\s:@]+(?::[^/\s@]*)?@"), rf"\1{_HIDDEN}@"),
    (re.compile(r"(\w+://[^\s?\"']+)\?[^\s\"']+"), rf"\1?{_HIDDEN}"),
)


def redact(text: str) -> str:
    """Return the text without tokens, secrets, PINs, user names in addresses and query strings, on one line."""
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text.replace("\r", "\\r").replace("\n", "\\n")


def new_correlation_id() -> str:
    """Return a fresh id and make it the current one."""
    value = str(uuid.uuid4())
    correlation_id.set(value)
    return value
