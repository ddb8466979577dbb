"""The check of an equipment mailbox: what it says for each fault, and that one trouble is one alarm."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from addin_host.domain.checks import Outcome, steps_of
from addin_host.domain.deployment import Deployment
from addin_host.domain.errors import Misconfigured
from addin_host.domain.mailbox import Fault, MailboxTrouble
from addin_host.flows import checks, integrations
from addin_host.flows.scheduling import health, mailbox_check
from addin_host.store.models import AlarmRow, MailboxRow
from tests.flows.test_checks import inspection, probes, save
from tests.single_use import a_single_use_record

__all__ = ["inspection", "probes"]


class Mailbox:
    """A mailbox that raises what the test tells it to."""

    def __init__(self):
        self.trouble, self.asked = None, 0

    def probe(self):
        self.asked += 1
        if self.trouble:
            raise self.trouble


@pytest.fixture
def mailbox():
    return Mailbox()


@pytest.fixture
def own(inspection, mailbox):
    return replace(inspection, open_mailbox=lambda _integration: mailbox)


@pytest.fixture
def integration(own):
    number = save(own, **a_single_use_record(name="East", room_mailbox_email_address="east@example.com"))
    with own.database.read() as session:
        return integrations.to_value(integrations.find(session, number), Deployment())


def judge(own, integration):
    return mailbox_check.judge(integration, database=own.database, open_mailbox=own.open_mailbox, now=own.now())


def standing(own):
    with own.database.read() as session:
        return sorted(session.scalars(select(AlarmRow.identifier).where(AlarmRow.open_key.is_not(None))))


def run(own, integration):
    with own.database.write() as session:
        run_id, _is_new = checks.begin(session, integration.id, asked_by="t", now=own.now())
    found = checks.carry_out(own, run_id)
    return next(result for result in found if result.name == "mailbox")


def test_a_mailbox_that_works(own, integration, mailbox):
    found = run(own, integration)
    assert found.outcome is Outcome.OK
    assert "east@example.com is reached over EWS" in found.message
    assert mailbox.asked == 1


@pytest.mark.parametrize(
    ("fault", "alarm", "words"),
    [
        (Fault.AUTHENTICATION, "exchange_auth_failed", "refuses the sign-in"),
        (Fault.SIGN_IN_NEEDED, "service_account_signin_required", "Nobody is signed in"),
        (Fault.MAILBOX_UNKNOWN, "mailbox_not_found", "does not know the equipment mailbox"),
        (Fault.DENIED, "impersonation_denied", "does not let this service in"),
        (Fault.UNREACHABLE, "check.mailbox", "not reached"),  # which the worker says after some failures only
        (Fault.UNUSABLE, "check.mailbox", "does not answer like Exchange"),
    ],
)
def test_each_fault_is_told_apart_and_one_alarm(own, integration, mailbox, fault, alarm, words):
    mailbox.trouble = MailboxTrouble(fault, "It said so.")
    found = run(own, integration)
    assert found.outcome is Outcome.FAILED
    assert words in found.message
    assert "It said so." in found.message
    assert found.next_step
    assert standing(own) == [alarm]
    mailbox.trouble = None
    assert run(own, integration).outcome is Outcome.OK
    assert standing(own) == []


def test_a_busy_server_is_not_called_before_its_time(own, integration, mailbox, clock):
    mailbox.trouble = MailboxTrouble(Fault.BUSY, "Too many.", retry_after=120)
    assert judge(own, integration).outcome is Outcome.WARNING
    mailbox.trouble = None
    assert "asked not to be called before 12:02" in judge(own, integration).message
    assert mailbox.asked == 1
    clock.forward(seconds=121)
    assert judge(own, integration).outcome is Outcome.OK


def test_settings_that_strip_invitations(own, integration):
    with own.database.write() as session:
        health.body_removed(session, integration, own.now())
    found = run(own, integration)
    assert found.outcome is Outcome.FAILED
    assert "take the text out of invitations" in found.message
    assert "Deploy page" in found.next_step
    assert standing(own) == ["mailbox_body_removed"]


def test_a_mailbox_of_another_installation(own, integration, clock):
    with own.database.write() as session:
        session.add(
            MailboxRow(
                integration_id=integration.id, identity="x", due_at=clock() + timedelta(minutes=1), is_passive=True
            )
        )
    found = judge(own, integration)
    assert found.outcome is Outcome.WARNING
    assert "another installation reads it" in found.message


def test_entries_that_cannot_be_used(own, integration):
    def refuse(_integration):
        raise Misconfigured("The EWS URL is missing.")

    found = judge(replace(own, open_mailbox=refuse), integration)
    assert (found.outcome, found.message) == (Outcome.FAILED, "The EWS URL is missing.")


def test_it_is_left_out_where_there_is_no_mailbox(own, integration):
    (step,) = (step for step in steps_of(integration) if step.check.name == "mailbox")
    assert step.check.skipped(integration) == ""
    without = replace(integration, values={**integration.values, "room_mailbox_email_address": None})
    assert step.check.skipped(without) == "No equipment mailbox is entered."
    personal = replace(integration, values={**integration.values, "enable_dynamic_vmrs": False})
    assert step.check.skipped(personal) == "Single-use VMRs are switched off."
