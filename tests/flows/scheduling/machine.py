"""Organizers do what they like, and mail comes as it likes: what the model says holds once all of it has arrived."""

from __future__ import annotations

import os
import sys
import tempfile
import uuid
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.fernet import Fernet
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import event, insert

from addin_host.domain.calendar import Meeting, MessageKind
from addin_host.store import migrate
from addin_host.store.db import Database
from addin_host.store.models import (
    ConferenceAliasRow,
    ConferenceRow,
    InboxRow,
    MeetingRow,
    PlatformSettingRow,
    ScheduledAliasRow,
    ScheduledConferenceRow,
)
from addin_host.store.secrets import SecretBox
from tests.conftest import Clock, empty
from tests.flows.scheduling.model import DAY, HOUR, Sent, Truth, windows
from tests.flows.scheduling.stage import Stage, a_meeting, a_stage

BOX = SecretBox([Fernet.generate_key()])
MOST_MEETINGS = 6
QUOTAS = ("single_use_per_user_hour", "single_use_per_integration_hour")


def a_fast_database() -> Database:
    """SQLite in memory where the machine has a file system there, and without waiting for a disk."""
    memory = Path("/dev/shm")
    folder = tempfile.mkdtemp(prefix="model", dir=memory if os.access(memory, os.W_OK) else None)
    database = Database(f"sqlite:///{folder}/model.db")
    event.listen(database.engine, "connect", lambda connection, _record: connection.execute("PRAGMA synchronous=OFF"))
    migrate.upgrade(database)
    return database


pick = st.integers(0, 1_000_000)
hours = st.integers(-6, 12) | st.integers(-30, 24 * 20)


