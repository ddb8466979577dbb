"""From what was read and what is stored to a decision about each item (design/scheduling.md section 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from addin_host.domain.binding import Choice, Holding, choose
from addin_host.domain.calendar import Meeting, MessageKind, Series
from addin_host.domain.integration import Integration
from addin_host.domain.meeting import decide
from addin_host.domain.recurrence import is_over, merged, occurrence_key
from addin_host.domain.rooms import Taken
from addin_host.domain.situation import Decision, Outcome, Situation, effective, without
from addin_host.flows.scheduling import facts as stored
from addin_host.flows.scheduling import organizers
from addin_host.flows.scheduling.context import AHEAD, BACK
from addin_host.flows.scheduling.facts import Facts
from addin_host.flows.scheduling.reading import Item
from addin_host.flows.scheduling.tables import AnyRow
from addin_host.flows.scheduling.working import Window, Work
from addin_host.store.models import MailboxRow

MOST_OCCURRENCES = 1000
_SILENT = (Outcome.CONVERGE, Outcome.CANCEL_OCCURRENCE)


def works(
    session: Session,
    integration: Integration,
    items: Sequence[Item],
    taken: Mapping[str, Taken],
    now: datetime,
) -> list[Work]:
    """Decide on some items, each about another meeting. `taken` is what the platform has, by uuid of alias."""
    known = stored.load(session, integration.id, items)
    begun_at = session.scalar(select(MailboxRow.begun_at).where(MailboxRow.integration_id == integration.id))
    return [_work(session, integration, item, known[item.uid], taken, now, begun_at) for item in items]


def _work(
    session: Session,
    integration: Integration,
    item: Item,
    facts: Facts,
    taken: Mapping[str, Taken],
    now: datetime,
    begun_at: datetime | None,
) -> Work:
    alone = stored.key_alone(item, facts)
    seen = facts.seen_alone(alone)
    read = facts.meeting() if item.claimed.origin == "refresh" and item.meeting is None else item.meeting
    meeting = effective(item.notice, read, facts.known)
    is_other = item.notice is not None and item.notice.kind is MessageKind.OTHER
    if is_other or stored.is_one_of_several(item, facts, alone):
        return Work(item, seen, Decision(0, Outcome.IGNORE, "ignored"), meeting)
    choice = _choice(item, seen, taken, now)
    situation = Situation(
        notice=item.notice,
        meeting=meeting,
        known=seen.known,
        choice=choice,
        now=now,
        after=timedelta(minutes=int(integration["meeting_buffer_after"])),
        is_outsider=meeting is not None and organizers.is_outsider(session, integration, meeting.organizer),
        is_absent=item.is_absent,
        is_from_before=begun_at is not None and item.received_at < begun_at,
        alone=alone,
    )
    work = Work(item, seen, _decision(item, situation), meeting, choice, alone, choice.alias)
    if work.decision.outcome in _SILENT and seen.known is not None:
        work.alias = seen.aliases.get(seen.known.alias)  # the body was not asked, and has a tag or none
    _plan(work, integration, now)
    return work


def _decision(item: Item, situation: Situation) -> Decision:
    decision, known = decide(situation), situation.known
    if item.claimed.origin == "refresh" and decision.row == 8 and known is not None and known.has_room:
        return replace(decision, outcome=Outcome.CONVERGE, action="updated", version=known.version)  # its words
    return decision


def _choice(item: Item, facts: Facts, taken: Mapping[str, Taken], now: datetime) -> Choice:
    current = facts.known.alias if facts.known else ""
    if current and (item.has_empty_body or item.meeting is None):
        # The text of an update was taken away, or nothing was read: the meeting is known, and so is its alias.
        return Choice(Holding.OWN, facts.aliases[current])
    received = item.notice.received_at if item.notice else now
    choice = choose(item.tags, facts.aliases, item.uid, current, min(received, now))
    if choice.alias is not None and choice.uuid in taken and taken[choice.uuid].aliases:
        return replace(choice, alias=replace(choice.alias, is_taken=True))
    return choice


def _plan(work: Work, integration: Integration, now: datetime) -> None:
    """Work out which windows the meeting has from now on, and whether all of them have closed."""
    if work.decision.outcome is Outcome.CANCEL_OCCURRENCE:
        _take_out(work)
    outcome, meeting = work.decision.outcome, work.meeting
    if outcome not in (Outcome.ACCEPT, Outcome.CONVERGE) or meeting is None:
        return
    work.windows, work.horizon_until = windows_of(work, meeting, integration, now)
    closed = work.horizon_until is None and all(window.closes_at < now for window in work.windows.values())
    # Who is not answered gets no room either that an administrator has removed, or time.
    work.is_over = outcome is Outcome.CONVERGE and (closed or work.facts.room is None)


def _take_out(work: Work) -> None:
    """Row 3, where the meeting as a whole was not read: what is stored of it, without the one occurrence."""
    whole, key = work.facts.meeting(), work.decision.occurrence
    original = work.item.notice.occurrence if work.item.notice else None
    if whole is not None and whole.series is not None and original is not None:
        whole = replace(whole, series=without(whole.series, original))
    is_last = work.alone != "" and set(work.facts.windows) <= {key}
    work.meeting = whole
    work.decision = replace(work.decision, outcome=Outcome.CANCEL if is_last else Outcome.CONVERGE)


def windows_of(
    work: Work, meeting: Meeting, integration: Integration, now: datetime
) -> tuple[Mapping[str, Window], datetime | None]:
    """Return the windows of a meeting by key, and up to when they were worked out: None when there are no more."""
    if meeting.series is not None:
        return of_series(meeting.series, integration, now)
    if not work.alone:
        return {"": window(integration, meeting.start, meeting.end)}, None
    others = {key: _of_row(row) for key, row in work.facts.windows.items() if key not in ("", work.alone)}
    if work.decision.row == 3:
        return others, None
    return others | {work.alone: window(integration, meeting.start, meeting.end, meeting.subject)}, None


def of_series(series: Series, integration: Integration, now: datetime) -> tuple[Mapping[str, Window], datetime | None]:
    """Return the windows of the occurrences within sight, and where sight ends: None when none is behind that."""
    until = now + AHEAD
    found = {
        occurrence_key(one.original): window(integration, one.start, one.end, one.subject)
        for one in merged(series, now - BACK, until, MOST_OCCURRENCES)
    }
    return found, None if is_over(series, until) else until


def window(integration: Integration, start: datetime, end: datetime, subject: str = "") -> Window:
    """Return when a room can be joined for a meeting."""
    before = timedelta(minutes=int(integration["meeting_buffer_before"]))
    after = timedelta(minutes=int(integration["meeting_buffer_after"]))
    return Window(start, end, start - before, end + after, subject)


def _of_row(row: AnyRow) -> Window:
    return Window(row.start_time, row.end_time, row.opens_at, row.closes_at, row.subject)
