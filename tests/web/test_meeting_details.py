"""meeting_details: who gets an alias, what the answer holds, and every way to be told no."""

import logging

import pytest
from sqlalchemy import func, select

from addin_host.domain.access import BY_ITSELF
from addin_host.domain.errors import Reason, Refused, Upstream
from addin_host.domain.ports import Person
from addin_host.domain.tag import Kind, find_tags
from addin_host.flows import bearer, pane_identity, platform
from addin_host.flows.bearer import Bearer
from addin_host.store.models import ScheduledAliasRow
from tests.single_use import a_single_use_record
from tests.web.conftest import save


@pytest.fixture
def number(world):
    return save(world, **a_single_use_record())


def change(world, number, **changes):
    uuid = world.services.catalogue.get(str(number)).uuid
    assert save(world, uuid=uuid, **a_single_use_record(**changes)) == number


def a_bearer(world, number, visit="v1", caller="user:1"):
    keys = world.services.bearer_keys
    return bearer.issue(Bearer(caller, visit), integration_id=number, keys=keys, now=world.clock())


def ask(world, number, held=None, *, path="meeting_details", method="GET", **headers):
    if held:
        headers["Authorization"] = f"Bearer {held}"
    return world.client().open(world.url(path, number), method=method, headers=headers)


@pytest.mark.parametrize("path", ["meeting_details", "meeting_details/"])
def test_everything_that_the_pane_inserts(world, number, path):
    answer = ask(world, number, a_bearer(world, number), path=path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json["status"] == "success"
    result = answer.json["result"]
    assert set(result) == {
        "room_name", "room_email", "alias_id", "instructions", "instructions_text", "location", "alias",
        "numeric_alias", "join_url", "expires", "correlation_id",
    }  # fmt: skip
    assert (result["room_name"], result["room_email"]) == ("Scheduling", "vmr@example.com")
    assert result["alias"] == f"{result['numeric_alias']}@vmr.example.com"
    assert result["numeric_alias"].startswith("80")
    assert len(result["numeric_alias"]) == 8
    assert result["join_url"] == f"https://meet.example.com/webapp/#/?conference={result['alias']}"
    assert result["expires"] == "2026-12-23T12:00:00+00:00"
    assert result["correlation_id"] == answer.headers["X-Correlation-ID"]
    (tag,) = find_tags(result["instructions"], world.services.tag_keys.all(), is_html=True)
    assert (tag.kind, tag.integration_id) == (Kind.ALIAS, number)
    assert result["alias_id"] in result["instructions_text"]
    with world.database.read() as session:
        (row,) = session.scalars(select(ScheduledAliasRow))
    assert (row.uuid, row.alias, row.caller, row.visit) == (str(tag.uuid), result["alias"], "user:1", "v1")
    assert row.is_used is False


def failed(answer, status, code):
    assert answer.status_code == status, answer.text
    assert (answer.json["status"], answer.json["result"]) == ("failed", "Unable to assign a VMR")
    error = answer.json["error"]
    assert set(error) == {"code", "message", "correlation_id"}
    assert error["code"] == code
    assert error["message"]
    assert error["correlation_id"] == answer.headers["X-Correlation-ID"]
    return answer


def handed_out(world):
    with world.database.read() as session:
        return session.scalar(select(func.count()).select_from(ScheduledAliasRow))


def test_the_same_pane_gets_the_same_answer_for_a_minute(world, number):
    token = a_bearer(world, number)
    one, two = (ask(world, number, token).json["result"] for _time in range(2))
    assert {**one, "correlation_id": ""} == {**two, "correlation_id": ""}
    world.clock.forward(seconds=61)
    assert ask(world, number, token).json["result"]["alias"] != one["alias"]


def test_an_identity_token_gets_another_alias_each_time(world, number):
    person = Person("EXCHANGE", "https://mail.example.com/", "unique", "", "")
    world.provider.tokens["an.identity.token"] = person
    found = {ask(world, number, token="an.identity.token").json["result"]["alias"] for _time in range(3)}
    assert len(found) == 3
    with world.database.read() as session:
        rows = session.execute(select(ScheduledAliasRow.caller, ScheduledAliasRow.visit)).all()
    assert set(rows) == {(pane_identity.caller_of(person, None), "")}


def test_who_is_not_known_gets_nothing(world, number):
    world.provider.tokens["refused"] = Refused(Reason.UNAUTHENTICATED, "No.")
    other = save(world, **a_single_use_record(name="Other", room_mailbox_email_address="b@example.com"))
    expired = a_bearer(world, number)
    world.clock.forward(minutes=11)
    for headers in (
        {},
        {"token": "refused"},
        {"token": "x" * 40_000},
        {"token": "refused", "Authorization": f"Bearer {a_bearer(world, number)}"},
        {"Authorization": f"Bearer {a_bearer(world, other)}"},
        {"Authorization": f"Bearer {expired}"},
        {"Authorization": "Bearer "},
        {"Authorization": "Basic YTpi"},
    ):
        answer = world.client().get(world.url("meeting_details", number), headers=headers)
        failed(answer, 401, "unauthenticated")
        assert "placeholder" not in answer.json
    assert handed_out(world) == 0


@pytest.mark.parametrize("changes", [{"enable_dynamic_vmrs": False}, {"enabled": False}])
def test_switched_off(world, number, changes):
    change(world, number, **changes)
    failed(ask(world, number, a_bearer(world, number)), 403, "switched_off")
    assert handed_out(world) == 0


def test_an_unknown_integration(world):
    failed(ask(world, 999, a_bearer(world, 999)), 404, "unknown")


def test_personal_vmrs_need_not_be_on(world, number):
    change(world, number, enable_personal_vmrs=False)
    assert ask(world, number, a_bearer(world, number)).status_code == 200


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("path", ["meeting_details", "meeting_details/"])
def test_only_get_hands_anything_out(world, number, method, path):
    assert ask(world, number, a_bearer(world, number), path=path, method=method).status_code == 405
    assert handed_out(world) == 0


def test_too_many_are_told_when_to_try_again(world, number):
    with world.database.write() as session:
        changes = {"single_use_per_user_hour": 1}
        platform.change(session, changes, box=world.services.box, caller=BY_ITSELF, now=world.clock())
    assert ask(world, number, a_bearer(world, number, visit="1")).status_code == 200
    world.clock.forward(minutes=1)
    answer = failed(ask(world, number, a_bearer(world, number, visit="2")), 429, "rate_limited")
    assert answer.headers["Retry-After"] == "3540"
    assert "placeholder" not in answer.json
    assert ask(world, number, a_bearer(world, number, visit="2", caller="user:2")).status_code == 200


def away(world, monkeypatch, *ways):
    """Let the database be away as it is when its server is."""

    def fail(*_arguments, **_options):
        raise Upstream("The database does not answer. Try again in a moment.")

    for way in ways or ("read", "write", "snapshot", "rows", "row", "write_alone"):
        monkeypatch.setattr(world.services.database, way, fail)


@pytest.mark.parametrize("ways", [(), ("write_alone",)])
def test_a_placeholder_while_the_database_is_away(world, number, monkeypatch, ways):
    ask(world, number, a_bearer(world, number))
    away(world, monkeypatch, *ways)
    answer = failed(ask(world, number, a_bearer(world, number, visit="2")), 503, "upstream")
    assert int(answer.headers["Retry-After"]) > 0
    offered = answer.json["placeholder"]
    assert set(offered) == {"instructions", "instructions_text", "tok", "expires", "room_name", "room_email"}
    (tag,) = find_tags(offered["instructions"], world.services.tag_keys.all(), is_html=True)
    assert (tag.kind, tag.integration_id) == (Kind.PLACEHOLDER, number)


def test_what_keeps_aliases_from_being_had_is_in_the_log(world, number, monkeypatch, caplog):
    """People tell administrators the number of the failure, which leads to its cause there."""
    away(world, monkeypatch, "write_alone")
    failed(ask(world, number, a_bearer(world, number)), 503, "upstream")
    (line,) = [record.getMessage() for record in caplog.records if record.name == "addin_host.web.errors"]
    assert f"{number}/meeting_details: The database does not answer." in line


def test_no_placeholder_for_whoever_has_not_proved_anything(world, number, monkeypatch):
    ask(world, number, a_bearer(world, number))
    away(world, monkeypatch)
    assert "placeholder" not in failed(ask(world, number), 401, "unauthenticated").json
    assert "placeholder" not in failed(ask(world, number, "forged"), 401, "unauthenticated").json


def test_a_process_that_knows_nothing_yet_says_so(world, number, monkeypatch):
    away(world, monkeypatch)
    answer = ask(world, number, a_bearer(world, number))
    assert answer.status_code == 503
    assert "placeholder" not in answer.json


def test_keys_that_cannot_be_had(world, number):
    world.provider.tokens["late"] = Upstream("The keys cannot be had.", retry_after=17)
    answer = failed(ask(world, number, token="late"), 503, "upstream")
    assert answer.headers["Retry-After"] == "17"
    assert "placeholder" not in answer.json


def test_no_numbers_left(world, number, monkeypatch):
    monkeypatch.setattr("addin_host.domain.alias.secrets.randbelow", lambda _space: 7)
    assert ask(world, number, a_bearer(world, number, visit="1")).status_code == 200
    answer = failed(ask(world, number, a_bearer(world, number, visit="2")), 503, "alias_space_exhausted")
    assert answer.headers["Retry-After"]
    assert answer.json["placeholder"]["tok"].startswith("TOK:-")


def test_by_the_uuid_too(world, number, monkeypatch):
    uuid = world.services.catalogue.get(str(number)).uuid
    assert ask(world, uuid, a_bearer(world, number)).status_code == 200
    away(world, monkeypatch)
    assert "placeholder" in ask(world, uuid.upper(), a_bearer(world, number, visit="2")).json


def test_nothing_that_opens_a_door_is_logged(world, number, caplog):
    caplog.set_level(logging.DEBUG)
    token = a_bearer(world, number)
    result = ask(world, number, token).json["result"]
    for secret in (token, result["alias_id"], result["numeric_alias"]):
        assert secret not in caplog.text
