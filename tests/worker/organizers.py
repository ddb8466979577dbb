"""People who call meetings, change them and call them off, and what must have become of it in the end."""

from __future__ import annotations

import random
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

from sqlalchemy import func, insert, select

from addin_host.domain.alias import draw_alias
from addin_host.domain.calendar import (
    Frequency,
    Meeting,
    MessageKind,
    Occurrence,
    Organizer,
    Recurrence,
    Series,
    Zone,
)
from addin_host.domain.integration import Integration
from addin_host.domain.recurrence import occurrences
from addin_host.domain.tag import Kind, Tag, print_tag
from addin_host.flows.scheduling import fetching
from addin_host.flows.scheduling.context import Scheduling
from addin_host.flows.single_use import pattern_of
from addin_host.store.models import (
    ConferenceAliasRow,
    ConferenceRow,
    InboxRow,
    MailboxRow,
    MeetingRow,
    OutboxRow,
    ScheduledAliasRow,
    ScheduledConferenceRow,
)

_ANN = Organizer("ann@example.com", "Ann")
_ZONE = Zone("UTC")


def tags(own: Scheduling, integration: Integration, number: int) -> list[str]:
    """Hand out so many aliases at once, and return their tags."""
    pattern, now = replace(pattern_of(integration), digits=9), own.now()
    signing, keys = own.tag_keys.signing(), own.tag_keys.all()
    rows, found, drawn_before = [], [], set()
    while len(found) < number:
        drawn, own_uuid = draw_alias(pattern), uuid.uuid4()
        if drawn.number in drawn_before:
            continue
        drawn_before.add(drawn.number)
        rows.append(
            {
                "uuid": str(own_uuid),
                "integration_id": integration.id,
                "alias": drawn.alias,
                "numeric_alias": drawn.numeric,
                "alias_number": drawn.number,
                "caller": f"person:{len(found)}",
                "created_at": now,
                "expires_at": now + timedelta(days=30),
            }
        )
        found.append(print_tag(Tag(Kind.ALIAS, signing, integration.id, own_uuid), keys))
    with own.database.write() as session:
        session.execute(insert(ScheduledAliasRow), rows)
    return found


def a_meeting(tag: str, start: datetime, *, series: Series | None = None) -> Meeting:
    """A new meeting with a tag in its text, one hour long."""
    return Meeting(
        uid=uuid.uuid4().hex.upper(),
        item_id="",
        sequence=0,
        critical_change=start - timedelta(days=100),
        organizer=_ANN,
        subject=f"Meeting {random.randrange(5000)}",
        body=f"<html><body><p>Join us.</p><p>{tag}</p></body></html>",
        body_is_html=True,
        start=start,
        end=start + timedelta(hours=1),
        zone=_ZONE,
        series=series,
    )


def a_series(start: datetime, frequency: Frequency, count: int) -> Series:
    """So many occurrences of one hour."""
    days = (start.weekday(),) if frequency is Frequency.WEEKLY else ()
    pattern = Recurrence(frequency, 1, start.date(), days_of_week=days, count=count)
    return Series(pattern, _ZONE, time(start.hour, start.minute), 60)


@dataclass
class Verdict:
    """How what is there differs from what must be there."""

    meetings: int
    lost: list[str] = field(default_factory=list)
    double: list[str] = field(default_factory=list)


