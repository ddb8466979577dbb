"""An integration as existing clients create, read, merge and delete it (design/rest.md sections 2 and 8)."""

import json
import re
from importlib.resources import files

import pytest

from addin_host.domain.access import Role
from addin_host.domain.fields import FIELDS
from addin_host.flows import integrations
from addin_host.store.models import ExchangeDomainRow
from tests.web.rest.conftest import CONFIGURATION, fields_at_fault, minimal

NAME = "ms_exchange_connector"
TABLE = json.loads((files("addin_host.domain") / "integration_fields.json").read_text(encoding="utf-8"))
SECRETS = {row["name"] for row in TABLE if row["kind"] == "secret"}
# What tests of single-use VMRs need besides.
SINGLE_USE = {
    "enable_dynamic_vmrs": True,
    "url": "https://mail.example.com/EWS/Exchange.asmx",
    "username": "svc",
    "password": "canary-password",
    "room_mailbox_name": "Scheduling",
    "room_mailbox_email_address": "vmr@example.com",
    "scheduled_alias_prefix": "77",
    "scheduled_alias_domain": "example.com",
    "domains": ["mail.example.com"],
}


def test_every_field_of_the_table_is_in_the_resource(program):
    client = program()
    answer = client.read(client.create(NAME, minimal()))
    document = client.ask("GET", "/api/admin/openapi.json").json["components"]["schemas"]
    walked = 0
    for row in TABLE:
        name = row["name"]
        if row["kind"] == "image":
            continue
        walked += 1
        if row["kind"] == "secret":
            assert name not in answer
            assert document[f"{NAME}_create"]["properties"][name]["writeOnly"] is True
        else:
            assert name in answer
            assert name in document[NAME]["properties"]
            if name not in ("uuid", "oauth_state", "public_key"):
                assert name in document[f"{NAME}_change"]["properties"]
    assert walked == len(TABLE) - 1 > 100


def test_a_minimal_integration_is_answered_with_all_defaults_to_the_byte(program):
    client, sent = program(), minimal()
    answer = client.post(NAME, sent)
    assert answer.status_code == 201
    assert re.search(r"/(\d+)/?$", answer.headers["Location"])
    raw = client.get(answer.headers["Location"])
    assert raw.headers["Content-Type"] == "application/json; charset=utf-8"
    with_crlf = 0
    for row in TABLE:
        if row["name"] in sent or row["kind"] in ("secret", "image") or row["name"] == "uuid":
            continue
        expected = row["default"]
        if expected is None and not row.get("nullable_in_rest_api"):
            expected = ""
        assert raw.json[row["name"]] == expected, row["name"]
        with_crlf += isinstance(expected, str) and "\r\n" in expected
    assert with_crlf == 15
    assert raw.json["id"] == raw.json["resource_id"]
    assert raw.json["resource_uri"] == f"{CONFIGURATION}/{NAME}/{raw.json['id']}/" == answer.headers["Location"]
    assert "addin_icon" not in raw.json


def test_sdk_round_trip(program):
    client = program()
    names = [f"Connector {number:02}" for number in range(23)]
    for name in names:
        client.create(NAME, minimal() | {"name": name})
    first = client.read(NAME)
    assert first["meta"] == {
        "limit": 20,
        "next": f"{CONFIGURATION}/{NAME}/?limit=20&offset=20",
        "offset": 0,
        "previous": None,
        "total_count": 25,
    }
    second = client.ask("GET", first["meta"]["next"]).json
    assert second["meta"]["next"] is None
    assert client.ask("GET", second["meta"]["previous"]).json == first
    found = first["objects"] + second["objects"]
    assert [one["id"] for one in found] == sorted(one["id"] for one in found)
    assert len(found) == 25
    where = found[-1]["resource_uri"]
    changed = client.put(where, {"name": "Renamed", "description": " two\r\nlines\t"})
    assert changed.status_code == 200
    assert client.read(where)["description"] == " two\r\nlines\t"
    assert changed.json == client.read(where)
    gone = client.delete(where)
    assert (gone.status_code, gone.data) == (204, b"")
    assert client.get(where).status_code == client.delete(where).status_code == 404


def secret(world, number, name):
    with world.database.read() as session:
        return integrations.secret(session, number, name, box=world.services.box)


