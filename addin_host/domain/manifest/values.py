"""What a single value may be, by its kind in the tables (limits: design/outlook.md 1.3)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import SplitResult, urlsplit
from uuid import UUID

from addin_host.domain.manifest.finding import Finding, Severity

MAX_SHORT, MAX_LONG, MAX_RESID, MAX_URL = 125, 250, 32, 2048
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_VERSION = re.compile(r"[0-9]{1,5}(?:\.[0-9]{1,5}){0,3}")
_SET_VERSION = re.compile(r"[0-9]{1,5}\.[0-9]{1,5}")
_LOCALE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z]{4})?(?:-(?:[A-Za-z]{2}|[0-9]{3}))?")
# What may start an add-in while an appointment is written (design/outlook.md 1.7).
_EVENTS = frozenset(
    {
        "OnNewAppointmentOrganizer",
        "OnAppointmentAttendeesChanged",
        "OnAppointmentTimeChanged",
        "OnAppointmentRecurrenceChanged",
        "OnAppointmentAttachmentsChanged",
        "OnAppointmentFromChanged",
        "OnAppointmentSend",
        "OnInfoBarDismissClicked",
    }
)
# What no label needs: controls, line and paragraph separators, and marks that turn the reading direction round.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")

# A complaint is the rule and the words after the value's label; the third item makes it a warning.
Complaint = tuple[str, str] | tuple[str, str, Severity]
Rule = Callable[[str], Iterator[Complaint]]


def length(text: str) -> int:
    """Return the length of a text in UTF-16 units, as .NET counts; most emoji count twice, so this is never lenient."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def version_parts(version: str) -> tuple[int, ...]:
    """Return a Version as four numbers that compare as Outlook compares them; all zero when it is not one."""
    if not _VERSION.fullmatch(version):
        return (0, 0, 0, 0)
    parts = [int(part) for part in version.split(".")]
    return tuple(parts + [0] * (4 - len(parts)))


def split_url(url: str) -> SplitResult | None:
    """Return the parts of an absolute address, or None when it is not one."""
    if any(character <= " " or character in '\\"<>' for character in url):
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port  # reading it checks it
    except ValueError:
        return None
    return parts if parts.scheme and parts.hostname else None


def host_of(url: str) -> str:
    """Return the host of an address in lower case, with its port unless it is the usual one; `""` when it has none."""
    parts = split_url(url)
    if parts is None or not parts.hostname:
        return ""
    return parts.hostname.lower() + (f":{parts.port}" if parts.port not in (None, 443) else "")


def check_value(kind: str, label: str, value: str, line: int) -> Iterator[Finding]:
    """Yield what is wrong with one value of this kind."""
    for rule, words, *severity in _RULES[kind](value) if kind in _RULES else _choice(kind, value):
        yield Finding(line, rule, f"{label} {words}", *severity)


def _text(limit: int) -> Rule:
    def rule(value: str) -> Iterator[Complaint]:
        if not value.strip():
            yield "blank", "is blank. Enter a text."
        if (size := length(value)) > limit:
            yield "length", f"has {size} characters. At most {limit} are allowed."
        if _CONTROL.search(value):
            yield "control-character", "holds a control character. Remove it."

    return rule


def _url(value: str) -> Iterator[Complaint]:
    parts = split_url(value)
    if length(value) > MAX_URL:
        yield "length", f"is longer than {MAX_URL} characters."
    if parts is None:
        yield "url", "is not a complete address, such as https://addin.example.com/pane."
    elif parts.scheme.lower() != "https":
        yield "https", "must begin with https://."
    elif "@" in parts.netloc:
        yield "userinfo", "holds a user name or password. Remove it."


def _origin(value: str) -> Iterator[Complaint]:
    yield from _url(value)
    parts = split_url(value)
    if parts and (parts.path or parts.query or parts.fragment):
        yield "app-domain", "must be scheme and host only, such as https://login.example.com, with no slash at the end."


def _pattern(rule: str, pattern: re.Pattern[str], words: str) -> Rule:
    def check(value: str) -> Iterator[Complaint]:
        if not pattern.fullmatch(value):
            yield rule, words

    return check


def _uuid(value: str) -> Iterator[Complaint]:
    if not _UUID.fullmatch(value) or UUID(value).int == 0:
        yield "uuid", "must be a UUID, such as 3f0c9d1e-6a52-4b53-9c1d-0f4e8a6b7c2d."


def _locale(value: str) -> Iterator[Complaint]:
    if not _LOCALE.fullmatch(value):
        yield "locale", "is not a language and region, such as de-DE."
    elif "-" not in value:
        yield "locale-region", "names no region. Write it with one, such as de-DE.", "warning"


def _height(value: str) -> Iterator[Complaint]:
    if not re.fullmatch("[0-9]{1,3}", value) or not 32 <= int(value) <= 450:
        yield "height", "must be a number from 32 to 450."


def _resource(value: str) -> Iterator[Complaint]:
    if not 1 <= length(value) <= MAX_RESID:
        yield "resid-length", f"must have 1 to {MAX_RESID} characters."


def _set_name(value: str) -> Iterator[Complaint]:
    if value not in ("Mailbox", "MailBox"):
        yield "set", "may only be Mailbox. Test for every other set when the add-in runs."


def _event(value: str) -> Iterator[Complaint]:
    if value not in _EVENTS:
        yield "event", f"must be one of {', '.join(sorted(_EVENTS))}."


def _choice(kind: str, value: str) -> Iterator[Complaint]:
    choices = kind.strip("{}").split("|")
    if value not in choices:
        yield "value", f"must be {' or '.join(choices)}."


_RULES: Mapping[str, Rule] = {
    "short": _text(MAX_SHORT),
    "long": _text(MAX_LONG),
    "id": _text(MAX_SHORT),
    "function": _text(MAX_LONG),
    "text": _text(MAX_URL),
    "url": _url,
    "origin": _origin,
    "uuid": _uuid,
    "version": _pattern("version", _VERSION, "must be one to four numbers of at most five digits, such as 1.0.0.7."),
    "set-version": _pattern("set-version", _SET_VERSION, "must be two numbers, such as 1.3."),
    "set-name": _set_name,
    "locale": _locale,
    "bool": _pattern("value", re.compile("true|false"), "must be true or false."),
    "height": _height,
    "event": _event,
    "pixels": _pattern("pixels", re.compile("[1-9][0-9]{0,2}"), "must be a number of pixels."),
    "resource": _resource,
    **{f"resid-{kind}": _resource for kind in ("image", "url", "short", "long")},
}
