"""`addin-host conference` as it is typed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from addin_host.cli.conference import conference
from addin_host.flows.scheduling import history
from addin_host.store.models import OutboxRow
from tests import booked_rooms
from tests.conftest import Clock
from tests.flows.meetings import an_integration

MAIL = "8c0d4cf8-0000-4000-8000-000000000001"


@dataclass(frozen=True)
class Wired:
    database: Any
    now: Clock


@pytest.fixture
def integration(database, box, clock):
    return an_integration(database, box, clock, time_zone="Europe/Oslo")


@pytest.fixture
def run(database, clock):
    wired = Wired(lambda: database, clock)

    def invoke(*arguments):
        return CliRunner().invoke(conference, [str(argument) for argument in arguments], obj=wired)

    return invoke


@pytest.fixture
def meetings(database, clock, integration):
    """One that is open, a daily series from tomorrow on, and one of another organizer the day after."""
    now, hour, day = clock(), timedelta(hours=1), timedelta(days=1)
    with database.write() as session:
        given = {"now": now, "session": session, "integration_id": integration.id}
        budget = booked_rooms.book(subject="Budget", starts=[now + hour / 3], number="79111111", **given)
        series = [now + day + day * number for number in range(7)]
        daily = booked_rooms.book(subject="Daily", starts=series, number="79222222", **given)
        plans = booked_rooms.book(
            subject="Plans", starts=[now + 2 * day], number="79333333", organizer="eve@example.com",
            organizer_name="Eve", **given,
        )  # fmt: skip
        session.flush()
        about = {"integration_id": integration.id, "meeting_id": budget.id, "organizer": "ada@example.com"}
        steps = [
            ("fetched", "request", ""),
            ("decided", "accept_new_single_meeting", ""),
            ("room", "room_written", ""),
            ("reply", "reply_failed", "unusable"),
        ]
        for step, action, error in steps:
            history.note(
                session, correlation_id=MAIL, step=step, action=action, success=not error, error_code=error,
                error_description="An answer that cannot be understood." if error else "", now=now, **about,
            )  # fmt: skip
        session.add(
            OutboxRow(
                kind="reply", key="reply:1", integration_id=integration.id, meeting_id=budget.id, correlation_id=MAIL,
                created_at=now, due_at=now + hour, tries=1, error_code="unusable", error="Not understood.",
            )
        )  # fmt: skip
        return {"Budget": budget.id, "Daily": daily.id, "Plans": plans.id}


def test_the_list_in_the_integrations_time_zone(run, meetings):
    done = run("list")
    budget, daily, plans = (str(number) for number in meetings.values())
    wide = max(map(len, (budget, daily, plans)))
    assert done.stdout == (
        f"{budget:{wide}}  2026-11-23 13:20-13:50  Open     Budget (Ada Example) 79111111  ada@example.com\n"
        f"{daily:{wide}}  2026-11-24 13:00-13:30  To come  Daily (Ada Example) 79222222   ada@example.com\n"
        f"{plans:{wide}}  2026-11-25 13:00-13:30  To come  Plans (Eve) 79333333           eve@example.com\n"
    )
    assert (done.stderr, done.exit_code) == ("Times: Europe/Oslo.\n", 0)


def test_a_day_shows_every_meeting_of_it_also_of_series(run, meetings):
    def names(*arguments):
        return [line.split("  ")[3].split(" (")[0] for line in run("list", *arguments).stdout.splitlines()]

    assert names("--day", "2026-11-25") == ["Daily", "Plans"]
    assert names("--day", "2026-11-25", "--search", "eve") == ["Plans"]
    assert names("--day", "2026-11-23") == ["Budget"]
    assert names("--search", "79222222") == ["Daily"]
    assert names("--limit", "1") == ["Budget"]
    assert names("--integration", "4000") == []


def test_nothing_and_more_than_is_shown_are_said(run, meetings):
    assert run("list", "--search", "nobody").stderr == "Nothing was found.\n"
    assert "The first 2 are shown" in run("list", "--limit", "2").stderr


def test_the_list_as_json(run, meetings):
    (first, *_others) = json.loads(run("list", "--json").stdout)
    assert first == {
        "id": meetings["Budget"],
        "name": "Budget (Ada Example) 79111111",
        "organizer": "ada@example.com",
        "integration": "Meetings",
        "start": "2026-11-23T12:20:00+00:00",
        "end": "2026-11-23T12:50:00+00:00",
        "opens_at": "2026-11-23T11:50:00+00:00",
        "closes_at": "2026-11-23T13:50:00+00:00",
        "state": "Open",
    }


def test_one_conference_with_its_history_from_mail_to_reply(run, meetings):
    done = run("show", "79111111")
    assert (
        done.stdout
        == f"""\
Budget (Ada Example) 79111111
  number     {meetings["Budget"]}
  from       VMR Scheduling for Exchange: Meetings
  organizer  Ada Example <ada@example.com>
  aliases    79111111@vmr.example.com, 79111111
  state      Open
  meets      2026-11-23 13:20 to 2026-11-23 13:50, open from 12:50 to 14:50
  waiting    Answer to the organizer, due 2026-11-23 14:00 (unusable: Not understood.)
  times      Europe/Oslo

{MAIL}
  2026-11-23 13:00:00  Mail          Request
  2026-11-23 13:00:00  Decision      Accept new single meeting
  2026-11-23 13:00:00  Room          Room written
  2026-11-23 13:00:00  Answer        Reply failed: unusable An answer that cannot be understood.
"""
    )


def test_of_a_series_the_next_five_times(run, meetings):
    lines = run("show", meetings["Daily"]).stdout.splitlines()
    assert [line.split()[1] for line in lines if line.startswith("  meets")] == [
        f"2026-11-2{day}" for day in range(4, 9)
    ]
    assert "             and 2 times more" in lines


@pytest.mark.parametrize(
    "which", ["79333333@VMR.example.com", "79333333", "Plans (Eve) 79333333", " plans (eve) 79333333"]
)
def test_an_alias_its_number_and_the_name_lead_to_it(run, meetings, which):
    assert json.loads(run("show", which, "--json").stdout)["id"] == meetings["Plans"]


@pytest.mark.parametrize("which", ["4000", "nobody", "99999999999999999999", ""])
def test_an_unknown_one(run, meetings, which):
    done = run("show", which)
    assert done.exit_code == 1
    assert str(done.exception) == "There is no such conference. To see them: addin-host conference list"