def test_secrets_are_written_kept_cleared_and_never_read(world, program):
    client = program()
    where = client.create(NAME, minimal() | SINGLE_USE)
    number = int(where.split("/")[-2])
    body = client.read(where)
    assert not SECRETS & body.keys()
    assert client.put(where, body).status_code == 200  # the whole answer back, secrets omitted
    assert secret(world, number, "password") == "canary-password"
    assert secret(world, number, "personal_vmr_oauth_client_secret") == "canary-client-secret"
    assert client.patch(where, {"password": "another"}).status_code == 200
    assert secret(world, number, "password") == "another"
    assert fields_at_fault(client.patch(where, {"password": ""}), NAME) == {"password"}
    assert client.patch(where, {"authentication_method": "OAUTH", "password": None}).status_code == 400
    assert secret(world, number, "password") == "another"
    assert client.patch(where, {"enable_dynamic_vmrs": False, "password": ""}).status_code == 200
    assert secret(world, number, "password") == ""
    assert client.patch(where, {"oauth_refresh_token": "brought-along", "private_key": "k"}).status_code == 200
    assert secret(world, number, "oauth_refresh_token") == "brought-along"
    assert "canary" not in client.get(where).text


def test_a_secret_does_not_follow_its_address_to_another_host(world, program):
    client = program()
    where = client.create(NAME, minimal() | SINGLE_USE)
    number = int(where.split("/")[-2])
    moved = {"url": "https://elsewhere.example.com/EWS/Exchange.asmx"}
    assert fields_at_fault(client.put(where, moved), NAME) == {"password"}
    assert client.put(where, moved | {"password": "for elsewhere"}).status_code == 200
    assert secret(world, number, "password") == "for elsewhere"
    same_host = {"url": "https://elsewhere.example.com/other"}
    assert client.put(where, same_host).status_code == 200
    assert secret(world, number, "password") == "for elsewhere"


@pytest.mark.parametrize("nothing", [None, ""])
def test_null_and_blank_clear(program, nothing):
    client = program()
    where = client.create(NAME, minimal() | {"description": "x", "username": "y", "kerberos_realm": "z"})
    always_sent = ["description", "room_mailbox_name", "room_mailbox_email_address", "url", "username",
                   "scheduled_alias_prefix", "scheduled_alias_domain", "oauth_client_id", "oauth_auth_endpoint",
                   "oauth_token_endpoint", "oauth_redirect_uri", "kerberos_realm", "kerberos_kdc",
                   "kerberos_kdc_https_proxy", "kerberos_exchange_spn", "addin_application_id", "addin_authority_url",
                   "addin_oidc_metadata_url", "addin_naa_web_api_application_id",
                   "additional_add_in_script_sources"]  # fmt: skip
    answer = client.put(where, dict.fromkeys(always_sent, nothing))
    assert answer.status_code == 200, answer.text
    nullable = {field.name for field in FIELDS if field.nullable_in_rest_api}
    for name in always_sent:
        assert answer.json[name] == (None if name in nullable else ""), name
    for field in FIELDS:
        if field.name in answer.json and not field.nullable_in_rest_api:
            assert answer.json[field.name] is not None, field.name


def test_what_is_not_known_or_only_read_is_passed_over(program, caplog):
    client = program()
    where = client.create(NAME, minimal() | {"newer_than_us": {"a": 1}, "id": 77, "public_key": "x"})
    before = client.read(where)
    sent = {"resource_uri": "/elsewhere/", "resource_id": 5, "creation_time": "now", "oauth_state": "x", "uuid": "x"}
    with caplog.at_level("INFO", logger="addin_host.web.rest.views"):
        assert client.put(where, sent | {"newer_key": 1}).json == before
    assert "newer_key" in caplog.text
    assert "uuid" not in caplog.text


def test_a_client_may_choose_the_uuid_once(program):
    client = program()
    chosen = "00000000-0000-4000-8000-00000000000a"
    where = client.create(NAME, minimal() | {"uuid": chosen.upper()})
    assert client.put(where, {"uuid": "00000000-0000-4000-8000-00000000000b"}).json["uuid"] == chosen
    taken = client.post(NAME, minimal() | {"name": "Another", "uuid": chosen})
    assert fields_at_fault(taken, NAME) == {"uuid"}


