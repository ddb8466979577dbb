"""What is counted where it happens: sign-ins, refusals, insertions."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from addin_host.domain.errors import Reason, Refused
from addin_host.flows.pkce import new_secret
from addin_host.store.models import UsageRow
from tests.web.conftest import save


def counted(world):
    with world.database.read() as session:
        rows = session.scalars(select(UsageRow).order_by(UsageRow.integration_id, UsageRow.kind))
        return [(row.integration_id, row.kind, row.number) for row in rows]


def insert(world, bearer, body=None, integration=1):
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    body = {"kind": "personal"} if body is None else body
    return world.client().post(world.url("insertions", integration), json=body, headers=headers)


def test_a_sign_in_counts_once_and_its_return_without_a_question_does_not(world):
    client = world.client()
    assert world.dialog(client, new_secret()).status_code == 200
    assert world.dialog(client, new_secret()).status_code == 200
    assert counted(world) == [(1, "signin", 1)]


def test_a_refused_sign_in_counts(world):
    world.provider.answer = Refused(Reason.FORBIDDEN, "No.")
    world.dialog(world.client(), new_secret(), 2)
    assert counted(world) == [(2, "refusal", 1)]


def test_an_insertion_counts_once_in_two_seconds(world):
    bearer = world.bearer()
    for _time in range(3):
        answer = insert(world, bearer)
        assert (answer.status_code, answer.data) == (204, b"")
    assert (1, "insertion", 1) in counted(world)
    world.clock.forward(seconds=3)
    assert insert(world, bearer).status_code == 204
    assert (1, "insertion", 2) in counted(world)


@pytest.mark.parametrize("body", [{}, {"kind": "other"}, {"kind": 1}, [], "personal"])
def test_only_a_known_kind_counts(world, body):
    assert insert(world, world.bearer(), body).status_code == 400
    assert counted(world) == [(1, "signin", 1)]


def test_nobody_counts_without_a_bearer_for_this_integration(world):
    bearer = world.bearer()
    assert insert(world, "").status_code == 401
    assert insert(world, bearer, integration=2).status_code == 401
    assert insert(world, bearer, integration=999).status_code == 404
    save(world, uuid=world.services.catalogue.get("1").uuid, enabled=False)
    assert insert(world, bearer).status_code == 403
    assert counted(world) == [(1, "signin", 1)]
