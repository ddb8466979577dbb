"""Telling people about alarms: raised and ended, at least once, each way on its own."""

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from addin_host.domain.access import ON_THIS_MACHINE
from addin_host.domain.alarms import Level
from addin_host.domain.errors import Misconfigured, Upstream
from addin_host.flows import alarms, notify, platform
from addin_host.gateways.outside import no_outside
from addin_host.store.models import AlarmRow, IntegrationRow, PlatformSettingRow

BY_MAIL = {
    "alarm_email_to": "ada@example.com\nbob@example.com",
    "smtp_host": "mail.example.com",
    "smtp_from": "alarms@example.com",
    "admin_address": "https://admin.example.com",
}
BY_HOOK = {"alarm_webhook_url": "https://hook.example.com/x", "alarm_webhook_secret": "key"}


class Post:
    """Takes letters and hooks, unless it is out of order."""

    def __init__(self):
        self.letters, self.hooks, self.servers = [], [], []
        self.mail_down = self.hook_down = False
        self.after_hook = lambda: None

    def send(self, server, letter):
        if self.mail_down:
            raise Upstream("The mail server is down.")
        self.servers.append(server)
        self.letters.append(letter)

    def post(self, hook, body):
        if self.hook_down:
            raise Upstream("The webhook is down.")
        self.hooks.append((hook, body))
        self.after_hook()


@pytest.fixture
def post():
    return Post()


@pytest.fixture
def told(database, box, clock, post):
    """Return a function that tells what is pending."""
    outside = replace(no_outside(), mail=post, webhook=post)
    return lambda: notify.send_pending(database, box=box, outside=outside, now=clock())


@pytest.fixture
def settings(database, box, clock):
    def change(**values):
        with database.write() as session:
            platform.change(session, values, box=box, caller=ON_THIS_MACHINE, now=clock())

    return change


def an_integration(database, clock, name="Sales"):
    with database.write() as session:
        row = IntegrationRow(
            uuid=f"u-{name}"[:36], name=name, fqdn="x.example.com", record={}, created_at=clock(), updated_at=clock()
        )
        session.add(row)
        session.flush()
        return row.id


def raise_(database, clock, number, instance="", identifier="check.token"):
    with database.write() as session:
        alarms.raise_(
            session,
            identifier,
            integration_id=number,
            level=Level.ERROR,
            details="It does not answer.",
            next_step="Correct it.",
            instance=instance,
            now=clock(),
        )


def clear(database, clock, number, instance=""):
    with database.write() as session:
        alarms.clear(session, "check.token", integration_id=number, instance=instance, now=clock())


def test_a_letter_when_raised_and_one_when_ended(database, clock, post, settings, told):
    settings(**BY_MAIL)
    number = an_integration(database, clock)
    raise_(database, clock, number)
    assert told() == 1
    assert told() == 0
    letter = post.letters[0]
    assert letter.to == ("ada@example.com", "bob@example.com")
    assert letter.subject == "Alarm: The token endpoint does not answer as it should (Sales)"
    for words in ("Integration: Sales", "It does not answer.", "Correct it.", "Nobody can sign in"):
        assert words in letter.text
    assert f"https://admin.example.com/admin/integrations/{number}/#personal_vmr_oauth_token_endpoint" in letter.text
    clock.forward(minutes=5)
    clear(database, clock, number)
    assert told() == 1
    assert told() == 0
    assert post.letters[1].subject.startswith("Ended: ")
    assert len(post.letters) == 2


def test_several_at_once_are_one_letter_and_several_posts(database, clock, post, settings, told):
    settings(**BY_MAIL, **BY_HOOK)
    number = an_integration(database, clock)
    for instance in "abc":
        raise_(database, clock, number, instance)
    assert told() == 3
    assert [letter.subject for letter in post.letters] == ["Alarms of addin-host: 3 raised"]
    assert [body["instance"] for _hook, body in post.hooks] == ["a", "b", "c"]
    hook, body = post.hooks[0]
    assert (hook.key, hook.internal) == ("key", False)
    assert set(body) == {
        "event", "id", "identifier", "name", "level", "integration", "instance", "details", "affected", "next_step",
        "link", "raised_at", "cleared_at",
    }  # fmt: skip
    assert body["event"] == "raised"
    assert body["integration"] == {"id": number, "name": "Sales"}


