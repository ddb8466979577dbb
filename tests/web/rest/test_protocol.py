"""What holds for every address: slashes, bodies, errors, repeatable requests, limits (design/rest.md 1 to 3, 5)."""

import base64
import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from addin_host.domain.access import ON_THIS_MACHINE, Role
from addin_host.flows import platform
from addin_host.store.models import AlarmRow, IdempotencyRow, RequestCountRow
from tests.web.rest.conftest import CONFIGURATION, STATUS, Program, minimal

THEMES = f"{CONFIGURATION}/ivr_theme/"


def test_addresses_end_with_a_slash(program):
    client = program()
    where = client.create("ivr_theme", {"name": "A"})
    for address in (where, THEMES, f"{STATUS}/alarm/"):
        moved = client.ask("GET", address.rstrip("/"), query_string="name__in=a%2Cb&x=%C3%A4")
        assert moved.status_code == 301
        assert moved.headers["Location"] == f"{address}?name__in=a%2Cb&x=%C3%A4"
    for method, address in (("POST", THEMES), ("PUT", where), ("PATCH", where), ("DELETE", where)):
        assert client.ask(method, address.rstrip("/"), json={"name": "B"}).status_code == 404, method
    assert client.names("ivr_theme") == ["A"]


def test_what_is_not_served(program):
    client = program()
    for path in (
        "/api/admin/history/v1/conference/",
        "/api/admin/command/v1/participant/dial/",
        "/api/admin/configuration/v2/conference/",
        "/api/admin/",
        f"{CONFIGURATION}/nothing/",
        f"{STATUS}/conference/",
    ):
        answer = client.get(path)
        assert (answer.status_code, set(answer.json)) == (404, {"error"}), path
    for where in ("0", "999", "x", "-1", "1e3", "9" * 30, "\u0661", "1 ", "%00"):
        answer = client.get(f"{THEMES}{where}/")
        assert (answer.status_code, answer.json["error"]) == (404, "There is no such object."), where
    listed = client.delete(THEMES)
    assert (listed.status_code, set(listed.json)) == (405, {"error"})
    assert set(listed.headers["Allow"].split(", ")) >= {"GET", "POST", "PATCH"}
    assert client.put(THEMES, {}).status_code == 405
    assert client.post(f"{THEMES}1/", {}).status_code == 405
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert client.ask(method, f"{STATUS}/alarm/", json={}).status_code == 405


@pytest.mark.parametrize("type_", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonx",
                                   "multipart/form-data; boundary=x", "application/json; charset=latin-1"])  # fmt: skip
def test_bodies_are_json(program, type_):
    answer = program().ask("POST", "ivr_theme", data=b'{"name": "A"}', headers={"Content-Type": type_})
    assert (answer.status_code, set(answer.json)) == (415, {"error"})


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"null", b'"x"', b"1", b"\xff", b'{"name": "\xff"}', '{"name": "ä"}'.encode("utf-16"),
        b'{"name": "a", "name": "b"}', b'{"name": NaN}', b'{"name": Infinity}', b'{"name": 1e999}',
        b'{"name": "a\\u0000"}', b'{"name": "\\ud800"}', b'{"na\\u0000me": 1}', b'{"x": ' + b"9" * 5000 + b"}",
        b'{"x": 9223372036854775808}', b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"x": ' + b"[" * 30 + b"]" * 30 + b"}", b"{}{}", b'{"name": "a"} x', b"\xef\xbb\xbf{}",
    ],
    ids=range(23),
)  # fmt: skip
def test_malformed_bodies_are_refused(program, body):
    answer = program().ask("POST", "conference", data=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, set(answer.json)) == (400, {"error"}), answer.text


def test_large_bodies_are_refused(program):
    client, headers = program(), {"Content-Type": "application/json"}
    body = json.dumps({"name": "A", "x": "y" * 1024 * 1024}).encode()
    answer = client.ask("POST", "ivr_theme", data=body, headers=headers)
    assert (answer.status_code, set(answer.json)) == (413, {"error"})


