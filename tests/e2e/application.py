"""The product under test: its database filled through the product's own commands, and its web process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .edge import ADDIN, LOGIN, OUTLOOK
from .processes import Server, listening
from .programs import HERE
from .providers import ADFS_CLIENT, ADFS_RESOURCE, ENTRA_CLIENT, ENTRA_SECRET, TENANT

AZURE, ADFS, CLOSED, LOGGING = 1, 2, 3, 4
# With single-use VMRs: those alone and by Exchange tokens; both kinds by Exchange tokens, by SSO, by NAA, by whatever
# the client has; switched off.
SINGLE, BOTH, SSO, NAA, HYBRID, OFF = 5, 6, 7, 8, 9, 10
EXCHANGE_TOKEN, SSO_TOKEN, NAA_TOKEN = "EXCHANGE_USER_ID_TOKEN", "SSO_TOKEN", "NAA_TOKEN"
ADDIN_APPLICATION, WEB_API = "5b1d1f0e-8f5a-4e0e-9d7c-000000000001", "5b1d1f0e-8f5a-4e0e-9d7c-000000000002"
API_SCOPE = "access"
PREFIXES = {SINGLE: "71", BOTH: "72", SSO: "73", NAA: "74", HYBRID: "75", OFF: "76"}
VIDEO = "video.example.test"
_REPOSITORY = HERE.parents[1]


@dataclass(frozen=True, slots=True)
class Application:
    """One installation in `folder`, listening on a unix socket in it; its database is there too, or at `database_url`.

    With a `metadata_url` it has the integrations with single-use VMRs too, which believe what is published there. At
    `mailbox_port` an equipment mailbox is played.
    """

    folder: Path
    port: int
    authority: str
    metadata_url: str = ""
    command: tuple[str, ...] = (str(HERE / "app_server.py"),)
    database_url: str = ""
    mailbox_port: int = 0

    @property
    def socket(self) -> Path:
        """Where gunicorn listens."""
        return self.folder / "web.sock"

    def run(self, *arguments: str) -> str:
        """Run one command of the product and return what it prints."""
        done = subprocess.run(
            [*self._command, *arguments],
            cwd=_REPOSITORY,
            env=self._environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        if done.returncode:
            raise RuntimeError(f"{arguments} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def install(self) -> None:
        """Make the database, the integrations and the directory."""
        self.run("db", "upgrade")
        records = integrations(self.port, self.authority)
        if self.metadata_url:
            records += single_use_integrations(self.port, self.authority, self.metadata_url)
        self.configure(*records)
        file = self.folder / "directory.json"
        file.write_text(json.dumps({"users": _USERS, "conferences": VMRS}))
        self.run("directory", "import", str(file))

    def configure(self, *records: Mapping[str, Any]) -> None:
        """Create integrations, or change those with the same uuid."""
        file = self.folder / "integrations.json"
        file.write_text(json.dumps(records))
        self.run("integration", "import", str(file))

    def serve(self) -> Server:
        """Start the web process as in production: `serve` on a unix socket, one proxy in front."""
        return Server(
            [*self._command, "serve"],
            cwd=_REPOSITORY,
            environ=self._environ,
            log=self.folder / "web.log",
            ready=listening(self.socket),
        )

    def work(self) -> Server:
        """Start a worker, which reads the equipment mailboxes."""
        log = self.folder / "worker.log"
        return Server(
            [*self._command, "worker"],
            cwd=_REPOSITORY,
            environ=self._environ,
            log=log,
            ready=lambda: "reads the mailbox" in log.read_text(),
        )

    @property
    def place(self) -> dict[str, str]:
        """Where the database is, as the environment says it."""
        return {"ADDIN_HOST_DATA": str(self.folder)} | (
            {"DATABASE_URL": self.database_url} if self.database_url else {}
        )

    @property
    def _command(self) -> Sequence[str]:
        return [sys.executable, *self.command]

    @property
    def _environ(self) -> dict[str, str]:
        return {
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(_REPOSITORY),
            "E2E_PORT": str(self.port),
            "E2E_EXCHANGE_PORT": str(urlsplit(self.metadata_url).port or 443),
            "E2E_MAILBOX_PORT": str(self.mailbox_port or 443),
            **self.place,
            "ADDIN_HOST_BIND": f"unix:{self.socket}",
            "ADDIN_HOST_PROXIES": "1",
        }


def integrations(port: int, authority: str) -> list[dict[str, Any]]:
    """Return the four integrations: Azure, AD FS, Azure without new users, Azure with the debug log."""
    login = f"https://{LOGIN}:{port}"
    shared = {**_shared(port, authority), "enable_dynamic_vmrs": False, "enable_personal_vmrs": True}
    azure = {**shared, **_azure(port)}
    adfs = {
        **shared,
        "auth_provider": "ADFS",
        "personal_vmr_oauth_client_id": ADFS_CLIENT,
        "personal_vmr_adfs_relying_party_trust_identifier": ADFS_RESOURCE,
        "personal_vmr_oauth_auth_endpoint": f"{login}/adfs/oauth2/authorize",
        "personal_vmr_oauth_token_endpoint": f"{login}/adfs/oauth2/token",
    }
    return [
        {**azure, "uuid": _uuid(AZURE), "name": "Azure"},
        {**adfs, "uuid": _uuid(ADFS), "name": "AD FS"},
        {**azure, "uuid": _uuid(CLOSED), "name": "Azure, closed", "allow_new_users": False},
        {**azure, "uuid": _uuid(LOGGING), "name": "Azure, logging", "enable_addin_debug_logs": True},
    ]


def _shared(port: int, authority: str) -> dict[str, Any]:
    return {
        "addin_server_domain": ADDIN,
        "ca_bundle": authority,
        # In production Outlook has no port, and is framed without being entered.
        "frame_ancestors": f"https://{OUTLOOK}:{port}",
    }


def _azure(port: int) -> dict[str, Any]:
    login = f"https://{LOGIN}:{port}/{TENANT}/oauth2/v2.0"
    return {
        "auth_provider": "AZURE",
        "personal_vmr_oauth_client_id": ENTRA_CLIENT,
        "personal_vmr_oauth_client_secret": ENTRA_SECRET,
        "personal_vmr_oauth_auth_endpoint": f"{login}/authorize",
        "personal_vmr_oauth_token_endpoint": f"{login}/token",
    }


def single_use_integrations(port: int, authority: str, metadata_url: str) -> list[dict[str, Any]]:
    """Return the integrations SINGLE to OFF, in this order."""
    exchange = {"addin_authentication_method": EXCHANGE_TOKEN, "domains": [metadata_url]}
    entra = {
        "addin_application_id": ADDIN_APPLICATION,
        "addin_naa_web_api_application_id": WEB_API,
        "addin_authority_url": f"https://{LOGIN}:{port}/{TENANT}",
        "addin_oidc_metadata_url": f"https://{LOGIN}:{port}/{TENANT}/v2.0/.well-known/openid-configuration",
        "api_scope": API_SCOPE,
    }
    commands = {"enable_add_command": True, "enable_mobile": True, "enable_on_send_check": True}
    both = {"enable_personal_vmrs": True, **_azure(port)}
    hybrid = {"addin_authentication_method": NAA_TOKEN, "accepted_identity_kinds": [SSO_TOKEN, EXCHANGE_TOKEN]}
    kinds: dict[int, dict[str, Any]] = {
        SINGLE: {**exchange, **commands},
        BOTH: {**exchange, **both, "single_use_location_template": "{{alias}}"},
        SSO: {**entra, **both, "addin_authentication_method": SSO_TOKEN},
        NAA: {**entra, **both, **commands, "addin_authentication_method": NAA_TOKEN},
        HYBRID: {**entra, **exchange, **both, **hybrid},
        OFF: {**exchange, "enabled": False},
    }
    return [
        {
            **_shared(port, authority),
            **_scheduling(number),
            **record,
            "uuid": _uuid(number),
            "name": f"Single-use {number}",
        }
        for number, record in kinds.items()
    ]


def _scheduling(number: int) -> dict[str, Any]:
    return {
        "enable_dynamic_vmrs": True,
        "mailbox_protocol": "EWS",
        "url": "https://mail.example.test/EWS/Exchange.asmx",
        "authentication_method": "BASIC",
        "username": "svc",
        "password": "a password of the tests",
        "room_mailbox_name": "VMR Scheduling",
        "room_mailbox_email_address": mailbox(number),
        "scheduled_alias_prefix": PREFIXES[number],
        "scheduled_alias_suffix_length": 8,
        "scheduled_alias_domain": VIDEO,
    }


def mailbox(number: int) -> str:
    """Return the equipment mailbox of an integration."""
    return f"vmr{number}@example.test"


def _uuid(number: int) -> str:
    return f"6a9f1c52-3f5e-4a53-9a43-0000000000{number:02}"


_USERS = [{"primary_email_address": f"{name}@example.test", "display_name": name} for name in ("alice", "bob", "carol")]


def _vmr(name: str, owner: str, *aliases: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "primary_owner_email_address": f"{owner}@example.test",
        "service_type": "conference",
        "aliases": [{"alias": alias} for alias in aliases],
        **more,
    }


VMRS = [
    _vmr(
        "Alice's room",
        "alice",
        "alice@vmr.example.test",
        "880101",
        description="For everyday meetings",
        pin="2580",
        guest_pin="4711",
        allow_guests=True,
    ),
    _vmr("Town hall", "alice", "townhall@vmr.example.test", description="For large audiences"),
    *(_vmr(f"Project {number}", "bob", f"project{number}@vmr.example.test") for number in range(1, 10)),
    # Neither is a user yet: Dave is only ever refused, Erin is let in where new users are allowed.
    _vmr("Dave's room", "dave", "dave@vmr.example.test"),
    _vmr("Erin's room", "erin", "erin@vmr.example.test"),
]