def test_what_came_and_went_in_between_is_not_told_of(database, clock, post, settings, told):
    settings(**BY_MAIL)
    number = an_integration(database, clock)
    raise_(database, clock, number)
    clear(database, clock, number)
    assert told() == 0
    assert post.letters == []


def test_nothing_is_sent_while_no_way_is_set_up_and_all_that_stands_later(database, clock, post, settings, told):
    number = an_integration(database, clock)
    raise_(database, clock, number)
    assert told() == 0
    settings(**BY_HOOK)
    assert told() == 1


def test_a_way_that_fails_is_tried_less_and_less_often_and_does_not_hold_up_the_other(
    database, clock, post, settings, told
):
    settings(**BY_MAIL, **BY_HOOK)
    number = an_integration(database, clock)
    raise_(database, clock, number)
    post.hook_down = True
    attempts = []
    for _minute in range(65):
        post_hook = post.post

        def counted(hook, body, post_hook=post_hook):
            attempts.append(clock())
            post_hook(hook, body)

        post.post = counted
        told()
        post.post = post_hook
        clock.forward(minutes=1)
    assert len([letter for letter in post.letters if "token endpoint" in letter.subject]) == 1
    pauses = [(later - earlier) / timedelta(minutes=1) for earlier, later in itertools.pairwise(attempts)]
    assert pauses == [1, 2, 4, 8, 16, 32]
    longest = notify.Progress(failures=40).failed(clock())
    assert longest.not_before == (clock() + timedelta(hours=1)).isoformat()
    with database.read() as session:
        own = session.scalar(select(AlarmRow).where(AlarmRow.identifier == "messages"))
        assert own.open_key is not None
        assert own.instance == "By webhook"
    post.hook_down = False
    clock.forward(hours=1)
    told()
    assert {body["identifier"] for _hook, body in post.hooks} == {"check.token", "messages"}
    with database.read() as session:
        assert session.scalar(select(AlarmRow).where(AlarmRow.identifier == "messages")).open_key is None


@pytest.mark.parametrize("left", [{}, BY_MAIL])
def test_the_alarm_about_a_way_ends_when_the_way_is_taken_away(database, clock, post, settings, told, left):
    settings(**BY_HOOK, **left)
    raise_(database, clock, an_integration(database, clock))
    post.hook_down = True
    for _hour in range(3):
        told()
        clock.forward(hours=1)
    with database.read() as session:
        assert session.scalar(select(AlarmRow).where(AlarmRow.identifier == "messages")).open_key is not None
    settings(alarm_webhook_url="")
    told()
    with database.read() as session:
        assert session.scalar(select(AlarmRow).where(AlarmRow.identifier == "messages")).open_key is None


def test_an_alarm_that_ends_while_it_is_told_of_is_told_of_again(database, clock, post, settings, told):
    settings(**BY_HOOK)
    number = an_integration(database, clock)
    raise_(database, clock, number)

    def end():
        post.after_hook = lambda: None
        clock.forward(seconds=3)
        clear(database, clock, number)

    post.after_hook = end
    told()
    told()
    assert [body["event"] for _hook, body in post.hooks] == ["raised", "ended"]
    assert told() == 0


def test_the_password_is_read_only_with_a_user_name(database, clock, post, settings, told):
    settings(**BY_MAIL, smtp_username="ada", smtp_password="canary-smtp")
    raise_(database, clock, an_integration(database, clock))
    told()
    assert (post.servers[0].username, post.servers[0].password) == ("ada", "canary-smtp")
    assert "canary" not in post.letters[0].text


def test_a_test_message(database, box, clock, post, settings):
    outside = replace(no_outside(), mail=post, webhook=post)
    with pytest.raises(Misconfigured, match="No way is set up"):
        notify.send_test(database, box=box, outside=outside)
    settings(**BY_MAIL, **BY_HOOK)
    words = notify.send_test(database, box=box, outside=outside)
    assert words == (
        "mail.example.com took a test message for 2 addresses. The webhook at hook.example.com took a test message."
    )
    assert post.hooks[0][1]["event"] == "test"
    post.mail_down = True
    with pytest.raises(Upstream, match="mail server is down"):
        notify.send_test(database, box=box, outside=outside)


def test_a_secret_that_cannot_be_opened_is_said(database, box, clock, post, settings, told):
    settings(**BY_HOOK)
    with database.write() as session:
        session.get(PlatformSettingRow, "alarm_webhook_secret").value = "nonsense"
    raise_(database, clock, an_integration(database, clock))
    with pytest.raises(Misconfigured):
        told()
