"""Several workers at the same meetings: one room, one alias, one answer each."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from addin_host.domain.calendar import MessageKind
from addin_host.store.db import Database
from addin_host.store.models import ConferenceAliasRow
from addin_host.store.secrets import SecretBox
from tests.conftest import Clock
from tests.flows.scheduling.stage import Stage, a_meeting, a_stage, newer, texts_of


@pytest.fixture
def both(database: Database, box: SecretBox, clock: Clock) -> Stage:
    return a_stage(database, box, clock)


def run_together(stage: Stage, workers: int, at_once: int) -> None:
    problems: list[BaseException] = []

    def work() -> None:
        try:
            stage.run(at_once)
        except BaseException as problem:  # noqa: BLE001 - the test reports it
            problems.append(problem)

    threads = [threading.Thread(target=work) for _each in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert problems == []


def test_one_name_one_tag_and_one_meeting_fought_over(both: Stage) -> None:
    tags = [both.mint().tag for _each in range(12)]
    for tag in tags:
        original, copied = a_meeting(tag, subject="Same"), a_meeting(tag, subject="Same")
        for meeting in (original, copied, newer(original, end=original.end.replace(minute=30)), original):
            both.deliver(meeting)
    run_together(both, workers=4, at_once=5)
    rooms = both.rooms()
    assert len(rooms) == len(tags)
    assert len({room.name for room in rooms}) == len(tags)
    assert len(both.all(ConferenceAliasRow)) == 2 * len(tags)
    assert both.inbox("pending") == both.inbox("dead") == []
    told = texts_of(both.replies())
    assert (told.count("invalid"), len(told) - told.count("invalid")) == (len(tags), len(tags))


def test_cancelled_while_it_is_moved(both: Stage) -> None:
    meetings = [a_meeting(both.mint().tag) for _each in range(10)]
    for meeting in meetings:
        both.send(meeting)
        moved = newer(meeting, subject="Moved")
        both.deliver(moved)
        both.deliver(newer(replace(moved, is_cancelled=True)), MessageKind.CANCELLATION)
    run_together(both, workers=4, at_once=3)
    assert both.rooms() == []
    assert {row.state for row in both.meetings()} == {"cancelled"}
