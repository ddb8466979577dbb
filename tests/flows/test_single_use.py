"""Handing out aliases: unique, counted, the same again for the same pane, and texts that always hold the tag."""

import random
import threading
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from addin_host.domain import alias as aliases
from addin_host.domain.access import ON_THIS_MACHINE
from addin_host.domain.errors import Invalid, Reason, Refused, Upstream
from addin_host.domain.fields import BY_NAME
from addin_host.domain.tag import Kind, find_tags, is_printed
from addin_host.flows import meeting_texts, platform, single_use, vmr_aliases, vmrs
from addin_host.flows.single_use import AliasSpaceExhausted, details
from addin_host.store.db import Database
from addin_host.store.models import AlarmRow, ConferenceAliasRow, ConferenceRow, ScheduledAliasRow
from tests.flows.meetings import Desk, an_integration


@pytest.fixture
def desk(database, box, clock):
    return Desk(database, box, clock, an_integration(database, box, clock))


def rows(database):
    with database.read() as session:
        return session.scalars(select(ScheduledAliasRow).order_by(ScheduledAliasRow.id)).all()


def a_vmr(desk, *names):
    with desk.database.write() as session:
        session.add(
            ConferenceRow(
                uuid=names[0], name=names[0], created_at=desk.clock(),
                aliases=[ConferenceAliasRow(alias=name) for name in names],
            )
        )  # fmt: skip


def draw(monkeypatch, *numbers):
    """Let the next draws give these numbers."""
    left = list(numbers)
    monkeypatch.setattr(aliases.secrets, "randbelow", lambda _space: left.pop(0))
    return left


def test_an_alias_and_its_tag(desk):
    minted = desk.mint(caller="user:7", visit="v")
    assert len(minted.numeric_alias) == 8
    assert minted.numeric_alias.startswith("80")
    assert minted.alias == f"{minted.numeric_alias}@vmr.example.com"
    assert minted.expires == desk.clock() + timedelta(days=30)
    (tag,) = find_tags(minted.tag, desk.keys.all(), is_html=False)
    assert (tag.kind, tag.integration_id, str(tag.uuid)) == (Kind.ALIAS, desk.integration.id, minted.uuid)
    (row,) = rows(desk.database)
    assert (row.uuid, row.alias, row.numeric_alias) == (minted.uuid, minted.alias, minted.numeric_alias)
    assert row.alias_number == int(minted.numeric_alias[2:])
    assert (row.caller, row.visit, row.created_at, row.expires_at) == ("user:7", "v", desk.clock(), minted.expires)
    assert (row.is_used, row.released_at, row.conference_deletion_time, row.ews_item_uid) == (False, None, None, None)


def test_leading_zeros_stay(desk, monkeypatch):
    draw(monkeypatch, 42)
    assert desk.mint().numeric_alias == "80000042"


def test_the_same_pane_gets_the_same_alias_for_a_minute(desk, database, box, clock):
    first = desk.mint(visit="v1")
    assert desk.mint(visit="v1") == first
    clock.forward(seconds=59)
    assert desk.mint(visit="v1") == first
    assert desk.mint(visit="v2") != first
    assert desk.mint(caller="user:2", visit="v1") != first
    assert desk.mint() != desk.mint(), "without a visit each call is another appointment"
    clock.forward(seconds=2)
    assert desk.mint(visit="v1") != first
    other = an_integration(database, box, clock, name="Other", room_mailbox_email_address="other@example.com")
    assert desk.mint(visit="v1", integration=other).uuid != desk.mint(visit="v1").uuid


def test_a_released_alias_is_not_given_again(desk):
    first = desk.mint(visit="v1")
    with desk.database.write() as session:
        session.execute(update(ScheduledAliasRow).values(released_at=desk.clock()))
    assert desk.mint(visit="v1").uuid != first.uuid


def test_the_thirty_first_within_an_hour_waits_for_the_first(desk, clock):
    desk.mint()
    clock.forward(minutes=20)
    for _time in range(29):
        desk.mint()
    with pytest.raises(Refused) as refused:
        desk.mint()
    assert (refused.value.reason, refused.value.retry_after) == (Reason.RATE_LIMITED, 40 * 60)
    assert "40 minutes" in refused.value.message
    desk.mint(caller="user:2")
    clock.forward(minutes=39, seconds=59.5)
    with pytest.raises(Refused, match="Try again in a minute") as refused:
        desk.mint()
    assert refused.value.retry_after == 1
    clock.forward(seconds=0.5)
    desk.mint()
    with pytest.raises(Refused):
        desk.mint()


