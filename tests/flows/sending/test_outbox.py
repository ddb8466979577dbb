"""Replies: each sent once, whatever happens between the call and the mark."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from addin_host.domain.access import BY_ITSELF
from addin_host.domain.mailbox import Fault, MailboxTrouble
from addin_host.flows import alarms
from addin_host.flows.alarms import Wanted
from addin_host.flows.scheduling import outbox, parcels
from addin_host.store.models import MailboxRow, OutboxRow
from tests.flows.meetings import an_integration
from tests.flows.sending.post_office import MAILBOX, fails


class Killed(BaseException):
    """The process is gone: nothing behind it runs."""


def die(reply: object) -> None:
    raise Killed


def raised(office):
    with office.database.read() as session:
        return sorted(one.identifier for one in alarms.find(session, Wanted(state="open"), caller=BY_ITSELF).alarms)


def test_a_reply_is_sent_and_its_text_does_not_stay(office):
    meeting = office.book()
    correlation_id = office.put_reply(meeting=meeting)
    assert office.send() == 1
    (reply,) = office.exchange.exchange.sent(MAILBOX)
    assert (reply.organizer_address, reply.html, reply.subject) == (
        "ada@example.com",
        "<p>Text of one</p>",
        "Subject one",
    )
    row = office.row()
    assert (row.state, row.payload, row.finished_at, row.lease_until) == ("done", {}, office.clock(), None)
    assert office.history() == [("reply", "reply_sent", True, "")]
    assert reply.correlation_id == correlation_id
    assert office.send() == 0


def test_what_is_not_due_and_what_waits_for_something_stays(office):
    office.put_reply("later", due_in=timedelta(minutes=1))
    office.put_reply("first", due_in=timedelta(minutes=2))
    office.put_reply("second", after_id=office.row("first").id)
    assert office.send() == 0
    office.clock.forward(minutes=1)
    assert office.send() == 1
    office.clock.forward(minutes=1)
    assert office.send() + office.send() == 2
    assert office.sent() == ["later", "first", "second"]


@pytest.mark.parametrize("state", ["dead", "cancelled", "done"])
def test_what_it_waited_for_may_have_come_to_nothing(office, state):
    office.put_reply("first", due_in=timedelta(days=1))
    office.put_reply("second", after_id=office.row("first").id)
    with office.database.write() as session:
        session.execute(update(OutboxRow).where(OutboxRow.key == "reply:first").values(state=state))
    assert office.send() == 1
    assert office.sent() == ["second"]


def test_killed_before_the_call_it_is_sent_once(office):
    office.put_reply()
    office.exchange.before = die
    with pytest.raises(Killed):
        office.send()
    assert office.row().attempts == 1
    assert office.row().attempted_at == office.clock()
    office.exchange.before = fails()
    assert office.send() == 0  # the lease of the dead process still runs
    office.let_leases_run_out()
    assert office.send() == 1
    assert office.sent() == ["one"]
    assert office.exchange.calls == ["reply", "was_sent", "reply"]


def test_killed_between_the_call_and_the_mark_it_is_sent_once(office):
    office.put_reply()
    office.exchange.after = die
    with pytest.raises(Killed):
        office.send()
    office.exchange.after = fails()
    office.let_leases_run_out()
    assert office.send() == 1
    assert office.sent() == ["one"]
    assert office.row().state == "done"
    assert office.exchange.calls == ["reply", "was_sent"]


def test_a_timeout_after_exchange_acted_leads_to_no_second_reply(office):
    office.put_reply()
    office.exchange.after = fails(MailboxTrouble(Fault.UNREACHABLE, "timeout", retry_after=1))
    office.send()
    assert office.row().state == "pending"
    office.clock.forward(seconds=2)
    assert office.send() == 1
    assert office.sent() == ["one"]


def test_a_third_call_waits_until_the_sent_messages_are_sure_to_show_the_second(office):
    office.put_reply()
    lost = MailboxTrouble(Fault.UNREACHABLE, "timeout", retry_after=1)
    office.exchange.before = fails(lost, lost)
    for _time in range(2):
        office.send()
        office.clock.forward(seconds=2)
    office.send()
    assert office.exchange.calls.count("reply") == 2
    assert office.row().due_at == office.row().attempted_at + timedelta(seconds=30)
    office.clock.forward(seconds=30)
    office.send()
    assert office.exchange.calls == ["reply", "was_sent", "reply", "was_sent", "reply"]
    assert office.sent() == ["one"]


def test_what_certainly_was_not_sent_is_not_looked_for(office):
    office.put_reply()
    office.exchange.before = fails(MailboxTrouble(Fault.BUSY, "busy", retry_after=7))
    assert office.send() == 0
    assert (office.row().attempts, office.row().attempted_at) == (0, None)
    office.clock.forward(seconds=7)
    assert office.send() == 1
    assert office.exchange.calls == ["reply", "reply"]


def test_two_senders_at_once_send_each_reply_once(office):
    for number in range(40):
        office.put_reply(str(number))

    def sender(own, limit):
        while outbox.send_due(own, limit) or any(row.state == "pending" for row in office.rows().values()):
            pass

    senders = [threading.Thread(target=sender, args=(office.another(), limit)) for limit in (5, 7, 9)]
    for thread in senders:
        thread.start()
    for thread in senders:
        thread.join()
    assert sorted(office.sent(), key=int) == [str(number) for number in range(40)]
    assert {row.state for row in office.rows().values()} == {"done"}


def test_who_lost_the_lease_marks_nothing(office):
    office.put_reply()

    def taken_over(reply):
        with office.database.write() as session:
            session.execute(update(OutboxRow).values(fence=OutboxRow.fence + 1))

    office.exchange.after = taken_over
    office.send()
    assert office.row().state == "pending"
    assert office.history() == []
    office.exchange.after = fails()
    office.let_leases_run_out()
    office.send()
    assert office.sent() == ["one"]


def test_a_lease_is_kept_while_a_call_lasts(office, monkeypatch):
    for module in (outbox, parcels):
        monkeypatch.setattr(module, "LASTS", timedelta(milliseconds=300))
    office.put_reply()
    seen = []

    def slow(reply):
        began = office.row().lease_until
        while office.row().lease_until == began:
            threading.Event().wait(0.02)
        seen.append(office.row().lease_until > began)

    office.exchange.before = slow
    office.send()
    assert seen == [True]


def test_a_mailbox_in_trouble_is_not_called_while_it_waits_and_no_try_is_counted(office):
    for name in ("one", "two", "three"):
        office.put_reply(name)
    office.trouble(Fault.BUSY, retry_after=60)
    assert office.send() == 0
    assert office.exchange.calls == ["reply"]
    office.clock.forward(seconds=59)
    assert office.send() == 0
    assert office.exchange.calls == ["reply"]
    office.trouble(None)
    office.clock.forward(seconds=1)
    assert office.send() == 3
    assert {row.tries for row in office.rows().values()} == {0}
    with office.database.read() as session:
        assert session.get(MailboxRow, office.integration.id).waits_until is None


@pytest.mark.parametrize(
    ("fault", "alarm"),
    [
        (Fault.AUTHENTICATION, "exchange_auth_failed"),
        (Fault.SIGN_IN_NEEDED, "service_account_signin_required"),
        (Fault.MAILBOX_UNKNOWN, "mailbox_not_found"),
        (Fault.DENIED, "impersonation_denied"),
    ],
)
def test_trouble_of_the_mailbox_is_an_alarm_that_ends_by_itself(office, fault, alarm):
    office.put_reply()
    office.trouble(fault)
    office.send()
    assert raised(office) == [alarm]
    office.trouble(None)
    office.clock.forward(minutes=20)
    office.send()
    assert raised(office) == []
    assert office.sent() == ["one"]


def test_others_are_not_affected(office):
    other = an_integration(
        office.database, office.box, office.clock, name="Other", room_mailbox_email_address="b@example.com"
    )
    office.trouble(Fault.UNREACHABLE)
    for number in range(3):
        office.put_reply(f"a{number}")
        office.put_reply(f"b{number}", integration=other)
    assert office.send() == 3
    assert office.sent("b@example.com") == ["b0", "b1", "b2"]


def test_a_mailbox_that_another_installation_reads_sends_nothing(office):
    office.trouble(Fault.BUSY, retry_after=0)
    office.put_reply()
    office.send()
    with office.database.write() as session:
        session.execute(update(MailboxRow).values(is_passive=True, waits_until=None))
    office.trouble(None)
    assert office.send() == 0
    assert office.sent() == []


def test_poison_is_set_aside_after_five_tries(office):
    office.put_reply("bad")
    office.exchange.before = fails(*[MailboxTrouble(Fault.UNUSABLE, "no answer of ours")] * 5)
    for _try in range(5):
        assert office.send() == 1
        office.clock.forward(minutes=20)
    office.put_reply("good")
    assert office.send() == 1
    row = office.row("bad")
    assert (row.state, row.tries, row.error_code, row.error) == ("dead", 5, "unusable", "no answer of ours")
    assert row.payload["html"] == "<p>Text of bad</p>"  # to be tried again by an administrator
    assert raised(office) == ["queue_poison"]
    assert office.history()[:5] == [("reply", "reply_failed", False, "unusable")] * 5
    assert office.sent() == ["good"]


@pytest.mark.parametrize("payload", [{}, {"item_id": "x"}])
def test_what_cannot_be_read_is_set_aside_at_once(office, payload):
    office.put_reply()
    with office.database.write() as session:
        session.execute(update(OutboxRow).values(payload=payload))
    office.send()
    assert (office.row().state, office.row().error_code) == ("dead", "unreadable")


def test_a_reply_to_a_message_that_is_gone_for_good_is_set_aside(office):
    office.put_reply()
    office.exchange.before = fails(MailboxTrouble(Fault.ITEM_GONE, "gone"))
    office.send()
    assert office.row().state == "dead"
    assert office.history() == [("reply", "reply_failed", False, "item_gone")]


def test_what_ends_the_process_again_and_again_is_set_aside(office):
    office.put_reply()
    office.exchange.before = die
    for _time in range(8):
        with pytest.raises(Killed):
            office.send()
        office.let_leases_run_out()
        office.clock.forward(minutes=1)
    office.send()
    assert (office.row().state, office.row().error_code) == ("dead", "outcome_unknown")


def test_machines_and_what_is_no_address_get_no_reply(office):
    for number, address in enumerate(("", "ada", "VMR@example.com", "no-reply@example.com")):
        office.put_reply(str(number), to=address)
    office.send()
    assert office.exchange.calls == []
    assert {(row.state, str(row.payload)) for row in office.rows().values()} == {("cancelled", "{}")}
    assert office.history() == [("reply", "reply_not_sent", False, "organizer_unwritable")] * 4


def test_a_subject_is_one_line(office):
    office.put_reply("a\r\nBcc: eve@example.com\u2028\x07b")
    office.send()
    assert office.exchange.exchange.sent(MAILBOX)[0].subject == "Subject a Bcc: eve@example.com b"


def test_an_integration_that_is_off_sends_nothing_more(office):
    off = an_integration(
        office.database, office.box, office.clock, name="Off", room_mailbox_email_address="b@example.com", enabled=False
    )
    office.put_reply("off", integration=off)
    office.put_reply("gone", integration=replace(off, id=4000))
    office.send()
    assert {(row.state, row.error_code) for row in office.rows().values()} == {("cancelled", "integration_off")}
    assert office.exchange.calls == []
    assert raised(office) == []
