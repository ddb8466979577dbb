"""The scheduling service: reads mailboxes, deals with what arrived, sends what is due (design/scheduling.md 11).

Any number of processes may run it on one database. Nobody sleeps while holding anything: a mailbox that waits has that
in its row, and what is under way is leased for seconds only.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from threading import Event, Lock

from addin_host.domain.errors import HostError, Misconfigured, Refused, Upstream
from addin_host.domain.integration import Integration
from addin_host.domain.mailbox import Fault, MailboxTrouble
from addin_host.flows import leases
from addin_host.flows.scheduling import claiming, fetching, health, horizons, leasing, outbox, processing, room_sweep
from addin_host.flows.scheduling.claiming import Claimed, LostLease
from addin_host.flows.scheduling.context import Scheduling
from addin_host.flows.scheduling.holding import EVERY_SECONDS, Held, OpenMailboxes
from addin_host.flows.scheduling.pace import Pace
from addin_host.flows.scheduling.threads import Crew, Loop, guarded, in_words

_TURN = "scheduling_minute"
_TURN_LASTS = timedelta(minutes=2)
_AGAIN_AFTER = timedelta(seconds=2)
_SENT_AT_ONCE = 200
_log = logging.getLogger(__name__)


class SchedulingService:
    """The work of one process. `threads` deal with one mailbox at the same time; there are more for other mailboxes.

    The database is asked for work every `look_every` seconds, and whenever there may be more.
    """

    def __init__(self, own: Scheduling, threads: int = 4, *, look_every: float = 0.5) -> None:
        self._own, self._threads = own, threads
        self._held, self._open = Held(own), OpenMailboxes(own)
        self._pace = Pace()
        self._woken: set[int] = set()
        self._noted: dict[int, float] = {}
        self._lock = Lock()
        self._started_at: datetime | None = None
        self._fetch_loop = Loop("looking for mailboxes that are due", self._offer_visits, seconds=look_every)
        self._process_loop = Loop("looking for items that are due", self._offer_batches, seconds=look_every)
        self._send_loops = [Loop("sending", self._send, seconds=look_every * 2) for _number in range(max(threads, 2))]
        self._loops = [
            self._fetch_loop,
            self._process_loop,
            *self._send_loops,
            Loop("renewing leases", self._renew, seconds=EVERY_SECONDS),
            Loop("the work of every minute", self._each_minute, seconds=60.0),
        ]
        self._visitors = Crew("reading a mailbox", threads * 2, done=self._fetch_loop.wake)
        self._processors = Crew("processing", threads * 4, done=self._process_loop.wake)

    def start(self) -> None:
        """Begin, in threads of this process: after it was forked, never before."""
        self._started_at = self._own.now()
        for one in self._everything():
            one.start()

    def stop(self, seconds: float = 10) -> None:
        """Begin nothing more, wait a little for what is under way, and give the leases of the rest back."""
        until = time.monotonic() + max(seconds - 2, 0)
        for one in self._everything():
            one.stop()
        for one in self._everything():
            one.join(until - time.monotonic())
        guarded("giving leases back", self._held.release)
        guarded("giving the minute's work back", self._give_turn_back)

    def _everything(self) -> Sequence[Loop | Crew]:
        return (*self._loops, self._visitors, self._processors)

    def run_until(self, event: Event) -> None:
        """Work until the event is set, and stop."""
        self.start()
        event.wait()
        self.stop()

    def wake(self, integration_id: int) -> None:
        """Look into a mailbox soon: somebody has a reason to think that something arrived."""
        self._woken.add(integration_id)
        self._fetch_loop.wake()

    def drain_once(self) -> int:
        """Do once, in this thread, everything that is due; return how many items were dealt with or sent."""
        with self._own.database.read() as session:
            everybody = fetching.served(session)
        for integration_id in fetching.due(self._own, everybody):
            self._visit(integration_id)
        number = 0
        while found := self._drain_queue() + self._drain_outbox():
            number += found
        self._let_time_pass()
        return number

    def _drain_queue(self) -> int:
        return sum(self._process(integration_id) for integration_id in claiming.waiting(self._own))

    def _drain_outbox(self) -> int:
        return outbox.send_due(self._own, _SENT_AT_ONCE)

    # Looking into mailboxes

    def _offer_visits(self) -> bool:
        woken = frozenset(self._woken)
        for integration_id in fetching.due(self._own, woken):
            is_free = not self._visitors.underway(integration_id) and not self._visitors.rests(integration_id)
            if is_free and self._visitors.has_room():
                self._woken.discard(integration_id)
                self._visitors.offer(integration_id, partial(self._visit, integration_id))
        return False

    def _visit(self, integration_id: int) -> None:
        integration = self._own.catalogue.get(str(integration_id))
        lease = leasing.take(self._own, integration)
        if lease is not None:
            with self._held.mailbox(lease):
                opened = self._open.of(integration)
                if fetching.visit(self._own, integration, lease, opened, sweep_since=self._started_at):
                    self._process_loop.wake()

    # Dealing with what arrived

    def _offer_batches(self) -> bool:
        for integration_id, number in self._pace.in_turn(claiming.waiting(self._own)):
            if self._processors.rests(integration_id):
                continue
            wanted = min(self._pace.jobs(integration_id, number), self._threads)
            while self._processors.has_room() and self._processors.underway(integration_id) < wanted:
                self._processors.offer(integration_id, partial(self._process, integration_id))
        return False

    def _process(self, integration_id: int) -> int:
        """Deal with a batch of items; return how many they were."""
        try:
            integration = self._own.catalogue.get(str(integration_id))
        except Refused:
            return 0  # it was deleted a moment ago
        claimed = claiming.claim(self._own, integration_id, self._pace.size(integration_id))
        if claimed:
            with self._held.items(claimed), self._pace.measured(integration_id, len(claimed)):
                self._deal_with(integration, claimed)
            for loop in self._send_loops:
                loop.wake()
        return len(claimed)

    def _deal_with(self, integration: Integration, claimed: Sequence[Claimed]) -> None:
        try:
            with self._open.of(integration) as mailbox:
                processing.process(self._own, integration, mailbox, claimed)
        except MailboxTrouble as trouble:
            self._wait(integration, claimed, trouble)
        except Misconfigured as error:
            self._wait(integration, claimed, MailboxTrouble(Fault.AUTHENTICATION, error.message))
        except LostLease:
            _log.warning("another worker has taken %d items over", len(claimed))
        except Upstream as error:
            _log.warning("%d items are tried again: %s", len(claimed), in_words(error))
            claiming.release(self._own, claimed, self._own.now() + _AGAIN_AFTER)
        except Exception as error:  # noqa: BLE001 - a mistake of ours; it is counted, so that it ends one day
            _log.exception("%d items could not be dealt with", len(claimed))
            self._count_failures(claimed, type(error).__name__)
        else:
            self._note_success(integration)

    def _wait(self, integration: Integration, claimed: Sequence[Claimed], trouble: MailboxTrouble) -> None:
        self._pace.is_shaky(integration.id, True)
        fetching.note_trouble(self._own, integration, trouble)
        claiming.release(self._own, claimed, self._own.now())

    def _count_failures(self, claimed: Sequence[Claimed], name: str) -> None:
        for one in claimed:
            try:
                with self._own.database.write() as session:
                    claiming.fail(session, self._own, one, "unexpected_error", f"Unexpected error: {name}.")
            except HostError as error:
                _log.warning("item %d: %s", one.id, error.message)

    def _note_success(self, integration: Integration) -> None:
        now, was_shaky = time.monotonic(), self._pace.is_shaky(integration.id, False)
        if was_shaky or self._noted.get(integration.id, 0.0) < now - 1:
            self._noted[integration.id] = now
            with self._own.database.write() as session:
                health.processed(session, integration, self._own.now())

    # Sending, and what time brings

    def _send(self) -> bool:
        return outbox.send_due(self._own, _SENT_AT_ONCE) > 0

    def _renew(self) -> bool:
        self._held.renew()
        return False

    def _each_minute(self) -> bool:
        with self._own.database.write() as session:
            is_ours = leases.take(
                session, _TURN, holder=self._own.holder, lasts=_TURN_LASTS, now=self._own.database.time(session)
            )
        if is_ours:
            self._let_time_pass()
        return False

    def _give_turn_back(self) -> None:
        with self._own.database.write() as session:
            now = self._own.database.time(session)
            leases.give_back(session, _TURN, holder=self._own.holder, now=now)

    def _let_time_pass(self) -> None:
        """Do what time alone brings. What one part raises keeps none of the others from being done."""
        parts: list[tuple[str, Callable[[], object]]] = [
            ("extending series", partial(horizons.extend, self._own)),
            ("closing rooms", partial(horizons.close, self._own)),
            ("comparing the conference platform", partial(room_sweep.sweep_when_due, self._own)),
        ]
        with self._own.database.read() as session:
            everybody = fetching.served(session)
        for name, part in parts:
            guarded(name, part)
        for integration_id in everybody:
            guarded("looking after a mailbox", partial(self._look_after, integration_id))

    def _look_after(self, integration_id: int) -> None:
        health.look(self._own, self._own.catalogue.get(str(integration_id)))
