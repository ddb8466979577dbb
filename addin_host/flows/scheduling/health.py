"""How mailboxes are: what is wrong is an alarm, the mailbox is left alone for a while, and all of it ends by itself.

A mailbox in trouble waits as long as its server says, or longer with every failure; neither it nor its queue is touched
meanwhile, and no other mailbox is affected (design/scheduling.md 10.5, 13).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy import and_, exists, or_, select, update
from sqlalchemy.orm import Session

from addin_host.domain.alarms import Level
from addin_host.domain.integration import Integration
from addin_host.domain.mailbox import Fault, MailboxTrouble
from addin_host.domain.notices import EXCHANGE_ONLINE
from addin_host.flows import alarms
from addin_host.flows.scheduling import leasing
from addin_host.flows.scheduling.claiming import POISON, waiting_seconds
from addin_host.flows.scheduling.context import Scheduling
from addin_host.store.models import InboxRow, MailboxRow, OutboxRow
from addin_host.store.upsert import insert_missing

_log = logging.getLogger(__name__)
STALLED_AFTER = timedelta(minutes=10)
_SOME_FAILURES = 3  # one call that fails is nothing to wake anybody for


@dataclass(frozen=True, slots=True)
class _Advice:
    alarm: str
    next_step: str
    after_failures: int = 1


_ADVICE: Mapping[Fault, _Advice] = {
    Fault.UNREACHABLE: _Advice(
        "exchange_unreachable",
        "Look whether the server runs, and whether its address, the firewall and the proxy are right.",
        _SOME_FAILURES,
    ),
    Fault.UNUSABLE: _Advice(
        "exchange_unreachable",
        "Look whether the address leads to Exchange, and not to a page of a proxy or a portal.",
        _SOME_FAILURES,
    ),
    Fault.AUTHENTICATION: _Advice(
        "exchange_auth_failed", "Enter user name and password, or the application's secret, once more."
    ),
    Fault.SIGN_IN_NEEDED: _Advice(
        "service_account_signin_required", "Sign in to the service account on the page of the integration."
    ),
    Fault.MAILBOX_UNKNOWN: _Advice(
        "mailbox_not_found", "Look whether the equipment mailbox exists under this address and is enabled."
    ),
    Fault.DENIED: _Advice(
        "impersonation_denied", "Give the account or application its rights at the equipment mailbox."
    ),
}
_ALARMS = sorted({one.alarm for one in _ADVICE.values()})


def advice(fault: Fault) -> str:
    """Return what to do about it, in a sentence; blank where waiting is all."""
    found = _ADVICE.get(fault)
    return found.next_step if found else ""


def mailbox_trouble(session: Session, integration: Integration, trouble: MailboxTrouble, now: datetime) -> None:
    """Note what is wrong with a mailbox: it is not called before the wait is over. Several at once count as one."""
    new = {"integration_id": integration.id, "identity": leasing.identity_of(integration), "due_at": now}
    insert_missing(session, MailboxRow, new | {"sweep_asked": True})
    row = session.get_one(MailboxRow, integration.id, with_for_update=True, populate_existing=True)
    if row.waits_until is None or row.waits_until <= now:
        row.failures += 1
        row.waits_until = now
    until = now + timedelta(seconds=waiting_seconds(row.failures, trouble.retry_after))
    row.waits_until = max(row.waits_until, until)
    if row.fault != trouble.fault.value:
        _log.warning("the mailbox of integration %d: %s", integration.id, trouble.message)
    row.fault, row.fault_message = trouble.fault.value, trouble.message[:1000]
    found = _ADVICE.get(trouble.fault)
    if found and row.failures >= found.after_failures:
        _end_alarms(session, integration.id, now, but=found.alarm)
        _raise(session, found.alarm, integration, trouble.message, found.next_step, now)


def mailbox_well(session: Session, integration: Integration, now: datetime) -> None:
    """Note that a call succeeded, which ends what was wrong. A wait for a server that is busy or away is kept."""
    is_over = or_(MailboxRow.waits_until.is_(None), MailboxRow.waits_until <= now)
    ended = and_(MailboxRow.failures > 0, or_(is_over, MailboxRow.fault.not_in((Fault.BUSY, Fault.UNREACHABLE))))
    well = (
        update(MailboxRow)
        .where(MailboxRow.integration_id == integration.id, ended)
        .values(failures=0, waits_until=None, fault="", fault_message="")
        .returning(MailboxRow.integration_id)
    )
    if session.execute(well, execution_options={"synchronize_session": False}).first() is not None:
        _log.info("the mailbox of integration %d is well again", integration.id)
        _end_alarms(session, integration.id, now)


def _end_alarms(session: Session, integration_id: int, now: datetime, *, but: str = "") -> None:
    for identifier in _ALARMS:
        if identifier != but:
            alarms.clear(session, identifier, integration_id=integration_id, now=now)


def processed(session: Session, integration: Integration, now: datetime) -> None:
    """Note that items were dealt with."""
    here = MailboxRow.integration_id == integration.id
    session.execute(update(MailboxRow).where(here).values(processed_at=now))
    mailbox_well(session, integration, now)


def body_removed(session: Session, integration: Integration, now: datetime) -> None:
    """Raise the alarm that invitations arrive without their text: every one of them would have to be declined."""
    step = f"Set-CalendarProcessing {integration['room_mailbox_email_address']} -DeleteComments $false"
    words = "An invitation that the add-in must have written in has no text. The mailbox's settings take it away."
    _raise(session, "mailbox_body_removed", integration, words, f"Run in Exchange's PowerShell: {step}", now)


def body_seen(session: Session, integration: Integration, now: datetime) -> None:
    """Invitations have text again."""
    alarms.clear(session, "mailbox_body_removed", integration_id=integration.id, now=now)


def platform_trouble(session: Session, message: str, now: datetime) -> None:
    """Raise the alarm that the conference platform does not do what it is asked."""
    step = "Look whether the platform runs, and whether address, user name and password in the settings are right."
    _raise(session, "platform_unreachable", None, message, step, now)


def platform_well(session: Session, now: datetime) -> None:
    """The conference platform answers."""
    alarms.clear(session, "platform_unreachable", integration_id=None, now=now)


def template_failed(session: Session, integration: Integration, field: str, message: str, now: datetime) -> None:
    """Raise the alarm that a template failed when a mail was written; the default text went out instead."""
    step = "Open the integration, mend the template, and save. The alarm ends when it works again."
    words = f"{field}: {message}"
    _raise(session, "template_failed", integration, words, step, now, instance=field, level=Level.WARNING)


def template_works(session: Session, integration: Integration, field: str, now: datetime) -> None:
    """A template that may have failed works."""
    alarms.clear(session, "template_failed", integration_id=integration.id, instance=field, now=now)


def look(own: Scheduling, integration: Integration) -> None:
    """Raise and end what time alone brings: a queue that stands still, poison that is gone, the end of EWS."""
    with own.database.write() as session:
        now = own.now()
        _look_for_standstill(session, integration, now)
        _look_for_poison(session, integration, now)
        _look_for_retirement(session, integration, now)


def _look_for_standstill(session: Session, integration: Integration, now: datetime) -> None:
    since = now - STALLED_AFTER
    old = exists().where(
        InboxRow.integration_id == integration.id,
        InboxRow.state == "pending",
        InboxRow.due_at <= now,
        InboxRow.created_at <= since,
    )
    quiet = and_(
        MailboxRow.is_passive.is_(False), or_(MailboxRow.processed_at.is_(None), MailboxRow.processed_at <= since)
    )
    query = select(MailboxRow.fault_message).where(MailboxRow.integration_id == integration.id, quiet, old)
    message = session.scalar(query)
    if message is None:
        alarms.clear(session, "mailbox_stalled", integration_id=integration.id, now=now)
        return
    words = f"Items have been waiting for more than ten minutes, and none was dealt with. {message}".rstrip()
    step = "Look whether the worker runs, and at the other alarms of this integration."
    _raise(session, "mailbox_stalled", integration, words, step, now)


def _look_for_poison(session: Session, integration: Integration, now: datetime) -> None:
    dead = [exists().where(row.integration_id == integration.id, row.state == "dead") for row in (InboxRow, OutboxRow)]
    if not session.scalar(select(or_(*dead))):
        alarms.clear(session, POISON, integration_id=integration.id, now=now)


def _look_for_retirement(session: Session, integration: Integration, now: datetime) -> None:
    is_online = (urlsplit(str(integration["url"] or "")).hostname or "").lower() in _ONLINE
    if not (is_online and integration["mailbox_protocol"] == "EWS"):
        alarms.clear(session, "ews_retirement", integration_id=integration.id, now=now)
        return
    words = "This mailbox is in Exchange Online and read over EWS, which Microsoft ends on 1 April 2027."
    step = "Set the mailbox protocol to Microsoft Graph and give the application its permissions."
    _raise(session, "ews_retirement", integration, words, step, now, level=Level.WARNING)


_ONLINE = frozenset({EXCHANGE_ONLINE, "outlook.office.com"})


def _raise(
    session: Session,
    identifier: str,
    integration: Integration | None,
    details: str,
    next_step: str,
    now: datetime,
    *,
    instance: str = "",
    level: Level = Level.ERROR,
) -> None:
    alarms.raise_(
        session,
        identifier,
        integration_id=integration.id if integration else None,
        level=level,
        details=details,
        next_step=next_step,
        instance=instance,
        now=now,
    )