def test_terraform_applies_plans_changes_and_destroys(program):
    """What the provider does: it plans a change wherever what it reads differs from what it was given."""
    client = program()
    theme = client.create("ivr_theme", {"name": "Corporate"})
    group = client.create("identity_provider_group", {"name": "Employees"})
    domain = client.create("exchange_domain", {"domain": "mail.example.com"})
    twin = client.create("exchange_domain", {"domain": "mail.example.com"})
    given = minimal() | SINGLE_USE
    given |= {"domains": [twin], "ivr_theme": theme, "host_identity_provider_group": group}
    given |= {"meeting_instructions_template": "<p>\r\n{{alias}} &amp; {{alias_uuid}}</p>\r\n"}

    def plan(where, wanted):
        read = client.read(where)
        read["domains"] = [one["resource_uri"] for one in read["domains"]]
        return {name for name, value in wanted.items() if name not in SECRETS and read[name] != value}

    where = client.create(NAME, given)
    assert plan(where, given) == set()
    changed = given | {"accept_new_single_meeting_template": "<p>Done.\n</p>", "meeting_buffer_before": 0}
    assert plan(where, changed) == {"accept_new_single_meeting_template", "meeting_buffer_before"}
    without_secrets = {name: value for name, value in changed.items() if name not in SECRETS}
    assert client.put(where, without_secrets).status_code == 200
    assert plan(where, changed) == set()
    assert client.read(domain)["exchange_connector"] is None
    assert client.read(twin)["exchange_connector"] == where
    in_use = client.delete(theme)
    assert in_use.status_code == 409
    for address in (where, domain, theme, group):
        assert client.delete(address).status_code == 204
    assert client.delete(twin).status_code == 404  # went with its integration: the provider takes that for done


def test_terraform_with_personal_rooms_only(program):
    client, given = program(), minimal() | {"auth_provider": "ADFS"}
    given |= {"personal_vmr_adfs_relying_party_trust_identifier": "https://vmr.example.com/adfs"}
    del given["personal_vmr_oauth_client_secret"]
    where = client.create(NAME, given)
    read = client.read(where)
    assert {name for name, value in given.items() if read[name] != value} == set()
    for needed in ("personal_vmr_oauth_auth_endpoint", "personal_vmr_adfs_relying_party_trust_identifier"):
        without = {name: value for name, value in given.items() if name != needed} | {"name": needed}
        assert fields_at_fault(client.post(NAME, without), NAME) == {needed}


def test_domains_are_written_as_addresses_objects_or_texts_and_read_as_objects(program, world):
    client = program()
    free = client.create("exchange_domain", {"domain": "a.example.com"})
    where = client.create(NAME, minimal() | {"domains": [free, {"domain": "b.example.com"}, "c.example.com"]})
    read = client.read(where)["domains"]
    assert [one["domain"] for one in read] == ["a.example.com", "b.example.com", "c.example.com"]
    assert read[0]["resource_uri"] == free
    assert {one["exchange_connector"] for one in read} == {where}
    assert client.put(where, {"domains": [read[2], read[0]["resource_uri"]]}).status_code == 200
    assert [one["id"] for one in client.read(where)["domains"]] == [read[2]["id"], read[0]["id"]]
    assert client.get(read[1]["resource_uri"]).status_code == 404
    for wrong in (f"{CONFIGURATION}/exchange_domain/999/", f"{CONFIGURATION}/conference/1/", "no host", 5):
        assert fields_at_fault(client.put(where, {"domains": [wrong]}), NAME) == {"domains"}
    another = client.create(NAME, minimal() | {"name": "Another"})
    assert fields_at_fault(client.put(another, {"domains": [free]}), NAME) == {"domains"}
    with world.database.read() as session:
        assert session.query(ExchangeDomainRow).count() == 2


