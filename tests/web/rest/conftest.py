"""Programs of each role, and what a client of the management API does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask

from addin_host.domain.access import Role
from addin_host.flows import api_users
from addin_host.store.models import ApiUserRow
from tests.conftest import a_record
from tests.web.conftest import World

CONFIGURATION = "/api/admin/configuration/v1"
STATUS = "/api/admin/status/v1"


@dataclass
class Program:
    """A client with a token. Addresses are resources, or paths that begin with a slash."""

    app: Flask
    token: str

    def ask(self, method: str, where: str, **options: Any) -> Any:
        path = where if where.startswith("/") else f"{CONFIGURATION}/{where}/"
        headers = {"Authorization": f"Bearer {self.token}"} | options.pop("headers", {})
        return self.app.test_client().open(
            path, method=method, base_url="https://127.0.0.1", headers=headers, **options
        )

    def get(self, where: str, **query: Any) -> Any:
        return self.ask("GET", where, query_string=query)

    def read(self, where: str, **query: Any) -> Any:
        answer = self.get(where, **query)
        assert answer.status_code == 200, answer.text
        return answer.json

    def names(self, where: str, of: str = "name", **query: Any) -> list[Any]:
        return [one[of] for one in self.read(where, **query)["objects"]]

    def post(self, where: str, body: Any, **options: Any) -> Any:
        return self.ask("POST", where, json=body, **options)

    def create(self, where: str, body: Any) -> str:
        answer = self.post(where, body)
        assert answer.status_code == 201, answer.text
        return answer.headers["Location"]

    def put(self, where: str, body: Any) -> Any:
        return self.ask("PUT", where, json=body)

    def patch(self, where: str, body: Any) -> Any:
        return self.ask("PATCH", where, json=body)

    def delete(self, where: str) -> Any:
        return self.ask("DELETE", where)


MakeProgram = Callable[..., Program]


def add_program(world: World, role: Role, integrations: tuple[int, ...] = ()) -> Program:
    token = f"token-{role.value}-{'-'.join(map(str, integrations))}"
    with world.database.write() as session:
        session.add(
            ApiUserRow(
                name=token,
                token_hash=api_users.token_hash(token),
                role=role.value,
                integrations=list(integrations),
                created_at=world.clock(),
            )
        )
    return Program(world.app, token)


@pytest.fixture
def program(world: World) -> MakeProgram:
    """`program()` may do everything, `program(Role.VIEWER)` what a viewer may, and so on."""

    def make(role: Role = Role.PLATFORM_ADMIN, integrations: tuple[int, ...] = ()) -> Program:
        return add_program(world, role, integrations)

    return make


def minimal(**changes: Any) -> dict[str, Any]:
    """The smallest body of an integration with personal VMRs alone."""
    return a_record(name="Through REST", addin_server_domain="rest.example.com", **changes)


def fields_at_fault(answer: Any, resource: str) -> set[str]:
    assert answer.status_code == 400, answer.text
    assert answer.json["error"]
    return set(answer.json.get(resource, {}))