def test_the_same_pane_is_told_again_even_when_its_hour_is_full(desk, database, box, clock):
    with database.write() as session:
        platform.change(session, {"single_use_per_user_hour": 1}, box=box, caller=ON_THIS_MACHINE, now=clock())
    assert desk.mint(visit="v1") == desk.mint(visit="v1")


def test_an_integration_has_its_own_limit(desk, database, box, clock):
    changes = {"single_use_per_integration_hour": 3, "alias_unclaimed_days": 7}
    with database.write() as session:
        platform.change(session, changes, box=box, caller=ON_THIS_MACHINE, now=clock())
    other = an_integration(database, box, clock, name="Other", room_mailbox_email_address="other@example.com")
    assert [desk.mint(caller=f"user:{n}").expires for n in range(3)] == [clock() + timedelta(days=7)] * 3
    with pytest.raises(Refused, match="Your organization") as refused:
        desk.mint(caller="user:9")
    assert refused.value.retry_after == 3600
    desk.mint(caller="user:9", integration=other)


def test_a_limit_that_was_lowered_counts_from_the_newest(desk, database, box, clock):
    for _time in range(5):
        desk.mint()
        clock.forward(minutes=10)
    with database.write() as session:
        platform.change(session, {"single_use_per_user_hour": 2}, box=box, caller=ON_THIS_MACHINE, now=clock())
    with pytest.raises(Refused) as refused:
        desk.mint()
    assert refused.value.retry_after == 40 * 60, "two of the last three must have gone by"


def test_a_number_that_is_taken_is_drawn_again(desk, database, box, clock, monkeypatch):
    other = an_integration(database, box, clock, name="Other", room_mailbox_email_address="other@example.com")
    elsewhere = an_integration(
        database,
        box,
        clock,
        name="Third",
        room_mailbox_email_address="c@example.com",
        scheduled_alias_domain="x.example",
    )
    a_vmr(desk, "80000002", "80000003@VMR.example.com")
    left = draw(monkeypatch, 1, 1, 2, 3, 4, 1, 4, 5)
    assert desk.mint().numeric_alias == "80000001"
    assert desk.mint(integration=other).numeric_alias == "80000004"
    assert desk.mint(integration=elsewhere).numeric_alias == "80000005", "telephones know no domain"
    assert left == []


def test_a_number_in_quarantine_is_taken_and_one_given_back_is_free(desk, monkeypatch):
    draw(monkeypatch, 1, 1, 2, 1)
    desk.mint()
    with desk.database.write() as session:
        session.execute(update(ScheduledAliasRow).values(is_used=True, conference_deletion_time=desk.clock()))
    assert desk.mint().numeric_alias == "80000002"
    with desk.database.write() as session:
        session.execute(update(ScheduledAliasRow).values(released_at=desk.clock()))
    assert desk.mint().numeric_alias == "80000001"


def test_five_draws_without_luck_raise_an_alarm(desk, monkeypatch):
    draw(monkeypatch, 1)
    desk.mint()
    left = draw(monkeypatch, *[1] * 6)
    with pytest.raises(AliasSpaceExhausted) as problem:
        desk.mint()
    assert isinstance(problem.value, Upstream)
    assert problem.value.retry_after
    assert left == [1]
    with desk.database.read() as session:
        (alarm,) = session.scalars(select(AlarmRow))
    assert (alarm.identifier, alarm.integration_id) == ("alias_space_exhausted", desk.integration.id)
    assert "suffix" in alarm.next_step
    assert len(rows(desk.database)) == 1


def test_a_prefix_may_be_more_than_digits(database, box, clock):
    changes = {"scheduled_alias_prefix": "Meet.", "scheduled_alias_suffix_length": 15}
    desk = Desk(database, box, clock, an_integration(database, box, clock, **changes))
    minted = desk.mint()
    assert minted.numeric_alias.startswith("Meet.")
    assert len(minted.numeric_alias) == 20
    a_vmr(desk, "other")
    with database.write() as session, pytest.raises(Invalid):
        vmr_id = session.scalar(select(ConferenceRow.id))
        vmr_aliases.save_alias(
            session, None, {"alias": minted.numeric_alias.upper(), "conference_id": vmr_id}, caller=ON_THIS_MACHINE,
            now=clock(),
        )  # fmt: skip