class Meetings(RuleBasedStateMachine):
    database: Database
    steps = 0

    def __init__(self) -> None:
        super().__init__()
        empty(self.database)
        self.clock = Clock()
        self.stage: Stage = a_stage(self.database, BOX, self.clock)
        with self.database.write() as session:
            session.execute(insert(PlatformSettingRow), [{"name": name, "value": "1000000"} for name in QUOTAS])
        self.truths: list[Truth] = []
        self.mail: list[Sent] = []
        self.listed: list[str] = []
        self.owners: dict[str, str] = {}

    @initialize(is_bare=st.sampled_from([False, False, True]))
    def begin(self, is_bare: bool) -> None:
        self.stage.is_bare = is_bare

    # What organizers do.

    def some(self, number: int) -> Truth:
        return self.truths[number % len(self.truths)]

    def post(self, truth: Truth, kind: MessageKind = MessageKind.REQUEST, day: int | None = None) -> None:
        occurrence = truth.first + day * DAY if day is not None else None
        self.mail.append(Sent(truth.meeting(self.template), kind, occurrence))

    @property
    def template(self) -> Meeting:
        return a_meeting("")

    def at(self, hour: int) -> datetime:
        return self.clock().replace(minute=0, second=0, microsecond=0) + hour * HOUR

    @precondition(lambda self: len(self.truths) < MOST_MEETINGS)
    @rule(hour=hours, count=st.sampled_from([0, 0, 1, 3, 8]), tagged=st.integers(0, 5))
    def create(self, hour: int, count: int, tagged: int) -> None:
        tag = self.stage.mint().tag if tagged else f"nothing {uuid.uuid4()}"
        truth = Truth(uuid.uuid4().hex.upper(), tag, self.at(hour), count)
        truth.told.add((-1, 0, 0))
        self.truths.append(truth)
        self.post(truth)

    @precondition(lambda self: self.truths)
    @rule(number=pick, hour=hours)
    def move(self, number: int, hour: int) -> None:
        truth = self.some(number)
        if not truth.is_cancelled:
            truth.first, truth.moved, truth.gone = self.at(hour), {}, set()
            truth.rise(significant=True)
            self.post(truth)

    @precondition(lambda self: self.truths)
    @rule(number=pick, words=st.sampled_from(["Plans", "Budget", "Lunch\u202e"]))
    def rename(self, number: int, words: str) -> None:
        truth = self.some(number)
        if not truth.is_cancelled:
            truth.subject = words
            truth.rise(significant=False)
            self.post(truth)

    @precondition(lambda self: self.truths)
    @rule(number=pick, count=st.sampled_from([0, 2, 5]))
    def change_pattern(self, number: int, count: int) -> None:
        truth = self.some(number)
        if not truth.is_cancelled:
            truth.count, truth.moved, truth.gone = count, {}, set()
            truth.rise(significant=True)
            self.post(truth)

    @precondition(lambda self: any(truth.count for truth in self.truths))
    @rule(number=pick, day=pick, hour=hours)
    def move_occurrence(self, number: int, day: int, hour: int) -> None:
        truth = self.some(number)
        day %= max(truth.count, 1)
        if truth.count and not truth.is_cancelled and day not in truth.gone:
            truth.moved[day] = self.at(hour)
            truth.rise(significant=False, day=day)
            self.post(truth, day=day)

    @precondition(lambda self: any(truth.count for truth in self.truths))
    @rule(number=pick, day=pick)
    def cancel_occurrence(self, number: int, day: int) -> None:
        truth = self.some(number)
        day %= max(truth.count, 1)
        if truth.count and not truth.is_cancelled and day not in truth.gone and len(truth.gone) < truth.count - 1:
            truth.gone.add(day)
            truth.moved.pop(day, None)
            # A meeting that was not accepted before is answered with this version, else nobody is.
            truth.rise(significant=False, day=day)
            self.post(truth, MessageKind.CANCELLATION, day)

    @precondition(lambda self: self.truths)
    @rule(number=pick)
    def cancel(self, number: int) -> None:
        truth = self.some(number)
        if not truth.is_cancelled:
            truth.is_cancelled = True
            truth.rise(significant=True, is_answered=False)
            self.post(truth, MessageKind.CANCELLATION)

    @precondition(lambda self: any(truth.is_cancelled for truth in self.truths))
    @rule(number=pick)
    def invite_again(self, number: int) -> None:
        truth = self.some(number)
        if truth.is_cancelled:
            truth.is_cancelled = False
            truth.rise(significant=True)
            self.post(truth)

    @precondition(lambda self: 0 < len(self.truths) < MOST_MEETINGS)
    @rule(number=pick, hour=hours)
    def copy(self, number: int, hour: int) -> None:
        copied = Truth(uuid.uuid4().hex.upper(), self.some(number).tag, self.at(hour))
        copied.told.add((-1, 0, 0))
        self.truths.append(copied)
        self.post(copied)

    @precondition(lambda self: self.truths)
    @rule(number=pick)
    def forward(self, number: int) -> None:
        truth = self.some(number)
        if not truth.is_cancelled:
            self.mail.append(Sent(truth.meeting(self.template), sender="carol@example.com"))

    # What becomes of their mail.

    @precondition(lambda self: self.mail)
    @rule(number=pick)
    def deliver(self, number: int) -> None:
        sent = self.mail.pop(number % len(self.mail))
        self.listed.append(self.stage.deliver(sent.meeting, sent.kind, occurrence=sent.occurrence, sender=sent.sender))

    @precondition(lambda self: self.mail and not self.stage.is_bare)
    @rule(number=pick)
    def drop(self, number: int) -> None:
        sent = self.mail.pop(number % len(self.mail))
        self.stage.deliver(sent.meeting, sent.kind, occurrence=sent.occurrence, is_dropped=True)

    @precondition(lambda self: self.listed)
    @rule(number=pick)
    def repeat(self, number: int) -> None:
        self.stage.queue("message", self.listed[number % len(self.listed)])

    @rule(at_once=st.sampled_from([1, 3, 50]))
    def work(self, at_once: int) -> None:
        self.stage.run(at_once)

    @rule(minutes=st.sampled_from([1, 20, 90, 600, 2000]))
    def wait(self, minutes: int) -> None:
        self.clock.forward(minutes=minutes)
        self.stage.horizons()

    @rule()
    def settle(self) -> None:
        """All mail arrives, everything is swept and dealt with; then nothing is left to happen."""
        while self.mail:
            self.deliver(len(self.mail) // 2)
        self.stage.run()
        self.sweep()
        self.check()
        before = [row.payload for row in self.stage.outbox()]
        for item_id in self.listed[-20:]:
            self.stage.queue("message", item_id)
        self.sweep()
        self.check()
        assert [row.payload for row in self.stage.outbox()] == before, "nothing changed, and somebody was told"

    def teardown(self) -> None:
        if sys.exc_info()[0] is None:  # else what went wrong is known, and is not to be hidden behind something else
            self.settle()

    def sweep(self) -> None:
        """Look at every meeting of the calendar, and for every one that is known."""
        now, mailbox = self.clock(), self.stage.exchange.mailbox(self.stage.address)
        for entry in mailbox.calendar(now - 999 * DAY, now + 999 * DAY, "").entries if not self.stage.is_bare else ():
            self.stage.queue("calendar", entry.item_id, entry.uid)
        for row in self.stage.meetings():
            self.stage.queue("absence", "", row.uid)
        self.stage.run()
        self.clock.forward(days=1 / 24 / 3600)
        self.stage.horizons()
        self.stage.run()

    # What must hold.

    @invariant()
    def count(self) -> None:
        type(self).steps += 1

    @invariant()
    def one_room_each(self) -> None:
        """I2: at any moment."""
        rows = [row for row in self.stage.meetings() if row.conference_id is not None]
        assert len({row.conference_id for row in rows}) == len(rows) == len(self.stage.rooms())
        assert len({row.alias_id for row in rows}) == len(rows)
        for alias in self.stage.all(ScheduledAliasRow):
            owner = alias.ews_item_uid
            assert owner is None or self.owners.setdefault(alias.uuid, owner) == owner, "an alias changed hands"

    def check(self) -> None:
        self.one_room_each()
        failed = [(row.origin, row.error_code, row.error) for row in self.stage.all(InboxRow) if row.tries]
        assert not failed, f"an item could not be dealt with: {failed}"
        now, rows = self.clock(), {row.uid: row for row in self.stage.meetings()}
        rooms = {room.id: room for room in self.stage.rooms()}
        answered = self.answers()
        aliases = {alias.id: alias for alias in self.stage.all(ScheduledAliasRow)}
        for truth in self.truths:
            row = rows.get(truth.uid)
            assert row is not None, "I1: a meeting was lost"
            is_owner = truth.uid in self.owners.values()
            if truth.is_cancelled or truth.is_over(now) or not is_owner:
                assert row.conference_id is None, f"a room that should not be: {truth}"
                assert truth.is_cancelled or answered[truth.uid], "I1: nobody was told"
                continue
            assert row.conference_id in rooms, f"I1: no room: {row.state} {row.reason} {truth}"
            self.check_room(truth, row, rooms[row.conference_id], aliases[row.alias_id])
        assert len(rooms) == sum(row.conference_id is not None for row in rows.values())

    def check_room(self, truth: Truth, row: MeetingRow, room: ConferenceRow, alias: ScheduledAliasRow) -> None:
        now = self.clock()
        names = [found.alias for found in self.stage.all(ConferenceAliasRow) if found.conference_id == room.id]
        assert names == [alias.alias, alias.numeric_alias]
        assert alias.ews_item_uid == truth.uid
        assert alias.conference_deletion_time is None
        found: list[ScheduledConferenceRow] = self.stage.all(ScheduledConferenceRow)
        own = sorted(
            (one.start_time, one.end_time, one.opens_at, one.closes_at) for one in found if one.meeting_id == row.id
        )
        near = now + 61 * DAY
        wanted = [window for window in windows(truth, now) if window[0] < near or not truth.count]
        assert [window for window in own if window in wanted] == wanted, f"I3: {own} is not {wanted}"
        assert all(window in wanted or window[1] <= now - 12 * HOUR for window in own), f"I3: too many: {own}"
        is_open = any(
            opens - timedelta(hours=1) <= now <= closes + timedelta(hours=1) for *_times, opens, closes in own
        )
        assert is_open or room.name.startswith(truth.subject.replace("\u202e", "")), f"{room.name!r} is out of date"

    def answers(self) -> Counter[str]:
        """Return how many answers each meeting got. I4: of each kind one to each version, by occurrence."""
        rows = {row.id: row.uid for row in self.stage.meetings()}
        found: defaultdict[tuple[str, bool], int] = defaultdict(int)
        for row in self.stage.outbox():
            found[(rows[row.meeting_id] if row.meeting_id else "", row.payload["accept"])] += 1
        versions = {truth.uid: len(truth.told) for truth in self.truths}
        for (uid, accept), number in found.items():
            assert number <= versions.get(uid, 0), f"I4: {number} answers ({accept}) to {versions.get(uid)} versions"
        counted: Counter[str] = Counter()
        for (uid, _accept), number in found.items():
            counted[uid] += number
        return counted
