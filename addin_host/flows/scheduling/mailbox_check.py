"""The check of an equipment mailbox: connection, sign-in, mailbox and rights, and what its settings do to invitations.

What it finds is noted as the worker notes it, so that one trouble is one alarm, whoever met it first.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from addin_host.domain.checks import Verdict, fail, fine, warn
from addin_host.domain.errors import Misconfigured
from addin_host.domain.integration import Integration
from addin_host.domain.mailbox import Fault, Mailbox, MailboxTrouble
from addin_host.flows.scheduling import health
from addin_host.store.db import Database
from addin_host.store.models import AlarmRow, MailboxRow

NAME = "mailbox"
_BODY_REMOVED = "mailbox_body_removed"
# These alarms say already what the check would.
_OWN_ALARMS = (
    "exchange_unreachable",
    "exchange_auth_failed",
    "service_account_signin_required",
    "mailbox_not_found",
    "impersonation_denied",
    "mailbox_owned_elsewhere",
    _BODY_REMOVED,
)
_FINDINGS = {
    Fault.UNREACHABLE: "Exchange is not reached.",
    Fault.AUTHENTICATION: "Exchange refuses the sign-in.",
    Fault.SIGN_IN_NEEDED: "Nobody is signed in to the service account.",
    Fault.MAILBOX_UNKNOWN: "Exchange does not know the equipment mailbox.",
    Fault.DENIED: "Exchange does not let this service into the equipment mailbox.",
    Fault.UNUSABLE: "What answers does not answer like Exchange.",
}
_SETTINGS = "Run the command for the equipment mailbox that stands on the Deploy page, then have a meeting sent again."


def judge(
    integration: Integration, *, database: Database, open_mailbox: Callable[[Integration], Mailbox], now: datetime
) -> Verdict:
    """Try the mailbox of an integration and note what was found. It takes 30 seconds at most."""
    with database.read() as session:
        row = session.get(MailboxRow, integration.id)
        busy_until = row.waits_until if row and row.fault == Fault.BUSY else None
        is_passive, is_stripped = bool(row and row.is_passive), _stands(session, integration.id, (_BODY_REMOVED,))
    if busy_until is not None and busy_until > now:
        return warn(f"Exchange is busy and asked not to be called before {busy_until:%H:%M:%S} UTC.", "Check later.")
    try:
        open_mailbox(integration).probe()
    except MailboxTrouble as trouble:
        return _trouble(integration, trouble, database, now)
    except Misconfigured as error:
        return fail(error.message, "Correct the entry in the integration.")
    with database.write() as session:
        health.mailbox_well(session, integration, now)
    return _verdict(integration, is_passive=is_passive, is_stripped=is_stripped)


def _trouble(integration: Integration, trouble: MailboxTrouble, database: Database, now: datetime) -> Verdict:
    with database.write() as session:
        health.mailbox_trouble(session, integration, trouble, now)
    if trouble.fault is Fault.BUSY:
        return warn(f"Exchange is busy. {trouble.message}", "Nothing: the service goes on when Exchange allows it.")
    return fail(f"{_FINDINGS.get(trouble.fault, '')} {trouble.message}".strip(), health.advice(trouble.fault))


def _verdict(integration: Integration, *, is_passive: bool, is_stripped: bool) -> Verdict:
    address = integration["room_mailbox_email_address"]
    if is_stripped:
        return fail(
            f"{address} is reached, but its settings take the text out of invitations, and the tag with it: every "
            "meeting is declined.",
            _SETTINGS,
        )
    if is_passive:
        return warn(
            f"{address} is reached, but another installation reads it. This one does nothing with it.",
            "Switch the integration off in one of the two installations.",
        )
    protocol = "Microsoft Graph" if integration["mailbox_protocol"] == "GRAPH" else "EWS"
    return fine(f"{address} is reached over {protocol}, and the sign-in is accepted.")


def has_alarm(session: Session, integration_id: int) -> bool:
    """Whether an alarm says already what is wrong with the mailbox."""
    return _stands(session, integration_id, _OWN_ALARMS)


def _stands(session: Session, integration_id: int, identifiers: tuple[str, ...]) -> bool:
    standing = select(AlarmRow.id).where(
        AlarmRow.integration_id == integration_id,
        AlarmRow.identifier.in_(identifiers),
        AlarmRow.open_key.is_not(None),
    )
    return session.scalar(standing.limit(1)) is not None
