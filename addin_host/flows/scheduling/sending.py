"""Sending what was claimed from one lane of the outbox: what is done before and after each call, and what went wrong.

A call that sends a reply is noted before it begins. When nobody knows how an earlier one ended, the reply is looked for
among the sent messages first. So there is one reply, and two at most.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from addin_host.domain.addressee import unwritable
from addin_host.domain.errors import HostError, Misconfigured, Upstream
from addin_host.domain.integration import Integration
from addin_host.domain.mailbox import OF_THE_MAILBOX, Fault, Mailbox, MailboxTrouble, Reply, Rewrite
from addin_host.domain.plain_line import plain_line
from addin_host.domain.rooms import AliasConflict, Platform, Room
from addin_host.flows import conference_platform
from addin_host.flows.scheduling import health, late_instructions, parcels, platform_waits, room_rows, room_writes
from addin_host.flows.scheduling.context import Scheduling
from addin_host.flows.scheduling.parcels import PLATFORM, Outcome, Parcel, put_off

_SLICE = 5.0  # seconds; then it is another lane's turn
_QUICK = 0.05
_LARGEST = 32
_TOO_OFTEN = 8  # so many calls began of which nobody knows how they ended, or they ended this process
_SKEW = timedelta(minutes=15)  # how far the clocks of a mail server and ours may be apart
_SETTLED = timedelta(seconds=30)  # so long after a call the sent messages are sure to show it
_Courier = Callable[[Parcel], Outcome]


@dataclass(frozen=True, slots=True)
class Lane:
    """Which way things go: to the mailbox of an integration, or to the platform (number PLATFORM).

    Without an integration in the lane of a mailbox nothing is sent: it is off or gone.
    """

    number: int
    integration: Integration | None = None


def send(own: Scheduling, lane: Lane, claimed: Sequence[Parcel]) -> int:
    """Send what was claimed from a lane and mark what became of it; return how many were dealt with."""
    with parcels.kept(own, claimed) as lease:
        try:
            courier = _platform_courier(own) if lane.number == PLATFORM else _mailbox_courier(own, lane.integration)
        except (MailboxTrouble, Misconfigured) as trouble:
            _mark(own, lane, [_left(parcel, trouble) for parcel in claimed])
            return 0
        return _rounds(own, lane, courier, deque(claimed), lease)


def _rounds(own: Scheduling, lane: Lane, courier: _Courier, queue: deque[Parcel], lease: parcels.Lease) -> int:
    """Send a few at a time: as few as one where a call takes long, so that little is open when the process dies."""
    ends, size, number = time.monotonic() + _SLICE, 1, 0
    outcomes: list[Outcome] = []
    while queue and lease.holds() and time.monotonic() < ends and not any(one.trouble for one in outcomes):
        chunk = [queue.popleft() for _one in range(min(size, len(queue)))]
        begun = _mark(own, lane, outcomes, chunk)
        started = time.monotonic()
        outcomes = _outcomes(courier, begun, lease)
        number += sum(one.trouble is None for one in outcomes)
        size = min(size * 2, _LARGEST) if time.monotonic() - started < _QUICK else max(1, size // 2)
    _mark(own, lane, [*outcomes, *map(_left, queue)])
    return number


def _outcomes(courier: _Courier, begun: Sequence[Parcel], lease: parcels.Lease) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for parcel in begun:
        is_stopped = not lease.holds() or any(one.trouble for one in outcomes)
        outcomes.append(_left(parcel) if is_stopped else courier(parcel))
    return outcomes


def _left(parcel: Parcel, trouble: HostError | None = None) -> Outcome:
    """Give back what was not begun."""
    return Outcome(parcel, "pending", trouble=trouble)


def _mark(own: Scheduling, lane: Lane, outcomes: Sequence[Outcome], next_ones: Sequence[Parcel] = ()) -> list[Parcel]:
    """Mark what is over and note what begins, in one transaction; return what may begin."""
    if not outcomes and not next_ones:
        return []
    with own.database.write() as session:
        now = own.now()
        parcels.mark(session, outcomes, now)
        trouble = next((one.trouble for one in outcomes if one.trouble), None)
        if trouble or any(one.action and not one.error_code for one in outcomes):
            _note_health(session, lane, trouble, now)
        return parcels.begin(session, next_ones, now)


def _note_health(session: Session, lane: Lane, trouble: HostError | None, now: datetime) -> None:
    if lane.number == PLATFORM and trouble:
        platform_waits.begin(session, trouble, now=now)
    elif lane.number == PLATFORM:
        platform_waits.over(session, now=now)
    elif lane.integration and trouble:
        health.mailbox_trouble(session, lane.integration, _of_the_mailbox(trouble), now)
    elif lane.integration:
        health.mailbox_well(session, lane.integration, now)


def _of_the_mailbox(trouble: HostError) -> MailboxTrouble:
    return trouble if isinstance(trouble, MailboxTrouble) else MailboxTrouble(Fault.AUTHENTICATION, trouble.message)


def _mailbox_courier(own: Scheduling, integration: Integration | None) -> _Courier:
    if integration is None:
        return lambda parcel: Outcome(
            parcel, "cancelled", f"{parcel.kind}_cancelled", "integration_off", "The integration is off or deleted."
        )
    mailbox = own.open_mailbox(integration)

    def courier(parcel: Parcel) -> Outcome:
        if parcel.attempts >= _TOO_OFTEN:
            return _given_up(parcel)
        try:
            if parcel.kind == "rewrite":
                return _rewrite(mailbox, parcel, own.now())
            return _reply(mailbox, parcel, str(integration["room_mailbox_email_address"] or ""), own.now())
        except (KeyError, TypeError):
            return Outcome(parcel, "pending", f"{parcel.kind}_failed", "unreadable", is_failure=True, is_hopeless=True)

    return courier


def _reply(mailbox: Mailbox, parcel: Parcel, own_address: str, now: datetime) -> Outcome:
    reply = Reply(**{one.name: parcel.payload[one.name] for one in fields(Reply)})
    if why := unwritable(reply.organizer_address, own_address):
        return Outcome(parcel, "cancelled", "reply_not_sent", "organizer_unwritable", why)
    if parcel.attempts >= 2 and parcel.attempted_at and now - parcel.attempted_at < _SETTLED:
        return Outcome(parcel, "pending", due_at=parcel.attempted_at + _SETTLED)
    try:
        if parcel.attempts and mailbox.was_sent(reply.correlation_id, parcel.created_at - _SKEW):
            return Outcome(parcel, action="reply_sent")
    except (MailboxTrouble, Misconfigured) as trouble:
        return _failed(parcel, trouble, now)
    try:
        mailbox.reply(
            replace(reply, subject=plain_line(reply.subject), organizer_name=plain_line(reply.organizer_name))
        )
    except (MailboxTrouble, Misconfigured) as trouble:
        return replace(_failed(parcel, trouble, now), is_open=_may_have_acted(trouble))
    return Outcome(parcel, action="reply_sent")


def _given_up(parcel: Parcel) -> Outcome:
    action, words = f"{parcel.kind}_failed", "Nobody knows whether it was sent: no call for it came to an end."
    return Outcome(parcel, "pending", action, "outcome_unknown", words, is_failure=True, is_hopeless=True)


def _may_have_acted(trouble: HostError) -> bool:
    return isinstance(trouble, MailboxTrouble) and trouble.fault in (Fault.UNREACHABLE, Fault.UNUSABLE)


def _failed(parcel: Parcel, trouble: MailboxTrouble | Misconfigured, now: datetime) -> Outcome:
    """Return what a failed call means: that the whole mailbox waits, or that a try of this parcel is counted."""
    fault = trouble.fault.value if isinstance(trouble, MailboxTrouble) else "misconfigured"
    if isinstance(trouble, Misconfigured) or trouble.fault in OF_THE_MAILBOX:
        due_at = put_off(parcel, now, trouble)
        return Outcome(parcel, "pending", "", fault, trouble.message, due_at, trouble=trouble)
    gone = trouble.fault is Fault.ITEM_GONE
    action = f"{parcel.kind}_failed"
    return Outcome(parcel, "pending", action, fault, trouble.message, is_failure=True, is_hopeless=gone)


def _rewrite(mailbox: Mailbox, parcel: Parcel, now: datetime) -> Outcome:
    rewrite = Rewrite(**{one.name: parcel.payload[one.name] for one in fields(Rewrite)})
    try:
        is_written = mailbox.rewrite(rewrite)
    except (MailboxTrouble, Misconfigured) as trouble:
        if isinstance(trouble, MailboxTrouble) and trouble.fault is Fault.DENIED:
            return Outcome(parcel, "done", "rewrite_denied", "denied", trouble.message)
        return replace(_failed(parcel, trouble, now), is_open=_may_have_acted(trouble))
    if is_written or parcel.attempts:  # a call before this one may have written it
        return Outcome(parcel, action="instructions_written")
    return Outcome(parcel, "done", "instructions_not_written", "appointment_gone", late_instructions.NOT_WRITTEN)


def _platform_courier(own: Scheduling) -> _Courier:
    platform = conference_platform.opened(own.database, own.box, own.outside)
    if platform is None:
        return lambda parcel: Outcome(parcel, "cancelled")  # external policy answers for the rooms by now
    return lambda parcel: _write_room(platform, parcel, own.now())


def _write_room(platform: Platform, parcel: Parcel, now: datetime) -> Outcome:
    try:
        if parcel.kind == room_rows.END:
            platform.remove(room_rows.tag_of(parcel.key))
            return Outcome(parcel, action="removed_from_platform")
        platform.ensure(Room(**{**parcel.payload, "aliases": tuple(parcel.payload["aliases"])}))
    except (HostError, KeyError, TypeError) as problem:
        return _not_written(parcel, problem, now)
    return Outcome(parcel, action="written_to_platform")


def _not_written(parcel: Parcel, problem: Exception, now: datetime) -> Outcome:
    if isinstance(problem, AliasConflict) and _is_about_the_meeting(problem, parcel):
        return Outcome(parcel, "cancelled", "refused_by_platform", room_writes.CONFLICT, problem.message)
    if isinstance(problem, Misconfigured) or (isinstance(problem, Upstream) and problem.retryable):
        due_at = put_off(parcel, now, problem)
        return Outcome(parcel, "pending", "", "platform_unreachable", problem.message, due_at, trouble=problem)
    return Outcome(parcel, "pending", "platform_failed", "platform_refused", str(problem), is_failure=True)


def _is_about_the_meeting(conflict: AliasConflict, parcel: Parcel) -> bool:
    """Whether one of the two aliases is taken that the invitation names; others were added by an administrator."""
    named = {alias.lower() for alias in parcel.payload["aliases"][:2]}
    return not named.isdisjoint(alias.lower() for alias in conflict.aliases)
