"""Tokens of the service account on both databases: kept, renewed by one at a time, lost, and asked for anew."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from addin_host.domain.access import ON_THIS_MACHINE
from addin_host.domain.deployment import Deployment
from addin_host.domain.integration import Integration
from addin_host.domain.mailbox import Fault, MailboxTrouble
from addin_host.domain.ports import Outside
from addin_host.flows import integrations, leases, service_account
from addin_host.flows.integrations.reading import place_of
from addin_host.flows.integrations.service_token import ALARM, REFRESH_TOKEN
from addin_host.gateways.outside import no_outside
from addin_host.store.db import Database
from addin_host.store.models import AlarmRow, AuditRow, IntegrationSecretRow
from addin_host.store.secrets import SecretBox
from tests.conftest import Clock
from tests.gateways.peers.service_provider import ServiceProvider


@dataclass
class Installation:
    """An integration that uses OAuth, and processes that work for it."""

    database: Database
    box: SecretBox
    clock: Clock
    peer: ServiceProvider
    outside: Outside
    integration: Integration | None = None
    others: list[Database] = field(default_factory=list)

    def save(self, **changes: Any) -> Integration:
        with self.database.read() as session:
            row = integrations.look_up(session, self.integration.id) if self.integration else None
            before = integrations.existing_of(row) if row else None
        draft = integrations.prepare(
            changes if before else self.peer.fields | changes, before=before, trial=lambda texts: [None] * len(texts)
        )
        with self.database.write() as session:
            saved = integrations.save(
                session, draft, expected_version=None, caller=ON_THIS_MACHINE, box=self.box, now=self.clock()
            )
            self.integration = integrations.to_value(saved, Deployment())
        return self.integration

    def sign_in(self) -> str:
        """Put a refresh token where the sign-in puts it."""
        token, number = self.peer.issue(), self.integration.id
        with self.database.write() as session:
            sealed = self.box.seal(place_of(number, REFRESH_TOKEN), token)
            session.merge(IntegrationSecretRow(integration_id=number, field=REFRESH_TOKEN, sealed=sealed))
        return token

    def stored(self) -> str:
        with self.database.read() as session:
            return integrations.secret(session, self.integration.id, REFRESH_TOKEN, box=self.box)

    def process(self) -> Database:
        """Another process: it has nothing in memory."""
        self.others.append(Database(self.database.url.render_as_string(hide_password=False)))
        return self.others[-1]

    def token(self, database: Database | None = None, *, again: bool = False) -> str:
        return service_account.access_token(
            database or self.database, self.integration, again, box=self.box, outside=self.outside
        )

    def alarms(self) -> list[str]:
        with self.database.read() as session:
            return list(session.scalars(select(AlarmRow.identifier).where(AlarmRow.open_key.is_not(None))))


@pytest.fixture
def installed(database: Database, box: SecretBox, clock: Clock) -> Iterator[Installation]:
    with ServiceProvider() as peer:
        outside = replace(no_outside(), service_accounts=peer.gateway())
        made = Installation(database, box, clock, peer, outside)
        made.save()
        yield made
        for other in made.others:
            other.close()


def fault_of(call: Any) -> Fault:
    with pytest.raises(MailboxTrouble) as caught:
        call()
    return caught.value.fault


def test_a_token_is_kept_until_shortly_before_it_ends(installed):
    installed.sign_in()
    first = installed.token()
    assert installed.token() == first
    assert installed.token(again=True) == first  # so new a one is not at fault
    assert installed.peer.calls == 1
    assert installed.token(installed.process()) != first
    installed.peer.seconds = 60
    short = installed.process()
    assert installed.token(short) != installed.token(short)


def test_a_token_is_not_for_another_exchange_server_nor_for_another_sign_in(installed):
    installed.sign_in()
    first = installed.token()
    installed.peer.resource = "https://elsewhere.example.com"
    installed.save(url="https://elsewhere.example.com/EWS/Exchange.asmx")
    second = installed.token()
    assert second != first
    installed.save(authentication_method="BASIC", password="x" * 20)
    installed.save(authentication_method="OAUTH")
    assert fault_of(installed.token) is Fault.SIGN_IN_NEEDED


def test_a_rotated_token_is_stored_before_it_is_used(installed):
    given = installed.sign_in()
    installed.token()
    assert installed.stored() not in ("", given)
    assert installed.stored() in installed.peer.valid
    installed.token(installed.process())
    assert installed.stored() in installed.peer.valid


def test_a_provider_that_does_not_rotate(installed):
    installed.peer.bend = {"refresh_token": None}
    given = installed.sign_in()
    installed.token()
    assert installed.stored() == given


def test_there_is_one_refresher_at_a_time(installed):
    installed.sign_in()
    installed.peer.takes = 0.2
    processes = [installed.database, installed.process(), installed.process()]
    with ThreadPoolExecutor(6) as pool:
        tokens = list(pool.map(installed.token, processes * 2))
    assert installed.peer.most_at_once == 1
    assert installed.peer.calls == 3  # each process once, whatever number of threads it has
    assert len(set(tokens)) == 3
    assert installed.stored() in installed.peer.valid


def test_who_is_killed_in_the_gap_leaves_one_alarm(installed):
    given = installed.sign_in()
    killed = installed.outside.service_accounts.refresh(
        installed.integration, service_account.ServiceClient("client-secret"), refresh_token=given
    )
    assert killed.refresh_token != given  # and nobody has stored it
    with installed.database.write() as session:
        session.execute(AlarmRow.__table__.delete())
    assert fault_of(installed.token) is Fault.SIGN_IN_NEEDED
    assert installed.stored() == ""
    calls = installed.peer.calls
    for process in (installed.database, installed.process()):
        assert fault_of(lambda process=process: installed.token(process)) is Fault.SIGN_IN_NEEDED
    assert installed.peer.calls == calls  # nobody asks with a token that is known to be bad
    assert installed.alarms() == [ALARM]


def test_a_lease_of_a_killed_process_runs_out(installed):
    installed.sign_in()
    number, lasts = installed.integration.id, timedelta(seconds=1)
    with installed.database.write() as session:
        now = installed.database.time(session)
        assert leases.take(session, f"service account {number}", holder="killed", lasts=lasts, now=now)
    assert installed.token()


def test_a_sign_in_that_comes_during_a_renewal_is_kept(installed):
    installed.sign_in()
    real = installed.outside.service_accounts

    class Meanwhile:
        def refresh(self, *given, **named):
            access = real.refresh(*given, **named)
            self.newer = installed.sign_in()
            return access

    installed.outside = replace(installed.outside, service_accounts=Meanwhile())
    assert fault_of(installed.token) is Fault.BUSY
    assert installed.stored() == installed.outside.service_accounts.newer
    installed.peer.revoke()
    assert fault_of(installed.token) is Fault.SIGN_IN_NEEDED
    assert installed.stored() == ""


@pytest.mark.parametrize("fault", [(503, b"", ()), (401, b'{"error": "invalid_client"}', ())])
def test_other_troubles_keep_the_sign_in(installed, fault):
    given = installed.sign_in()
    installed.peer.fault = fault
    assert fault_of(installed.token) in (Fault.BUSY, Fault.AUTHENTICATION)
    assert installed.stored() == given
    installed.peer.fault = None
    assert installed.token()


def test_the_first_save_asks_for_a_sign_in(installed):
    assert installed.alarms() == [ALARM]
    assert fault_of(installed.token) is Fault.SIGN_IN_NEEDED
    assert installed.peer.calls == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"username": "other@example.com"},
        {"oauth_client_id": "11111111-2222-3333-4444-555555555555"},
        {"oauth_token_endpoint": "https://login.example.com/t/oauth2/token", "oauth_client_secret": "new"},
    ],
)
def test_another_account_application_or_endpoint_ends_the_sign_in(installed, changes):
    installed.sign_in()
    installed.save(**changes)
    assert installed.stored() == ""
    assert installed.alarms() == [ALARM]
    with installed.database.read() as session:
        newest = session.scalars(select(AuditRow).order_by(AuditRow.id.desc())).first()
        assert newest.after[REFRESH_TOKEN] == "cleared"


def test_turning_oauth_off_and_on_ends_the_sign_in(installed):
    installed.sign_in()
    installed.save(authentication_method="BASIC", password="p")
    assert (installed.stored(), installed.alarms()) == ("", [])
    installed.save(authentication_method="OAUTH")
    assert (installed.stored(), installed.alarms()) == ("", [ALARM])


@pytest.mark.parametrize("changes", [{"description": "x"}, {"username": "SVC-Meetings@example.com "}])
def test_other_changes_keep_the_sign_in(installed, changes):
    given = installed.sign_in()
    installed.save(**changes)
    assert (installed.stored(), installed.alarms()) == (given, [])


def test_a_sign_in_may_be_brought_along(installed):
    installed.save(username="other@example.com")
    brought = installed.peer.issue()
    with installed.database.read() as session:
        before = integrations.existing_of(integrations.look_up(session, installed.integration.id))
    draft = integrations.prepare({"username": "third@example.com"}, before=before, trial=lambda _texts: [])
    draft = replace(draft, secrets={REFRESH_TOKEN: brought})
    with installed.database.write() as session:
        integrations.save(
            session, draft, expected_version=None, caller=ON_THIS_MACHINE, box=installed.box, now=installed.clock()
        )
    assert (installed.stored(), installed.alarms()) == (brought, [])
