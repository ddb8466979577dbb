"""The product under test: its database filled through the product's own commands, and its web process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .edge import ADDIN, LOGIN, OUTLOOK
from .processes import Server, listening
from .programs import HERE
from .providers import ADFS_CLIENT, ADFS_RESOURCE, ENTRA_CLIENT, ENTRA_SECRET, TENANT

AZURE, ADFS, CLOSED, LOGGING = 1, 2, 3, 4
_REPOSITORY = HERE.parents[1]


@dataclass(frozen=True, slots=True)
class Application:
    """One installation in `folder`, listening on a unix socket in it."""

    folder: Path
    port: int
    authority: str
    command: tuple[str, ...] = (str(HERE / "app_server.py"),)

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
        """Make the database, four integrations and the directory."""
        self.run("db", "upgrade")
        self.configure(*integrations(self.port, self.authority))
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

    @property
    def _command(self) -> Sequence[str]:
        return [sys.executable, *self.command]

    @property
    def _environ(self) -> dict[str, str]:
        return {
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(_REPOSITORY),
            "E2E_PORT": str(self.port),
            "ADDIN_HOST_DATA": str(self.folder),
            "ADDIN_HOST_BIND": f"unix:{self.socket}",
            "ADDIN_HOST_PROXIES": "1",
        }


def integrations(port: int, authority: str) -> list[dict[str, Any]]:
    """Return the four integrations: Azure, AD FS, Azure without new users, Azure with the debug log."""
    login = f"https://{LOGIN}:{port}"
    shared = {
        "addin_server_domain": ADDIN,
        "enable_dynamic_vmrs": False,
        "enable_personal_vmrs": True,
        "ca_bundle": authority,
        # In production Outlook has no port, and is framed without being entered.
        "frame_ancestors": f"https://{OUTLOOK}:{port}",
    }
    azure = {
        **shared,
        "auth_provider": "AZURE",
        "personal_vmr_oauth_client_id": ENTRA_CLIENT,
        "personal_vmr_oauth_client_secret": ENTRA_SECRET,
        "personal_vmr_oauth_auth_endpoint": f"{login}/{TENANT}/oauth2/v2.0/authorize",
        "personal_vmr_oauth_token_endpoint": f"{login}/{TENANT}/oauth2/v2.0/token",
    }
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
