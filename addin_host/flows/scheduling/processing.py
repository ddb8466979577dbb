"""From what arrived in an equipment mailbox to rooms and replies: read, decide, apply (design/scheduling.md 5, 11)."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from addin_host.domain.calendar import MessageKind
from addin_host.domain.errors import HostError, Reason, Refused, Upstream
from addin_host.domain.integration import Integration
from addin_host.domain.mailbox import Mailbox
from addin_host.domain.rooms import Taken
from addin_host.flows.scheduling import (
    applying,
    claiming,
    deciding,
    facts,
    health,
    history,
    organizers,
    reading,
    replies,
)
from addin_host.flows.scheduling.claiming import Claimed, LostLease
from addin_host.flows.scheduling.context import Scheduling
from addin_host.flows.scheduling.history import Step
from addin_host.flows.scheduling.platform_names import taken_elsewhere
from addin_host.flows.scheduling.reading import Item
from addin_host.flows.scheduling.texts import Texts
from addin_host.store.models import ScheduledAliasRow

ATTEMPTS = 3
_SOON, _FOLLOWS = timedelta(seconds=10), timedelta(minutes=2)
_log = logging.getLogger(__name__)


def process(own: Scheduling, integration: Integration, mailbox: Mailbox, claimed: Sequence[Claimed]) -> None:
    """Deal with claimed items of one integration.

    What is wrong with the mailbox as a whole is raised as MailboxTrouble, and its items wait. An item whose lease was
    lost is left to whoever has it now. Raises Upstream when the database does not answer.
    """
    items = reading.read(own, integration, mailbox, claimed)
    for item in items:
        if item.trouble is not None:
            _fail(own, integration, item, item.trouble.fault.value, item.trouble.message)
    late = [item.claimed for item in items if _lags(item, own.now())]
    if late:
        claiming.release(own, late, own.now() + _SOON)
    for wave in _waves([item for item in items if item.trouble is None and item.claimed not in late]):
        taken = taken_elsewhere(own, wave)
        _settle(own, integration, wave, taken)


def _lags(item: Item, now: datetime) -> bool:
    """Whether the calendar does not have yet what a message that just came says: it follows within seconds.

    For a cancellation of the organizer's own nobody has to wait; the calendar tells whether a delegate's is one.
    """
    notice, meeting = item.notice, item.meeting
    if notice is None or meeting is None or notice.occurrence is not None or not meeting.in_calendar:
        return False
    if now - notice.received_at >= _FOLLOWS:
        return False
    if notice.kind is MessageKind.CANCELLATION:
        return not meeting.is_cancelled and not notice.is_sent_by(meeting.organizer)
    return notice.kind is MessageKind.REQUEST and meeting.sequence < notice.sequence


def _waves(items: Sequence[Item]) -> Iterator[list[Item]]:
    """Yield items in groups in which no two are about one meeting or one alias, in their order."""
    left = list(items)
    while left:
        wave, later, seen = [], [], set[str]()
        for item in left:
            about = {item.uid, *(str(tag.uuid) for tag in item.tags)}
            if about & seen:
                later.append(item)
            else:
                wave.append(item)
            seen |= about
        yield wave
        left = later


def _settle(own: Scheduling, integration: Integration, wave: Sequence[Item], taken: Mapping[str, Taken]) -> None:
    """Decide and apply; what fails together is tried again one by one, so that nobody suffers for another one."""
    try:
        _attempt(own, integration, wave, taken)
    except LostLease:
        if len(wave) > 1:
            _one_by_one(own, integration, wave, taken)
    except Exception as problem:  # noqa: BLE001 - whatever it is: it must not stop the queue
        if len(wave) > 1:
            _one_by_one(own, integration, wave, taken)
        else:
            _log.warning("operation %s failed", wave[0].claimed.correlation_id, exc_info=True)
            code, message = _in_words(problem)
            _fail(own, integration, wave[0], code, message)


def _one_by_one(own: Scheduling, integration: Integration, wave: Sequence[Item], taken: Mapping[str, Taken]) -> None:
    for item in wave:
        _settle(own, integration, [item], taken)


def _in_words(problem: Exception) -> tuple[str, str]:
    if isinstance(problem, HostError):
        return type(problem).__name__.lower(), problem.message
    return "error", type(problem).__name__


def _attempt(own: Scheduling, integration: Integration, wave: Sequence[Item], taken: Mapping[str, Taken]) -> None:
    """Do it in one transaction, again where somebody else did the same at this moment."""
    for left in reversed(range(ATTEMPTS)):
        try:
            with own.database.write() as session:
                _transact(session, own, integration, wave, taken)
        except (Refused, Upstream) as problem:
            clashed = isinstance(problem, Upstream) or problem.reason is Reason.CONFLICT
            if not left or not clashed or problem.__class__ not in (Refused, Upstream):
                raise
        else:
            return


def _transact(
    session: Session, own: Scheduling, integration: Integration, wave: Sequence[Item], taken: Mapping[str, Taken]
) -> None:
    now = own.now()
    about = [name for item in wave for name in (item.uid, *(str(tag.uuid) for tag in item.tags))]
    facts.lock(session, integration.id, about)
    works = deciding.works(session, integration, [item for item in wave if item.uid], taken, now)
    applying.converge(session, own, integration, works, now=now)
    _watch_bodies(session, integration, wave, own)
    claiming.finish(session, [item.claimed for item in wave], now=now)


def _watch_bodies(session: Session, integration: Integration, wave: Sequence[Item], own: Scheduling) -> None:
    """Raise the alarm about invitations whose text was taken away, and end it when there is one with a tag again.

    An invitation without any text may have been made by hand. It came the way of the add-in where somebody was given an
    alias not long ago that no meeting has claimed. What is older says nothing about how the mailbox is set up now.
    """
    seen: set[int] = own.catalogue.made(integration, "bodies that were seen", set)
    lately = own.now() - timedelta(days=1)
    if any(item.has_empty_body and item.received_at > lately for item in wave):
        waiting = exists().where(
            ScheduledAliasRow.integration_id == integration.id,
            ScheduledAliasRow.is_used.is_(False),
            ScheduledAliasRow.created_at > lately,
        )
        if session.scalar(select(waiting)):
            seen.discard(integration.id)
            health.body_removed(session, integration, own.now())
    elif integration.id not in seen and any(item.tags for item in wave):
        health.body_seen(session, integration, own.now())
        seen.add(integration.id)


def _fail(own: Scheduling, integration: Integration, item: Item, code: str, message: str) -> None:
    """Count a failed try; after the last one its organizer is told, with the correlation id (row 17)."""
    now, texts = own.now(), Texts(own.catalogue, integration)
    try:
        with own.database.write() as session:
            is_dead = claiming.fail(session, own, item.claimed, code, message)
            if not is_dead:
                return
            organizer = item.meeting.organizer if item.meeting else None
            is_told = organizer is not None and not organizers.is_outsider(session, integration, organizer)
            reply = replies.general_error(item, integration, texts, now=now) if is_told else None
            replies.store(session, [reply] if reply else [])
            step = Step(
                correlation_id=item.claimed.correlation_id,
                step="decided",
                action="reject_general_error",
                success=False,
                integration_id=integration.id,
                meeting_uid=item.uid,
                error_code=code[:50],
                error_description=message,
            )
            history.notes(session, [step], now=now)
    except LostLease:
        _log.info("operation %s was taken over by another worker", item.claimed.correlation_id)