def test_a_personal_vmr_cannot_have_the_alias_of_a_meeting(desk, box, clock):
    minted = desk.mint()
    a_vmr(desk, "alice", "alice@vmr.example.com")
    with desk.database.read() as session:
        vmr_id, alias_id = session.execute(
            select(ConferenceRow.id, ConferenceAliasRow.id).join(ConferenceAliasRow)
        ).first()

    def save(values, vmr=None):
        with desk.database.write() as session:
            vmrs.save(session, vmr, values, box=box, caller=ON_THIS_MACHINE, now=clock())

    def save_alias(values, alias=None):
        with desk.database.write() as session:
            vmr_aliases.save_alias(session, alias, values, caller=ON_THIS_MACHINE, now=clock())

    attempts = {
        "a new VMR": lambda taken: save({"name": "New", "aliases": [taken]}),
        "one more alias": lambda taken: save({"aliases": ["alice", taken]}, vmr_id),
        "a new alias": lambda taken: save_alias({"alias": taken, "conference_id": vmr_id}),
        "another name": lambda taken: save_alias({"alias": taken}, alias_id),
    }
    for taken in (minted.alias, minted.numeric_alias, minted.alias.upper()):
        for attempt in attempts.values():
            with pytest.raises(Invalid, match="was handed out for a meeting"):
                attempt(taken)
    save({"aliases": ["alice", "alice.too"]}, vmr_id)
    with desk.database.write() as session:
        session.execute(update(ScheduledAliasRow).values(released_at=clock()))
    save({"name": "New", "aliases": [minted.alias, minted.numeric_alias]})


def test_the_texts_name_alias_tag_and_link(desk):
    minted = desk.mint()
    made = details(desk.integration, minted)
    assert made["alias_id"] == minted.tag
    assert is_printed(minted.tag, made["instructions"])
    assert minted.tag in made["instructions_text"].splitlines()
    assert f"then {minted.numeric_alias} #" in made["instructions_text"]
    assert made["join_url"] == f"https://meet.example.com/webapp/#/?conference={minted.alias}"
    assert made["location"] == ""
    assert (made["room_name"], made["room_email"]) == ("Scheduling", "vmr@example.com")


TEXTS = {
    "with own link": (
        '<p><a href="https://help.example.com/">?</a> <a href="https://j.example.com/{{numeric_alias}}?a=1&amp;b=2">x</a>'
        " {{alias_uuid}}</p>",
        "https://j.example.com/{numeric_alias}?a=1&b=2",
    ),
    "link with a longer number": ('<a href="https://j.example.com/{{numeric_alias}}7">x</a> {{alias_uuid}}', None),
    "link that is escaped": (
        '<a href="https://j.example.com/?c={{alias|pex_url_encode}}">x</a> {{alias_uuid}}',
        "https://j.example.com/?c={numeric_alias}%40vmr.example.com",
    ),
    "tag swallowed": ("<p>{{alias}}</p>", None),
    "tag in an attribute": ('<p title="{{alias_uuid}}">{{alias}}</p>', None),
    "tag cut": ("{{alias_uuid|truncate(20)}}", None),
    "tag in small letters": ("{{alias_uuid|lower}}", None),
    "nothing": ("{% if false %}x{% endif %}", None),
}


@pytest.mark.parametrize("name", TEXTS)
def test_the_tag_is_there_whatever_the_template_does(desk, database, name):
    source, link = TEXTS[name]
    integration = changed(desk.integration, meeting_instructions_template=source)
    minted = desk.mint()
    made = details(integration, minted)
    assert is_printed(minted.tag, made["instructions"])
    assert minted.tag in made["instructions_text"]
    usual = f"https://meet.example.com/webapp/#/?conference={minted.alias}"
    assert made["join_url"] == (link.format(numeric_alias=minted.numeric_alias) if link else usual)


def changed(integration, **values):
    """The integration with values that no save would accept."""
    return type(integration)(
        integration.id, integration.version + 1, {**integration.values, **values}, integration.origin
    )


def test_a_tag_that_holds_the_digits_of_the_stand_in_stays_whole(desk, monkeypatch):
    """A text is rendered once, with a number and a tag in the place of those to come; base32 has digits as well."""
    stand_ins = iter([("7723456", f"PXPS:-{'A' * 58}#"), ("7765432", f"PXPS:-{'B' * 58}#")])
    monkeypatch.setattr(meeting_texts, "_stand_ins", lambda _given: next(stand_ins))
    integration = changed(desk.integration, meeting_instructions_template="<p>Dial {{numeric_alias}}</p>")
    tag = f"PXPS:-{'A' * 20}7723456{'B' * 31}#"
    made = meeting_texts.meeting_texts(integration, single_use.pattern_of(integration), "7799999", tag)
    assert made.instructions == f"<p>Dial 7799999</p>\n<div>{tag}</div>"


