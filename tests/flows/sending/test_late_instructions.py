"""Meetings that were sent with a placeholder: instructions in the appointment, or in the reply."""

from __future__ import annotations

from dataclasses import replace

import pytest

from addin_host.domain.mailbox import Fault, MailboxTrouble
from addin_host.flows.scheduling import late_instructions, room_writes
from tests.flows.sending.post_office import MAILBOX

ALIAS, TAG, TOK = "80123456@vmr.example.com", f"PXPS:-{'A' * 58}#", f"TOK:-{'B' * 64}#"


@pytest.fixture
def desk(office):
    office.integration = replace(office.integration, values={**office.integration.values, "late_instructions": True})
    return office


def arrange(office, meeting, after_id=None):
    with office.database.write() as session:
        found = late_instructions.plan(
            session,
            office.integration,
            meeting,
            alias=ALIAS,
            tag=TAG,
            correlation_id="c" * 36,
            after_id=after_id,
            now=office.clock(),
        )
    office.put_reply(meeting=meeting, after_id=found)
    return found


def deliver(office, meeting):
    """Put the meeting into the calendar of the mailbox in memory."""
    from addin_host.domain.calendar import Meeting, Organizer

    shown = Meeting(
        uid=meeting.uid, item_id="", sequence=0, critical_change=None, organizer=Organizer("ada@example.com"),
        subject="Budget", body=f"<p>Soon</p><div>{TOK}</div>", body_is_html=True, start=office.clock(),
        end=office.clock(),
    )  # fmt: skip
    office.exchange.exchange.deliver(MAILBOX, shown, is_dropped=True)


def send_all(office):
    while office.send():
        pass


def test_with_the_option_off_the_caller_appends_the_text(office):
    meeting = office.book(placeholder_tag=TOK)
    assert arrange(office, meeting) is None
    text = late_instructions.reply_text(office.integration, ALIAS, TAG)
    assert ALIAS in text
    assert TAG in text
    assert "80123456" in text


def test_the_appointment_is_rewritten_after_the_room_and_before_the_reply(desk):
    desk.use_platform()
    meeting = desk.book(placeholder_tag=TOK)
    deliver(desk, meeting)
    with desk.database.write() as session:
        written = room_writes.plan(session, [meeting.conference_id], now=desk.clock())
    assert arrange(desk, meeting, written[meeting.conference_id])
    send_all(desk)
    (rewrite,) = desk.exchange.exchange.rewritten(MAILBOX)
    assert (rewrite.organizer_address, rewrite.uid, rewrite.tag) == ("ada@example.com", meeting.uid, TOK)
    assert rewrite.html == late_instructions.reply_text(desk.integration, ALIAS, TAG)
    assert rewrite.placeholder_html
    assert [one[1] for one in desk.history()] == ["written_to_platform", "instructions_written", "reply_sent"]
    assert desk.exchange.exchange.sent(MAILBOX)[0].html == "<p>Text of one</p>"
    assert {str(row.payload) for row in desk.rows().values()} == {"{}"}


def test_it_is_asked_for_once(desk):
    meeting = desk.book(placeholder_tag=TOK)
    deliver(desk, meeting)
    first = arrange(desk, meeting)
    send_all(desk)
    with desk.database.write() as session:
        again = late_instructions.plan(
            session, desk.integration, meeting, alias=ALIAS, tag=TAG, correlation_id="d" * 36, now=desk.clock()
        )
    assert again == first
    assert desk.send() == 0
    assert len(desk.exchange.exchange.rewritten(MAILBOX)) == 1


def test_without_the_permission_the_reply_carries_them(desk):
    meeting = desk.book(placeholder_tag=TOK)
    deliver(desk, meeting)
    desk.exchange.exchange.deny(MAILBOX)
    arrange(desk, meeting)
    send_all(desk)
    (reply,) = desk.exchange.exchange.sent(MAILBOX)
    assert reply.html == f"<p>Text of one</p>\n{late_instructions.reply_text(desk.integration, ALIAS, TAG)}"
    assert desk.history() == [("rewrite", "rewrite_denied", False, "denied"), ("reply", "reply_sent", True, "")]


def test_an_appointment_that_is_not_there_leaves_them_to_the_reply(desk):
    arrange(desk, desk.book(placeholder_tag=TOK))
    send_all(desk)
    assert ALIAS in desk.exchange.exchange.sent(MAILBOX)[0].html


def test_a_call_whose_answer_was_lost_has_written_them(desk):
    meeting = desk.book(placeholder_tag=TOK)
    deliver(desk, meeting)
    arrange(desk, meeting)
    mailbox, acted = desk.exchange.exchange.mailbox(MAILBOX), []

    class Losing:
        def rewrite(self, rewrite):
            acted.append(mailbox.rewrite(rewrite))
            if len(acted) == 1:
                raise MailboxTrouble(Fault.UNREACHABLE, "timeout", retry_after=0)
            return acted[-1]

        def __getattr__(self, name):
            return getattr(mailbox, name)

    desk.exchange.open = lambda *_given: Losing()
    desk.send()
    desk.clock.forward(seconds=1)
    send_all(desk)
    assert acted == [True, False]
    assert [one[1] for one in desk.history()] == ["instructions_written", "reply_sent"]
    assert desk.exchange.exchange.sent(MAILBOX)[0].html == "<p>Text of one</p>"
