"""What organizers write stays where it belongs: bodies nowhere, subjects and names with their meetings only."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from addin_host.domain.calendar import Organizer
from addin_host.domain.errors import Upstream
from addin_host.domain.mailbox import Fault, MailboxTrouble
from addin_host.flows.scheduling import applying, claiming, outbox
from addin_host.logs import JsonLines
from addin_host.store.models import Model
from tests.flows.scheduling.stage import TOMORROW, Stage, a_meeting, a_series, newer

BODY, SUBJECT, NAME = "canary-in-a-body", "canary-in-a-subject", "canary-in-a-name"
ANN = Organizer("ann@example.com", NAME)
# Meetings with their rooms, and answers that wait or were given up.
TELL_OF_MEETINGS = {"meeting", "scheduled_conference", "recurring_conference", "conference", "outbox_item"}


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Every line of everybody, as it is written."""
    lines, root = io.StringIO(), logging.getLogger()
    handler = logging.StreamHandler(lines)
    handler.setFormatter(JsonLines())
    before, level = root.handlers[:], root.level
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG)
    yield lines
    root.handlers[:] = before
    root.setLevel(level)


def rows(stage: Stage) -> Mapping[str, str]:
    """Everything that the database holds, by table."""
    with stage.database.snapshot() as session:
        return {
            table.name: json.dumps([list(row) for row in session.execute(select(table))], default=str)
            for table in Model.metadata.sorted_tables
        }


def words(stage: Stage, **given: Any) -> dict[str, Any]:
    tag = stage.mint().tag
    return {"tag": tag, "subject": SUBJECT, "organizer": ANN, "body": f"<p>{BODY}</p><p>{tag}</p>", **given}


def failing(failure: Exception) -> Callable[..., None]:
    def fail(*_arguments: object, **_options: object) -> None:
        raise failure

    return fail


def everything_happens(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    single, series = a_meeting(**words(stage)), a_series(**words(stage))
    for meeting in (single, newer(single, start=TOMORROW + timedelta(hours=2)), series):
        stage.send(meeting)
    stage.send(a_meeting(**words(stage, body=BODY)))
    stage.cancel(newer(single))
    unusable = MailboxTrouble(Fault.UNUSABLE, "no")
    with monkeypatch.context() as broken:
        broken.setattr(type(stage.exchange.mailbox(stage.address)), "reply", failing(unusable))
        outbox.send_due(stage.own, 50)
    stage.clock.forward(hours=1)
    for failure in (ValueError("no"), KeyError("no"), Upstream("no", retryable=False), unusable):
        with monkeypatch.context() as broken:
            broken.setattr(applying, "converge", failing(failure))
            stage.deliver(a_meeting(**words(stage)))
            for _try in range(claiming.MAX_TRIES):
                stage.run()
                stage.clock.forward(hours=1)
    outbox.send_due(stage.own, 50)


def test_what_organizers_write_stays_where_it_belongs(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, log: io.StringIO
) -> None:
    everything_happens(stage, monkeypatch)
    lines = log.getvalue()
    assert len(lines.splitlines()) > 20
    assert len(stage.inbox("dead")) == 4
    for canary in (BODY, SUBJECT, NAME):
        assert canary not in lines
    held = rows(stage)
    assert [name for name, text in held.items() if BODY in text] == []
    for canary in (SUBJECT, NAME):
        assert {name for name, text in held.items() if canary in text} <= TELL_OF_MEETINGS
    assert SUBJECT in held["meeting"]
