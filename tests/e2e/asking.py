"""A pane that is nothing but its requests: what it asks of the product, over nginx, without a browser."""

from __future__ import annotations

from typing import Any

import urllib3

from . import edge
from .conftest import World


class Asking:
    """Panes of one integration. Safe to share between threads."""

    def __init__(self, world: World, integration: int) -> None:
        self._host = f"{edge.ADDIN}:{world.port}"
        self._base = f"/api/client/v2/msexchange_schedulers/{integration}"
        self._pool = urllib3.HTTPSConnectionPool(
            "127.0.0.1",
            world.port,
            maxsize=25,
            ca_certs=str(world.certificate.authority),
            server_hostname=edge.ADDIN,
            assert_hostname=edge.ADDIN,
            timeout=30.0,
            retries=False,
        )

    def details(self, token: str) -> dict[str, Any]:
        """Get a VMR as older clients do, by the identity token itself."""
        return dict(self._ask("GET", "meeting_details", {"token": token})["result"])

    def details_in_a_session(self, token: str) -> dict[str, Any]:
        """Begin a session with an identity token, and get a VMR in it."""
        bearer = {"Authorization": f"Bearer {self.begin(token)}"}
        return dict(self._ask("GET", "meeting_details", bearer)["result"])

    def begin(self, token: str) -> str:
        """Begin a session; return its bearer."""
        return str(self._ask("POST", "session", {}, json={"token": token})["bearer"])

    def _ask(self, method: str, what: str, headers: dict[str, str], **more: Any) -> Any:
        answer = self._pool.request(method, f"{self._base}/{what}", headers={"Host": self._host, **headers}, **more)
        assert answer.status == 200, answer.data
        return answer.json()
