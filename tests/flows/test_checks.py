"""Runs of the checks: written step by step, one at a time, and what becomes of their alarms."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select

from addin_host.domain.access import ON_THIS_MACHINE
from addin_host.domain.checks import BY_CHECK, CheckResult, Outcome, fail, fine, steps_of, warn, worst
from addin_host.domain.deployment import Deployment
from addin_host.domain.errors import Refused
from addin_host.domain.mailbox import MailboxAccess
from addin_host.domain.ports import Installation
from addin_host.domain.text import TemplateProblem
from addin_host.flows import alarms, check_runs, checks, integrations
from addin_host.flows.alarms import Wanted
from addin_host.flows.checks import Inspection
from addin_host.flows.manifest import manifest_environment
from addin_host.gateways.outside import no_outside
from addin_host.store.models import AlarmRow, CheckRunRow, IntegrationRow, ScheduledAliasRow
from addin_host.store.secrets import SecretBox
from tests.conftest import a_record

ROOT = Path(__file__).parent.parent.parent


def nothing(_step):
    """What happens during a check, unless the test says otherwise."""


class Probes:
    """Says what the test tells it to; everything else is fine. `during` is called before each answer."""

    def __init__(self):
        self.says, self.asked, self.during = {}, [], nothing

    def open(self, integration, *, web_proxy, installation):
        return self

    def probe(self, step):
        self.asked.append((step.check.name, step.instance))
        self.during(step)
        return self.says.get((step.check.name, step.instance), fine("Fine."))


class Elapsed:
    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def probes():
    return Probes()


@pytest.fixture
def inspection(database, box, clock, probes):
    return Inspection(
        database=database,
        box=box,
        deployment=Deployment(),
        probes=probes,
        installation=Installation("0" * 12, lambda nonce: nonce),
        trial=lambda candidates: [None for _candidate in candidates],
        manifest=manifest_environment(ROOT / "manifests").get_template("outlook-addin.xml"),
        open_mailbox=lambda integration: no_outside().mailboxes.open(integration, MailboxAccess()),
        now=clock,
        elapsed=Elapsed(),
    )


def save(inspection, **changes):
    record = a_record(**changes)
    with inspection.database.read() as session:
        before = integrations.existing(session, record)
    draft = integrations.prepare(record, before=before, trial=inspection.trial)
    with inspection.database.write() as session:
        return integrations.save(
            session, draft, expected_version=None, caller=ON_THIS_MACHINE, box=inspection.box, now=inspection.now()
        ).id


def uuid_of(inspection, number):
    with inspection.database.read() as session:
        return session.get(IntegrationRow, number).uuid


def begin(inspection, number):
    with inspection.database.write() as session:
        return checks.begin(session, number, asked_by="ada", now=inspection.now())


def look(inspection, number, run_id):
    with inspection.database.read() as session:
        return check_runs.find(session, number, run_id, deployment=inspection.deployment, now=inspection.now())


def standing(inspection):
    with inspection.database.read() as session:
        found = alarms.find(session, Wanted(size=100), caller=ON_THIS_MACHINE).alarms
        return sorted((one.identifier, one.instance, one.level.value) for one in found if one.state != "ended")


def test_a_run_is_written_step_by_step(inspection, probes):
    number = save(inspection, domains=["mail.example.com", "https://ex.example.com/autodiscover/metadata/json/1"])
    run_id, is_new = begin(inspection, number)
    seen = []

    def watch(step):
        run = look(inspection, number, run_id)
        assert run.state == "running"
        assert run.results[run.done].name == step.check.name
        assert run.results[run.done].outcome is Outcome.RUNNING
        assert {result.outcome for result in run.results[run.done + 1 :]} <= {Outcome.WAITING}
        seen.append((run.done, len(run.results)))

    probes.during = watch
    results = checks.carry_out(inspection, run_id)
    planned = len(steps_of_stored(inspection, number))
    assert is_new
    assert seen == sorted(seen)
    assert {total for _done, total in seen} == {planned}
    assert [name for name, _instance in probes.asked].count("metadata") == 2
    run = look(inspection, number, run_id)
    assert (run.state, run.outcome, run.asked_by) == ("finished", Outcome.OK, "ada")
    assert list(run.results) == list(results)
    assert {(r.name, r.outcome) for r in results if r.outcome is not Outcome.OK} == {
        (name, Outcome.SKIPPED) for name in ("ways_in", "nested", "alias_space", "token_metadata", "mailbox")
    }


def steps_of_stored(inspection, number):
    with inspection.database.read() as session:
        return steps_of(integrations.to_value(session.get(IntegrationRow, number), inspection.deployment))


def test_one_run_at_a_time(inspection, clock):
    number = save(inspection)
    first = begin(inspection, number)
    assert begin(inspection, number) == (first[0], False)
    clock.forward(seconds=119)
    assert begin(inspection, number) == (first[0], False)
    with pytest.raises(Refused):
        begin(inspection, 999)


def test_a_run_that_stalled_is_broken_off_and_can_be_started_again(inspection, clock):
    number = save(inspection)
    first, _is_new = begin(inspection, number)
    clock.forward(minutes=2)
    assert look(inspection, number, first).state == "broken off"
    second, is_new = begin(inspection, number)
    assert is_new
    assert second != first
    # Should the old process wake up again, it writes nothing and raises no alarm.
    assert checks.carry_out(inspection, first) == []
    assert look(inspection, number, second).state == "running"


def test_a_save_during_a_run_starts_a_new_one(inspection, probes):
    number = save(inspection)
    first, _is_new = begin(inspection, number)

    def save_again(step):
        if step.check.name == "certificate":
            probes.during = nothing
            save(inspection, uuid=uuid_of(inspection, number), description="changed")
            second, is_new = begin(inspection, number)
            assert is_new
            assert second != first

    probes.during = save_again
    results = checks.carry_out(inspection, first)
    assert [result.name for result in results][-1] == "certificate"
    with inspection.database.read() as session:
        runs = check_runs.latest(session, number, now=inspection.now())
    assert [run.state for run in runs] == ["running", "finished"]


def test_a_fault_of_ours_ends_the_run(inspection, probes):
    number = save(inspection)
    run_id, _is_new = begin(inspection, number)

    def break_down(step):
        raise ZeroDivisionError

    probes.during = break_down
    with pytest.raises(ZeroDivisionError):
        checks.carry_out(inspection, run_id)
    run = look(inspection, number, run_id)
    assert run.state == "finished"
    assert run.results[-1].outcome is Outcome.FAILED
    assert "could not be carried out" in run.results[-1].message
    assert begin(inspection, number)[1]


def test_failures_raise_alarms_that_end_by_themselves(inspection, probes, clock):
    number = save(inspection, domains=["mail.example.com"])
    probes.says = {
        ("token", ""): fail("It does not answer.", "Correct it."),
        ("certificate", ""): warn("Soon."),
        ("metadata", "mail.example.com"): fail("Gone."),
    }
    checks.by_itself(inspection, number)
    assert standing(inspection) == [
        ("check.certificate", "", "warning"),
        ("check.metadata", "mail.example.com", "error"),
        ("check.token", "", "error"),
    ]
    clock.forward(minutes=10)
    probes.says = {("certificate", ""): fail("Expired.")}
    checks.by_itself(inspection, number)
    assert standing(inspection) == [("check.certificate", "", "error")]
    with inspection.database.read() as session:
        certificate = session.scalar(select(AlarmRow).where(AlarmRow.open_key.is_not(None)))
        assert certificate.details == "Expired."
        assert certificate.raised_at == datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    probes.says = {}
    checks.by_itself(inspection, number)
    assert standing(inspection) == []


def test_an_alarm_of_what_is_no_longer_entered_ends(inspection, probes):
    number = save(inspection, domains=["mail.example.com"])
    probes.says = {("metadata", "mail.example.com"): fail("Gone.")}
    checks.by_itself(inspection, number)
    save(inspection, uuid=uuid_of(inspection, number), domains=["other.example.com"])
    checks.by_itself(inspection, number)
    assert standing(inspection) == []


def test_switched_off_and_deleted_integrations_have_no_alarms(inspection, probes):
    probes.says = {("token", ""): fail("No.")}
    first, second = save(inspection), save(inspection, name="Other")
    checks.by_itself(inspection, first)
    checks.by_itself(inspection, second)
    assert len(standing(inspection)) == 2
    save(inspection, uuid=uuid_of(inspection, first), enabled=False)
    checks.by_itself(inspection, first)
    run_id, _is_new = begin(inspection, first)
    assert worst(checks.carry_out(inspection, run_id)) is Outcome.FAILED
    with inspection.database.write() as session:
        session.delete(session.get(IntegrationRow, second))
    assert standing(inspection) == []
    checks.by_itself(inspection, second)


def test_what_there_was_no_time_for_is_left_as_it_is(inspection, probes):
    number = save(inspection)
    probes.says = {("token", ""): fail("No."), ("dns", ""): fail("No.")}
    checks.by_itself(inspection, number)

    def slow(step):
        inspection.elapsed.seconds += 20

    probes.during, probes.says = slow, {}
    run_id, _is_new = begin(inspection, number)
    results = checks.carry_out(inspection, run_id)
    late = [result.name for result in results if "time for the checks was over" in result.message]
    assert late == [result.name for result in results][9:]
    assert late[0] == "static"
    assert standing(inspection) == [("check.token", "", "error")]
    assert next(result for result in results if result.name == "dns").seconds == 20


def test_the_checks_of_our_own_things(inspection, probes):
    number = save(inspection)
    stranger = replace(inspection, box=SecretBox([Fernet.generate_key()]))
    run_id, _is_new = begin(inspection, number)
    found = {result.name: result for result in checks.carry_out(stranger, run_id)}
    assert found["secrets"].outcome is Outcome.FAILED
    assert "canary" not in found["secrets"].message
    assert ("check.secrets", "", "error") in standing(inspection)

    bad = replace(inspection, trial=lambda candidates: [TemplateProblem("bad", 3), *[None] * (len(candidates) - 1)])
    run_id, _is_new = begin(inspection, number)
    found = {result.name: result for result in checks.carry_out(bad, run_id)}
    assert found["templates"].outcome is Outcome.FAILED
    assert "line 3: bad." in found["templates"].message
    assert found["manifest"].outcome is Outcome.OK

    with inspection.database.write() as session:
        session.get(IntegrationRow, number).icon = b"no picture"
    run_id, _is_new = begin(inspection, number)
    found = {result.name: result for result in checks.carry_out(inspection, run_id)}
    assert found["manifest"].outcome is Outcome.FAILED
    assert "icon" in found["manifest"].message


SINGLE_USE = {
    "enable_dynamic_vmrs": True,
    "url": "https://mail.example.com/EWS/Exchange.asmx",
    "username": "svc",
    "password": "canary",
    "room_mailbox_name": "Video",
    "room_mailbox_email_address": "video@example.com",
    "scheduled_alias_prefix": "88",
    "scheduled_alias_suffix_length": 5,
    "scheduled_alias_domain": "video.example.com",
    "domains": ["mail.example.com"],
}


def found_by(inspection, number):
    run_id, _is_new = begin(inspection, number)
    return {result.name: result for result in checks.carry_out(inspection, run_id)}


def an_alias(number, integration, released_at=None):
    now = datetime(2026, 11, 23, tzinfo=UTC)
    return ScheduledAliasRow(
        uuid=str(uuid4()),
        integration_id=integration,
        alias=f"88{number:05}@video.example.com",
        numeric_alias=f"88{number:05}",
        alias_number=number,
        caller="user:1",
        created_at=now,
        expires_at=now,
        released_at=released_at,
    )


def test_live_numbers_of_this_integration_are_counted_and_many_are_an_alarm(inspection):
    number = save(inspection, **SINGLE_USE)
    assert found_by(inspection, number)["alias_space"].message.startswith("0 of 100,000 numbers")
    with inspection.database.write() as session:
        session.add_all(an_alias(one, number) for one in range(101))
        session.add_all(an_alias(one, number, inspection.now()) for one in range(200, 300))
        session.add_all(an_alias(one, number + 1) for one in range(300, 400))
    found = found_by(inspection, number)["alias_space"]
    assert found.outcome is Outcome.WARNING
    assert found.message.startswith("101 of 100,000 numbers")
    assert found.next_step == "Set the scheduled alias suffix length to 6."
    assert standing(inspection) == [("check.alias_space", "", "warning")]


def test_the_library_for_naa_is_looked_for(inspection):
    number = save(
        inspection,
        **SINGLE_USE,
        addin_authentication_method="NAA_TOKEN",
        addin_application_id="11111111-1111-4111-8111-111111111111",
        addin_naa_web_api_application_id="22222222-2222-4222-8222-222222222222",
        addin_authority_url="https://login.example.com/t",
        addin_oidc_metadata_url="https://login.example.com/t/v2.0/.well-known/openid-configuration",
    )
    found = found_by(inspection, number)
    assert [found[name].outcome for name in ("ways_in", "nested")] == [Outcome.WARNING, Outcome.FAILED]
    installed = replace(inspection.installation, has_nested_library=True)
    found = found_by(replace(inspection, installation=installed), number)
    assert [found[name].outcome for name in ("ways_in", "nested")] == [Outcome.OK, Outcome.OK]


@pytest.mark.parametrize(
    ("text", "words"),
    [("<p>Join {{ alias }}</p>", "holds a variable"), ("<p>&nbsp;</p><br>", "prints nothing"), ("<p>Later</p>", "")],
)
def test_the_placeholder_says_something_to_people(inspection, text, words):
    number = save(inspection, **SINGLE_USE, placeholder_instructions_template=text)
    found = found_by(inspection, number)["templates"]
    assert (found.outcome, words in found.message) == (Outcome.WARNING if words else Outcome.OK, True), found


def test_a_trial_that_cannot_start_is_not_the_templates_fault(inspection):
    def busy(candidates):
        raise TemplateProblem("templates cannot be tried at the moment")

    number = save(inspection)
    run_id, _is_new = begin(inspection, number)
    found = {result.name: result for result in checks.carry_out(replace(inspection, trial=busy), run_id)}
    assert found["templates"].outcome is Outcome.WARNING


def test_results_survive_storing(inspection):
    result = CheckResult("dns", Outcome.WARNING, "m", "n", "i", 1.5)
    assert CheckResult.from_data(result.as_data()) == result
    assert CheckResult("metadata", Outcome.OK, instance="a.example").title == "Exchange metadata: a.example"
    assert CheckResult("gone", Outcome.OK).title == "gone"
    assert set(BY_CHECK) == {check.name for check in BY_CHECK.values()}


def test_the_newest_run_of_each(inspection):
    first, second = save(inspection), save(inspection, name="Other")
    for number in (first, first, second):
        checks.by_itself(inspection, number)
    with inspection.database.read() as session:
        found = check_runs.newest(session, [first, second, 999], now=inspection.now())
        assert {number: run.id for number, run in found.items()} == {
            number: session.scalars(
                select(CheckRunRow.id).where(CheckRunRow.integration_id == number).order_by(CheckRunRow.id.desc())
            ).first()
            for number in (first, second)
        }
