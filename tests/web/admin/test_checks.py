"""The pages of the checks: started, followed, left, and come back to."""

import re
import time

import pytest

from addin_host.domain.access import Role
from addin_host.domain.checks import CheckResult, Outcome, fail
from addin_host.flows import check_runs, checks
from addin_host.store.models import CheckRunRow
from addin_host.web.after_save import saved
from tests.web.walks import alike

PAGE = "/admin/integrations/1/checks/"


def running(world, **changes):
    with world.database.write() as db:
        run_id, _is_new = checks.begin(db, 1, asked_by="<ada>", now=world.clock())
        row = db.get(CheckRunRow, run_id)
        results = [
            CheckResult("secrets", Outcome.OK, "<b>fine</b>", seconds=1.2),
            CheckResult("templates", Outcome.RUNNING),
        ]
        row.results = [result.as_data() for result in results]
        for name, value in changes.items():
            setattr(row, name, value)
        return run_id


def finished(world, integration=1):
    """Wait for the newest run of an integration."""
    for _attempt in range(1200):
        with world.database.read() as db:
            runs = check_runs.latest(db, integration, now=world.clock())
        if runs and runs[0].state == "finished":
            return runs[0]
        time.sleep(0.05)
    raise AssertionError("the checks did not end")


def test_check_now_leads_to_the_run_which_ends_by_itself(world, admin):
    operator = admin(Role.OPERATOR)
    assert "Nothing was checked yet" in operator.get(PAGE).text
    started = operator.post(PAGE, form=PAGE)
    assert started.status_code == 303
    run = finished(world)
    assert started.location == f"{PAGE}{run.id}"
    page = operator.get(started.location).text
    assert "All stored secrets can be read (1)." in page
    assert "Outlook takes the manifest and the icon." in page
    assert "Asked for by operator-" in page
    assert "data-progress" not in page
    assert "http-equiv" not in page
    assert operator.get(PAGE).text.count("step-state") == page.count("step-state") == len(run.results)


def test_a_run_at_work_is_shown_and_followed_with_and_without_scripts(world, admin):
    run_id = running(world)
    viewer = admin(Role.VIEWER)
    page = viewer.get(f"{PAGE}{run_id}").text
    assert f'data-progress="{PAGE}{run_id}/progress"' in page
    assert '<noscript><meta http-equiv="refresh" content="2"></noscript>' in page
    assert "Reload</a></noscript>" in page
    assert "&lt;b&gt;fine&lt;/b&gt;" in page
    assert "Asked for by &lt;ada&gt;" in page
    assert "Check now" not in page
    found = viewer.get(f"{PAGE}{run_id}/progress")
    assert found.mimetype == "application/json"
    assert (found.json["state"], found.json["done"]) == ("running", 1)
    assert found.json["planned"] == len(found.json["steps"]) == page.count("step-state")
    assert [step["label"] for step in found.json["steps"][:3]] == ["Passed", "At work", "Waiting"]
    assert found.json["steps"][0]["seconds"] == "1.2 s"


def test_while_a_run_is_at_work_check_now_leads_to_it(world, admin):
    run_id = running(world)
    assert admin(Role.OPERATOR).post(PAGE, form=PAGE).location == f"{PAGE}{run_id}"


def test_a_run_whose_process_is_gone_is_shown_as_broken_off_and_can_be_started_again(world, admin):
    run_id = running(world)
    world.clock.forward(minutes=2)
    operator = admin(Role.OPERATOR)
    page = operator.get(f"{PAGE}{run_id}").text
    assert "broken off" in page
    assert "At work" not in page
    assert not re.search(r'id="check-now" disabled', page)
    assert operator.get(f"{PAGE}{run_id}/progress").json["state"] == "broken off"
    assert operator.post(PAGE, form=PAGE).location != f"{PAGE}{run_id}"
    finished(world)


@pytest.mark.parametrize("path", ["", "{run}", "{run}/progress"])
def test_others_integrations_and_runs_are_unknown(world, admin, path):
    run_id = running(world)
    foreign = admin(Role.INTEGRATION_ADMIN, (2,))
    words = {
        alike(foreign.get(f"/admin/integrations/{number}/checks/{path.format(run=run_id)}").text) for number in (1, 999)
    }
    assert len(words) == 1
    assert foreign.get(f"/admin/integrations/1/checks/{path.format(run=run_id)}").status_code == 404
    if path:
        # An own integration does not lead to another one's run either.
        assert foreign.get(f"/admin/integrations/2/checks/{path.format(run=run_id)}").status_code == 404


def test_who_may_start_them(world, admin):
    assert admin(Role.VIEWER).post(PAGE).status_code == 403
    assert admin(Role.INTEGRATION_ADMIN, (2,)).post(PAGE).status_code == 404
    with world.database.read() as db:
        assert check_runs.latest(db, 1, now=world.clock()) == []


def test_saving_starts_them(world):
    with world.app.test_request_context():
        saved(1)
    run = finished(world)
    assert run.asked_by == "Saved"


def test_saving_never_fails_because_of_them(world):
    with world.app.test_request_context():
        saved(999)
        world.services.checking._executor().shutdown()
        saved(1)
    with world.database.read() as db:
        assert check_runs.latest(db, 1, now=world.clock()) == []


def test_words_of_checks_are_escaped(world, admin):
    hostile = fail("<script>alert(1)</script>", "<img src=x onerror=alert(1)>")
    result = CheckResult("metadata", hostile.outcome, hostile.message, hostile.next_step, "<i>host</i>", 0.1)
    run_id = running(world, results=[result.as_data()], finished_at=world.clock())
    page = admin().get(f"{PAGE}{run_id}").text
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "Exchange metadata: &lt;i&gt;host&lt;/i&gt;" in page


def test_the_installation_proves_itself_and_nothing_else(world):
    nonce = "n" * 32
    answer = world.client().get(world.url("proof"), query_string={"nonce": nonce})
    assert answer.status_code == 200
    assert answer.text == world.services.inspection.installation.proof(nonce)
    assert answer.text != world.client().get(world.url("proof"), query_string={"nonce": "m" * 32}).text
    for wrong in ("", "short", "x" * 65, "ä" * 32, "<" * 32):
        assert world.client().get(world.url("proof"), query_string={"nonce": wrong}).status_code == 400
    assert world.client().get(world.url("proof", 999), query_string={"nonce": nonce}).status_code == 404
