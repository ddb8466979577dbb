"""Telling people about alarms by e-mail and webhook: after the fact, outside of transactions, at least once.

An alarm is told of when it was raised and again when it ended; one that came and went in between is not told of. Each
way is tried on its own, and less often while it fails.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from addin_host.domain.alarm_messages import (
    ENDED,
    RAISED,
    AlarmEvent,
    body_of,
    subject_of,
    test_body,
    test_letter,
    text_of,
)
from addin_host.domain.alarms import MESSAGES, Level
from addin_host.domain.errors import HostError, Misconfigured
from addin_host.domain.ports import Hook, Letter, Mail, MailServer, Outside, Webhook
from addin_host.flows import alarms, platform
from addin_host.store.db import Database
from addin_host.store.models import AlarmRow, MarkRow
from addin_host.store.secrets import SecretBox

MARK = "alarm_messages"
MOST_AT_ONCE = 50
_LONGEST_PAUSE = timedelta(hours=1)
_FAILURES_WORTH_AN_ALARM = 3
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MailWay:
    """By e-mail: all events of the moment in one letter."""

    server: MailServer
    sender: str
    to: tuple[str, ...]
    admin_address: str
    mail: Mail
    name: str = "email"

    def send(self, events: Sequence[AlarmEvent], sent: Callable[[AlarmEvent], None]) -> None:
        """Send the events, and call `sent` for each that is. Raises Upstream or Misconfigured."""
        self._hand_in(subject_of(events), text_of(events, self.admin_address))
        for event in events:
            sent(event)

    def test(self) -> str:
        """Send a test message and say where it went. Raises Upstream or Misconfigured."""
        self._hand_in(*test_letter())
        number = len(self.to)
        return f"{self.server.host} took a test message for {number} {'address' if number == 1 else 'addresses'}."

    def _hand_in(self, subject: str, text: str) -> None:
        self.mail.send(self.server, Letter(self.sender, self.to, subject, text))


@dataclass(frozen=True, slots=True)
class HookWay:
    """By webhook: each event on its own."""

    hook: Hook
    admin_address: str
    webhook: Webhook
    name: str = "webhook"

    def send(self, events: Sequence[AlarmEvent], sent: Callable[[AlarmEvent], None]) -> None:
        """Post the events, and call `sent` for each that is. Raises Upstream or Misconfigured."""
        for event in events:
            self.webhook.post(self.hook, body_of(event, self.admin_address))
            sent(event)

    def test(self) -> str:
        """Post a test message and say where it went. Raises Upstream or Misconfigured."""
        self.webhook.post(self.hook, test_body())
        return f"The webhook at {urlsplit(self.hook.url).hostname} took a test message."


Way = MailWay | HookWay


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one way has come: failures in a row, when it is tried again, what it has sent and others have not."""

    failures: int = 0
    not_before: str = ""
    sent: frozenset[str] = field(default_factory=frozenset)

    def is_due(self, now: datetime) -> bool:
        """Whether it may be tried."""
        return not self.not_before or datetime.fromisoformat(self.not_before) <= now

    def failed(self, now: datetime) -> Progress:
        """Return the progress after one more failure: twice the pause, up to an hour."""
        pause = min(timedelta(minutes=2 ** min(self.failures, 10)), _LONGEST_PAUSE)
        return replace(self, failures=self.failures + 1, not_before=(now + pause).isoformat())


def send_test(database: Database, *, box: SecretBox, outside: Outside) -> str:
    """Send a test message every way that is set up and return what happened, in words for an administrator.

    Raises Upstream or Misconfigured: when a way fails, and when none is set up.
    """
    with database.read() as session:
        ways = ways_of(session, box=box, outside=outside)
    if not ways:
        raise Misconfigured("No way is set up. Enter an e-mail address or a webhook for alarms, and save.")
    return " ".join(way.test() for way in ways)