def test_credentials(world, program):
    client = program()
    good = base64.b64encode(f"{client.token}:{client.token}".encode()).decode()
    for header in (f"Basic {good}", f"Bearer {client.token}", f"Token {client.token}"):
        assert client.ask("GET", THEMES, headers={"Authorization": header}).status_code == 200
    for header in ("", "Basic x", "Bearer", "Bearer wrong", "Digest x"):
        answer = client.ask("GET", THEMES, headers={"Authorization": header})
        if answer.status_code == 429:
            world.clock.forward(minutes=20)
            answer = client.ask("GET", THEMES, headers={"Authorization": header})
        assert (answer.status_code, set(answer.json)) == (401, {"error"}), header
        assert answer.headers["WWW-Authenticate"] == 'Basic realm="api"'
        world.clock.forward(minutes=20)


def test_errors_name_fields_and_never_sound_like_gone(program):
    client = program()
    answer = client.post("ms_exchange_connector", minimal() | {"name": "x" * 404, "url": "not found"})
    assert answer.status_code == 400
    assert set(answer.json["ms_exchange_connector"]) >= {"name"}
    assert all(isinstance(text, list) for text in answer.json["ms_exchange_connector"].values())
    answers = [
        answer,
        client.post("ms_exchange_connector", minimal() | {"domains": ["not found", "404.4"]}),
        client.post("ms_exchange_connector", minimal() | {"time_zone": "Not Found 404"}),
        client.get("ivr_theme", **{"not found": "404"}),
        client.get("ivr_theme", order_by="404 not found"),
        program(Role.VIEWER).post("ivr_theme", {}),
        client.delete(THEMES),
    ]
    for answer in answers:
        assert answer.status_code in (400, 403, 405), answer.text
        assert answer.json["error"]
        assert not re.search("404|not found", answer.text, re.IGNORECASE)
        assert re.fullmatch("[0-9a-f-]{36}", answer.headers["X-Correlation-ID"])


def test_an_error_of_ours_is_told_in_the_same_form(program, world, monkeypatch):
    client = program()
    with world.database.write() as session:
        session.connection().exec_driver_sql("ALTER TABLE ivr_theme RENAME TO elsewhere")
    answer = client.get("ivr_theme")
    assert answer.status_code == 503
    assert (set(answer.json), answer.headers["Retry-After"]) == ({"error"}, "5")
    assert "elsewhere" not in answer.text


def test_a_repeated_request_is_carried_out_once(world, program):
    client, key = program(), {"Idempotency-Key": "k1"}
    first = client.post("ivr_theme", {"name": "A"}, headers=key)
    again = client.post("ivr_theme", {"name": "A"}, headers=key)
    assert first.status_code == again.status_code == 201
    assert (first.json, first.headers["Location"]) == (again.json, again.headers["Location"])
    assert again.headers["Idempotent-Replayed"] == "true"
    assert client.names("ivr_theme") == ["A"]
    assert client.post("ivr_theme", {"name": "B"}, headers=key).status_code == 409
    assert client.post("identity_provider_group", {"name": "A"}, headers=key).status_code == 409
    assert program(Role.VIEWER).post("ivr_theme", {"name": "A"}, headers=key).status_code == 403
    for malformed in ("", " ", "x" * 129, "ä", "a b"):
        assert client.post("ivr_theme", {"name": "C"}, headers={"Idempotency-Key": malformed}).status_code == 400
    refused = client.post("ivr_theme", {"name": ""}, headers={"Idempotency-Key": "k2"})
    assert refused.status_code == 400
    assert client.post("ivr_theme", {"name": "C"}, headers={"Idempotency-Key": "k2"}).status_code == 201
    world.clock.forward(hours=24)
    assert client.post("ivr_theme", {"name": "D"}, headers=key).status_code == 201
    with world.database.read() as session:
        assert session.scalars(select(IdempotencyRow.key)).all() == ["k1"]


