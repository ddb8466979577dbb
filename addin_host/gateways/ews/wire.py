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
_REFERENCE = re.compile(rb"&#(?:x([0-9A-Fa-f]{1,6})|([0-9]{1,7}));")
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
        root = _parsed(_REFERENCE.sub(_allowed, body))
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


def _allowed(reference: re.Match[bytes]) -> bytes:
    code = int(reference[1], 16) if reference[1] else int(reference[2])
    return b" " if code > 0x10FFFF or _FORBIDDEN.match(chr(code)) else reference[0]


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