def send_pending(database: Database, *, box: SecretBox, outside: Outside, now: datetime) -> int:
    """Tell of what nobody was told of yet, and return how many messages' worth of events went out everywhere.

    `now` is also when the events are read: what changes while they are being sent is told of next time.
    """
    with database.read() as session:
        ways = ways_of(session, box=box, outside=outside)
        events = _pending(session) if ways else []
        progress = _progress(session)
    after = {way.name: _sent_by(way, progress.get(way.name, Progress()), events, now) for way in ways}
    told = [event for event in events if all(event.key in one.sent for one in after.values())]
    with database.write() as session:
        _record(session, told, now)
        _keep(session, after, {event.key for event in events} - {event.key for event in told})
        _own_alarm(session, after, now)
    return len(told)


def ways_of(session: Session, *, box: SecretBox, outside: Outside) -> list[Way]:
    """Return the ways that the settings name. Raises Misconfigured when a secret of them cannot be opened."""
    settings = platform.read(session)
    address, ways = str(settings["admin_address"]).rstrip("/"), list[Way]()
    if to := settings.lines("alarm_email_to"):
        username = str(settings["smtp_username"])
        password = platform.secret(session, "smtp_password", box=box) if username else ""
        server = MailServer(
            str(settings["smtp_host"]), int(settings["smtp_port"]), str(settings["smtp_security"]), username, password
        )
        ways.append(MailWay(server, str(settings["smtp_from"]), to, address, outside.mail))
    if url := str(settings["alarm_webhook_url"]):
        key = platform.secret(session, "alarm_webhook_secret", box=box)
        hook = Hook(url, bool(settings["alarm_webhook_internal"]), key, str(settings["web_proxy"]))
        ways.append(HookWay(hook, address, outside.webhook))
    return ways


def _pending(session: Session) -> list[AlarmEvent]:
    raised = and_(AlarmRow.open_key.is_not(None), AlarmRow.notified_at.is_(None))
    ended = and_(AlarmRow.cleared_at.is_not(None), AlarmRow.notified_at < AlarmRow.cleared_at)
    ids = session.scalars(select(AlarmRow.id).where(or_(raised, ended)).order_by(AlarmRow.id).limit(MOST_AT_ONCE))
    found = alarms.by_ids(session, ids.all())
    return [AlarmEvent(RAISED if alarm.cleared_at is None else ENDED, alarm) for alarm in found]


def _sent_by(way: Way, progress: Progress, events: Sequence[AlarmEvent], now: datetime) -> Progress:
    """Send what this way has not sent, and return how far it came."""
    due = [event for event in events if event.key not in progress.sent]
    if not due or not progress.is_due(now):
        return progress
    sent = set(progress.sent)
    try:
        way.send(due, lambda event: sent.add(event.key))
    except HostError as error:
        _log.warning("alarm messages were not sent by %s: %s", way.name, error.message)
        return replace(progress.failed(now), sent=frozenset(sent))
    return Progress(sent=frozenset(sent))


def _record(session: Session, told: Sequence[AlarmEvent], now: datetime) -> None:
    for event in told:
        row = session.get(AlarmRow, event.alarm.id)
        if row is not None:
            row.notified_at = max(now, event.alarm.cleared_at or now)


def _progress(session: Session) -> dict[str, Progress]:
    row = session.get(MarkRow, MARK)
    stored: dict[str, Any] = json.loads(row.value) if row else {}
    return {
        name: Progress(int(one["failures"]), str(one["not_before"]), frozenset(one["sent"]))
        for name, one in stored.items()
    }


def _keep(session: Session, after: dict[str, Progress], waiting: set[str]) -> None:
    data = {
        name: {"failures": one.failures, "not_before": one.not_before, "sent": sorted(one.sent & waiting)}
        for name, one in after.items()
    }
    session.merge(MarkRow(name=MARK, value=json.dumps(data)))


_LABELS = {"email": "By e-mail", "webhook": "By webhook"}


def _own_alarm(session: Session, after: dict[str, Progress], now: datetime) -> None:
    for name, label in _LABELS.items():
        one = after.get(name, Progress())  # a way that is no longer set up does not fail any more
        if one.failures == 0:
            alarms.clear(session, MESSAGES, integration_id=None, instance=label, now=now)
        elif one.failures >= _FAILURES_WORTH_AN_ALARM:
            alarms.raise_(
                session,
                MESSAGES,
                integration_id=None,
                level=Level.ERROR,
                details=f"{label}, {one.failures} attempts in a row have failed.",
                next_step="Send a test message from the settings to see why.",
                instance=label,
                now=now,
            )