def test_what_a_key_created_and_somebody_deleted_does_not_come_back(program):
    client, key = program(), {"Idempotency-Key": "k"}
    where = client.post("ivr_theme", {"name": "A"}, headers=key).headers["Location"]
    client.delete(where)
    assert client.post("ivr_theme", {"name": "A"}, headers=key).status_code == 409
    assert client.names("ivr_theme") == []


def test_the_same_request_many_times_at_once_creates_one(program):
    client = program()
    with ThreadPoolExecutor(8) as threads:
        sent = [
            threads.submit(client.post, "conference", {"name": "A"}, headers={"Idempotency-Key": "same"})
            for _ in range(8)
        ]
        answers = [one.result() for one in sent]
    assert {one.status_code for one in answers} <= {201, 409}
    assert len({one.headers["Location"] for one in answers if one.status_code == 201}) == 1
    assert client.read("conference", name="A")["meta"]["total_count"] == 1


def limit(world, number):
    with world.database.write() as session:
        platform.change(
            session,
            {"api_requests_per_minute": number},
            box=world.services.box,
            caller=ON_THIS_MACHINE,
            now=world.clock(),
        )


def test_too_many_requests_wait_for_the_next_minute(world, program):
    limit(world, 10)
    client, other = program(), program(Role.VIEWER)
    world.clock.forward(seconds=15)
    assert [client.get("ivr_theme").status_code for _ in range(10)] == [200] * 10
    answer = client.get("ivr_theme")
    assert (answer.status_code, answer.headers["Retry-After"], set(answer.json)) == (429, "45", {"error"})
    assert client.post("ivr_theme", {"name": "A"}).status_code == 429
    assert other.get("ivr_theme").status_code == 200
    world.clock.forward(seconds=45)
    assert client.get("ivr_theme").status_code == 200


def test_the_limit_holds_over_processes(world, program):
    """Two applications over one database stand for two processes; each may be behind by its last batch."""
    from addin_host.app import Composition, create_app
    from addin_host.settings import Settings

    limit(world, 100)
    client = program()
    where = str(world.database.url)
    settings = Settings(database_url=where, key_file=Path(world.database.url.database).parent / "key")
    elsewhere = Program(create_app(settings, Composition(identity=world.provider, now=world.clock)), client.token)
    served = 0
    for _ in range(100):
        served += sum(one.get("ivr_theme").status_code == 200 for one in (client, elsewhere))
    assert 100 <= served <= 110
    with world.database.read() as session:
        assert session.scalar(select(RequestCountRow.number)) >= 100


def test_standing_alarms_and_schedulers(world, program):
    with world.database.write() as session:
        for number, (key, integration) in enumerate([("a", 1), ("b", 2), (None, 1), ("c", None)]):
            session.add(
                AlarmRow(
                    identifier="dns", open_key=key, name=f"DNS {number}", level="error", integration_id=integration,
                    instance="x", details="d", raised_at=world.clock(),
                    acknowledged_at=world.clock() if key == "b" else None,
                )
            )  # fmt: skip
    everything, own = program(), program(Role.INTEGRATION_ADMIN, (1,))
    alarms = f"{STATUS}/alarm/"
    assert everything.names(alarms) == ["DNS 0", "DNS 1", "DNS 3"]
    assert everything.names(alarms, acknowledged="true") == ["DNS 1"]
    assert everything.names(alarms, time_raised__lte="2026-11-23T12:00:00") == ["DNS 0", "DNS 1", "DNS 3"]
    assert own.names(alarms) == ["DNS 0"]
    assert own.get(f"{alarms}2/").status_code == own.get(f"{alarms}999/").status_code == 404
    schedulers = everything.read(f"{STATUS}/exchange_scheduler/")["objects"]
    assert schedulers[0] == {
        "id": 1,
        "resource_uri": f"{STATUS}/exchange_scheduler/1/",
        "exchange_connector_id": 1,
        "last_modified_time": "2026-11-23T12:00:00",
    }
    datetime.strptime(schedulers[0]["last_modified_time"], "%Y-%m-%dT%H:%M:%S")
