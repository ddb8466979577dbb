"""External policy over both databases: the windows to the second, and every row of design/rest.md section 7."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import delete, event, update

from addin_host.domain.access import ON_THIS_MACHINE
from addin_host.domain.errors import Misconfigured, Refused
from addin_host.domain.policy import asked
from addin_host.flows import platform, policy, vmrs
from addin_host.store.models import (
    ConferenceRow,
    IdentityProviderGroupRow,
    IvrThemeRow,
    MeetingRow,
    ScheduledAliasRow,
    ScheduledConferenceRow,
)
from addin_host.store.secrets import SecretBox
from tests.scheduled_rooms import AFTER, BEFORE, book, handed_out

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
OPENS, CLOSES = START - BEFORE, START + timedelta(hours=1) + AFTER
SECOND = timedelta(seconds=1)
GOES_ON = {"status": "success", "action": "continue", "result": {}}
REJECTS = {"status": "success", "action": "reject"}
Ask = Callable[..., Any]


@pytest.fixture
def ask(database, box) -> Ask:
    def run(
        alias: str = "", at: datetime = START, *, box: SecretBox = box, outside: str = "REJECT", **more: str
    ) -> Any:
        question = asked({"local_alias": alias, "call_direction": "dial_in", **more})
        return policy.answer(database, question, profile(outside=outside), box=box, now=at)

    return run


def profile(*, name: str = "node", password: str = "secret", outside: str = "REJECT") -> policy.Profile:
    return policy.Profile(True, name, password, outside, 1000)


@pytest.fixture
def room(database):
    with database.write() as session:
        theme, group = IvrThemeRow(name="Corp theme"), IdentityProviderGroupRow(name="Corp")
        session.add_all([theme, group])
        session.flush()
        settings = {"ivr_theme_id": theme.id, "host_identity_provider_group_id": group.id}
        return book(session, "100200", [START], now=START - timedelta(days=1), **settings)


def test_inside_the_window_the_room_is_told(ask, room):
    assert ask(f"sip:{room.alias.upper()}:5061;transport=tls") == {
        "status": "success",
        "action": "continue",
        "result": {
            "name": "Weekly 100200",
            "service_tag": f"sched:{room.uuid}",
            "service_type": "conference",
            "description": "Scheduled Conference booked by alice@example.com",
            "pin": "",
            "allow_guests": False,
            "non_idp_participants": "disallow_all",
            "ivr_theme_name": "Corp theme",
            "host_identity_provider_group": "Corp",
            "primary_owner_email_address": "alice@example.com",
        },
    }
    assert ask(room.numeric_alias) == ask(room.alias)


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        (OPENS - SECOND, False),
        (OPENS - timedelta(microseconds=1), False),
        (OPENS, True),
        (CLOSES, True),
        (CLOSES + timedelta(microseconds=999_999), True),
        (CLOSES + SECOND, False),
    ],
)
def test_the_window_is_exact_to_the_second(ask, room, at, is_open):
    assert ("result" in ask(room.alias, at)) is is_open
    if not is_open:
        assert ask(room.alias, at) == REJECTS
        assert ask(room.alias, at, outside="CONTINUE") == GOES_ON


def test_of_a_series_each_occurrence_has_its_window(database, ask):
    starts = [START + timedelta(days=7 * week) for week in range(9)]
    with database.write() as session:
        booked = book(session, "100300", starts, now=START)
    for start in starts:
        assert ask(booked.alias, start - BEFORE)["result"]["service_tag"] == f"sched:{booked.uuid}"
        assert ask(booked.alias, start + timedelta(days=1)) == REJECTS
    with database.write() as session:
        session.execute(delete(ScheduledConferenceRow).where(ScheduledConferenceRow.start_time == starts[4]))
        moved = update(ScheduledConferenceRow).where(ScheduledConferenceRow.start_time == starts[5])
        at = starts[5] + timedelta(days=1)
        session.execute(moved.values(start_time=at, opens_at=at - BEFORE, closes_at=at + AFTER))
    assert ask(booked.alias, starts[4]) == ask(booked.alias, starts[5]) == REJECTS
    assert "result" in ask(booked.alias, at)


def test_a_cancelled_meeting_is_gone_while_its_alias_rests(database, ask, room):
    with database.write() as session:
        session.execute(update(MeetingRow).values(state="cancelled", conference_id=None))
        session.execute(delete(ConferenceRow))
        session.execute(update(ScheduledAliasRow).values(conference_deletion_time=START))
    assert ask(room.alias) == ask(room.numeric_alias) == REJECTS
    assert ask(call_direction="dial_out", service_tag=f"sched:{room.uuid}") == REJECTS
    with database.write() as session:
        session.execute(update(ScheduledAliasRow).values(released_at=START))
    assert ask(room.alias) == ask(room.numeric_alias) == GOES_ON


def test_what_was_only_handed_out_and_what_is_unknown(database, ask):
    with database.write() as session:
        alias = handed_out(session, "100400", START)
        name, number = alias.alias, alias.numeric_alias
    assert ask(name) == ask(number) == REJECTS
    assert ask(name, outside="CONTINUE") == GOES_ON
    for unknown in ("100401", "100400@other.example.com", "", "sip:", "x" * 3000, "a\x00b", "' OR 1=1 --"):
        assert ask(unknown) == GOES_ON, unknown


def test_a_live_meeting_dials_out_and_has_breakouts_until_it_ends(ask, room):
    inside = ask(room.alias)
    tag = f"sched:{room.uuid}"
    assert ask(call_direction="dial_out", service_tag=tag) == inside
    assert ask("nobody", call_direction="non_dial", service_tag=tag) == inside
    assert ask("nobody", breakout_uuid="b", service_tag=tag, at=CLOSES + SECOND) == inside
    assert ask("nobody", call_direction="dial_in", service_tag=tag) == GOES_ON
    assert ask("nobody", call_direction="dial_out", service_tag="somebody-elses") == GOES_ON


def a_personal_vmr(database, box, **changes):
    values = {"name": "Alice", "aliases": ["meet.alice@video.example.com"], "pin": "135790", "allow_guests": True}
    values |= {"guest_pin": "24680", "primary_owner_email_address": "alice@example.com", "participant_limit": 12}
    with database.write() as session:
        row = vmrs.save(session, None, values | changes, box=box, caller=ON_THIS_MACHINE, now=START)
        return row.id, row.uuid


def test_a_personal_vmr_is_always_open(database, box, ask):
    _, uuid = a_personal_vmr(database, box)
    found = ask("meet.Alice@video.example.com", START + timedelta(days=900))["result"]
    assert found["service_tag"] == f"vmr:{uuid}"
    assert (found["pin"], found["guest_pin"], found["allow_guests"]) == ("135790", "24680", True)
    assert (found["primary_owner_email_address"], found["participant_limit"]) == ("alice@example.com", 12)
    assert ask(call_direction="dial_out", service_tag=f"vmr:{uuid}")["result"] == found


def test_without_the_key_of_a_pin_nothing_is_guessed(database, box, ask):
    a_personal_vmr(database, box)
    with pytest.raises(Misconfigured):
        ask("meet.alice@video.example.com", box=SecretBox([Fernet.generate_key()]))


def test_what_came_from_the_platform_is_left_to_the_platform(database, box, ask):
    vmr_id, uuid = a_personal_vmr(database, box)
    with database.write() as session:
        session.execute(update(ConferenceRow).where(ConferenceRow.id == vmr_id).values(sync_tag="platform"))
    assert ask("meet.alice@video.example.com") == GOES_ON
    assert ask(call_direction="dial_out", service_tag=f"vmr:{uuid}") == GOES_ON


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"no colon").decode(),
        basic("node", "wrong"),
        basic("other", "secret"),
        basic("", ""),
        basic("node", ""),
        "Bearer secret",
        basic("node", "sécret"),
        "Basic \udcff",
    ],
)
def test_credentials_that_do_not_hold(header):
    with pytest.raises(Refused):
        policy.require_credentials(profile(), header)


def test_credentials_that_hold():
    policy.require_credentials(profile(), basic("node", "secret"))
    policy.require_credentials(profile(password="a:b ü"), basic("node", "a:b ü"))
    with pytest.raises(Refused):
        policy.require_credentials(profile(name="", password=""), basic("", ""))


def test_the_profile_is_what_is_stored(database, box, clock):
    assert policy.profile(database, box) == policy.Profile(False, "", "", "REJECT", 30_000)
    wanted = {"policy_enabled": True, "policy_username": "node", "policy_password": "secret"}
    wanted |= {"policy_outside_window": "CONTINUE", "policy_requests_per_minute": 600}
    with database.write() as session:
        platform.change(session, wanted, box=box, caller=ON_THIS_MACHINE, now=clock())
    assert policy.profile(database, box) == policy.Profile(True, "node", "secret", "CONTINUE", 600)


def test_an_answer_reads_by_index_and_writes_nothing(database, ask, room):
    statements = []
    listen = lambda *seen: statements.append(seen[2])  # noqa: E731
    event.listen(database.engine, "before_cursor_execute", listen)
    try:
        ask(room.alias)
        ask("100999")
    finally:
        event.remove(database.engine, "before_cursor_execute", listen)
    assert statements == []  # plain statements on the hot pool only
    instant = database.stored(START)
    for sql, values in (
        (policy._BY_ALIAS, (instant, instant, room.alias)),
        (policy._BY_UUID, (instant, instant, room.uuid)),
        (policy._ASSIGNED, ("1", "1")),
    ):
        plan = plan_of(database, sql, values)
        assert not [line for line in plan if "SCAN" in line and "INDEX" not in line.upper()], plan


def plan_of(database, sql, values):
    """How the database goes about it when tables are large; the two small lists may be read as a whole."""
    with database.read() as session:
        connection = session.connection()
        if database.is_sqlite:
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values).all()
        else:
            connection.exec_driver_sql("SET enable_seqscan = off")
            rows = connection.exec_driver_sql("EXPLAIN " + sql.replace("?", "%s"), values).all()
    return [str(row[-1]).replace("Seq Scan", "SCAN") for row in rows]


def test_a_minute_has_a_number_of_requests(clock):
    rate = policy.RequestRate()
    for _request in range(60):
        rate.count(60, now=clock())
    with pytest.raises(policy.TooMany) as caught:
        rate.count(60, now=clock())
    assert caught.value.retry_after == 60
    clock.forward(seconds=60)
    rate.count(60, now=clock())
