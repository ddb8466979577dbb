"""Two hundred secrets, each known, put through every door that takes one; and an eye that finds them again."""

from __future__ import annotations

import csv
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from addin_host.app import wiring
from addin_host.cli import cli
from addin_host.domain.access import ON_THIS_MACHINE, Role
from addin_host.domain.accounts import AccountDraft
from addin_host.domain.fields import FIELDS
from addin_host.domain.platform import PLATFORM_FIELDS
from addin_host.flows import accounts, admin_sessions, api_users, integrations, second_factor, setup_links
from addin_host.store.models import AccountRow
from tests.conftest import a_record
from tests.web.admin_browser import ADMIN, Admin, sign_in
from tests.web.conftest import World
from tests.web.integration_posts import full_record, posted

SECRETS = [one.name for one in FIELDS if one.is_secret]
REST = "/api/admin/configuration/v1"


@dataclass
class Canaries:
    """The secrets let loose so far. PINs have 20 digits, so that none is found by chance."""

    known: list[str] = field(default_factory=list)

    def keep(self, secret: str) -> str:
        self.known.append(secret)
        return secret

    def secret(self) -> str:
        return self.keep(f"canary{secrets.token_hex(12)}")

    def pin(self) -> str:
        return self.keep("".join(secrets.choice("123456789") for _ in range(20)))

    def in_(self, text: str | bytes) -> list[str]:
        """Return the canaries that stand in a text or in bytes."""
        data = text.encode() if isinstance(text, str) else text
        return [one for one in self.known if one.encode() in data]


def let_loose(world: World, folder: Path) -> tuple[Canaries, Admin, str]:
    """Fill the world; return the canaries, a platform administrator's browser, and an operator's API token."""
    canaries, browser = Canaries(), sign_in(world)
    token = _api_users(world, canaries)
    _integrations(world, canaries)
    _forms(browser, canaries)
    _over_rest(world, canaries)
    _imported(world, canaries, folder)
    _people(world, canaries)
    return canaries, browser, token


def _api_users(world: World, canaries: Canaries) -> str:
    tokens = []
    with world.database.write() as session:
        for number, role in enumerate([Role.PLATFORM_ADMIN, Role.OPERATOR] * 5):
            draft = api_users.ApiUserDraft(f"program {number}", role)
            made = api_users.create(session, draft, caller=ON_THIS_MACHINE, now=world.clock())
            tokens.append(canaries.keep(made[1]))
    return tokens[1]


def _integrations(world: World, canaries: Canaries) -> None:
    """By the flow, as `integration import` does: every secret of the table."""
    for number in range(8):
        record = a_record(name=f"Imported {number}", addin_server_domain=f"i{number}.example.com")
        record |= {name: canaries.secret() for name in SECRETS}
        draft = integrations.prepare(record, before=None, trial=lambda candidates: [None] * len(candidates))
        with world.database.write() as session:
            integrations.save(
                session,
                draft,
                expected_version=None,
                caller=ON_THIS_MACHINE,
                box=world.services.box,
                now=world.clock(),
            )


def _forms(browser: Admin, canaries: Canaries) -> None:
    new = "/admin/integrations/new"
    for number in range(3):
        record = full_record(name=f"Typed {number}", addin_server_domain=f"t{number}.example.com", uuid=None)
        record["room_mailbox_email_address"] = f"room{number}@example.com"
        record |= {name: canaries.secret() for name in SECRETS}
        answer = browser.post(new, posted(record).to_dict(flat=False), form=new)
        assert answer.status_code in (302, 303), answer.text
    values: dict[str, Any] = {
        "admin_address": f"https://{ADMIN}",
        "oidc_enabled": "y",
        "oidc_issuer": "https://login.example.com",
        "oidc_client_id": "id",
        "alarm_email_to": "ops@example.com",
        "smtp_host": "mail.example.com",
        "smtp_username": "me",
        "smtp_from": "host@example.com",
        "alarm_webhook_url": "https://hook.example.com",
        "password_sign_in": "y",
        "_boxes": ["oidc_enabled", "password_sign_in"],
        "version": "0",
    }
    values |= {one.name: canaries.secret() for one in PLATFORM_FIELDS if one.is_secret}
    answer = browser.post("/admin/settings/", values, form="/admin/settings/")
    assert answer.status_code == 303, answer.text


def _over_rest(world: World, canaries: Canaries) -> None:
    headers = {"Authorization": f"Bearer {canaries.known[0]}"}

    def send(resource: str, body: dict[str, Any]) -> None:
        answer = world.app.test_client().post(
            f"{REST}/{resource}/", json=body, headers=headers, base_url=f"https://{ADMIN}"
        )
        assert answer.status_code == 201, answer.text
        # Who may see PINs is answered with those just sent, as clients of the schema expect; never with a secret.
        assert resource == "conference" or canaries.in_(answer.data) == []

    for number in range(3):
        record = a_record(name=f"Sent {number}", addin_server_domain=f"r{number}.example.com")
        send("ms_exchange_connector", record | {name: canaries.secret() for name in SECRETS})
    for number in range(20):
        pins = {"pin": canaries.pin(), "guest_pin": canaries.pin(), "allow_guests": True}
        send("conference", {"name": f"Sent VMR {number}", "service_type": "conference", **pins})


def _imported(world: World, canaries: Canaries, folder: Path) -> None:
    """By the command line, from a file of the administrator's own."""
    file = folder / "vmrs.csv"
    with file.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.writer(opened)
        writer.writerow(["name", "primary_owner_email_address", "pin", "guest_pin", "allow_guests"])
        for number in range(30):
            writer.writerow([f"Imported {number}", "owner@example.com", canaries.pin(), canaries.pin(), "true"])
    environment = {
        "DATABASE_URL": world.database.url.render_as_string(hide_password=False),
        "ADDIN_HOST_KEY_PATH": str(folder / "key"),
    }
    done = CliRunner(env=environment).invoke(cli, ["directory", "import", str(file)], obj=wiring())
    assert done.exit_code == 0, done.output
    assert canaries.in_(done.output) == []
    exported = str(folder / "exported.csv")
    done = CliRunner(env=environment).invoke(cli, ["directory", "export", exported], obj=wiring())
    assert done.exit_code == 0, done.output
    file.unlink()


def _people(world: World, canaries: Canaries) -> None:
    box, now = world.services.box, world.clock()
    for number in range(6):
        with world.database.write() as session:
            draft = AccountDraft(f"person{number}", role=Role.VIEWER)
            account = accounts.create(session, draft, caller=ON_THIS_MACHINE, now=now)
        setup_links.set_password(world.database, account, canaries.secret(), caller=ON_THIS_MACHINE, now=now)
        with world.database.write() as session:
            row = session.get_one(AccountRow, account)
            key = canaries.keep(second_factor.new_key())
            code = second_factor._totp(key).generate(now.timestamp()).decode()
            codes = second_factor.switch_on(session, row, key, code, box=box, caller=ON_THIS_MACHINE, now=now)
            canaries.keep(codes[0])
            cookie = admin_sessions.open_session(session, row, network="192.0.2.1", browser="test", now=now)
            canaries.keep(cookie)
            canaries.keep(setup_links.issue(session, account, caller=ON_THIS_MACHINE, now=now))
