"""EWS on the wire: elements are built, and answers parsed by a parser that fetches and expands nothing.

Namespaces: `m:` messages, `t:` types. Answers are at most 32 MB and 100 levels deep; a doctype is refused
(design/security.md M4).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TypeAlias

from lxml import etree

from addin_host.domain.mailbox import Fault, MailboxTrouble

Element: TypeAlias = etree._Element
M = "http://schemas.microsoft.com/exchange/services/2006/messages"
T = "http://schemas.microsoft.com/exchange/services/2006/types"
MAX_BYTES = 32 * 1024 * 1024
MAX_DEPTH = 100
_NAMESPACES = {"m": M, "t": T}
_TOO_DEEP = etree.XPath("boolean(" + "/*" * (MAX_DEPTH + 1) + ")")
# The characters of _FORBIDDEN by number. Matching these only, and in one go, is quick however many stand in a body.
_REFERENCE = re.compile(
    rb"&#(?:0{0,6}(?:[0-8]|1[124-9]|2\d|3[01]|5529[6-9]|55[3-9]\d\d|56\d{3}|57[0-2]\d\d|573[0-3]\d|5734[0-3]|6553[45])"
    rb"|x0{0,6}(?:[0-8bcef]|1[\da-f]|d[89a-f][\da-f]{2}|fff[ef]|1[1-9a-f][\da-f]{4}|[2-9a-f][\da-f]{5}));",
    re.IGNORECASE,
)
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_UNUSABLE = "The Exchange server's answer cannot be understood."


def qualified(name: str) -> str:
    """Return `m:Name` or `t:Name` as lxml writes it."""
    prefix, local = name.split(":")
    return f"{{{_NAMESPACES[prefix]}}}{local}"


def make(name: str, *parts: Element | str, **attributes: str) -> Element:
    """Return an element with text or children. Characters that XML forbids are left out."""
    element = etree.Element(qualified(name), {key: _clean(value) for key, value in attributes.items()}, _NAMESPACES)
    for part in parts:
        if isinstance(part, str):
            element.text = _clean(part)
        else:
            element.append(part)
    return element


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("", text)


def parse(body: bytes) -> Element:
    """Return the root. Raises MailboxTrouble (UNUSABLE).

    Exchange writes references to characters that XML does not allow, when they stand in a subject or a body. They
    become spaces.
    """
    try:
        root = _parsed(_REFERENCE.sub(b" ", body))
    except etree.XMLSyntaxError as error:
        raise MailboxTrouble(Fault.UNUSABLE, _UNUSABLE) from error
    if root.getroottree().docinfo.internalDTD is not None or _TOO_DEEP(root):
        raise MailboxTrouble(Fault.UNUSABLE, _UNUSABLE)
    return root


def _parsed(body: bytes) -> Element:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    return etree.fromstring(body, parser)


def find(element: Element, path: str) -> Element | None:
    """Return the first element at a path such as `t:Organizer/t:Mailbox`."""
    return element.find(path, _NAMESPACES)


def each(element: Element, path: str) -> Iterator[Element]:
    """Yield the elements at a path."""
    return element.iterfind(path, _NAMESPACES)


def text(element: Element, path: str) -> str:
    """Return the text at a path, blank when it is not there."""
    return (element.findtext(path, "", _NAMESPACES) or "").strip()


def local(element: Element) -> str:
    """Return the name without its namespace."""
    return etree.QName(element).localname


def is_true(element: Element, path: str) -> bool:
    """Whether the text at a path says so."""
    return text(element, path) in ("true", "1")


def instant(written: str) -> datetime | None:
    """Return a dateTime in UTC; None for a blank one. One without an offset is in UTC. Raises ValueError."""
    if not written:
        return None
    at = datetime.fromisoformat(written)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)


def written(at: datetime) -> str:
    """Return an instant as EWS takes it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
