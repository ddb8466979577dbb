"""The played sign-in providers: their process, their addresses and the switches of idp/server.mjs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from .edge import ADDIN, LOGIN, SAMPLE
from .processes import Server, free_port, listening
from .programs import HERE, node

TENANT = "11111111-2222-4333-8444-555555555555"
ENTRA_CLIENT = "0c8d5d34-6a3b-4f2e-9a51-4b8f4f0a7e11"
ENTRA_SECRET = "an Entra client secret of the tests"
ADMIN_CLIENT = "addin-host administration"
ADMIN_SECRET = "an administration's secret of the tests"
ADFS_CLIENT = "4189c2b4-92ca-416c-b7ea-bc3cfab3d0f0"
ADFS_RESOURCE = "https://addin.example.test/resource"
_INTEGRATIONS = range(1, 12)


@dataclass(frozen=True, slots=True)
class Providers:
    """Entra v2 and AD FS at https://login.example.test:PORT.

    `admin_port` is where administrators' pages on this machine may be sent back to.
    """

    origin: str
    control_port: int
    admin_port: int

    @property
    def entra(self) -> str:
        """The address that Entra's paths are under."""
        return f"{self.origin}/{TENANT}"

    @property
    def adfs(self) -> str:
        """The address that the farm's paths are under; also its issuer."""
        return f"{self.origin}/adfs"

    def behave(self, farm: str, **behaviour: Any) -> None:
        """Switch the behaviour of `entra` or `adfs` (keys in idp/server.mjs)."""
        self._control("PUT", f"/{farm}/behaviour", behaviour)

    def log(self, farm: str) -> list[str]:
        """Return the parts that were visited since the last reset: authorize, interaction, token, keys, discovery."""
        return [entry["part"] for entry in self._control("GET", f"/{farm}/log")]

    def access_token(self, login: str, claims: Mapping[str, Any], **spoilt: Any) -> str:
        """Return what Entra gives Outlook for an add-in; `spoilt` is header, shift or key, as for `behave`."""
        return str(self._control("POST", "/entra/token", {"login": login, "claims": dict(claims), **spoilt})["token"])

    def reset(self) -> None:
        """Put every switch back and empty the logs."""
        self._control("POST", "/reset")

    def _control(self, method: str, path: str, content: dict[str, Any] | None = None) -> Any:
        data = None if content is None else json.dumps(content).encode()
        with urlopen(Request(f"http://127.0.0.1:{self.control_port}{path}", data, method=method), timeout=10) as answer:
            return json.load(answer)


def start(folder: Path, *, https_port: int, port: int) -> tuple[Server, Providers]:
    """Start the providers on `port`, to be reached through nginx on `https_port`."""
    control_port, admin_port = free_port(), free_port()
    origin = f"https://{LOGIN}:{https_port}"
    plan = {
        "origin": origin,
        "port": port,
        "controlPort": control_port,
        "entra": [_client(ENTRA_CLIENT, https_port, secret=ENTRA_SECRET), _administration(admin_port)],
        "adfs": [_client(ADFS_CLIENT, https_port)],
    }
    command = [node(), str(HERE / "idp" / "server.mjs"), json.dumps(plan)]
    server = Server(command, log=folder / "providers.log", ready=listening(control_port))
    return server, Providers(origin, control_port, admin_port)


def _administration(port: int) -> dict[str, Any]:
    return {
        "client_id": ADMIN_CLIENT,
        "client_secret": ADMIN_SECRET,
        "token_endpoint_auth_method": "client_secret_basic",
        "redirect_uris": [f"http://127.0.0.1:{port}/admin/signin/callback"],
        "response_types": ["code"],
        "grant_types": ["authorization_code"],
    }


def _client(client_id: str, https_port: int, *, secret: str = "") -> dict[str, Any]:
    addin = f"https://{ADDIN}:{https_port}/api/client/v2/msexchange_schedulers"
    redirects = [f"{addin}/{number}/signin/callback" for number in _INTEGRATIONS]
    return {
        "client_id": client_id,
        **({"client_secret": secret} if secret else {}),
        "token_endpoint_auth_method": "client_secret_post" if secret else "none",
        "redirect_uris": [*redirects, f"https://{SAMPLE}:{https_port}/callback.html"],
        "response_types": ["code"],
        "grant_types": ["authorization_code"],
    }
