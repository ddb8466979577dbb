"""The external policy API as the conference platform calls it."""

from __future__ import annotations

import base64
import logging
import time
from functools import partial

import pytest

from addin_host.domain.access import ON_THIS_MACHINE
from addin_host.domain.errors import Upstream
from addin_host.flows import platform, vmrs
from addin_host.store.db import Database
from tests.scheduled_rooms import book
from tests.web.walks import contents

PATH = "/policy/v1/service/configuration"
ON = {"policy_enabled": True, "policy_username": "node", "policy_password": "canary-policy"}


def change(world, **values):
    with world.database.write() as session:
        platform.change(session, values, box=world.services.box, caller=ON_THIS_MACHINE, now=world.clock())


def ask(world, alias="", *, name="node", password="canary-policy", **parameters):
    given = base64.b64encode(f"{name}:{password}".encode()).decode()
    headers = {"Authorization": f"Basic {given}"} if name else {}
    query = {"local_alias": alias, "call_direction": "dial_in", "remote_alias": "canary@person", **parameters}
    return world.client().get(PATH, query_string=query, headers=headers, base_url="https://vmr.example.com")


@pytest.fixture
def room(world):
    change(world, **ON)
    with world.database.write() as session:
        return book(session, "100200", [world.clock()], now=world.clock())


def test_switched_off_it_is_an_unknown_page(world):
    for answer in (ask(world, "x"), ask(world, "x", name="")):
        assert answer.status_code == 404
        assert "WWW-Authenticate" not in answer.headers
    change(world, **ON)
    assert ask(world, "x").status_code == 200


def test_a_meeting_is_answered(world, room):
    answer = ask(world, f"sip:{room.alias}", protocol="sip", trigger="invite", node_ip="10.0.0.1", unheard_of="x")
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json["result"]["service_tag"] == f"sched:{room.uuid}"
    world.clock.forward(hours=5)
    assert ask(world, room.alias).json == {"status": "success", "action": "reject"}
    assert ask(world, "unknown").json == {"status": "success", "action": "continue", "result": {}}
    change(world, policy_outside_window="CONTINUE")
    assert ask(world, room.alias).json == {"status": "success", "action": "continue", "result": {}}


def test_no_answer_writes(world, room):
    before = contents(world.database)
    for alias in (room.alias, "unknown", ""):
        ask(world, alias)
    ask(world, room.alias, password="wrong")
    assert contents(world.database) == before


def test_without_credentials_nobody_hears_of_a_pin(world, room):
    values = {"name": "Zoe", "aliases": ["zoe@video.example.com"], "pin": "97531024"}
    with world.database.write() as session:
        vmrs.save(session, None, values, box=world.services.box, caller=ON_THIS_MACHINE, now=world.clock())
    assert ask(world, "zoe@video.example.com").json["result"]["pin"] == "97531024"
    for wrong in ({"name": ""}, {"password": "x"}, {"name": "other"}, {"password": ""}):
        answer = ask(world, "zoe@video.example.com", **wrong)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == 'Basic realm="policy"'
        assert "97531024" not in answer.text


def test_many_wrong_passwords_are_slowed_down(world, room):
    for _attempt in range(300):
        last = ask(world, room.alias, password="x")
    assert last.status_code == 401
    last = ask(world, room.alias)
    assert (last.status_code, int(last.headers["Retry-After"]) > 0) == (429, True)
    world.clock.forward(seconds=61)
    assert ask(world, room.alias).status_code == 200


def test_too_many_requests_are_503(world, room):
    change(world, policy_requests_per_minute=60)
    assert {ask(world, room.alias).status_code for _request in range(60)} == {200}
    answer = ask(world, room.alias)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
    world.clock.forward(seconds=60)
    assert ask(world, room.alias).status_code == 200


def test_a_fault_of_ours_is_500(world, room, caplog):
    with world.database.write() as session:
        session.connection().exec_driver_sql("ALTER TABLE conference_alias RENAME TO gone")
    with caplog.at_level(logging.WARNING):
        answer = ask(world, room.alias)
    assert answer.status_code == 500
    assert answer.json["status"] == "failed"
    assert "canary" not in caplog.text
    assert "canary" not in answer.text


def test_a_database_that_is_away_is_500_at_the_administrators_host_too(world, room, monkeypatch):
    change(world, admin_address="https://admin.example.net")
    given = {"Authorization": "Basic " + base64.b64encode(b"node:canary-policy").decode()}
    hosts = ("vmr.example.com", "admin.example.net")
    here = {host: partial(world.client().get, PATH, headers=given, base_url=f"https://{host}") for host in hosts}
    later = time.monotonic() + 60  # what is remembered of the hosts is old
    assert [asked().status_code for asked in here.values()] == [200, 200]
    with monkeypatch.context() as broken:
        broken.setattr(Database, "row", away)
        broken.setattr(Database, "rows", away)
        broken.setattr(Database, "read", away)
        broken.setattr("addin_host.web.guard.time.monotonic", lambda: later)
        assert [asked().status_code for asked in here.values()] == [500, 500]
    assert [asked().status_code for asked in here.values()] == [200, 200]


def away(*_arguments, **_options):
    raise Upstream("The database cannot be reached.")


def test_other_methods_and_pages_are_not_there(world, room):
    assert world.client().post(PATH, base_url="https://vmr.example.com").status_code == 405
    assert (
        world.client().get("/policy/v1/participant/properties", base_url="https://vmr.example.com").status_code == 404
    )
