"""The dashboard: what everybody sees of what they reach, in a fixed number of queries."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import event

from addin_host.domain.access import Role
from addin_host.domain.alarms import Level
from addin_host.flows import alarms, usage
from addin_host.flows.overview import SHOWN_INTEGRATIONS
from addin_host.flows.usage import Happening
from addin_host.store.models import CheckRunRow, ConferenceRow, IntegrationRow
from tests.booked_rooms import arrived, read_mailbox, to_send
from tests.single_use import a_single_use_record
from tests.web.conftest import save


def count(world, integration, kind, times=1):
    with world.database.write() as session:
        for _time in range(times):
            usage.count(session, integration, kind, world.clock())


def raise_alarm(world, integration, details):
    with world.database.write() as session:
        alarms.raise_(
            session,
            "check.certificate",
            integration_id=integration,
            level=Level.ERROR,
            details=details,
            next_step="Renew it.",
            instance=details,
            now=world.clock(),
        )


def words(answer):
    return " ".join(re.sub("<[^>]+>", " ", answer.text).split())


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.PLATFORM_ADMIN])
def test_who_reaches_all_sees_all(world, admin, role):
    count(world, 1, Happening.SIGN_IN, 3)
    count(world, 2, Happening.SIGN_IN, 4)
    count(world, 2, Happening.INSERTION, 2)
    count(world, 2, Happening.REFUSAL)
    raise_alarm(world, 2, "It ends on Monday.")
    text = words(admin(role).get("/admin/"))
    assert "7 sign-ins" in text
    assert "2 insertions" in text
    assert "1 sign-in refused" in text
    assert "It ends on Monday." in text
    assert text.index("Development") < text.index("Sales")  # the one with an alarm comes first
    assert "1 open" in text
    assert "SQLite" in text


def test_an_integration_administrator_sees_figures_of_the_own_integrations_only(world, admin):
    for integration, times in ((1, 3), (2, 40)):
        count(world, integration, Happening.SIGN_IN, times)
        raise_alarm(world, integration, f"About {integration}.")
    raise_alarm(world, None, "About everything.")
    text = words(admin(Role.INTEGRATION_ADMIN, (1,)).get("/admin/"))
    assert "3 sign-ins" in text
    assert "43" not in text
    assert "About 1." in text
    assert "About 2." not in text
    assert "About everything." not in text
    assert "Development" not in text


def test_the_chart_has_a_bar_for_each_day_with_figures_and_a_table_with_the_numbers(world, admin):
    count(world, 1, Happening.SIGN_IN, 5)
    world.clock.forward(days=3)
    count(world, 1, Happening.INSERTION, 2)
    answer = admin().get("/admin/")
    found = re.findall(r'<rect class="bar-(\d)"[^>]* height="([\d.]+)"', answer.text)
    assert found == [("0", "120.0"), ("1", "48.0")]
    assert "2026-11-26 0 0 2" in words(answer)
    assert "2026-11-23 5 0 0" in words(answer)
    assert answer.text.count('<tr><th scope="row" class="fw-normal">2026-') == 30


def test_older_figures_than_thirty_days_are_not_in_it(world, admin):
    count(world, 1, Happening.SIGN_IN)
    world.clock.forward(days=30)
    assert "0 sign-ins" in words(admin().get("/admin/"))


def test_the_manifest_is_up_to_date_or_to_be_deployed_again(world, admin):
    browser = admin()
    assert words(browser.get("/admin/")).count("Not downloaded") == 2
    browser.post("/admin/integrations/1/deploy/manifest.xml")
    assert "Up to date 1.0.0.1" in words(browser.get("/admin/"))
    uuid = world.services.catalogue.get("1").uuid
    save(world, uuid=uuid, addin_pane_title="Another")
    assert "Up to date 1.0.0.1" in words(browser.get("/admin/"))
    save(world, uuid=uuid, addin_button_label="Another")
    assert "Deploy again 1.0.0.1 is out" in words(browser.get("/admin/"))


def test_first_steps_are_ticked_off_until_all_are_done(world, admin):
    browser = admin()
    assert "Open Run its checks" in words(browser.get("/admin/"))
    assert "Done Make an integration" in words(browser.get("/admin/"))
    browser.post("/admin/integrations/1/deploy/manifest.xml")
    assert "Done Download its manifest and deploy it" in words(browser.get("/admin/"))
    count(world, 1, Happening.SIGN_IN)
    with world.database.write() as session:
        at = world.clock()
        run = {"integration_id": 1, "version": 1, "asked_by": "x", "started_at": at, "updated_at": at}
        session.add(CheckRunRow(**run, finished_at=at, results=[]))
        session.add(ConferenceRow(uuid="u", name="One more", created_at=at))
    assert "First steps" not in words(browser.get("/admin/"))


def test_an_empty_installation_is_told_where_to_begin(world, admin):
    from addin_host.domain.access import BY_ITSELF
    from addin_host.flows import integrations

    with world.database.write() as session:
        for number in (1, 2):
            integrations.delete(session, number, caller=BY_ITSELF, now=world.clock())
    answer = admin().get("/admin/")
    assert "Open Make an integration" in words(answer)
    assert "No integration yet" in words(answer)
    link = '<a href="/admin/integrations/new">Make an integration</a>'
    assert link in answer.text
    assert link not in admin(Role.VIEWER).get("/admin/").text


def test_the_number_of_queries_does_not_depend_on_the_number_of_integrations(world, admin):
    browser, seen = admin(), []

    def note(_connection, _cursor, statement, *_more):
        seen.append(statement)

    event.listen(world.services.database.engine, "before_cursor_execute", note)
    browser.get("/admin/")
    few = len(seen)
    for number in range(SHOWN_INTEGRATIONS):
        save(world, name=f"More {number:02}", addin_server_domain=f"h{number}.example.com")
        raise_alarm(world, number + 3, "Something.")
    browser.post("/admin/integrations/3/deploy/manifest.xml")
    seen.clear()
    text = words(browser.get("/admin/"))
    assert len(seen) == few
    assert f"All {SHOWN_INTEGRATIONS + 2} integrations" in text
    assert f"All {SHOWN_INTEGRATIONS} open alarms" in text


@pytest.fixture
def mailboxes(world):
    """Integrations 3 and 4 with single-use VMRs; a queue at 3."""
    now = world.clock()
    for name in ("East", "West"):
        save(world, **a_single_use_record(name=name, room_mailbox_email_address=f"{name}@example.com"))
    with world.database.write() as session:
        arrived(session, 3, now=now - timedelta(minutes=20))
        arrived(session, 3, now=now)
        arrived(session, 3, now=now, state="dead")
        to_send(session, 3, now=now)
        return now


def test_how_scheduling_is_doing(world, admin, mailboxes):
    with world.database.write() as session:
        read_mailbox(session, 3, now=mailboxes, polled_at=mailboxes, processed_at=mailboxes - timedelta(hours=2))
    found = words(admin().get("/admin/"))
    assert "East Read 2026-11-23 10:00 UTC 2 to read, 1 to send since 2026-11-23 11:40 UTC 1" in found
    assert "West Not read yet never nothing none" in found


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        (
            {"fault": "denied", "fault_message": "No rights."},
            "East Access denied until 2026-11-23 12:05 UTC No rights.",
        ),
        ({"fault": "busy"}, "East Told to wait until 2026-11-23 12:05 UTC"),
        ({"is_passive": True}, "East Another installation reads it"),
        ({}, "East Told to wait until"),
    ],
)
def test_a_mailbox_in_trouble(world, admin, mailboxes, state, shown):
    with world.database.write() as session:
        read_mailbox(
            session, 3, now=mailboxes, polled_at=mailboxes, waits_until=mailboxes + timedelta(minutes=5), **state
        )
    assert shown in words(admin().get("/admin/"))


def test_a_service_account_that_nobody_is_signed_in_to(world, admin, mailboxes):
    with world.database.write() as session:
        row = session.get(IntegrationRow, 3)
        row.record = {**row.record, "mailbox_protocol": "EWS", "authentication_method": "OAUTH"}
    assert "East Sign in to the service account" in words(admin().get("/admin/"))


def test_scheduling_is_left_out_where_nobody_schedules(admin):
    assert "Equipment mailbox" not in words(admin().get("/admin/"))


def test_the_health_of_other_integrations_is_not_shown(world, admin, mailboxes):
    found = words(admin(Role.INTEGRATION_ADMIN, (4,)).get("/admin/"))
    assert "West Not read yet" in found
    assert "East" not in found