class Organizers:
    """They act at one mailbox; `truth` is what is agreed, by uid: None once it was called off."""

    def __init__(self, own: Scheduling, integration: Integration, exchange: Any, draw: random.Random) -> None:
        self.own, self.integration, self.exchange, self._draw = own, integration, exchange, draw
        self.truth: dict[str, Meeting | None] = {}
        self._uid_of_message: dict[str, str] = {}
        self._tags: list[str] = []
        self.mailbox = exchange.mailbox(str(integration["room_mailbox_email_address"]))

    def act(self, number: int) -> None:
        """Do some things, and let the mailbox be looked into."""
        for _time in range(number):
            live = [meeting for meeting in self.truth.values() if meeting is not None]
            choice = self._draw.random()
            if len(live) < 5 or choice < 0.4:
                self.create()
            elif choice < 0.75:
                self.move(self._draw.choice(live))
            elif choice < 0.9:
                self.cancel(self._draw.choice(live))
            else:
                self.move_occurrence(self._draw.choice(live))
        self.ask()

    def ask(self) -> None:
        with self.own.database.write() as session:
            fetching.ask(session, self.integration.id)

    def create(self) -> Meeting:
        if not self._tags:
            self._tags = tags(self.own, self.integration, 50)
        tomorrow = (datetime.now(UTC) + timedelta(days=1)).replace(minute=0, second=0, microsecond=0)
        start = tomorrow + timedelta(hours=self._draw.randrange(240))
        series = None
        if self._draw.random() < 0.3:
            series = a_series(start, self._draw.choice((Frequency.DAILY, Frequency.WEEKLY)), 4)
        return self._send(a_meeting(self._tags.pop(), start, series=series))

    def move(self, meeting: Meeting) -> Meeting:
        start = meeting.start + timedelta(minutes=self._draw.choice((30, 60, 90)))
        series = meeting.series
        if series is not None:
            series = replace(
                a_series(start, series.recurrence.frequency, 4), recurrence=replace(series.recurrence, **_from(start))
            )
        return self._send(self._newer(meeting, start=start, end=start + timedelta(hours=1), series=series))

    def move_occurrence(self, meeting: Meeting) -> Meeting:
        """A single meeting is moved as a whole."""
        if meeting.series is None or meeting.series.exceptions:
            return self.move(meeting)
        original = self.expected(meeting)[1].original
        moved = Occurrence(original, original + timedelta(hours=2), original + timedelta(hours=3))
        changed = self._newer(meeting, series=replace(meeting.series, exceptions=(moved,)))
        return self._send(changed, occurrence=original)

    def cancel(self, meeting: Meeting) -> None:
        gone = self._newer(meeting, is_cancelled=True)
        self._deliver(gone, MessageKind.CANCELLATION)
        self.truth[meeting.uid] = None

    def _newer(self, meeting: Meeting, **changes: Any) -> Meeting:
        later = (meeting.critical_change or datetime.now(UTC)) + timedelta(seconds=1)
        return replace(meeting, sequence=meeting.sequence + 1, critical_change=later, **changes)

    def _send(self, meeting: Meeting, occurrence: datetime | None = None) -> Meeting:
        self._deliver(meeting, MessageKind.REQUEST, occurrence=occurrence)
        self.truth[meeting.uid] = meeting
        return meeting

    def _deliver(self, meeting: Meeting, kind: MessageKind, **more: Any) -> None:
        self._uid_of_message[self.mailbox.deliver(meeting, kind, **more)] = meeting.uid

    def expected(self, meeting: Meeting) -> Sequence[Occurrence]:
        """Return when a meeting takes place."""
        if meeting.series is None:
            return [Occurrence(meeting.start, meeting.start, meeting.end)]
        return occurrences(meeting.series, meeting.start - timedelta(days=1), meeting.start + timedelta(days=60))

    # What became of it

    def pending(self) -> int:
        """Return how much is still to be done: 0 once everything was listed, looked at and sent."""
        with self.own.database.read() as session:
            now = self.own.now()
            inbox = select(func.count()).where(InboxRow.state == "pending", InboxRow.due_at <= now)
            outbox = select(func.count()).where(OutboxRow.state == "pending", OutboxRow.due_at <= now)
            unread = select(func.count()).where(MailboxRow.due_at <= now)
            return sum(session.scalar(one) or 0 for one in (inbox, outbox, unread))

    def finished(self) -> int:
        """Return how many items are finished."""
        with self.own.database.read() as session:
            return session.scalar(select(func.count()).where(InboxRow.state != "pending")) or 0

    def verdict(self) -> Verdict:
        """Compare what is there with what must be there."""
        found = Verdict(len(self.truth))
        with self.own.database.read() as session:
            rows = {row.uid: row for row in session.scalars(select(MeetingRow))}
            windows: dict[int, set[tuple[datetime, datetime]]] = {}
            for row in session.scalars(select(ScheduledConferenceRow)):
                windows.setdefault(row.meeting_id, set()).add((row.opens_at, row.closes_at))
            rooms = set(session.scalars(select(ConferenceRow.id).where(ConferenceRow.is_scheduled)))
            aliases = Counter(session.scalars(select(func.lower(ConferenceAliasRow.alias))))
            dead = session.scalars(select(InboxRow.item_id).where(InboxRow.state == "dead")).all()
            unsent = session.scalars(select(OutboxRow.key).where(OutboxRow.state == "dead")).all()
        found.lost += [f"dead: {one}" for one in (*dead, *unsent)]
        replies = self.mailbox.sent()
        answered = {self._uid_of(reply) for reply in replies if reply.accept}
        for uid, meeting in self.truth.items():
            found.lost += self._missing(uid, meeting, rows.get(uid), windows, rooms, answered)
        owners = Counter(row.conference_id for row in rows.values() if row.conference_id is not None)
        found.double += [f"room {room} belongs to {owners[room]} meetings" for room in rooms if owners[room] != 1]
        found.double += [f"alias {alias} {number} times" for alias, number in aliases.items() if number > 1]
        sent = Counter(reply.correlation_id for reply in replies)
        found.double += [f"reply {one} {number} times" for one, number in sent.items() if number > 2]
        return found

    def _uid_of(self, reply: Any) -> str:
        return self._uid_of_message.get(reply.item_id) or str(reply.meeting_item_id).removeprefix("calendar:")

    def _missing(
        self, uid: str, meeting: Meeting | None, row: Any, windows: Any, rooms: set[int], answered: set[str]
    ) -> list[str]:
        if meeting is None:
            has_room = row is not None and row.conference_id in rooms
            return [f"{uid} was called off, but has a room"] if has_room else []
        if row is None or row.conference_id not in rooms:
            return [f"{uid} has no room ({row.state if row else 'unknown'})"]
        before = timedelta(minutes=int(self.integration["meeting_buffer_before"]))
        after = timedelta(minutes=int(self.integration["meeting_buffer_after"]))
        wanted = {(one.start - before, one.end + after) for one in self.expected(meeting)}
        there = windows.get(row.id, set())
        problems = [f"{uid} opens {sorted(there)} instead of {sorted(wanted)}"] if there != wanted else []
        return problems + ([] if uid in answered else [f"{uid} was not answered"])


def _from(start: datetime) -> dict[str, Any]:
    return {"first_day": start.date(), "days_of_week": (start.weekday(),)}