def test_a_domain_is_changed_and_deleted_with_its_integrations_record(program):
    client = program()
    where = client.create(NAME, minimal())
    one = client.create("exchange_domain", {"domain": "a.example.com", "exchange_connector": where})
    assert client.read(where)["domains"][0]["resource_uri"] == one
    assert client.put(one, {"domain": "b.example.com"}).json["domain"] == "b.example.com"
    assert [domain["domain"] for domain in client.read(where)["domains"]] == ["b.example.com"]
    again = client.post("exchange_domain", {"domain": "b.example.com", "exchange_connector": where})
    assert fields_at_fault(again, "exchange_domain") == {"domain"}
    elsewhere = f"{CONFIGURATION}/{NAME}/1/"
    assert fields_at_fault(client.put(one, {"exchange_connector": elsewhere}), "exchange_domain") == {
        "exchange_connector"
    }
    assert fields_at_fault(client.put(one, {"domain": "no host"}), "exchange_domain") == {"domain"}
    assert client.delete(one).status_code == 204
    assert client.read(where)["domains"] == []
    assert client.put(where, SINGLE_USE).status_code == 200
    needed = client.delete(client.read(where)["domains"][0]["resource_uri"])
    assert needed.status_code == 409


def test_bulk_changes_are_all_or_nothing(program):
    client = program()
    first, second = (client.create(NAME, minimal() | {"name": name}) for name in ("First", "Second"))
    body = {
        "objects": [{"resource_uri": first, "description": "new"}, minimal() | {"name": "Third"}],
        "deleted_objects": [second],
    }
    done = client.patch(NAME, body)
    assert done.status_code == 200, done.text
    assert [one["name"] for one in done.json["objects"]] == ["First", "Third"]
    assert client.get(second).status_code == 404
    before = client.read(NAME)
    body = {"objects": [{"resource_uri": first, "description": "newer"}, {"id": 999, "description": "x"}]}
    assert client.patch(NAME, body).status_code == 404
    body = {"objects": [{"resource_uri": first, "description": "newer"}, minimal() | {"name": "Third"}]}
    assert client.patch(NAME, body).status_code == 400
    assert client.read(NAME) == before
    for malformed in ({"objects": 1}, {"objects": [1]}, {"deleted_objects": [1]}, {"deleted_objects": ["/x/"]}):
        assert client.patch(NAME, malformed).status_code == 400
    assert client.patch(NAME, {"objects": [{"id": "1"}]}).status_code == 400
    assert client.patch(NAME, {"objects": [{"id": 1}] * 21}).status_code == 400


def test_administrators_of_single_integrations_see_and_change_theirs_alone(program):
    everything, own = program(), program(Role.INTEGRATION_ADMIN, (1,))
    everything.put(f"{CONFIGURATION}/{NAME}/2/", {"domains": ["two.example.com"]})
    assert own.names(NAME) == ["Sales"]
    assert own.read(NAME)["meta"]["total_count"] == 1
    foreign, unknown = (f"{CONFIGURATION}/{NAME}/{number}/" for number in (2, 999))
    for method in ("GET", "PUT", "PATCH"):
        answers = [own.ask(method, where, json={"description": "x"}) for where in (foreign, unknown)]
        assert {(one.status_code, one.text) for one in answers} == {(404, answers[0].text)}
    assert own.patch(NAME, {"objects": [{"resource_uri": foreign}]}).status_code == 404
    assert own.put(f"{CONFIGURATION}/{NAME}/1/", {"description": "x"}).status_code == 200
    assert own.post(NAME, minimal()).status_code == 403
    assert own.delete(f"{CONFIGURATION}/{NAME}/1/").status_code == 403
    assert own.patch(NAME, {"objects": [minimal()]}).status_code == 403
    assert own.patch(NAME, {"deleted_objects": [f"{CONFIGURATION}/{NAME}/1/"]}).status_code == 403
    assert own.names("exchange_domain", of="domain") == []
    theirs = everything.read("exchange_domain")["objects"][0]["resource_uri"]
    assert own.get(theirs).status_code == own.delete(theirs).status_code == 404
    assert fields_at_fault(own.put(f"{CONFIGURATION}/{NAME}/1/", {"domains": [theirs]}), NAME) == {"domains"}
    assert fields_at_fault(own.post("exchange_domain", {"domain": "x.example.com"}), "exchange_domain")
    body = {"domain": "x.example.com", "exchange_connector": foreign}
    assert fields_at_fault(own.post("exchange_domain", body), "exchange_domain") == {"exchange_connector"}
    assert own.names("/api/admin/status/v1/exchange_scheduler/", of="exchange_connector_id") == [1]
    for resource in ("conference", "conference_alias", "end_user", "ivr_theme", "identity_provider_group"):
        assert own.get(resource).status_code == 403
