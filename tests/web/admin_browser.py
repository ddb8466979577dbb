"""Administrators of each role, signed in; conftest.py has the world that they administer."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from flask.testing import FlaskClient

from addin_host.domain.access import Role
from addin_host.flows import admin_sessions
from addin_host.store.models import AccountRow

if TYPE_CHECKING:
    from tests.web.conftest import World

ADMIN = "127.0.0.1"
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@dataclass
class Admin:
    """A browser in which an administrator is signed in. Addresses are paths below https://127.0.0.1."""

    client: FlaskClient
    account_id: int

    def get(self, path: str, **options: Any) -> Any:
        return self.client.get(path, base_url=f"https://{ADMIN}", **options)

    def token(self, path: str = "/admin/profile/") -> str:
        """The token of the form on a page."""
        found = _TOKEN.search(self.get(path).text)
        assert found, f"{path} has no form"
        return found[1]

    def post(
        self, path: str, data: dict[str, Any] | None = None, *, form: str = "/admin/profile/", **options: Any
    ) -> Any:
        """Send a form with the token of the page `form`, as a browser on the same site does."""
        headers = {"Sec-Fetch-Site": "same-origin", "Origin": f"https://{ADMIN}"}
        data = {"csrf_token": self.token(form), **(data or {})}
        return self.client.post(path, data=data, base_url=f"https://{ADMIN}", headers=headers, **options)


MakeAdmin = Callable[..., Admin]


def sign_in(world: World, role: Role = Role.PLATFORM_ADMIN, integrations: tuple[int, ...] = ()) -> Admin:
    """Make an account and return a browser in which it is signed in."""
    with world.database.write() as db:
        account = AccountRow(
            name=f"{role.value}-{'-'.join(map(str, integrations))}",
            role=role.value,
            integrations=list(integrations),
            created_at=world.clock(),
        )
        db.add(account)
        db.flush()
        cookie = admin_sessions.open_session(db, account, network="127.0.0.1", browser="test", now=world.clock())
        account_id = account.id
    client = world.app.test_client()
    client.set_cookie("__Host-addin-admin", cookie, domain=ADMIN, secure=True)
    return Admin(client, account_id)


@pytest.fixture
def admin(world: World) -> MakeAdmin:
    """Return a function: `admin()` signs a platform administrator in, `admin(Role.VIEWER)` a viewer, and so on."""

    def make(role: Role = Role.PLATFORM_ADMIN, integrations: tuple[int, ...] = ()) -> Admin:
        return sign_in(world, role, integrations)

    return make