@pytest.mark.parametrize(
    "source", ["{{alias|pex_require_min_length(999)}}{{alias_uuid}}", "{{ nonsense( }}", "{{pin}}"]
)
def test_a_template_that_fails_gives_the_default(desk, caplog, source):
    meeting_texts._frame.cache_clear()  # what is wrong is logged once
    integration = changed(desk.integration, meeting_instructions_template=source, single_use_location_template=source)
    minted = desk.mint()
    made = details(integration, minted)
    assert (
        made["instructions"]
        == details(
            changed(integration, meeting_instructions_template=BY_NAME["meeting_instructions_template"].default), minted
        )["instructions"]
    )
    assert made["location"] == ""
    assert "meeting_instructions_template" in caplog.text


def test_the_location_is_one_line(desk):
    integration = changed(
        desk.integration, single_use_location_template="{{numeric_alias}}\r\n  at {{addin_server_domain}}"
    )
    minted = desk.mint()
    assert details(integration, minted)["location"] == f"{minted.numeric_alias} at meet.example.com"


def test_what_is_printed_is_escaped_and_sanitised(desk):
    source = "<script>x()</script><b onclick='x()'>{{alias}}</b> {{alias_uuid}}"
    made = details(changed(desk.integration, meeting_instructions_template=source), desk.mint())
    assert "script" not in made["instructions"]
    assert "onclick" not in made["instructions"]


def test_many_at_once_get_each_their_own(desk, box, clock):
    """Eight connections, and so few numbers that they collide all the time."""
    integration = changed(desk.integration, scheduled_alias_suffix_length=5)
    start, found, failed = threading.Barrier(8), [], []

    def pane(own, caller):
        at = Desk(own, box, clock, integration)
        start.wait()
        for _time in range(12):
            try:
                found.append(at.mint(caller=caller).numeric_alias)
            except Exception as error:  # noqa: BLE001 - told by the test
                failed.append(error)

    opened = [Database(desk.database.url.render_as_string(hide_password=False)) for _ in range(8)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aliases.secrets, "randbelow", lambda space: random.randrange(space // 400))
        patch.setattr(single_use, "DRAWS", 50)  # with five, one of the 96 would give up in every eighth run
        threads = [threading.Thread(target=pane, args=(own, f"user:{n}")) for n, own in enumerate(opened)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for own in opened:
        own.close()
    assert failed == []
    assert len(found) == len(set(found)) == 96
    assert Counter(row.numeric_alias for row in rows(desk.database)) == Counter(found)


def test_one_pane_that_asks_twice_at_once_gets_one(desk):
    start, found = threading.Barrier(6), []

    def pane():
        start.wait()
        found.append(desk.mint(visit="v1").uuid)

    threads = [threading.Thread(target=pane) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert len(set(found)) == 1


def test_a_failure_half_way_leaves_nothing(desk, monkeypatch):
    def fail(*_arguments):
        raise RuntimeError

    monkeypatch.setattr(single_use, "_row", fail)
    with pytest.raises(RuntimeError):
        desk.mint()
    monkeypatch.undo()
    desk.mint()
    assert len(rows(desk.database)) == 1


def test_texts_that_are_filled_in_equal_those_that_are_rendered(desk):
    filled = [details(desk.integration, minted) for minted in (desk.mint(), desk.mint())]
    meeting_texts._frame.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(meeting_texts, "_frame", lambda _given: None)
        for one in filled:
            number, tag = one["numeric_alias"], one["alias_id"]
            pattern = single_use.pattern_of(desk.integration)
            made = meeting_texts.meeting_texts(desk.integration, pattern, number, tag)
            assert (made.instructions, made.instructions_text, made.join_url) == (
                one["instructions"], one["instructions_text"], one["join_url"],
            )  # fmt: skip


def test_a_template_with_a_condition_is_rendered_for_each_meeting(desk):
    source = "{% if numeric_alias|last in '02468' %}even{% else %}odd{% endif %} {{alias_uuid}}"
    integration = changed(desk.integration, meeting_instructions_template=source)
    for _time in range(8):
        minted = desk.mint()
        word = "even" if int(minted.numeric_alias) % 2 == 0 else "odd"
        assert details(integration, minted)["instructions"] == f"{word} {minted.tag}"
