"""What Exchange's error codes, HTTP statuses and our own way out mean for a mailbox."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

from addin_host.domain.errors import Upstream
from addin_host.domain.mailbox import Fault, MailboxTrouble

MAX_WAIT = 3600  # seconds; a server that asks for more is asked again after an hour

_WORDS: Mapping[Fault, str] = {
    Fault.UNREACHABLE: "The Exchange server has trouble of its own. Try again later.",
    Fault.BUSY: "The Exchange server is busy and asks to come back later.",
    Fault.AUTHENTICATION: "The Exchange server refuses the sign-in. Check the service account and its password.",
    Fault.MAILBOX_UNKNOWN: "The Exchange server does not know the mailbox. Check the mailbox email address.",
    Fault.DENIED: "The service account may not open the mailbox. Give it full access.",
    Fault.ITEM_GONE: "The item is not in the mailbox any more.",
    Fault.CURSOR_LOST: "The Exchange server does not know the position in the inbox any more.",
    Fault.UNUSABLE: "The Exchange server's answer cannot be used.",
}
_CODES: Mapping[str, Fault] = {
    "ErrorServerBusy": Fault.BUSY,
    "ErrorExceededConnectionCount": Fault.BUSY,
    "ErrorTooManyObjectsOpened": Fault.BUSY,
    "ErrorInternalServerTransientError": Fault.UNREACHABLE,
    "ErrorInternalServerError": Fault.UNREACHABLE,
    "ErrorMailboxStoreUnavailable": Fault.UNREACHABLE,
    "ErrorMailboxMoveInProgress": Fault.UNREACHABLE,
    "ErrorTimeoutExpired": Fault.UNREACHABLE,
    "ErrorBatchProcessingStopped": Fault.UNREACHABLE,
    "ErrorConnectionFailed": Fault.UNREACHABLE,
    "ErrorADUnavailable": Fault.UNREACHABLE,
    "ErrorADOperation": Fault.UNREACHABLE,
    "ErrorNonExistentMailbox": Fault.MAILBOX_UNKNOWN,
    "ErrorMissingEmailAddress": Fault.MAILBOX_UNKNOWN,
    "ErrorInvalidSmtpAddress": Fault.MAILBOX_UNKNOWN,
    "ErrorAccessDenied": Fault.DENIED,
    "ErrorImpersonateUserDenied": Fault.DENIED,
    "ErrorImpersonationDenied": Fault.DENIED,
    "ErrorImpersonationFailed": Fault.DENIED,
    "ErrorSendAsDenied": Fault.DENIED,
    "ErrorFolderNotFound": Fault.DENIED,  # what a mailbox shows of its folders to those without access
    "ErrorInvalidSyncStateData": Fault.CURSOR_LOST,
    "ErrorItemNotFound": Fault.ITEM_GONE,
    "ErrorInvalidId": Fault.ITEM_GONE,
    "ErrorInvalidIdMalformed": Fault.ITEM_GONE,
    "ErrorInvalidIdEmpty": Fault.ITEM_GONE,
    "ErrorInvalidItemForOperationAcceptItem": Fault.ITEM_GONE,  # a cancellation can be answered by a mail only
    "ErrorInvalidItemForOperationDeclineItem": Fault.ITEM_GONE,
    "ErrorCalendarIsCancelledForAccept": Fault.ITEM_GONE,
    "ErrorCalendarIsCancelledForDecline": Fault.ITEM_GONE,
    "ErrorCalendarMeetingRequestIsOutOfDate": Fault.ITEM_GONE,
    "ErrorCalendarOutOfRange": Fault.ITEM_GONE,
}


def of_code(code: str, *, wait_milliseconds: float | None = None) -> MailboxTrouble:
    """Return what an EWS response code means."""
    fault = _CODES.get(code, Fault.UNUSABLE)
    wait = min(ceil(wait_milliseconds / 1000), MAX_WAIT) if wait_milliseconds and fault is Fault.BUSY else None
    return MailboxTrouble(fault, f"{_WORDS[fault]} ({code})", retry_after=wait)


def of_status(status: int, retry_after: str) -> MailboxTrouble:
    """Return what an HTTP status other than 200 means."""
    wait = min(int(retry_after), MAX_WAIT) if retry_after.isascii() and retry_after.isdigit() else None
    if status in (429, 503):
        return MailboxTrouble(Fault.BUSY, _WORDS[Fault.BUSY], retry_after=wait)
    if status == 401:
        return MailboxTrouble(Fault.AUTHENTICATION, _WORDS[Fault.AUTHENTICATION])
    if status == 403:
        return MailboxTrouble(Fault.DENIED, _WORDS[Fault.DENIED])
    if status == 404:
        return MailboxTrouble(Fault.UNREACHABLE, "There is no EWS at the EWS URL. Check the address.")
    return MailboxTrouble(Fault.UNREACHABLE, f"{_WORDS[Fault.UNREACHABLE]} (HTTP {status})", retry_after=wait)


def of_upstream(error: Upstream) -> MailboxTrouble:
    """Return what a failure below HTTP means."""
    if isinstance(error, MailboxTrouble):
        return error
    fault = Fault.UNUSABLE if error.message.endswith("is too large.") else Fault.UNREACHABLE
    return MailboxTrouble(fault, error.message, retry_after=error.retry_after)
