"""What Graph's statuses and error codes, and our own way out, mean for a mailbox."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import ceil
from typing import Any

from addin_host.domain.errors import HostError, Upstream
from addin_host.domain.mailbox import Fault, MailboxTrouble
from addin_host.gateways.http import Redirected
from addin_host.gateways.http_faults import CertificateFault

MAX_WAIT = 3600  # seconds; a server that asks for more is asked again after an hour

_WORDS: Mapping[Fault, str] = {
    Fault.UNREACHABLE: "Microsoft Graph has trouble of its own. Try again later.",
    Fault.BUSY: "Microsoft Graph is busy and asks to come back later.",
    Fault.AUTHENTICATION: "Microsoft Graph refuses the sign-in. Check tenant, application and client secret.",
    Fault.MAILBOX_UNKNOWN: "Microsoft 365 does not know the mailbox. Check the mailbox email address.",
    Fault.DENIED: "The application may not open the mailbox. Assign its roles for this mailbox.",
    Fault.ITEM_GONE: "The item is not in the mailbox any more.",
    Fault.CURSOR_LOST: "Microsoft Graph does not know the position in the inbox any more.",
    Fault.UNUSABLE: "The answer of Microsoft Graph cannot be used.",
}
_CODES: Mapping[str, Fault] = {
    "errorinvaliduser": Fault.MAILBOX_UNKNOWN,
    "mailboxnotenabledforrestapi": Fault.MAILBOX_UNKNOWN,
    "mailboxnotsupportedforrestapi": Fault.MAILBOX_UNKNOWN,
    "errornonexistentmailbox": Fault.MAILBOX_UNKNOWN,
    "request_resourcenotfound": Fault.MAILBOX_UNKNOWN,
    "resourcenotfound": Fault.MAILBOX_UNKNOWN,
    "syncstatenotfound": Fault.CURSOR_LOST,
    "syncstateinvalid": Fault.CURSOR_LOST,
    "resyncrequired": Fault.CURSOR_LOST,
    "errorinvalidsyncstatedata": Fault.CURSOR_LOST,
    "erroritemnotfound": Fault.ITEM_GONE,
    "errorinvalidid": Fault.ITEM_GONE,
    "errorinvalididmalformed": Fault.ITEM_GONE,
    "errorinvalididempty": Fault.ITEM_GONE,
    "erroraccessdenied": Fault.DENIED,
    "errormailboxmoveinprogress": Fault.UNREACHABLE,
    "errormailboxstoreunavailable": Fault.UNREACHABLE,
    "applicationthrottled": Fault.BUSY,
    "errorserverbusy": Fault.BUSY,
}
_STATUSES: Mapping[int, Fault] = {
    401: Fault.AUTHENTICATION,
    403: Fault.DENIED,
    404: Fault.ITEM_GONE,
    410: Fault.CURSOR_LOST,
    429: Fault.BUSY,
    503: Fault.BUSY,
}
_CODE = re.compile(r"[A-Za-z0-9_.]{1,60}")


class Refusal(MailboxTrouble):
    """An answer other than 2xx, by its status."""

    def __init__(self, fault: Fault, message: str, status: int, *, retry_after: int | None = None) -> None:
        super().__init__(fault, message, retry_after=retry_after)
        self.status = status


def trouble(fault: Fault, *, detail: str = "", retry_after: int | None = None) -> MailboxTrouble:
    """Return a trouble in plain words."""
    return MailboxTrouble(fault, _WORDS[fault] + (f" ({detail})" if detail else ""), retry_after=retry_after)


def of_answer(status: int, headers: Mapping[str, str], body: Any) -> Refusal:
    """Return what an answer other than 2xx means. `body` is its JSON, or anything else."""
    code = _code(body)
    wait = _wait(next((value for name, value in headers.items() if name.lower() == "retry-after"), ""))
    fault = _STATUSES.get(status) if status in (401, 429, 503) else _CODES.get(code.lower(), _STATUSES.get(status))
    if status == 504 and wait is not None:
        fault = Fault.BUSY
    if fault is None:
        fault = Fault.UNREACHABLE if status >= 500 else Fault.UNUSABLE
    message = f"{_WORDS[fault]} ({code or f'HTTP {status}'})"
    return Refusal(fault, message, status, retry_after=wait if fault is Fault.BUSY else None)


def of_mailbox(refusal: Refusal) -> Refusal:
    """Return what a refusal means where no item was asked for: what is not found is the mailbox."""
    if refusal.fault is not Fault.ITEM_GONE:
        return refusal
    return Refusal(Fault.MAILBOX_UNKNOWN, _WORDS[Fault.MAILBOX_UNKNOWN], refusal.status)


def of_failure(error: HostError) -> HostError:
    """Return what a failure below HTTP means. Misconfigured stays what it is."""
    if not isinstance(error, Upstream) or isinstance(error, MailboxTrouble):
        return error
    is_answer = not error.retryable and not isinstance(error, Redirected | CertificateFault)  # it is too large
    return MailboxTrouble(Fault.UNUSABLE if is_answer else Fault.UNREACHABLE, error.message)


def _code(body: Any) -> str:
    """Return Graph's error code, where it is one: nothing else of an answer is shown."""
    error = body.get("error") if isinstance(body, Mapping) else None
    code = error.get("code") if isinstance(error, Mapping) else error
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""


def _wait(written: str) -> int | None:
    """Return the seconds of a Retry-After, which may be a date; at most an hour."""
    if written.isascii() and written.isdigit() and len(written) < 9:
        return min(int(written), MAX_WAIT)
    try:
        at = parsedate_to_datetime(written)
        seconds = ceil(((at if at.tzinfo else at.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds())
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0), MAX_WAIT)
